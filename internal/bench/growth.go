package bench

import (
	"context"
	"fmt"
	"os"
	"time"

	"pulse/internal/client"
)

// GrowthOptions say what Growth measures. The zero value of each field is its default.
type GrowthOptions struct {
	Start    Start
	Sizes    []int // pages that are there already; 0, 10,000, 100,000
	Pages    int   // pages that are measured at each size; 1,000
	PageSize int   // bytes of markdown; 2048
	TempDir  string
	Seed     uint64
	Screen   *Screen
}

func (o *GrowthOptions) setDefaults() {
	if len(o.Sizes) == 0 {
		o.Sizes = []int{0, 10_000, 100_000}
	}
	if o.Pages == 0 {
		o.Pages = 1000
	}
	if o.PageSize == 0 {
		o.PageSize = 2048
	}
}

// Growth measures whether a page costs more the more there are: at each size, the
// rate of new pages and of updates, and the time from start to receiving and to
// searching.
func Growth(ctx context.Context, o GrowthOptions) error {
	o.setDefaults()
	dir, err := os.MkdirTemp(o.TempDir, "pulse-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.Screen.Line("%s", o.Screen.Bold("The cost of a page, and of a start, by what is there already"))
	g := &growing{options: &o, writer: NewWriter(o.Seed)}
	var rows [][]string
	for _, size := range o.Sizes {
		row, err := g.measure(ctx, dir, size)
		if err != nil {
			return fmt.Errorf("measure at %d pages: %w", size, err)
		}
		rows = append(rows, row)
	}
	o.Screen.Line("")
	o.Screen.Table([]string{"pages there", "chunks", "new pages/s", "updates/s", "start to receiving", "to searching"}, rows)
	return machine(o.Screen, o.TempDir)
}

// growing is one run of Growth.
type growing struct {
	options *GrowthOptions
	writer  *Writer
	there   int
}

// measure fills the folder up to size, starts anew on it, and measures.
func (g *growing) measure(ctx context.Context, dir string, size int) ([]string, error) {
	err := run(ctx, g.options.Start, dir, func(_ *Server, c *client.Client) error {
		for g.there < size {
			n := min(size-g.there, 10_000)
			if _, err := g.timed(ctx, c, g.there, n); err != nil {
				return err
			}
			g.there += n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	start := time.Now()
	var receiving, searching time.Duration
	begin := func(ctx context.Context, dir string) (*Server, error) {
		s, err := g.options.Start(ctx, dir)
		receiving = time.Since(start)
		return s, err
	}
	var row []string
	err = run(ctx, begin, dir, func(_ *Server, c *client.Client) error {
		searching = time.Since(start)
		stats, err := c.Stats(ctx)
		if err != nil {
			return err
		}
		fresh, err := g.timed(ctx, c, g.there, g.options.Pages)
		if err != nil {
			return err
		}
		update, err := g.timed(ctx, c, g.there, g.options.Pages) // the same addresses, other texts
		g.there += g.options.Pages
		row = []string{count(stats.Documents), count(stats.Chunks), g.rate(fresh), g.rate(update), duration(receiving), duration(searching)}
		return err
	})
	return row, err
}

func (g *growing) rate(d time.Duration) string {
	return count(int64(float64(g.options.Pages)/d.Seconds() + 0.5))
}

// timed puts n pages from a number on and waits until they can be found.
func (g *growing) timed(ctx context.Context, c *client.Client, from, n int) (time.Duration, error) {
	pages := puts(g.writer, from, n, g.options.PageSize)
	start := time.Now()
	if err := put(ctx, c, pages, 256); err != nil {
		return 0, err
	}
	_, err := WaitSettled(ctx, c, pollEvery, nil)
	return time.Since(start), err
}
