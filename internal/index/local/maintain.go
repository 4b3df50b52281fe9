package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// How often Maintain looks by itself, and tries again after an error.
const (
	maintainEvery = 30 * time.Second
	maintainRetry = 10 * time.Second
)

// Files are read through for damage one after the other: soon after a start, since a search
// trusts the numbers of vectors, but in a fifth of the time, and all again after a day.
const (
	scrubPause = time.Second
	scrubShare = 5
	scrubAgain = 24 * time.Hour
)

// Maintain moves what is in memory into files, merges files, reads them through for damage,
// and removes what nothing uses, until the context ends; then it writes what is left, so
// that the next start reads it. After an error it tries again, and at the end it says so:
// what cannot be written is in the log.
func (x *Index) Maintain(ctx context.Context) error {
	if x.disk == nil {
		<-ctx.Done()
		return nil
	}
	failures := 0
	nextScrub := x.options.Now().Add(scrubPause)
	for ctx.Err() == nil {
		more, err := x.maintain()
		failures = x.noteTrouble(failures, err)
		if more && err == nil {
			continue
		}
		if began := x.options.Now(); !began.Before(nextScrub) {
			x.scrub(ctx)
			nextScrub = x.afterScrub(began)
		}
		x.sleep(ctx, err != nil, nextScrub)
	}
	if err := x.end(); err != nil {
		x.options.Log.Warn("The index was not written to its end; the next start reads the rest from the store", "error", err)
	}
	return nil
}

// end writes what is left when nothing is applied any more.
func (x *Index) end() error {
	if err := x.flush(); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return x.tidy()
}

// noteTrouble tells of the first error of several and of its end.
func (x *Index) noteTrouble(failures int, err error) int {
	switch {
	case err != nil && failures == 0:
		x.options.Log.Warn("Files of the index cannot be written; search goes on from memory, a start will take longer", "error", err)
	case err == nil && failures > 0:
		x.options.Log.Info("Files of the index can be written again", "failures", failures)
	}
	if err == nil {
		return 0
	}
	return failures + 1
}

// maintain does one thing that is due; more says that there may be another.
func (x *Index) maintain() (more bool, err error) {
	if d, any := x.dueIn(); any && d == 0 || x.pending() != nil {
		return true, x.flush()
	}
	if m := x.planMerge(); m != nil {
		return true, x.merge(m)
	}
	return false, x.tidy()
}

func (x *Index) dueIn() (d time.Duration, any bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data.waiting.dueIn(&x.options.Flush, x.options.Now())
}

// sleep waits until something may be due. While nothing waits, only a change is.
func (x *Index) sleep(ctx context.Context, failed bool, nextScrub time.Time) {
	wait, any := x.dueIn()
	switch {
	case failed:
		wait = maintainRetry
	case !any:
		wait = maintainEvery
	default: // what comes may make it due sooner
		wait = min(wait, x.options.Flush.Soon)
	}
	timer := time.NewTimer(min(wait, max(0, nextScrub.Sub(x.options.Now()))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-x.due:
	}
}

// wake has Maintain look now.
func (x *Index) wake() {
	select {
	case x.due <- struct{}{}:
	default:
	}
}

// tidy names what there is, and closes and removes what nothing uses.
func (x *Index) tidy() error {
	x.mu.Lock()
	gone := x.retired
	x.retired = nil
	x.mu.Unlock()
	err := x.writeManifest()
	if err == nil {
		gone = x.remove(gone)
	}
	x.retire(gone)
	return err
}

// remove closes and removes files, and returns those that it could not: they are no reason to
// stop, and are tried again.
func (x *Index) remove(gone []*stored) (left []*stored) {
	for _, s := range gone {
		err := s.close()
		if err == nil {
			err = x.disk.remove(s.Name)
		}
		switch {
		case err == nil || errors.Is(err, fs.ErrNotExist):
			delete(x.scrubbed, s.Name)
			continue
		case !s.stuck:
			x.options.Log.Warn("A file that the index does not use cannot be removed", "file", x.disk.path(s.Name), "error", err)
			s.stuck = true
		}
		left = append(left, s)
	}
	return left
}

func (s *stored) close() error {
	switch {
	case s.terms != nil:
		return s.terms.Close()
	case s.vectors != nil:
		return s.vectors.Close()
	}
	return nil
}

// afterScrub is when the next file is read through, after one that was begun at a time.
func (x *Index) afterScrub(began time.Time) time.Time {
	now := x.options.Now()
	if x.unscrubbed() == nil {
		clear(x.scrubbed)
		return now.Add(scrubAgain)
	}
	return now.Add(max(scrubPause, (scrubShare-1)*now.Sub(began)))
}

// unscrubbed is a file that was not read through yet; nil when all were.
func (x *Index) unscrubbed() *stored {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, s := range x.data.files {
		if !x.scrubbed[s.Name] && s.kind() != documentsKind {
			return s
		}
	}
	return nil
}

// scrub reads a file through that was not yet.
func (x *Index) scrub(ctx context.Context) {
	next := x.unscrubbed()
	if next == nil {
		return
	}
	var err error
	if next.terms != nil {
		err = next.terms.Scrub(ctx)
	} else {
		err = next.vectors.Scrub(ctx)
	}
	if ctx.Err() == nil {
		x.scrubbed[next.Name] = true
	}
	if err != nil {
		x.letGo()
	}
}

// Close unmaps all files, after Maintain has ended and when nothing searches any more.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var failed []error
	for _, s := range append(x.data.files, x.retired...) {
		failed = append(failed, s.close())
	}
	x.data, x.retired = emptyData(), nil
	return errors.Join(failed...)
}
