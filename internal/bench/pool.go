package bench

import (
	"context"
	"fmt"
	"os"
	"time"

	"pulse/internal/client"
)

// PoolOptions say what Pool measures. The zero value of each field is its default.
type PoolOptions struct {
	Start   Start
	Jobs    int // 100
	TempDir string
	Seed    uint64
	Screen  *Screen
}

// Pool repeats the old service's report: a number of jobs that each build every part
// for themselves, on a fresh folder, against as many that share parts built once.
func Pool(ctx context.Context, o PoolOptions) error {
	if o.Jobs == 0 {
		o.Jobs = 100
	}
	o.Screen.Line("%s", o.Screen.Bold(fmt.Sprintf("%d pages, one job each, every one waited for until it can be found", o.Jobs)))
	pages := puts(NewWriter(o.Seed), 0, o.Jobs, 2048)
	each, err := poolRuns(ctx, &o, pages, 1)
	if err != nil {
		return fmt.Errorf("initialise for each job: %w", err)
	}
	once, err := poolRuns(ctx, &o, pages, o.Jobs)
	if err != nil {
		return fmt.Errorf("use one pool: %w", err)
	}
	o.Screen.Line("")
	o.Screen.Table([]string{"<", "initialisations", "init", "work", "total", "useful work", "a job"}, [][]string{
		each.row("built for each job", o.Jobs),
		once.row("built once, shared", o.Jobs),
	})
	o.Screen.Line("")
	total := float64(each.init+each.work) / float64(once.init+once.work)
	o.Screen.Line("  sharing the parts is %s times as fast over %d jobs", figures(total), o.Jobs)
	return machine(o.Screen, o.TempDir)
}

// pooled is what a number of jobs took.
type pooled struct {
	builds     int
	init, work time.Duration
}

func (p *pooled) row(name string, jobs int) []string {
	total := p.init + p.work
	return []string{name, count(p.builds), duration(p.init), duration(p.work), duration(total),
		percent(float64(p.work) / float64(total)), duration(total / time.Duration(jobs))}
}

// poolRuns puts all pages, with a new server on a fresh folder every so many.
func poolRuns(ctx context.Context, o *PoolOptions, pages []client.Put, every int) (*pooled, error) {
	sum := new(pooled)
	for from := 0; from < len(pages); from += every {
		if err := poolRun(ctx, o, pages[from:min(from+every, len(pages))], sum); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func poolRun(ctx context.Context, o *PoolOptions, pages []client.Put, sum *pooled) error {
	dir, err := os.MkdirTemp(o.TempDir, "pulse-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	start := time.Now()
	return run(ctx, o.Start, dir, func(_ *Server, c *client.Client) error {
		sum.builds++
		sum.init += time.Since(start)
		start = time.Now()
		for i := range pages {
			if err := putAndWait(ctx, c, pages[i]); err != nil {
				return err
			}
		}
		sum.work += time.Since(start)
		return nil
	})
}

// putAndWait hands over one page and returns when it can be found.
func putAndWait(ctx context.Context, c *client.Client, page client.Put) error {
	answer, err := c.Put(ctx, []client.Put{page}, client.PutOptions{Wait: time.Minute, Priority: "wanted"})
	if err != nil {
		return err
	}
	if answer.Status != "done" {
		return fmt.Errorf("%s could not be found within a minute: %s", page.URL, answer.Status)
	}
	return nil
}
