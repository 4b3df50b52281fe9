package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/httpapi"
	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/local"
	"pulse/internal/ingest"
	"pulse/internal/pagekey"
	"pulse/internal/queue"
	"pulse/internal/search"
	"pulse/internal/source/file"
	"pulse/internal/source/firecrawl"
	"pulse/internal/store"
)

// budgetBytes bounds what receiving bodies and running pages hold together.
const budgetBytes = 256 << 20

// indexEdition is raised with every change of what a page's host, or its vectors' weight, comes
// to: the index's files hold both.
const indexEdition = "pages 1, chunks "

// warmPatience is how long workers wait for the index to catch up. An index that
// stands still must not keep pages from being committed.
const warmPatience = 30 * time.Second

// Services are the shared parts. Each is set once, when it is built.
type Services struct {
	Store    *store.Store
	Queue    *queue.Queue
	Budget   *queue.Budget // of receiving bodies and running pages
	Index    *local.Index
	Follower *index.Follower
	Searcher *search.Searcher
	Ends     *httpapi.Ends
	Workers  *ingest.Workers // nil with --workers 0

	// layout is how pages are cut and embedded, queries how queries are: the same but for
	// the moment in which the index is filled anew after a switch of layouts.
	layout, queries atomic.Pointer[layoutParts]
}

// Layout is the layout that pages are cut by.
func (s *Services) Layout() pulse.LayoutID { return s.layout.Load().id }

// parts lists what an App consists of, in the order in which it is built.
func (a *App) parts() []part {
	return []part{
		{name: "store", build: a.openStore, stop: a.closeStore},
		{name: "layout", build: a.buildLayout, stop: a.closeLayout},
		{name: "queue", build: a.buildQueue},
		{name: "index", build: a.buildIndex, stop: a.stopIndex},
		{name: "receiver", build: a.listen, drain: a.stopAccepting, stop: a.stopListening},
		{name: "jobs", build: a.loadJobs, stop: a.load.stop},
		{name: "search", build: a.warm},
		{name: "workers", build: a.startWorkers, drain: a.drainWorkers, stop: a.work.stop},
		{name: "maintenance", build: a.startMaintenance, stop: a.maintain.stop},
	}
}

// openStore says first of all where the data is and what was found there.
func (a *App) openStore(ctx context.Context) error {
	dir, err := a.cfg.storeDir()
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Options{
		Dir: dir, Now: a.now, Log: a.log, OnGroup: a.metrics.onGroup, Failpoint: failpoint(),
	})
	if err != nil {
		return err
	}
	found, err := st.Stats(ctx)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	a.log.Info("Data folder opened", "data", dir, "documents", found.Documents, "chunks", found.Chunks,
		"jobs_waiting", found.Jobs.Available, "jobs_dead", found.Jobs.Dead)
	for _, w := range a.cfg.Warnings() {
		a.log.Warn(w)
	}
	a.pool.Store = st
	a.times.from(st.Head())
	return nil
}

func (a *App) closeStore(context.Context) error { return a.pool.Store.Close() }

// buildLayout settles how pages are cut, and what cuts them.
func (a *App) buildLayout(ctx context.Context) error {
	cfg, err := a.layoutConfig(ctx)
	if err != nil {
		return err
	}
	id, spec, err := ensureLayout(ctx, a.pool.Store, cfg)
	if err != nil {
		return err
	}
	parts, err := a.openLayout(ctx, cfg, id, spec)
	if err != nil {
		return err
	}
	a.pool.layout.Store(parts)
	a.pool.queries.Store(parts)
	return nil
}

// layoutConfig is the configuration by which the data is cut and embedded.
func (a *App) layoutConfig(ctx context.Context) (*Config, error) {
	if a.cfg.asIs {
		return a.asData(ctx)
	}
	_, have, err := a.pool.Store.ActiveLayout(ctx, pulse.DefaultCollection)
	if err != nil {
		return nil, err
	}
	c := a.cfg.forData(have)
	if c != a.cfg && !a.cfg.own {
		a.log.Warn("The pages here have no vectors, and are found by keyword alone: `pulse reembed --embedder builtin` makes them; --embedder none says that this is meant")
	}
	return c, nil
}

func (a *App) closeLayout(context.Context) error {
	former := a.pool.queries.Load()
	if parts := a.pool.layout.Load(); parts != former {
		parts.close()
	}
	former.close()
	return nil
}

func (a *App) buildQueue(context.Context) error {
	a.pool.Queue = queue.New(queue.Options{MaxWaiting: a.cfg.MaxWaiting, Now: a.now})
	a.pool.Budget = queue.NewBudget(budgetBytes)
	a.pool.Ends = httpapi.NewEnds()
	return nil
}

// buildIndex makes the index, its searcher and the follower that fills it, and lets
// the follower run.
func (a *App) buildIndex(context.Context) (err error) {
	c := a.cfg
	dir, err := c.storeDir() // whose lock keeps other processes out of the index too
	if err != nil {
		return err
	}
	o := local.Options{
		Compose: chunk.Embed, Host: pagekey.Host, InDomain: pagekey.InDomain, Edition: indexEdition + chunk.Version,
		BM25:      keyword.Options{K1: belowZero(c.BM25K1), B: belowZero(c.BM25B)},
		OnRefused: a.onRefused, VectorWeight: a.pageVectorWeight, Log: a.log, Now: a.now,
	}
	if a.pool.Index, err = local.Open(filepath.Join(dir, "index"), o); err != nil {
		a.log.Warn("The index cannot be kept in files; it is filled from the store at each start, and stays in memory", "error", err)
		a.pool.Index = local.New(o)
	}
	watched := &watchedIndex{Index: a.pool.Index, now: a.now, applied: a.times.applied, replace: a.replaceIndex, failpoint: failpoint()}
	a.pool.Follower = index.New(store.LocalFollower, a.pool.Store, watched, index.Options{Log: a.log, Now: a.now, OnBatch: a.metrics.onBatch})
	a.pool.Searcher = a.newSearcher(c)
	a.metrics.registry.MustRegister(newGauges(&a.pool.Services, a.now), newEmbedGauges(&a.pool.Services))
	a.follow.start(a.followLog)
	return nil
}

// followLog reads the index's files, and goes on from where they end.
func (a *App) followLog(ctx context.Context) error {
	if err := a.pool.Index.Load(ctx); err != nil {
		return nil // the start is over
	}
	a.maintainIndex.start(a.pool.Index.Maintain)
	if err := a.pool.Follower.Run(ctx); ctx.Err() == nil {
		return fmt.Errorf("follow the commit log: %w", err)
	}
	return nil
}

// stopIndex writes what only memory holds, when nothing searches and nothing is applied any more.
func (a *App) stopIndex(ctx context.Context) error {
	if err := a.follow.stop(ctx); err != nil {
		return err
	}
	if err := a.maintainIndex.stop(ctx); err != nil {
		return err
	}
	return a.pool.Index.Close()
}

// newSearcher makes a searcher of the index, by the options for search.
func (a *App) newSearcher(c *Config) *search.Searcher {
	return search.New(
		search.Deps{Index: a.pool.Index, Follower: a.pool.Follower, Store: a.pool.Store, Embedder: queryEmbedder{a.forQueries}, Vectors: a.vectorTraits, Key: pagekey.Normalise},
		search.Options{Window: c.Window, Fusion: c.Fusion, Alpha: c.alpha(), RRFK: c.RRFK, QueryEmbedTimeout: c.QueryEmbedTimeout, Now: a.now})
}

// belowZero says 0 to options in which 0 means the default.
func belowZero(v float64) float64 {
	if v == 0 {
		return -1
	}
	return v
}

// alpha is the weight of vectors as search's options have it, where 0 is the model's own.
func (c *Config) alpha() float64 {
	if c.Given("alpha") {
		return belowZero(c.Alpha)
	}
	return c.Alpha
}

func (a *App) onRefused(document pulse.DocumentID, chunk int, err error) {
	a.refused.note("document", document, "chunk", chunk, "error", err)
}

// loadJobs reads the waiting jobs beside everything else.
func (a *App) loadJobs(ctx context.Context) error {
	a.newWorkers()
	if a.pool.Workers != nil {
		if suspects := a.pool.Workers.Recover(ctx); len(suspects) > 0 {
			a.log.Warn("The process died while jobs ran; they run again, last and alone", "jobs", len(suspects))
		}
	}
	a.load.start(func(ctx context.Context) error {
		trouble := outage{log: a.log, now: a.now, what: "Waiting jobs cannot be read"}
		for ctx.Err() == nil {
			err := a.pool.Queue.Load(ctx, a.pool.Store, a.pool.Store.LastJobAtOpen())
			if err == nil {
				trouble.over()
				return nil
			}
			if ctx.Err() == nil {
				trouble.note("error", err)
				pause(ctx, time.Second)
			}
		}
		return nil
	})
	return nil
}

// warm waits until the index holds all that was committed before the start.
func (a *App) warm(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, warmPatience)
	defer cancel()
	err := a.pool.Follower.Wait(short, a.pool.Store.Head())
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		a.log.Warn("Search is not warm yet; workers start all the same", "reasons", a.pool.Follower.Reasons())
	}
	return nil
}

func (a *App) newWorkers() {
	c := a.cfg
	if c.Workers == 0 {
		return
	}
	a.pool.Workers = ingest.New(ingest.Deps{
		Store: &workerStore{Store: a.pool.Store, current: a.pool.layout.Load}, Queue: a.pool.Queue, Budget: a.pool.Budget,
		Layout:   a.pool.layout.Load().ingest(),
		Decoders: map[string]ingest.Decoder{firecrawl.Source: firecrawl.Change, file.SourceFile: file.Change, file.SourceAPI: file.Change},
	}, ingest.Options{
		Workers: c.Workers, JobTimeout: c.JobTimeout, ShutdownTimeout: c.ShutdownTimeout, SlowJob: c.SlowJob, VectorsWait: c.VectorsWait,
		DropSource: !c.KeepSource, KeepHTML: c.KeepHTML, RunningFile: filepath.Join(a.cfg.DataDir(), "running"),
		Log: a.log, Now: a.now, OnJob: a.jobEnded,
	})
}

// jobEnded tells those who count jobs and those who wait for one.
func (a *App) jobEnded(r ingest.JobReport) {
	a.metrics.onJob(r)
	a.pool.Ends.Ended(*r.Job)
	if f := a.onJob.Load(); f != nil {
		(*f)(r)
	}
}

func (a *App) startWorkers(context.Context) error {
	a.log.Info("Service pool ready for jobs", "duration_ms", milliseconds(time.Since(a.began)), "workers", a.cfg.Workers)
	if a.pool.Workers != nil {
		a.work.start(a.pool.Workers.Run)
	}
	return nil
}

func (a *App) drainWorkers() {
	a.pool.Queue.Drain()
	a.work.end()
}
