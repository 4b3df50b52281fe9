package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"pulse"
)

// part is one thing that is built once and shared.
type part struct {
	name  string
	build func(ctx context.Context) error // cleans up after itself when it fails
	drain func()                          // takes nothing new from here on; may be nil
	stop  func(ctx context.Context) error // may be nil
}

// ServicePool holds what all jobs and requests share. Start builds its parts in
// order, once, however many ask for them; Stop drains and then stops them in
// reverse, once.
type ServicePool struct {
	Services
	parts  []part
	log    *slog.Logger
	onPart func(name string, took time.Duration) // after each part; may be nil

	mu      sync.Mutex
	began   bool
	stopped bool
	cancel  context.CancelFunc // of the build
	built   chan struct{}      // closed when the build has ended, one way or the other
	err     error              // of the build; read after built

	stopOnce sync.Once
	stopErr  error
	up       int // parts that are built; written by the build, read after built
}

func newPool(log *slog.Logger, onPart func(string, time.Duration), parts ...part) *ServicePool {
	return &ServicePool{parts: parts, log: log, onPart: onPart, built: make(chan struct{})}
}

// Start builds the parts and returns when all are there. Who comes later waits for
// the same build and gets the same answer. When ctx ends in the first caller's
// build, or a part fails, what was built is stopped again. After Stop it is
// pulse.ErrClosed.
func (p *ServicePool) Start(ctx context.Context) error {
	p.mu.Lock()
	first := !p.began && !p.stopped
	if first {
		p.began = true
		ctx, p.cancel = context.WithCancel(ctx)
	}
	p.mu.Unlock()
	if first {
		defer p.cancel()
		p.err = p.buildAll(ctx)
		close(p.built)
		return p.err
	}
	select {
	case <-p.built:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *ServicePool) buildAll(ctx context.Context) error {
	for i := range p.parts {
		if err := p.buildPart(ctx, &p.parts[i]); err != nil {
			return errors.Join(err, p.stopBuilt(context.WithoutCancel(ctx)))
		}
		p.up++
	}
	return nil
}

func (p *ServicePool) buildPart(ctx context.Context, q *part) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start %s: %w", q.name, err)
	}
	began := time.Now()
	if err := q.build(ctx); err != nil {
		return fmt.Errorf("start %s: %w", q.name, err)
	}
	took := time.Since(began)
	p.log.Info("Part ready", "name", q.name, "duration_ms", milliseconds(took))
	if p.onPart != nil {
		p.onPart(q.name, took)
	}
	return nil
}

// Stop cancels a build that still runs, drains the parts and stops them in reverse.
// ctx bounds how long parts may take. Who calls again waits for the same stop.
func (p *ServicePool) Stop(ctx context.Context) error {
	p.stopOnce.Do(func() {
		p.mu.Lock()
		began := p.began
		p.stopped = true
		if began {
			p.cancel()
		} else {
			p.err = fmt.Errorf("start: %w", pulse.ErrClosed)
			close(p.built)
		}
		p.mu.Unlock()
		<-p.built
		p.stopErr = p.stopBuilt(ctx)
	})
	return p.stopErr
}

// stopBuilt stops what is up and leaves nothing up.
func (p *ServicePool) stopBuilt(ctx context.Context) error {
	parts := p.parts[:p.up]
	p.up = 0
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].drain != nil {
			parts[i].drain()
		}
	}
	var failed []error
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].stop == nil {
			continue
		}
		if err := parts[i].stop(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", parts[i].name, err))
		}
		p.log.Debug("Part stopped", "name", parts[i].name)
	}
	return errors.Join(failed...)
}
