// Package index makes the commit log searchable: a Follower reads it and applies
// it, in order, to a target that can be thrown away and rebuilt. It also holds
// the words that retrievers answer in: Request, Result, Candidate.
package index

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"pulse"
	"pulse/internal/store"
)

// Position is how far a target has applied a commit log, and whose.
type Position struct {
	Store   string          `json:"store"`
	History string          `json:"history"`
	Session string          `json:"session"` // of the store, in which it was at Seq
	Seq     pulse.CommitSeq `json:"seq"`
}

func (p Position) history() store.Identity { return store.Identity{Store: p.Store, History: p.History} }

// Applier is a target of the commit log. It keeps its position with its data, so
// that both move together.
type Applier interface {
	// Position is how far the target is; the zero Position when it holds nothing.
	Position() Position
	// Apply applies commits, in order, and moves to the position. Applying commits
	// again changes nothing. Each document is seen as before or as after its commit.
	Apply(ctx context.Context, commits []pulse.Commit, to Position) error
	// Reset drops all data and moves to the position.
	Reset(ctx context.Context, to Position) error
}

// Rebuilder is a target that can be filled anew beside the data that it serves. A
// target that is none is emptied first, and serves nothing of use until it is full.
type Rebuilder interface {
	// Fresh returns an empty target that serves nothing.
	Fresh() Applier
	// Replace takes the data and position of a target that Fresh returned.
	Replace(fresh Applier)
	// Discard throws a target away that Fresh returned.
	Discard(fresh Applier)
}

// Repairer is a target that may lose what it held of single commits, as when a disk does.
type Repairer interface {
	// Losses receives after commits were lost.
	Losses() <-chan struct{}
	// Lost are the commits up to Position that the target holds no more, ascending.
	Lost() []pulse.CommitSeq
	// Restore takes what the log has of commits that were lost. What it has no more was
	// followed by a later commit of the document.
	Restore(ctx context.Context, lost []pulse.CommitSeq, commits []pulse.Commit) error
}

// CommitLog is what a follower reads: the store.
type CommitLog interface {
	Identity() store.Identity
	Session() string
	Reached(session string, seq pulse.CommitSeq) bool
	Head() pulse.CommitSeq
	Changed() <-chan struct{}
	Commits(ctx context.Context, after pulse.CommitSeq, maxBytes int) ([]pulse.Commit, pulse.CommitSeq, error)
	NoteApplied(follower string, seq pulse.CommitSeq, at time.Time)
}

// Options tune a follower. The zero value is the default.
type Options struct {
	BatchBytes int // text and vectors read at once; 0 means 4 MiB
	// MinBackoff and MaxBackoff bound the wait after an error; 0 means 100 ms and 30 s.
	MinBackoff, MaxBackoff time.Duration
	Log                    *slog.Logger
	Now                    func() time.Time
	// OnBatch hears of every applied batch: its commits, the position after it, and
	// how long applying took.
	OnBatch func(n int, seq pulse.CommitSeq, d time.Duration)
}

func (o Options) withDefaults() Options {
	if o.BatchBytes == 0 {
		o.BatchBytes = 4 << 20
	}
	if o.MinBackoff == 0 {
		o.MinBackoff = 100 * time.Millisecond
	}
	if o.MaxBackoff == 0 {
		o.MaxBackoff = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Follower applies the commit log to one target. Only Run and Rebuild write to
// the target, one batch at a time; the position is readable at any time.
type Follower struct {
	name    string
	log     CommitLog
	target  Applier
	options Options

	applying   sync.Mutex    // held while the target changes
	rebuilding chan struct{} // holds one while a rebuild runs
	progress   progress

	// Of Run alone.
	failures int
	foreign  Position // of another history, or past the head, that was told of last
	fresh    Applier  // being filled to take the place of foreign data; nil when none is
}

// New returns a follower. Its name is the one that the store keeps its progress by.
func New(name string, log CommitLog, target Applier, o Options) *Follower {
	f := &Follower{name: name, log: log, target: target, options: o.withDefaults(), rebuilding: make(chan struct{}, 1)}
	f.progress.goal = -1
	return f
}

// Run follows the log until the context ends, and returns its error. After an
// error of the log or the target it waits and tries the same commits again: it
// never leaves one out.
func (f *Follower) Run(ctx context.Context) error {
	defer f.progress.close()
	f.progress.start(f.log.Head())
	if position := f.target.Position(); f.follows(position) && len(f.lost()) == 0 {
		f.progress.reach(position)
	}
	for ctx.Err() == nil {
		changed := f.log.Changed()
		more, err := false, f.repair(ctx)
		if err == nil {
			more, err = f.step(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			f.noteFailure(err)
			wait(ctx, f.backoff(), nil, nil)
		case !more:
			f.noteSuccess()
			wait(ctx, 0, changed, f.losses())
		default:
			f.noteSuccess()
		}
	}
	return ctx.Err()
}

// wait waits for the first of: the context's end, the channel, the time (0: never).
func wait(ctx context.Context, d time.Duration, changed, lost <-chan struct{}) {
	var expired <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-lost:
	case <-expired:
	}
}

// follows says whether a position is one of this log: of its history, and at a commit that
// it was at in that session. What stands at another cannot be trusted.
func (f *Follower) follows(p Position) bool {
	return p.history() == f.log.Identity() && f.log.Reached(p.Session, p.Seq)
}

// step applies one batch; more says that another may be there at once.
func (f *Follower) step(ctx context.Context) (more bool, err error) {
	f.applying.Lock()
	if position := f.target.Position(); f.follows(position) {
		defer f.applying.Unlock()
		return f.batch(ctx, f.target, position, true)
	}
	f.applying.Unlock() // a rebuild may end meanwhile
	return true, f.renew(ctx)
}

// batch reads and applies what follows the position. Only the target that serves
// is reported.
func (f *Follower) batch(ctx context.Context, target Applier, position Position, serving bool) (more bool, err error) {
	commits, next, err := f.log.Commits(ctx, position.Seq, f.options.BatchBytes)
	if err != nil {
		return false, fmt.Errorf("read commits after %d: %w", position.Seq, err)
	}
	if next <= position.Seq {
		if serving {
			f.progress.reach(position)
		}
		return false, nil
	}
	began := f.options.Now()
	commits = f.withoutDamage(commits)
	position.Session, position.Seq = f.log.Session(), next
	if err := target.Apply(ctx, commits, position); err != nil {
		return false, fmt.Errorf("apply commits up to %d to %s: %w", next, f.name, err)
	}
	if serving {
		f.report(len(commits), position, began)
	}
	return true, nil
}

// withoutDamage makes tombstones of documents whose content the log cannot read: one spoiled
// page must not keep all others from being searched. It is told of, with what to do.
func (f *Follower) withoutDamage(commits []pulse.Commit) []pulse.Commit {
	own := false
	for i := range commits {
		c := commits[i]
		if c.Damage == nil {
			continue
		}
		f.options.Log.Error("A page is damaged in the store and cannot be searched: delete it (pulse documents delete URL) and send it again",
			"follower", f.name, "url", c.Document.Key, "delivery", c.Document.Delivery, "error", c.Damage)
		if !own {
			commits, own = slices.Clone(commits), true // the log may keep what it gave
		}
		commits[i].Document.State = pulse.StateGone
	}
	return commits
}

func (f *Follower) report(n int, to Position, began time.Time) {
	now := f.options.Now()
	f.progress.reach(to)
	f.log.NoteApplied(f.name, to.Seq, now)
	if f.options.OnBatch != nil {
		f.options.OnBatch(n, to.Seq, now.Sub(began))
	}
}

func (f *Follower) noteFailure(err error) {
	f.progress.fail(err)
	if f.failures == 0 {
		f.options.Log.Warn("Index stands still", "follower", f.name, "applied", f.Applied(), "error", err)
	}
	f.failures++
}

func (f *Follower) noteSuccess() {
	if f.failures > 0 {
		f.options.Log.Info("Index goes on", "follower", f.name, "applied", f.Applied(), "failures", f.failures)
	}
	f.failures = 0
	f.progress.fail(nil)
}

// backoff doubles with each failure in a row; jitter takes up to half of it away,
// so that followers of one target do not come back together.
func (f *Follower) backoff() time.Duration {
	d := f.options.MinBackoff << min(f.failures-1, 20)
	d = min(d, f.options.MaxBackoff)
	return d - rand.N(d/2+1)
}
