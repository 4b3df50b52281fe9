package index

import (
	"context"
	"fmt"

	"pulse"
)

// Rebuild fills the target anew from the start of the log and returns the
// sequence that it then holds. A Rebuilder serves its old data, and goes on
// following, until the new data is complete; another target is emptied first, and
// is not caught up until it is full. pulse.ErrConflict while another rebuild runs.
func (f *Follower) Rebuild(ctx context.Context) (pulse.CommitSeq, error) {
	select {
	case f.rebuilding <- struct{}{}:
	default:
		return 0, fmt.Errorf("rebuild %s: another rebuild runs: %w", f.name, pulse.ErrConflict)
	}
	defer func() { <-f.rebuilding }()
	if target, ok := f.target.(Rebuilder); ok {
		fresh := target.Fresh()
		seq, err := f.replace(ctx, target, fresh)
		if err != nil {
			target.Discard(fresh)
		}
		return seq, err
	}
	return f.rebuildInPlace(ctx)
}

// renew gives a target that does not follow this log, because the log has become
// another history or because the target was filled elsewhere, the data that does.
// What a Rebuilder holds serves until then. Nobody who waits for a commit of this
// log is told of it before.
func (f *Follower) renew(ctx context.Context) error {
	select {
	case f.rebuilding <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.rebuilding }()
	position := f.target.Position()
	if f.follows(position) { // by a rebuild that had begun before
		f.fresh = nil
		return nil
	}
	if position != f.foreign {
		f.foreign = position
		f.options.Log.Warn("Index belongs to another history, rebuilding", "follower", f.name,
			"applied", position.Seq, "head", f.log.Head())
	}
	target, ok := f.target.(Rebuilder)
	if !ok || position.Seq == 0 {
		f.applying.Lock()
		defer f.applying.Unlock()
		return f.empty(ctx, f.target)
	}
	return f.renewBeside(ctx, target)
}

// renewBeside goes on with what the last try has filled.
func (f *Follower) renewBeside(ctx context.Context, target Rebuilder) error {
	f.progress.restart(f.log.Head(), true)
	if f.fresh == nil {
		f.fresh = target.Fresh()
	}
	seq, err := f.replace(ctx, target, f.fresh)
	if err != nil {
		return err
	}
	f.fresh = nil
	f.options.Log.Info("Index rebuilt", "follower", f.name, "applied", seq)
	return nil
}

// replace fills a fresh target and gives its data to the one that serves.
func (f *Follower) replace(ctx context.Context, target Rebuilder, fresh Applier) (pulse.CommitSeq, error) {
	if err := f.fill(ctx, fresh); err != nil {
		return 0, err
	}
	f.applying.Lock()
	defer f.applying.Unlock()
	// What was committed meanwhile: little, and nothing is applied elsewhere now.
	if err := f.fill(ctx, fresh); err != nil {
		return 0, err
	}
	target.Replace(fresh)
	return f.adopt(), nil
}

// fill applies the log to a target that serves nothing, until it is at the end.
func (f *Follower) fill(ctx context.Context, target Applier) error {
	for {
		position := target.Position()
		if !f.follows(position) {
			position = f.start()
			if err := f.reset(ctx, target, position); err != nil {
				return err
			}
		}
		more, err := f.batch(ctx, target, position, false)
		if err != nil {
			return fmt.Errorf("rebuild: %w", err)
		}
		if !more {
			return nil
		}
	}
}

// start is where this log begins.
func (f *Follower) start() Position {
	id := f.log.Identity()
	return Position{Store: id.Store, History: id.History, Session: f.log.Session()}
}

func (f *Follower) reset(ctx context.Context, target Applier, to Position) error {
	if err := target.Reset(ctx, to); err != nil {
		return fmt.Errorf("reset %s: %w", f.name, err)
	}
	return nil
}

// empty empties the target that serves: it is not caught up from before on.
func (f *Follower) empty(ctx context.Context, target Applier) error {
	f.progress.restart(f.log.Head(), false)
	return f.reset(ctx, target, f.start())
}

func (f *Follower) rebuildInPlace(ctx context.Context) (pulse.CommitSeq, error) {
	f.applying.Lock()
	defer f.applying.Unlock()
	if err := f.empty(ctx, f.target); err != nil {
		return 0, err
	}
	if err := f.fill(ctx, f.target); err != nil {
		return 0, err
	}
	return f.adopt(), nil
}

// adopt reports the position that the rebuilt target stands at.
func (f *Follower) adopt() pulse.CommitSeq {
	position := f.target.Position()
	f.progress.reach(position)
	f.log.NoteApplied(f.name, position.Seq, f.options.Now())
	return position.Seq
}
