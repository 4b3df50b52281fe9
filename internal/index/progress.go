package index

import (
	"context"
	"fmt"
	"sync"

	"pulse"
)

// progress is how far a follower is, and who waits for it to be further.
type progress struct {
	mu      sync.Mutex
	applied pulse.CommitSeq
	goal    pulse.CommitSeq // the head that stood at the start; -1 before
	reached bool            // the goal has been reached once
	err     error           // of the last try; nil when it went well
	closed  bool
	waiters []waiter
}

type waiter struct {
	seq  pulse.CommitSeq
	done chan struct{} // closed when applied has reached seq, or never will
}

func (p *progress) start(head, applied pulse.CommitSeq) {
	p.mu.Lock()
	p.goal, p.closed = head, false
	p.mu.Unlock()
	p.reach(applied)
}

// reach moves to a position, which is behind the former one only after a reset.
func (p *progress) reach(seq pulse.CommitSeq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applied = seq
	if p.goal >= 0 && seq >= p.goal {
		p.reached = true
	}
	kept := p.waiters[:0]
	for _, w := range p.waiters {
		if w.seq <= seq {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	p.waiters = kept
}

func (p *progress) fail(err error) {
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
}

// close lets go of all who wait.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.waiters {
		close(w.done)
	}
	p.waiters = nil
}

func (p *progress) wait(ctx context.Context, seq pulse.CommitSeq) error {
	p.mu.Lock()
	if p.applied >= seq {
		p.mu.Unlock()
		return nil
	}
	if p.closed {
		p.mu.Unlock()
		return pulse.ErrClosed
	}
	w := waiter{seq: seq, done: make(chan struct{})}
	p.waiters = append(p.waiters, w)
	p.mu.Unlock()
	select {
	case <-w.done:
		return p.outcome(seq)
	case <-ctx.Done():
		p.forget(w)
		return ctx.Err()
	}
}

func (p *progress) outcome(seq pulse.CommitSeq) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed && p.applied < seq {
		return pulse.ErrClosed
	}
	return nil
}

func (p *progress) forget(gone waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiters {
		if w.done == gone.done {
			p.waiters = append(p.waiters[:i], p.waiters[i+1:]...)
			return
		}
	}
}

// Applied is the last commit sequence that the target holds.
func (f *Follower) Applied() pulse.CommitSeq {
	f.progress.mu.Lock()
	defer f.progress.mu.Unlock()
	return f.progress.applied
}

// Head is the last commit of the log.
func (f *Follower) Head() pulse.CommitSeq { return f.log.Head() }

// Wait returns when the target holds the commit: nil, or the context's error, or
// pulse.ErrClosed when the follower has stopped before it.
func (f *Follower) Wait(ctx context.Context, seq pulse.CommitSeq) error {
	return f.progress.wait(ctx, seq)
}

// CaughtUp says whether the target has held, at least once, all that the log held
// when Run began. It stays true: being a little behind is no outage.
func (f *Follower) CaughtUp() bool {
	f.progress.mu.Lock()
	defer f.progress.mu.Unlock()
	return f.progress.reached
}

// Reasons says why the target is not caught up, or stands still; nil when neither.
func (f *Follower) Reasons() []string {
	f.progress.mu.Lock()
	defer f.progress.mu.Unlock()
	var reasons []string
	switch p := &f.progress; {
	case p.reached:
	case p.goal < 0:
		reasons = append(reasons, "index: not started")
	default:
		reasons = append(reasons, fmt.Sprintf("index: %d of %d commits applied", p.applied, p.goal))
	}
	if err := f.progress.err; err != nil {
		reasons = append(reasons, fmt.Sprintf("index: stands still: %v", err))
	}
	return reasons
}
