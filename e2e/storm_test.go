package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pulse/internal/bench"
	"pulse/internal/client"
)

const (
	stormSenders = 6
	stormPages   = 10 // of each sender
)

// storm is several senders that deliver to one server for as long as it is tormented.
// Each page belongs to one sender, which sends its next delivery of the page when the
// last was acknowledged: so the order of acceptance is known, and with it the newest
// version.
type storm struct {
	server  *server
	pages   []*stormPage
	acked   atomic.Int64 // deliveries acknowledged
	again   atomic.Int64 // sent again since the answer did not come
	repeats atomic.Int64 // sent again though acknowledged
	known   atomic.Int64 // answered as duplicates
}

// stormPage is one page; its sender's goroutine owns it until the storm has ended.
type stormPage struct {
	number  int
	version int            // the newest that was acknowledged
	last    bench.Delivery // of that version
}

func (p *stormPage) url() string { return fmt.Sprintf("https://storm.example.com/page/%d", p.number) }

// word is a word that stands nowhere else, and that no stemmer touches.
func word(kind byte, numbers ...int) string {
	const letters = "bcdfghjklmnpqrtvwxz"
	var b strings.Builder
	b.WriteByte('q')
	b.WriteByte(kind)
	for _, n := range numbers {
		for i := 0; i < 4 || n > 0; i++ {
			b.WriteByte(letters[n%len(letters)])
			n /= len(letters)
		}
	}
	b.WriteByte('q')
	return b.String()
}

// always is the word of every version of the page, marker that of one version.
func (p *stormPage) always() string            { return word('k', p.number) }
func (p *stormPage) marker(version int) string { return word('v', p.number, version) }

func (p *stormPage) content(version int) bench.Page {
	filler := strings.Repeat("Crawled text that all pages share. ", 4+version%40)
	return bench.Page{URL: p.url(), Title: fmt.Sprintf("Page %d", p.number), Language: "en",
		Markdown: fmt.Sprintf("# Page %d\n\n%s %s\n\n%s\n", p.number, p.always(), p.marker(version), filler)}
}

// ride runs the senders while torment runs; then all pages are checked.
func ride(t *testing.T, s *server, seed uint64, torment func(r *rand.Rand, st *storm)) {
	t.Helper()
	st := &storm{server: s}
	for n := range stormSenders * stormPages {
		st.pages = append(st.pages, &stormPage{number: n})
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var senders sync.WaitGroup
	for i := range stormSenders {
		senders.Go(func() { st.send(ctx, t, seed+uint64(i), st.pages[i*stormPages:(i+1)*stormPages]) })
	}
	torment(newRand(seed), st)
	cancel()
	senders.Wait()
	if !t.Failed() {
		st.check(t)
	}
}

// send is one sender.
func (st *storm) send(ctx context.Context, t *testing.T, seed uint64, pages []*stormPage) {
	r, sender, conn := newRand(seed), bench.NewSender(secret, seed), bench.NewConn(st.server.addr)
	defer conn.Close()
	for n := 0; ctx.Err() == nil; n++ {
		p := pages[r.IntN(len(pages))]
		switch action := r.IntN(10); {
		case n < len(pages): // every page at least once
			p = pages[n]
			fallthrough
		case p.version == 0 || action < 7:
			d := sender.Page(p.content(p.version + 1))
			if st.post(ctx, t, conn, d) {
				p.version, p.last = p.version+1, d
			}
		case action < 9: // the same delivery once more
			st.repeats.Add(1)
			st.post(ctx, t, conn, p.last)
		default: // another delivery of the same content
			st.post(ctx, t, conn, sender.Page(p.content(p.version)))
		}
	}
}

// post sends a delivery until it is acknowledged; the end of the storm may cut it
// short, and then it is sent once more when the server is up, for the order's sake.
func (st *storm) post(ctx context.Context, t *testing.T, conn *bench.Conn, d bench.Delivery) bool {
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	tries := 0
	err := bench.Until(patience, 2*time.Millisecond, func() (bool, error) {
		tries++
		status, body, err := conn.Post(patience, &d)
		switch {
		case err != nil || status == 503:
			return false, nil
		case status/100 != 2:
			return false, fmt.Errorf("%s: answer %d: %s", d.URL, status, body)
		}
		if strings.Contains(string(body), `"duplicate":true`) {
			st.known.Add(1)
		}
		return true, nil
	})
	if err != nil {
		t.Errorf("deliver %s (try %d): %v", d.URL, tries, err)
		return false
	}
	st.acked.Add(1)
	st.again.Add(int64(tries - 1))
	return true
}

// wantAcknowledged is how many deliveries a storm must have brought for its end to say something.
const wantAcknowledged = 500

// check holds the server to its promises.
func (st *storm) check(t *testing.T) {
	t.Helper()
	s := st.server
	stats := s.settled(2 * time.Minute)
	t.Logf("%d deliveries acknowledged, %d tries again, %d repeats, %d answered as known; %d pages",
		st.acked.Load(), st.again.Load(), st.repeats.Load(), st.known.Load(), len(st.pages))
	if n := st.acked.Load(); n < wantAcknowledged {
		t.Errorf("only %d deliveries were acknowledged, want at least %d", n, wantAcknowledged)
	}
	if stats.Jobs.Dead != 0 || stats.Documents != int64(len(st.pages)) {
		t.Errorf("%d dead jobs; %d documents, want %d", stats.Jobs.Dead, stats.Documents, len(st.pages))
	}
	for _, p := range st.pages {
		st.checkPage(t, p)
	}
}

func (st *storm) checkPage(t *testing.T, p *stormPage) {
	t.Helper()
	once := func(query string) {
		t.Helper()
		hits := st.server.hits(query, 10)
		if len(hits) != 1 || hits[0].URL != p.url() {
			t.Errorf("page %d, version %d: %q has %d hits, want the page alone", p.number, p.version, query, len(hits))
		}
	}
	once(p.always())
	once(p.marker(p.version))
	if p.version > 1 {
		// With +, so that no near spelling stands in for it.
		if hits := st.server.hits("+"+p.marker(p.version-1), 10); len(hits) != 0 {
			t.Errorf("page %d is still found in version %d", p.number, p.version-1)
		}
	}
	answer, err := st.server.client.Document(context.Background(), "", p.url())
	if err != nil {
		t.Errorf("page %d: %v", p.number, err)
	} else if d := answer.Document; d.State != "live" || !strings.Contains(d.Text, p.marker(p.version)) {
		t.Errorf("page %d is %s and not in version %d:\n%s", p.number, d.State, p.version, d.Text)
	}
	checkJobs(t, answer, p)
}

// checkJobs sees that the page's newest version is told of once, as indexed.
func checkJobs(t *testing.T, answer *client.DocumentAnswer, p *stormPage) {
	t.Helper()
	for _, h := range answer.History {
		switch h.Outcome {
		case "indexed", "unchanged", "superseded":
		default:
			t.Errorf("page %d: version %d ended as %s %s", p.number, h.Version, h.Outcome, h.Reason)
		}
	}
}
