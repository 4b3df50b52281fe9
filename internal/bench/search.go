package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"pulse/internal/client"
)

// SearchOptions say what Search measures. The zero value of each field is its default.
type SearchOptions struct {
	Start    Start   // of a server; nil with Server
	Server   *Server // a running one
	Chunks   int     // that are there before the first search; 100,000
	PageSize int     // bytes of markdown; 2048
	Rate     int     // searches a second under load; 200
	Pages    int     // pages a second that are committed meanwhile; 500
	Time     time.Duration
	TempDir  string
	Seed     uint64
	Screen   *Screen
}

func (o *SearchOptions) setDefaults() {
	if o.Chunks == 0 {
		o.Chunks = 100_000
	}
	if o.PageSize == 0 {
		o.PageSize = 2048
	}
	if o.Rate == 0 {
		o.Rate = 200
	}
	if o.Pages == 0 {
		o.Pages = 500
	}
	if o.Time == 0 {
		o.Time = 10 * time.Second
	}
}

// Search measures searches over HTTP: in each mode one after the other on an idle server,
// then at a steady rate, and at that rate while pages are committed. Under load a search's
// time counts from when it was due, so that one slow answer is not hidden by those that
// wait behind it.
func Search(ctx context.Context, o SearchOptions) error {
	o.setDefaults()
	b := &searchBench{o: &o, writer: NewWriter(o.Seed), rand: rand.New(rand.NewPCG(o.Seed, 0x73656172))}
	return on(ctx, o.Server, o.Start, o.TempDir, func(_ *Server, c *client.Client) error { return b.measure(ctx, c) })
}

// searchBench is one run of Search.
type searchBench struct {
	o      *SearchOptions
	writer *Writer
	rand   *rand.Rand
	there  int // pages that were written
	rows   [][]string
}

func (b *searchBench) measure(ctx context.Context, c *client.Client) error {
	s := b.o.Screen
	s.Line("%s", s.Bold(fmt.Sprintf("Searches of 3 to 5 neighbouring words over HTTP (seed %d)", b.o.Seed)))
	stats, err := b.fill(ctx, c)
	if err != nil {
		return err
	}
	s.Line("  %s pages, %s chunks, embedder %s", count(stats.Documents), count(stats.Chunks), stats.Embedder.Name)
	modes := []string{"keyword"}
	if stats.Embedder.Name != "none" {
		modes = append(modes, "vector", "hybrid")
	}
	for _, mode := range modes {
		if err := b.idle(ctx, c, mode); err != nil {
			return fmt.Errorf("search by %s: %w", mode, err)
		}
	}
	if err := b.loaded(ctx, c, modes[len(modes)-1], 0); err != nil {
		return err
	}
	if err := b.loaded(ctx, c, modes[len(modes)-1], b.o.Pages); err != nil {
		return err
	}
	s.Line("")
	s.Table([]string{"<mode", "<load", "searches/s", "p50", "p99", "max", "pages/s committed"}, b.rows)
	return machine(s, b.o.TempDir)
}

// fill writes pages until so many chunks are there, with their vectors.
func (b *searchBench) fill(ctx context.Context, c *client.Client) (*client.Stats, error) {
	p := newProgress(b.o.Screen, []string{"chunks"}, []int64{int64(b.o.Chunks)})
	defer p.end()
	settled := func(s *client.Stats) { p.set(0, s.Chunks) }
	for {
		stats, err := WaitSettled(ctx, c, pollEvery, settled)
		if err != nil || stats.Chunks >= int64(b.o.Chunks) {
			return stats, errors.Join(err, b.vectors(ctx, c))
		}
		n := 1000
		if b.there > 0 {
			n = int(int64(b.there)*(int64(b.o.Chunks)-stats.Chunks)/max(stats.Chunks, 1)) + 1
		}
		n = min(n, 5000)
		if err := put(ctx, c, puts(b.writer, b.there, n, b.o.PageSize), 256); err != nil {
			return nil, err
		}
		b.there += n
	}
}

// vectors waits until no page lacks them.
func (b *searchBench) vectors(ctx context.Context, c *client.Client) error {
	return Until(ctx, 10*pollEvery, func() (bool, error) {
		s, err := c.Stats(ctx)
		return err == nil && s.VectorsPending == 0, err
	})
}

// query is neighbouring words of the sample's text.
func (b *searchBench) query(mode string) client.Query {
	n := 3 + b.rand.IntN(3)
	at := b.rand.IntN(len(b.writer.words) - n)
	text := b.writer.words[at]
	for _, w := range b.writer.words[at+1 : at+n] {
		text += " " + w
	}
	return client.Query{Query: text, Mode: mode}
}

// searched counts the answers of one row.
type searched struct {
	mu       sync.Mutex
	times    Histogram
	degraded int
	failed   int
	err      error // the first
}

func (r *searched) ask(ctx context.Context, c *client.Client, q client.Query, due time.Time) {
	a, err := c.Search(ctx, q)
	took := time.Since(due)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed++
		r.err = cmp.Or(r.err, err)
		return
	}
	r.times.Record(took)
	if len(a.Degraded) > 0 {
		r.degraded++
	}
}

// idle asks one query when the last is answered.
func (b *searchBench) idle(ctx context.Context, c *client.Client, mode string) error {
	var r searched
	start := time.Now()
	for time.Since(start) < b.o.Time/2 && r.err == nil {
		r.ask(ctx, c, b.query(mode), time.Now())
	}
	b.row(mode, "one after the other", &r, time.Since(start), 0)
	return r.err
}

// loaded asks at the rate, while so many pages a second are committed.
func (b *searchBench) loaded(ctx context.Context, c *client.Client, mode string, pages int) error {
	writing, stop := context.WithCancel(ctx)
	defer stop()
	written := make(chan error, 1)
	before := b.there
	go func() { written <- b.write(writing, c, pages) }()
	var r searched
	var all sync.WaitGroup
	start := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(b.o.Rate))
		if due.Sub(start) >= b.o.Time {
			break
		}
		time.Sleep(time.Until(due))
		q := b.query(mode)
		all.Go(func() { r.ask(ctx, c, q, due) })
	}
	all.Wait()
	took := time.Since(start)
	stop()
	err := <-written
	if r.times.Count() == 0 { // where some are answered, as by an overloaded server, the row says how many failed
		err = errors.Join(err, r.err)
	}
	if _, settle := WaitSettled(ctx, c, pollEvery, nil); settle != nil {
		return errors.Join(err, settle)
	}
	load := fmt.Sprintf("%d searches/s", b.o.Rate)
	if pages > 0 {
		load += fmt.Sprintf(", %d pages/s", pages)
	}
	b.row(mode, load, &r, took, float64(b.there-before)/took.Seconds())
	return err
}

// write puts pages at a rate until ctx ends: half of them new, half of them updates.
func (b *searchBench) write(ctx context.Context, c *client.Client, pages int) error {
	if pages == 0 {
		return nil
	}
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	writer := NewWriter(b.o.Seed + 1)
	first := b.there
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n := max(2, pages/int(time.Second/every))
		batch := append(puts(writer, b.there-n, n/2, b.o.PageSize), puts(writer, b.there+n, n-n/2, b.o.PageSize)...)
		if _, err := c.Put(ctx, batch, client.PutOptions{Priority: "bulk"}); err != nil && ctx.Err() == nil {
			return fmt.Errorf("put %d pages after %d: %w", n, b.there-first, err)
		}
		b.there += n
	}
}

func (b *searchBench) row(mode, load string, r *searched, took time.Duration, pages float64) {
	if r.degraded > 0 {
		load += fmt.Sprintf(" (%d degraded)", r.degraded)
	}
	if r.failed > 0 {
		load += fmt.Sprintf(" (%d failed)", r.failed)
		b.o.Screen.Line("  %d of the searches by %s failed, the first with: %v", r.failed, mode, r.err)
	}
	written := "–"
	if pages > 0 {
		written = count(int64(pages + 0.5))
	}
	b.rows = append(b.rows, []string{mode, load, count(int64(float64(r.times.Count())/took.Seconds() + 0.5)),
		duration(r.times.Quantile(0.5)), duration(r.times.Quantile(0.99)), duration(r.times.Max()), written})
}
