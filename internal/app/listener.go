package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"pulse/internal/httpapi"
	"pulse/internal/store"
)

// listen answers from here on. The parts that requests may need are there, or are
// said to be missing.
func (a *App) listen(context.Context) error {
	if err := os.MkdirAll(a.cfg.DataDir(), 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	debug, err := a.listenDebug()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", a.cfg.Listen)
	if err != nil {
		if debug != nil {
			debug.Close()
		}
		return fmt.Errorf("%w: choose another address with --listen", err)
	}
	all, endAll := context.WithCancel(context.Background())
	a.endAll, a.addr = endAll, l.Addr()
	a.server = httpapi.NewServer(a.handler(), a.log)
	a.server.BaseContext = func(net.Listener) context.Context { return all }
	a.serve(a.server, l)
	if debug != nil {
		a.debug = httpapi.NewServer(debugHandler(), a.log)
		a.serve(a.debug, debug)
	}
	a.log.Info("Receiving", "address", a.URL(), "start_ms", milliseconds(time.Since(a.began)))
	close(a.receiving)
	return nil
}

func (a *App) listenDebug() (net.Listener, error) {
	if a.cfg.DebugListen == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", a.cfg.DebugListen)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address with --debug-listen", err)
	}
	return l, nil
}

func (a *App) serve(s *http.Server, l net.Listener) {
	a.serving.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.fail(fmt.Errorf("answer on %s: %w", l.Addr(), err))
		}
	})
}

// handler is all routes.
func (a *App) handler() http.Handler {
	c, s := a.cfg, &a.pool.Services
	minFree := int64(c.MinFree)
	if minFree == 0 {
		minFree = -1
	}
	return httpapi.New(httpapi.Deps{
		Store: func() *store.Store { return s.Store }, Queue: s.Queue, Budget: s.Budget, Search: a.warmSearch, Ready: a.notReady,
		Ends: s.Ends, Metrics: a.metrics.handler(), Rebuild: a.rebuild, Reembed: a, Stats: a.telemetry,
	}, httpapi.Options{
		APIKey: c.APIKey, FirecrawlSecret: c.FirecrawlSecret, FirecrawlToken: c.FirecrawlToken, Public: c.public(),
		SpoolDir: c.DataDir(), MinFree: minFree, Version: BuildVersion().Version, Log: a.log, Now: a.now,
		OnDelivery: a.metrics.onDelivery, OnSignatureFailure: a.metrics.onSignatureFailure, OnRequest: a.metrics.onRequest,
	})
}

// warmSearch is the searcher once the index holds what was committed before the start.
func (a *App) warmSearch() httpapi.Searcher {
	if !a.pool.Follower.CaughtUp() {
		return nil
	}
	return a.pool.Searcher
}

func (a *App) notReady() []string {
	_, reasons := a.pool.Searcher.Ready()
	return reasons
}

// debugHandler is pprof, which nothing else shows.
func debugHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// stopAccepting closes the listeners; requests that have begun go on.
func (a *App) stopAccepting() {
	a.serving.Go(func() {
		defer close(a.shutdown)
		ctx, cancel := context.WithTimeout(context.Background(), a.cfg.ShutdownTimeout+stopSlack)
		defer cancel()
		if a.debug != nil {
			a.debug.Close()
		}
		_ = a.server.Shutdown(ctx) // what it leaves, stopListening closes
	})
}

// requestPatience is how long requests have to answer once no worker runs: those
// that wait for a job are told at once.
const requestPatience = 5 * time.Second

// stopListening ends the requests that still wait, and then all of them.
func (a *App) stopListening(ctx context.Context) error {
	a.endAll()
	timer := time.NewTimer(requestPatience)
	defer timer.Stop()
	select {
	case <-a.shutdown:
	case <-timer.C:
	case <-ctx.Done():
	}
	err := a.server.Close()
	a.serving.Wait()
	if err != nil {
		return fmt.Errorf("close listener: %w", err)
	}
	return nil
}
