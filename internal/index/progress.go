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
	applied Position        // zero while the target holds nothing of the log
	goal    pulse.CommitSeq // the head that stood at the start; -1 before
	reached bool            // the goal has been reached once
	err     error           // of the last try; nil when it went well
	closed  bool
	waiters []waiter
}

type waiter struct {
	seq  pulse.CommitSeq
	done chan struct{} // closed when applied has reached seq, of whatever history, or never will
}

func (p *progress) start(head pulse.CommitSeq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goal, p.closed = head, false
}

// restart begins at nothing again, towards another head: the target holds no commit
// of the log. One that goes on serving former data stays caught up.
func (p *progress) restart(head pulse.CommitSeq, serving bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applied = Position{}
	p.reached = p.reached && serving
	if !p.reached {
		p.goal = head
	}
}

// reach moves to a position.
func (p *progress) reach(to Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.applied = to
	if p.goal >= 0 && to.Seq >= p.goal {
		p.reached = true
	}
	kept := p.waiters[:0]
	for _, w := range p.waiters {
		if w.seq <= to.Seq {
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

// hold returns nil where the target holds a commit of the log, else what to wait for
// before asking again; pulse.ErrClosed when that will never come. The log is asked
// under the lock: when it names another history than was applied, that one's reach is
// still to come.
func (p *progress) hold(log CommitLog, seq pulse.CommitSeq) (*waiter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.applied.history() == log.Identity() && p.applied.Seq >= seq {
		return nil, nil
	}
	if p.closed {
		return nil, pulse.ErrClosed
	}
	w := waiter{seq: seq, done: make(chan struct{})}
	p.waiters = append(p.waiters, w)
	return &w, nil
}

func (p *progress) forget(gone *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiters {
		if w.done == gone.done {
			p.waiters = append(p.waiters[:i], p.waiters[i+1:]...)
			return
		}
	}
}

// Applied is the last commit of the log up to which the target holds all; 0 while what it
// holds is of another history.
func (f *Follower) Applied() pulse.CommitSeq {
	if lost := f.lost(); len(lost) > 0 {
		return min(f.reached(), lost[0]-1)
	}
	return f.reached()
}

func (f *Follower) reached() pulse.CommitSeq {
	p := &f.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.applied.history() != f.log.Identity() {
		return 0
	}
	return p.applied.Seq
}

// Head is the last commit of the log.
func (f *Follower) Head() pulse.CommitSeq { return f.log.Head() }

// Wait returns when the target holds the commit: nil, or the context's error, or
// pulse.ErrClosed when the follower has stopped before it. The commit is one of the
// log as it is: what the target held of a former history does not count.
func (f *Follower) Wait(ctx context.Context, seq pulse.CommitSeq) error {
	for {
		w, err := f.progress.hold(f.log, seq)
		if w == nil {
			return err
		}
		select {
		case <-w.done: // of this history, or the follower has stopped: look again
		case <-ctx.Done():
			f.progress.forget(w)
			return ctx.Err()
		}
	}
}

// CaughtUp says whether the target has held, at least once, all that the log held
// when Run began. It stays true, because being a little behind is no outage, until a
// target that serves had to be emptied.
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
		reasons = append(reasons, fmt.Sprintf("index: %d of %d commits applied", p.applied.Seq, p.goal))
	}
	if err := f.progress.err; err != nil {
		reasons = append(reasons, fmt.Sprintf("index: stands still: %v", err))
	}
	return reasons
}
