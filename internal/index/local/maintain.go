package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// How often Maintain looks by itself, tries again after an error, and reads a file through.
const (
	maintainRetry = 10 * time.Second
	scrubEvery    = 30 * time.Second
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
	lastScrub := x.options.Now()
	for ctx.Err() == nil {
		more, err := x.maintain()
		failures = x.noteTrouble(failures, err)
		if more && err == nil {
			continue
		}
		if now := x.options.Now(); err == nil && now.Sub(lastScrub) >= scrubEvery {
			lastScrub = now
			x.scrub(ctx)
			continue
		}
		x.sleep(ctx, err != nil)
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
	if d, any := x.dueIn(); any && d == 0 || x.flushing != nil {
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
func (x *Index) sleep(ctx context.Context, failed bool) {
	wait, any := x.dueIn()
	switch {
	case failed:
		wait = maintainRetry
	case !any:
		wait = scrubEvery
	default: // what comes may make it due sooner
		wait = min(wait, x.options.Flush.Soon)
	}
	timer := time.NewTimer(wait)
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
		gone, err = x.remove(gone)
	}
	x.mu.Lock()
	x.retired = append(x.retired, gone...)
	x.mu.Unlock()
	return err
}

// remove closes and removes files, and returns those that it could not.
func (x *Index) remove(gone []*stored) (left []*stored, err error) {
	for i, s := range gone {
		if err := errors.Join(s.close(), x.disk.remove(s.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return gone[i:], fmt.Errorf("remove a file of the index: %w", err)
		}
		delete(x.scrubbed, s.Name)
	}
	return nil, nil
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

// scrub reads a file through that was not since the start.
func (x *Index) scrub(ctx context.Context) {
	x.mu.RLock()
	var next *stored
	for _, s := range x.data.files {
		if !x.scrubbed[s.Name] && s.kind() != documentsKind {
			next = s
			break
		}
	}
	x.mu.RUnlock()
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
