package app

import (
	"context"
	"time"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/local"
)

// watchedIndex is the local index as its follower sees it: it measures when pages
// become searchable, and lets tests end the process around an apply. A rebuild's
// fresh index is not watched: its pages are searchable already.
type watchedIndex struct {
	*local.Index
	now       func() time.Time
	applied   func(commits []pulse.Commit, at time.Time)
	replace   func(func())      // sees to it that queries are embedded as the data that it is given
	failpoint func(name string) // nil outside tests
}

// Replace implements index.Rebuilder.
func (w *watchedIndex) Replace(fresh index.Applier) {
	w.replace(func() { w.Index.Replace(fresh) })
}

// Apply implements index.Applier.
func (w *watchedIndex) Apply(ctx context.Context, commits []pulse.Commit, to index.Position) error {
	if w.failpoint != nil {
		w.failpoint("apply.before")
		defer w.failpoint("apply.after")
	}
	if err := w.Index.Apply(ctx, commits, to); err != nil {
		return err
	}
	w.applied(commits, w.now())
	return nil
}
