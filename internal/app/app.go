package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pulse"
	"pulse/internal/httpapi"
	"pulse/internal/ingest"
)

// App is a running Pulse: receiver, API, workers and index in one process.
type App struct {
	cfg     *Config
	log     *slog.Logger
	now     func() time.Time
	began   time.Time
	metrics *metrics
	times   *searchableTimes
	pool    *ServicePool
	onJob   atomic.Pointer[func(ingest.JobReport)]
	refused outage // chunks that the index refused

	follow, load, work, maintain, maintainIndex loop

	server    *http.Server
	debug     *http.Server
	addr      net.Addr
	serving   sync.WaitGroup
	endAll    context.CancelFunc // of all requests
	shutdown  chan struct{}      // closed when the listeners have closed gracefully
	receiving chan struct{}      // closed when the listener answers

	reembedding reembedding
	rebuilding  sync.Mutex
	rebuilds    sync.WaitGroup
	endRebuild  context.CancelFunc
	rebuildCtx  context.Context

	failOnce sync.Once
	failed   chan struct{}
	failure  error // read after failed
}

// Start starts all parts and returns as soon as deliveries are received; the index
// and the workers come up behind (Ready waits for them). When ctx ends before that,
// or a part fails, everything that was built is stopped again. A *UsageError says
// that the configuration cannot be run.
func Start(ctx context.Context, cfg *Config) (*App, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	a := newApp(cfg)
	go func() {
		if err := a.pool.Start(context.Background()); err != nil {
			a.fail(err)
		}
	}()
	select {
	case <-a.receiving:
		return a, nil
	case <-a.failed:
		return nil, errors.Join(a.failure, a.Stop())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), a.Stop())
	}
}

func newApp(cfg *Config) *App {
	a := &App{cfg: cfg, log: cfg.Log, now: cfg.Now, began: time.Now(),
		receiving: make(chan struct{}), failed: make(chan struct{}), shutdown: make(chan struct{})}
	if a.log == nil {
		a.log = NewLog(os.Stderr, cfg.LogFormat, cfg.LogLevel.Level)
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.metrics = newMetrics(a.now)
	a.times = newSearchableTimes(a.metrics.onSearchable)
	a.refused = outage{log: a.log, now: a.now, what: "The index refused a chunk"}
	a.rebuildCtx, a.endRebuild = context.WithCancel(context.Background())
	for _, l := range []*loop{&a.follow, &a.load, &a.work, &a.maintain, &a.maintainIndex} {
		l.failed = a.fail
	}
	a.pool = newPool(a.log, a.metrics.onPart)
	a.pool.parts = a.parts()
	return a
}

// fail ends the app: a part cannot go on. The first cause stands.
func (a *App) fail(err error) {
	a.failOnce.Do(func() {
		a.failure = err
		close(a.failed)
	})
}

// Ready waits until all parts are up and search is warm.
func (a *App) Ready(ctx context.Context) error {
	if err := a.pool.Start(ctx); err != nil {
		return err
	}
	return a.pool.Follower.Wait(ctx, a.pool.Store.Head())
}

// Failed is closed when a part cannot go on; Err then says why. The app is still
// to be stopped.
func (a *App) Failed() <-chan struct{} { return a.failed }

// Err is why the app failed; nil while it has not.
func (a *App) Err() error {
	select {
	case <-a.failed:
		return a.failure
	default:
		return nil
	}
}

// Addr is the address that the app answers on.
func (a *App) Addr() string { return a.addr.String() }

// URL is the address by which programs of this machine reach the app.
func (a *App) URL() string { return "http://" + dialable(a.Addr()) }

// Services are the shared parts; they are all there once Ready has returned.
func (a *App) Services() *Services { return &a.pool.Services }

// OnJob has f called by the workers after every run of a job; nil ends that.
func (a *App) OnJob(f func(ingest.JobReport)) {
	if f == nil {
		a.onJob.Store(nil)
		return
	}
	a.onJob.Store(&f)
}

// stopSlack is the time that parts have beside the running jobs to stop.
const stopSlack = 15 * time.Second

// Stop takes nothing new, lets running jobs finish within the shutdown timeout, hands
// back what does not, and closes the store. It may be called again, and while
// another call runs.
func (a *App) Stop() error {
	a.endRebuild()
	a.reembedding.stop()
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.ShutdownTimeout+stopSlack)
	defer cancel()
	err := a.pool.Stop(ctx)
	a.rebuilds.Wait()
	return err
}

// Run runs an app until ctx ends or a part fails, then stops it. A clean stop is nil.
func Run(ctx context.Context, cfg *Config) error {
	a, err := Start(ctx, cfg)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // told to stop while it started
		}
		return err
	}
	select {
	case <-ctx.Done():
		a.log.Info("Stopping", "shutdown_timeout", a.cfg.ShutdownTimeout)
	case <-a.failed:
	}
	err = errors.Join(a.Err(), a.Stop())
	if err == nil {
		a.log.Info("Stopped")
	}
	return err
}

// telemetry is what /v1/stats shows beside the counts.
func (a *App) telemetry() httpapi.Telemetry {
	keyword, vector := a.times.percentiles()
	return httpapi.Telemetry{Keyword: keyword, Vector: vector, Embedder: a.embedderStats()}
}

// embedderStats says who embeds, and how that stands.
func (a *App) embedderStats() httpapi.EmbedderStats {
	parts := a.pool.layout.Load()
	if parts == nil || parts.embedder == nil {
		return httpapi.EmbedderStats{Name: embedderNone}
	}
	m := parts.embedder.Model()
	s := httpapi.EmbedderStats{Name: redacted(parts.cfg.Embedder), Model: m.Name, Dimension: m.Dimension, State: "ready"}
	r, ok := parts.embedder.(*remote)
	if !ok {
		return s
	}
	var states []string
	for _, e := range r.Endpoints() {
		if e.State == "up" {
			return s
		}
		state := e.Name + " is " + e.State
		if e.Err != nil {
			state += ": " + e.Err.Error()
		}
		states = append(states, state)
	}
	s.State = "away: " + strings.Join(states, "; ")
	return s
}

// Searchable is the time from receipt to searchable by keyword, of the latest pages.
func (a *App) Searchable() httpapi.Percentiles {
	keyword, _ := a.times.percentiles()
	return keyword
}

// rebuild starts to build the index anew beside the one that serves.
func (a *App) rebuild() error {
	if !a.rebuilding.TryLock() {
		return fmt.Errorf("a rebuild of the index runs already: %w", pulse.ErrConflict)
	}
	a.rebuilds.Go(func() {
		defer a.rebuilding.Unlock()
		began := time.Now()
		a.log.Info("Rebuilding the index")
		seq, err := a.pool.Follower.Rebuild(a.rebuildCtx)
		switch {
		case a.rebuildCtx.Err() != nil:
		case err != nil:
			a.log.Error("Rebuild failed; the former index serves on", "error", err)
		default:
			a.log.Info("Index rebuilt", "applied", seq, "duration_ms", milliseconds(time.Since(began)))
		}
	})
	return nil
}
