package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"pulse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary notes what a pool does with its parts.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) read() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, ", ")
}

// part is a part with a goroutine of its own, as real ones have.
func (d *diary) part(name string) part {
	var l loop
	return part{
		name: name,
		build: func(context.Context) error {
			d.note("build %s", name)
			l.start(func(ctx context.Context) error { <-ctx.Done(); return nil })
			return nil
		},
		drain: func() { d.note("drain %s", name) },
		stop: func(ctx context.Context) error {
			d.note("stop %s", name)
			return l.stop(ctx)
		},
	}
}

var quiet = slog.New(slog.DiscardHandler)

const wholeLife = "build a, build b, build c, drain c, drain b, drain a, stop c, stop b, stop a"

func TestPoolBuildsOnce(t *testing.T) {
	var d diary
	p := newPool(quiet, nil, d.part("a"), d.part("b"), d.part("c"))
	var askers sync.WaitGroup
	for range 100 {
		askers.Go(func() {
			if err := p.Start(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	askers.Wait()
	if got := d.read(); got != "build a, build b, build c" {
		t.Fatalf("100 who ask: %s", got)
	}
	for range 100 {
		askers.Go(func() {
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	askers.Wait()
	if got := d.read(); got != wholeLife {
		t.Errorf("100 who stop: %s", got)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Errorf("a start that was done before: %v", err)
	}
	if got := d.read(); got != wholeLife {
		t.Errorf("after the stop: %s", got)
	}
}

func TestPoolStopBeforeStart(t *testing.T) {
	var d diary
	p := newPool(quiet, nil, d.part("a"))
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Start(t.Context()); !errors.Is(err, pulse.ErrClosed) {
		t.Errorf("start after stop: %v", err)
	}
	if d.read() != "" {
		t.Errorf("something was built: %s", d.read())
	}
}

func TestPoolFailedPart(t *testing.T) {
	var d diary
	broken := errors.New("broken")
	p := newPool(quiet, nil, d.part("a"), d.part("b"), part{name: "c", build: func(context.Context) error { return broken }}, d.part("d"))
	if err := p.Start(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "start c") {
		t.Errorf("start: %v", err)
	}
	if got := d.read(); got != "build a, build b, drain b, drain a, stop b, stop a" {
		t.Errorf("what was built is not stopped: %s", got)
	}
	if err := errors.Join(p.Stop(t.Context()), p.Stop(t.Context())); err != nil {
		t.Error(err)
	}
	if strings.Count(d.read(), "stop") != 2 {
		t.Errorf("stopped again: %s", d.read())
	}
}

func TestPoolStartCancelledHalfWay(t *testing.T) {
	for _, how := range []string{"context", "stop"} {
		t.Run(how, func(t *testing.T) {
			var d diary
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			reached := make(chan struct{})
			slow := part{name: "slow", build: func(ctx context.Context) error {
				close(reached)
				<-ctx.Done()
				return ctx.Err()
			}}
			p := newPool(quiet, nil, d.part("a"), d.part("b"), slow, d.part("c"))
			var askers sync.WaitGroup
			for range 10 {
				askers.Go(func() {
					if err := p.Start(ctx); !errors.Is(err, context.Canceled) {
						t.Errorf("start: %v", err)
					}
				})
			}
			<-reached
			if how == "stop" {
				if err := p.Stop(context.Background()); err != nil {
					t.Error(err)
				}
			} else {
				cancel()
			}
			askers.Wait()
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
			if got := d.read(); got != "build a, build b, drain b, drain a, stop b, stop a" {
				t.Errorf("parts: %s", got)
			}
			goleak.VerifyNone(t, goleak.IgnoreCurrent())
		})
	}
}

func TestPoolStopsAllDespiteErrors(t *testing.T) {
	var d diary
	broken := errors.New("broken")
	b := d.part("b")
	stop := b.stop
	b.stop = func(ctx context.Context) error { return errors.Join(stop(ctx), broken) }
	p := newPool(quiet, nil, d.part("a"), b, d.part("c"))
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := p.Stop(context.Background())
	if !errors.Is(first, broken) || !strings.Contains(first.Error(), "stop b") {
		t.Errorf("stop: %v", first)
	}
	if second := p.Stop(context.Background()); second != first {
		t.Errorf("stop again: %v", second)
	}
	if got := d.read(); got != wholeLife {
		t.Errorf("parts: %s", got)
	}
}

// TestAppPartsAreBuiltOnce runs jobs through a real app: all of them by the parts of
// its start.
func TestAppPartsAreBuiltOnce(t *testing.T) {
	log := new(logBuffer)
	a := startApp(t, func(c *Config) { c.Log = NewLog(log, "text", slog.LevelInfo) })
	before := partsOf(a.Services())
	var askers sync.WaitGroup
	for range 100 {
		askers.Go(func() {
			if err := a.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	askers.Wait()
	putPages(t, a, 100)
	if after := partsOf(a.Services()); after != before {
		t.Errorf("the parts changed: %v, then %v", before, after)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	var built []string
	for line := range strings.Lines(log.String()) {
		if _, rest, ok := strings.Cut(line, `msg="Part ready" name=`); ok {
			name, _, _ := strings.Cut(rest, " ")
			built = append(built, name)
		}
	}
	want := []string{"store", "layout", "queue", "index", "receiver", "jobs", "search", "workers", "maintenance"}
	if !slices.Equal(built, want) {
		t.Errorf("built %q, want %q", built, want)
	}
}

// partsOf are the instances that an app shares.
func partsOf(s *Services) [11]any {
	return [...]any{s.Store, s.Queue, s.Budget, s.Index, s.Follower, s.Searcher, s.Ends, s.Workers, s.layout.Load(), s.queries.Load(), s.Layout()}
}
