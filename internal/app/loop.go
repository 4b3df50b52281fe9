package app

import (
	"context"
	"sync"
	"time"
)

// loop is one background goroutine of a part. What it returns before its context
// has ended is for failed; the zero value is ready, but for failed.
type loop struct {
	failed func(error) // hears of an error as it happens; nil: stop returns it alone

	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
	err    error // read after done
}

func (l *loop) start(run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	l.mu.Lock()
	l.cancel, l.done = cancel, done
	l.mu.Unlock()
	go func() {
		defer close(done)
		l.err = run(ctx)
		if l.err != nil && ctx.Err() == nil && l.failed != nil {
			l.failed(l.err)
		}
	}()
}

// end tells the goroutine to end, and does not wait.
func (l *loop) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	}
}

// stop ends the goroutine and waits for it, or for ctx. Of a loop that never began
// it returns nil.
func (l *loop) stop(ctx context.Context) error {
	l.end()
	l.mu.Lock()
	done := l.done
	l.mu.Unlock()
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause waits for a time or the context's end.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
