package index

import (
	"context"
	"fmt"

	"pulse"
)

// Rebuild fills the target anew from the start of the log and returns the
// sequence that it then holds. A Rebuilder serves its old data, and goes on
// following, until the new data is complete; another target is emptied first.
// pulse.ErrConflict while another rebuild runs.
func (f *Follower) Rebuild(ctx context.Context) (pulse.CommitSeq, error) {
	if !f.rebuilding.TryLock() {
		return 0, fmt.Errorf("rebuild %s: another rebuild runs: %w", f.name, pulse.ErrConflict)
	}
	defer f.rebuilding.Unlock()
	target, ok := f.target.(Rebuilder)
	if !ok {
		return f.rebuildInPlace(ctx)
	}
	fresh := target.Fresh()
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
	return f.adopt()
}

// fill applies the log to a target that serves nothing, until it is at the end.
func (f *Follower) fill(ctx context.Context, target Applier) error {
	for {
		position, err := f.place(ctx, target)
		if err != nil {
			return err
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

func (f *Follower) rebuildInPlace(ctx context.Context) (pulse.CommitSeq, error) {
	f.applying.Lock()
	defer f.applying.Unlock()
	id := f.log.Identity()
	if err := f.target.Reset(ctx, Position{Store: id.Store, History: id.History}); err != nil {
		return 0, fmt.Errorf("reset %s: %w", f.name, err)
	}
	if err := f.fill(ctx, f.target); err != nil {
		return 0, err
	}
	return f.adopt()
}

// adopt reports the position that the rebuilt target stands at.
func (f *Follower) adopt() (pulse.CommitSeq, error) {
	seq := f.target.Position().Seq
	f.progress.reach(seq)
	f.log.NoteApplied(f.name, seq, f.options.Now())
	return seq, nil
}
