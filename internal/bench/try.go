package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pulse/internal/bench/sample"
	"pulse/internal/client"
)

// TryOptions say how Try goes about it.
type TryOptions struct {
	Server Server
	Seed   uint64 // of the order of the deliveries and of their ids
	Screen *Screen
	Ends   bool // the server ends when Try does: nobody is told to ask it
}

const (
	tryConnections = 4
	tryRepeats     = 12
	tryHits        = 2 // shown of each query
)

// tryQueries are asked at the end of Try; each has an answer in the sample crawl.
var tryQueries = []string{
	"rotate the kubelet client certificate",
	"drain a node without breaking a disruption budget",
	"set a default memory limit for a namespace",
	"undo a bad rollout of a DaemonSet",
	"limit how many process IDs a pod can use",
}

// Try delivers the sample crawl to a server as a Firecrawl would, and prints what
// became of it, what five queries find, and how to go on.
func Try(ctx context.Context, o TryOptions) error {
	c, err := client.New(o.Server.Base, client.Options{Key: o.Server.Key})
	if err != nil {
		return err
	}
	defer c.Close()
	deliveries, err := tryDeliveries(o.Server.Secret, o.Seed)
	if err != nil {
		return err
	}
	o.Screen.Line("%s", o.Screen.Bold("Delivering a crawl of kubernetes.io as signed Firecrawl webhooks"))
	o.Screen.Line("%s", o.Screen.Dim("  in shuffled order, with repeats and failures"))
	o.Screen.Line("%s", o.Screen.Dim("  "+sample.Attribution))
	o.Screen.Line("")
	t := &trial{screen: o.Screen, client: c, seen: newTally(deliveries)}
	if err := t.deliver(ctx, o.Server.Base, deliveries); err != nil {
		return err
	}
	if err := t.report(ctx); err != nil {
		return err
	}
	if err := t.ask(ctx); err != nil {
		return err
	}
	if o.Ends {
		o.Screen.Line("The server ends now; without --exit it stays up to be asked.")
		return nil
	}
	t.goOn(o.Server)
	return nil
}

// tryDeliveries is the sample crawl with what a crawl brings beside pages.
func tryDeliveries(secret string, seed uint64) ([]Delivery, error) {
	sampled, err := sample.Pages()
	if err != nil {
		return nil, err
	}
	pages := make([]Page, len(sampled))
	for i, p := range sampled {
		pages[i] = Page(p)
	}
	const docs = "https://kubernetes.io/docs/"
	return NewSender(secret, seed).Crawl(pages, CrawlMix{
		Repeats:     tryRepeats,
		Failed:      []string{docs + "search/", docs + "tutorials/hello-minikube/", docs + "reference/_print/"},
		Unavailable: []string{docs + "reference/glossary/?all=true", docs + "home/supported-doc-versions/"},
		Gone:        []string{docs + "concepts/cluster-administration/sysctl-cluster/"},
	}), nil
}

// trial is one run of Try.
type trial struct {
	screen *Screen
	client *client.Client
	seen   *tally
	load   *LoadReport
	stats  *client.Stats
}

// tally counts the answers to deliveries; OnAnswer calls it from several goroutines.
type tally struct {
	pages    int // to be delivered
	answered atomic.Int64

	mu         sync.Mutex
	kinds      map[Kind]int // answered 2xx, first times only
	duplicates int
	repeats    int
	reasons    reasons
	strange    map[string]int // answers that say no, by status and message
}

func newTally(deliveries []Delivery) *tally {
	t := &tally{kinds: map[Kind]int{}, strange: map[string]int{}}
	for i := range deliveries {
		if deliveries[i].Kind == KindPage && !deliveries[i].Repeat {
			t.pages++
		}
	}
	return t
}

// count reads one answer.
func (t *tally) count(d *Delivery, status int, body []byte) {
	var answer struct {
		Duplicate bool             `json:"duplicate"`
		Refused   []client.Refusal `json:"refused"`
		Error     client.Error     `json:"error"`
	}
	err := json.Unmarshal(body, &answer)
	t.answered.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil || status/100 != 2:
		t.strange[fmt.Sprintf("%d %s", status, answer.Error.Message)]++
		return
	case d.Repeat:
		t.repeats++
	default:
		t.kinds[d.Kind]++
	}
	if answer.Duplicate {
		t.duplicates++
		return
	}
	if d.Kind == KindFailed { // told of as refused, but counted as failed
		return
	}
	for _, r := range answer.Refused {
		t.reasons.add(r.Reason)
	}
}

// deliver sends everything and waits until it can be found, showing how far it is.
func (t *trial) deliver(ctx context.Context, base string, deliveries []Delivery) error {
	shown := newProgress(t.screen, []string{"delivered", "searchable"}, []int64{int64(len(deliveries)), int64(t.seen.pages)})
	defer shown.end()
	loading := make(chan error, 1)
	go func() {
		l := Load{Base: base, Connections: tryConnections, OnAnswer: t.seen.count}
		var err error
		t.load, err = l.Run(ctx, deliveries)
		loading <- err
	}()
	show := func(s *client.Stats) {
		shown.set(0, t.seen.answered.Load())
		shown.set(1, s.Documents)
	}
	err := Until(ctx, 10*time.Millisecond, func() (bool, error) {
		s, err := t.client.Stats(ctx)
		if err != nil {
			return false, err
		}
		show(s)
		return t.seen.answered.Load() == int64(len(deliveries)) || len(loading) > 0, nil
	})
	if err = errors.Join(<-loading, err); err != nil {
		return fmt.Errorf("deliver the crawl: %w", err)
	}
	t.stats, err = WaitSettled(ctx, t.client, 10*time.Millisecond, show)
	return err
}

// report prints the table.
func (t *trial) report(ctx context.Context) error {
	jobs, err := t.client.Jobs(ctx, client.JobFilter{Outcome: "refused"}, client.Page{Limit: 1000})
	if err != nil {
		return fmt.Errorf("list what was refused: %w", err)
	}
	s := t.seen
	for _, j := range jobs.Jobs {
		s.reasons.add(j.Reason)
	}
	rows := [][3]string{
		{"pages delivered", count(s.kinds[KindPage]), fmt.Sprintf("in %s, %s deliveries over %d connections",
			duration(t.load.Took), count(s.answered.Load()), tryConnections)},
		{"searchable", count(t.stats.Documents), t.documentsNote()},
		{"by keyword and vector", count(t.stats.Documents - t.stats.VectorsPending), "vectors by " + t.stats.Embedder.Name},
		{"refused", count(s.reasons.n), s.reasons.String()},
		{"gone at their origin", count(s.kinds[KindGone]), "404: deleted, should it have been known"},
		{"failed at the sender", count(s.kinds[KindFailed]), "counted with their crawl"},
		{"repeats", count(s.repeats), fmt.Sprintf("%d answered as known; nothing was done twice", s.duplicates)},
		{"time to searchable, p50", millis(t.stats.Searchable.Keyword.P50), "from the delivery on disk to the page in the index"},
		{"time to searchable, p99", millis(t.stats.Searchable.Keyword.P99), ""},
	}
	if t.stats.Embedder.Model == "" {
		rows = slices.Delete(rows, 2, 3)
	}
	if t.stats.Jobs.Dead > 0 {
		rows = append(rows, [3]string{"dead jobs", count(t.stats.Jobs.Dead), "pulse jobs --state dead"})
	}
	for answer, n := range s.strange {
		rows = append(rows, [3]string{"turned away", count(n), clip(answer, 50)})
	}
	t.screen.Line("")
	t.screen.Facts(rows)
	t.screen.Line("")
	return nil
}

func (t *trial) documentsNote() string {
	if missing := int64(t.seen.pages) - t.stats.Documents; missing > 0 {
		return fmt.Sprintf("%s missing", count(missing))
	}
	return fmt.Sprintf("each exactly once, %s chunks", count(t.stats.Chunks))
}

// ask prints the sample queries and their hits.
func (t *trial) ask(ctx context.Context) error {
	for _, query := range tryQueries {
		answer, err := t.client.Search(ctx, client.Query{Query: query, Limit: tryHits})
		if err != nil {
			return fmt.Errorf("search %q: %w", query, err)
		}
		t.screen.Line("%s  %s", t.screen.Bold("“"+query+"”"), t.screen.Dim(answeredBy(answer)+", "+millis(answer.TookMS)))
		for i, h := range answer.Hits {
			t.screen.Line("  %d. %s", i+1, clip(h.Title, t.screen.columns()-6))
			t.screen.Line("     %s", t.screen.Dim(clip(h.URL, t.screen.columns()-6)))
			t.screen.Line("     %s", passage(t.screen, h.Passage, h.Marks, t.screen.columns()-6))
		}
		if len(answer.Hits) == 0 {
			t.screen.Line("  nothing found")
		}
		t.screen.Line("")
	}
	return nil
}

// answeredBy is the mode, or what was left of it.
func answeredBy(a *client.Answer) string {
	if len(a.Degraded) > 0 {
		return fmt.Sprintf("%s (%s)", a.Mode, strings.Join(a.Degraded, "; "))
	}
	return a.Mode
}

// goOn says where the server is and how to ask it.
func (t *trial) goOn(s Server) {
	address := strings.TrimPrefix(s.Base, "http://")
	key := ""
	if s.Key != "" {
		key = fmt.Sprintf("-H 'Authorization: Bearer %s' ", s.Key)
	}
	t.screen.Line("Pulse is at %s; its API at %s/docs. Ask it yourself:", t.screen.Bold(s.Base), s.Base)
	t.screen.Line("")
	t.screen.Line("  curl %s'%s/v1/search?q=%s'", key, address, url.QueryEscape("drain a node"))
	t.screen.Line("")
}
