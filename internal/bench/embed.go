package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"pulse/internal/embed"
)

// EmbedOptions are the load of `pulse bench embed`.
type EmbedOptions struct {
	Endpoint embed.Endpoint
	Tokens   int           // of a text, about
	Callers  int           // of documents of one chunk each, for the coalescer
	Time     time.Duration // of each point of the grid, and of the coalescer
	Screen   *Screen
}

// embedGrid is what is tried directly: texts of a request, requests at once.
var (
	embedBatches = []int{1, 8, 32}
	embedAtOnce  = []int{1, 2, 4, 8, 16}
)

// Embed measures an endpoint directly, over a grid of batch sizes and concurrency, and then
// through the coalescer, by callers that bring one text each.
func Embed(ctx context.Context, o EmbedOptions) error {
	b := embedBench{o: o}
	says, probe, err := embed.Meet(ctx, o.Endpoint)
	if err != nil {
		return fmt.Errorf("ask %s: %w", o.Endpoint.Name(), err)
	}
	o.Screen.Line("%s: %s, %d numbers, at most %d texts a request", o.Endpoint.Name(), says.Model, len(probe), says.BatchTexts)
	o.Screen.Line("texts of about %d tokens, %v a point\n", o.Tokens, o.Time)
	best, err := b.grid(ctx, says.BatchTexts)
	if err != nil {
		return err
	}
	return b.coalescer(ctx, best)
}

type embedBench struct {
	o    EmbedOptions
	next atomic.Int64
}

// text is one that was never sent.
func (b *embedBench) text() string {
	head := fmt.Sprintf("Text %d of a measurement. ", b.next.Add(1))
	return head + strings.Repeat("some more words ", max(0, 4*b.o.Tokens-len(head))/16)
}

// grid prints texts a second at each point, and returns the most.
func (b *embedBench) grid(ctx context.Context, most int) (best float64, err error) {
	header := []string{"<texts a request"}
	for _, n := range embedAtOnce {
		header = append(header, fmt.Sprintf("%d at once", n))
	}
	var rows [][]string
	for _, batch := range embedBatches {
		if most > 0 && batch > most {
			continue
		}
		row := []string{fmt.Sprint(batch)}
		for _, n := range embedAtOnce {
			rate, err := b.point(ctx, batch, n)
			if err != nil {
				return 0, fmt.Errorf("%d texts a request, %d at once: %w", batch, n, err)
			}
			best = max(best, rate)
			row = append(row, fmt.Sprintf("%.0f/s", rate))
		}
		rows = append(rows, row)
	}
	b.o.Screen.Table(header, rows)
	return best, nil
}

// fullPause is before a full endpoint is asked again.
const fullPause = 10 * time.Millisecond

// point is requests of one size, so many at once, for a while. A full endpoint is asked
// again.
func (b *embedBench) point(ctx context.Context, batch, atOnce int) (float64, error) {
	return b.load(ctx, atOnce, batch, func(ctx context.Context, texts []string) error {
		for {
			_, err := b.o.Endpoint.Embed(ctx, texts)
			var f *embed.Failure
			if !errors.As(err, &f) || f.Kind != embed.Overloaded || ctx.Err() != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(max(f.RetryAfter, fullPause)):
			}
		}
	})
}

// load runs callers for the time of a point and counts texts a second.
func (b *embedBench) load(ctx context.Context, callers, batch int, send func(context.Context, []string) error) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Go(func() {
			for time.Since(began) < b.o.Time && ctx.Err() == nil {
				texts := make([]string, batch)
				for i := range texts {
					texts[i] = b.text()
				}
				if err := send(ctx, texts); err != nil {
					cancel(err)
					return
				}
				done.Add(int64(batch))
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), context.Cause(ctx)
}

// coalescer prints the same for callers of one text each, with where the time goes.
func (b *embedBench) coalescer(ctx context.Context, best float64) error {
	var mu sync.Mutex
	var requests, texts, failures int
	var waited, full float64
	c := embed.New([]embed.Endpoint{b.o.Endpoint}, embed.Options{CacheVectors: -1, OnRequest: func(r embed.RequestStats) {
		mu.Lock()
		defer mu.Unlock()
		requests, texts, waited, full = requests+1, texts+r.Texts, waited+r.Duration.Seconds(), full+r.Full
		if r.Failure != "" {
			failures++
		}
	}})
	defer c.Close()
	cpu := processorTime()
	var times Histogram
	rate, err := b.load(ctx, b.o.Callers, 1, func(ctx context.Context, in []string) error {
		began := time.Now()
		_, err := c.Embed(ctx, embed.Request{Lane: embed.LaneCrawl, Turn: "bench", Texts: in})
		mu.Lock()
		defer mu.Unlock()
		times.Record(time.Since(began))
		return err
	})
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	perText := (processorTime() - cpu) / time.Duration(max(texts, 1))
	b.o.Screen.Line("\n%s", b.o.Screen.Bold(fmt.Sprintf("coalescer, %d callers of one text: %.0f texts/s, %.1f %% of the best point", b.o.Callers, rate, 100*rate/max(best, 1e-9))))
	b.o.Screen.Line("  %d requests, %.1f texts each, %.0f %% full, %d failed; %.1f ms a request", requests, float64(texts)/float64(max(requests, 1)), 100*full/float64(max(requests, 1)), failures, 1000*waited/float64(max(requests, 1)))
	b.o.Screen.Line("  a text: p50 %v, p99 %v; %v of processor time here", times.Quantile(.5).Round(time.Microsecond), times.Quantile(.99).Round(time.Microsecond), perText.Round(100*time.Nanosecond))
	return nil
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
