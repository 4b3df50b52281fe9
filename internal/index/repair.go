package index

import (
	"context"
	"fmt"
	"slices"

	"pulse"
)

func (f *Follower) losses() <-chan struct{} {
	if target, ok := f.target.(Repairer); ok {
		return target.Losses()
	}
	return nil
}

// lost are the commits that the target holds no more.
func (f *Follower) lost() []pulse.CommitSeq {
	if target, ok := f.target.(Repairer); ok {
		return target.Lost()
	}
	return nil
}

// repair gives the target again what it has lost, batch by batch from the first commit of
// what is left: neighbours in the log are mostly neighbours in what was lost.
func (f *Follower) repair(ctx context.Context) error {
	target, ok := f.target.(Repairer)
	if !ok {
		return nil
	}
	f.applying.Lock()
	defer f.applying.Unlock()
	lost := target.Lost()
	if len(lost) == 0 || !f.follows(f.target.Position()) {
		return nil
	}
	f.options.Log.Info("Index reads again what it has lost", "follower", f.name, "commits", len(lost))
	for len(lost) > 0 {
		commits, next, err := f.log.Commits(ctx, lost[0]-1, f.options.BatchBytes)
		if err != nil {
			return fmt.Errorf("read lost commits after %d: %w", lost[0]-1, err)
		}
		n, found := slices.BinarySearch(lost, next)
		if found {
			n++
		}
		if err := target.Restore(ctx, lost[:max(n, 1)], f.withoutDamage(among(commits, lost))); err != nil {
			return fmt.Errorf("restore lost commits up to %d in %s: %w", next, f.name, err)
		}
		lost = lost[max(n, 1):]
	}
	return nil
}

// among are the commits of the sequences, which ascend. The log's own slice stays as it is.
func among(commits []pulse.Commit, seqs []pulse.CommitSeq) (found []pulse.Commit) {
	for _, c := range commits {
		if _, ok := slices.BinarySearch(seqs, c.Seq); ok {
			found = append(found, c)
		}
	}
	return found
}
