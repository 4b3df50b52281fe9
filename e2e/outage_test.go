package e2e

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pulse"
	"pulse/internal/bench"
	"pulse/internal/client"
	"pulse/internal/embed/embedtest"
)

// outage is a server whose embedder is away or slow, and what was sent to it.
type outage struct {
	*server
	t       *testing.T
	sender  *bench.Sender
	every   time.Duration // between two webhooks
	sampled int           // one page of so many is looked for until it is found

	mu       sync.Mutex
	answered bench.Histogram // webhooks
	found    bench.Histogram // from the answer to a webhook until its page is a hit by keyword
	looking  sync.WaitGroup
}

// TestOutage starts without an embedder, sends a crawl, lets a slow one come up, and sends
// another crawl beside what that has to do: webhooks are answered throughout, every page is
// found by keyword, and by vector in the end. PULSE_OUTAGE=1 is the full size: two crawls
// of 5,000 pages, ten minutes without an embedder, then 100 chunks a second.
func TestOutage(t *testing.T) {
	pages, away, every, perText := 150, time.Duration(0), time.Duration(0), time.Millisecond
	full := os.Getenv("PULSE_OUTAGE") != ""
	if full {
		pages, away, every, perText = 5000, 10*time.Minute, 12*time.Millisecond, 10*time.Millisecond
	}
	address := freeAddress(t)
	s := newServer(t, "--embedder", "tei+http://"+address)
	o := &outage{server: s, t: t, sender: bench.NewSender(secret, 1), every: every, sampled: 10}
	s.start()
	s.ready()
	began := time.Now()
	o.crawl(0, pages)
	o.untilOver(began.Add(away), pages)
	o.report(fmt.Sprintf("away for %v", time.Since(began).Round(time.Second)))
	o.foundByKeyword(pages)
	if n := o.stats().VectorsPending; n != int64(pages) {
		t.Errorf("%d of %d pages wait for vectors", n, pages)
	}

	word := regexp.MustCompile(`word\d+`)
	endpoint := &embedtest.TEI{Dim: 64, PerText: perText, Embed: func(text string) pulse.Vector {
		return embedtest.Fingerprint(word.FindString(text), 64)
	}}
	if err := endpoint.StartAt(address); err != nil {
		t.Fatal(err)
	}
	defer endpoint.Close()
	began = time.Now()
	o.crawl(pages, 2*pages)
	o.looking.Wait()
	o.report(fmt.Sprintf("slow, with %d vectors pending", o.stats().VectorsPending))
	o.foundByKeyword(2 * pages)
	o.untilVectors()
	t.Logf("%d pages had their vectors %v after the embedder came", 2*pages, time.Since(began).Round(time.Second))
	endpoint.Change(func(e *embedtest.TEI) { e.PerText = 0 })
	o.foundByVector(2 * pages)
	s.stop()
}

func outagePage(i int) bench.Page {
	text := strings.Repeat(fmt.Sprintf("The page with word%d says little else. ", i), 6)
	return bench.Page{URL: fmt.Sprintf("https://outage.example/%d", i), Title: fmt.Sprintf("Page word%d", i), Language: "en", Markdown: text}
}

// crawl sends pages, one after the other as the clock says.
func (o *outage) crawl(from, to int) {
	o.sender.NewCrawl()
	c := bench.NewConn(o.addr)
	defer c.Close()
	began := time.Now()
	for i := from; i < to; i++ {
		time.Sleep(time.Until(began.Add(time.Duration(i-from) * o.every)))
		d := o.sender.Page(outagePage(i))
		o.deliver(c, &d)
		if i%o.sampled == 0 {
			o.lookFor(i)
		}
	}
}

func (o *outage) deliver(c *bench.Conn, d *bench.Delivery) {
	began := time.Now()
	status, _, err := c.Post(context.Background(), d)
	if err != nil || status != 202 {
		o.t.Fatalf("a webhook is answered with %d, %v", status, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answered.Record(time.Since(began))
}

// lookFor asks for a page until it is a hit.
func (o *outage) lookFor(i int) {
	began := time.Now()
	o.looking.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := bench.Until(ctx, 100*time.Millisecond, func() (bool, error) {
			answer, err := o.client.Search(ctx, client.Query{Query: fmt.Sprintf("word%d", i), Mode: "keyword", Limit: 1})
			return err == nil && len(answer.Hits) == 1, err
		}); err != nil {
			o.t.Errorf("page %d is not found by keyword: %v", i, err)
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.found.Record(time.Since(began))
	})
}

// untilOver sends a webhook every second until the embedder is to come; they repeat the
// first pages.
func (o *outage) untilOver(end time.Time, pages int) {
	c := bench.NewConn(o.addr)
	defer c.Close()
	for i := 0; time.Now().Before(end); i++ {
		time.Sleep(time.Second)
		d := o.sender.Page(outagePage(i % pages))
		o.deliver(c, &d)
	}
	o.looking.Wait()
}

// report says how it went, and begins anew. A full run holds it to --vectors-wait and a second.
func (o *outage) report(what string) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.t.Logf("%s: %d webhooks answered, p50 %v, p99 %v, worst %v; found by keyword p50 %v, p99 %v, worst %v (one page of %d)", what,
		o.answered.Count(), o.answered.Quantile(.5), o.answered.Quantile(.99), o.answered.Max(),
		o.found.Quantile(.5), o.found.Quantile(.99), o.found.Max(), o.sampled)
	if os.Getenv("PULSE_OUTAGE") != "" && o.found.Max() > 6*time.Second {
		o.t.Errorf("a page was found by keyword after %v", o.found.Max())
	}
	o.answered, o.found = bench.Histogram{}, bench.Histogram{}
}

func (o *outage) stats() *client.Stats {
	o.t.Helper()
	s, err := o.client.Stats(context.Background())
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

func (o *outage) foundByKeyword(pages int) {
	o.t.Helper()
	o.settled(time.Minute)
	for i := range pages {
		if hits := o.hits(fmt.Sprintf("word%d", i), 2); len(hits) != 1 || hits[0].URL != outagePage(i).URL {
			o.t.Fatalf("page %d is not found by keyword: %+v", i, hits)
		}
	}
}

// untilVectors waits until no vector is pending and all is applied.
func (o *outage) untilVectors() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if err := bench.Until(ctx, 100*time.Millisecond, func() (bool, error) {
		s, err := o.client.Stats(ctx)
		return err == nil && s.VectorsPending == 0 && s.Index.Behind == 0, err
	}); err != nil {
		o.t.Fatalf("vectors are pending: %v\n%s", err, o.log)
	}
}

func (o *outage) foundByVector(pages int) {
	o.t.Helper()
	for i := range pages {
		answer, err := o.client.Search(context.Background(), client.Query{Query: fmt.Sprintf("word%d", i), Mode: "vector", Limit: 1})
		if err != nil || len(answer.Hits) != 1 || answer.Hits[0].URL != outagePage(i).URL || len(answer.Degraded) > 0 {
			o.t.Fatalf("page %d is not found by vector: %+v, %v", i, answer, err)
		}
	}
}
