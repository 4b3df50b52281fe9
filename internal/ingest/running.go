package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"pulse"
)

// The file of running jobs has a header and then one slot of eight bytes for each
// worker: the id of the job that it runs, or zero. A slot is written before the
// work begins and cleared when it has ended. Nothing is synced: the file must
// outlive the process, not the machine, and a job that is named wrongly after a
// power failure was not alone to blame or has ended.
const (
	runningHeader = "PULSERN1"
	slotBytes     = 8
)

type runningFile struct{ file *os.File }

// openRunning makes the file with all slots clear; a path of "" gives one that
// keeps nothing, as the zero runningFile does.
func openRunning(path string, slots int) (*runningFile, error) {
	if path == "" {
		return &runningFile{}, nil
	}
	ids, err := readRunning(path)
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		return nil, fmt.Errorf("open running file: %s names %d jobs that were not recovered", path, len(ids))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open running file: %w", err)
	}
	empty := make([]byte, len(runningHeader)+slots*slotBytes)
	copy(empty, runningHeader)
	if _, err := f.WriteAt(empty, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("write running file: %w", err), f.Close())
	}
	return &runningFile{f}, nil
}

// set notes what a slot runs; 0 clears it.
func (r *runningFile) set(slot int, id pulse.JobID) error {
	if r.file == nil {
		return nil
	}
	var b [slotBytes]byte
	binary.LittleEndian.PutUint64(b[:], uint64(id))
	_, err := r.file.WriteAt(b[:], int64(len(runningHeader)+slot*slotBytes))
	return err
}

// close empties the file: a stop of one's own will is no death.
func (r *runningFile) close() error {
	if r.file == nil {
		return nil
	}
	return errors.Join(r.file.Truncate(0), r.file.Close())
}

// readRunning is the jobs that a file names, ascending, each once. A file that is
// absent, short or not ours names none: it can only be the remains of a start
// that did not come to run anything.
func readRunning(path string) ([]pulse.JobID, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read running file: %w", err)
	}
	if len(b) < len(runningHeader) || string(b[:len(runningHeader)]) != runningHeader {
		return nil, nil
	}
	var ids []pulse.JobID
	for b = b[len(runningHeader):]; len(b) >= slotBytes; b = b[slotBytes:] {
		if id := pulse.JobID(binary.LittleEndian.Uint64(b)); id > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Recover tells the store which jobs ran when the process died, so that they run
// as suspects, and empties the file. It comes before the queue is loaded, and
// returns those jobs. A file that cannot be read or emptied, or a store that cannot
// write, costs only that this death is not understood: it is said, and the file
// stays as it was, so that a later start may understand it.
func (w *Workers) Recover(ctx context.Context) []pulse.JobID {
	if w.opts.RunningFile == "" {
		return nil
	}
	ids, err := w.recover(ctx)
	if err != nil && ctx.Err() == nil {
		w.cannotNote(err)
	}
	return ids
}

// recover opens the file for writing before it tells the store: a death that cannot
// be struck out would count again with every start.
func (w *Workers) recover(ctx context.Context) (suspects []pulse.JobID, err error) {
	f, err := os.OpenFile(w.opts.RunningFile, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open running file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	ids, err := readRunning(w.opts.RunningFile)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	if suspects, err = w.suspectsOf(ctx, ids); err != nil {
		return nil, err
	}
	if len(suspects) > 0 {
		if err := w.deps.Store.MarkDeath(ctx, suspects, len(suspects) == 1); err != nil {
			return nil, fmt.Errorf("mark %d jobs that ran when the process died: %w", len(suspects), err)
		}
	}
	if err := f.Truncate(0); err != nil {
		return suspects, fmt.Errorf("empty running file: %w", err)
	}
	return suspects, nil
}

// suspectsOf leaves out mass deletions: they parse nothing, and as suspects they
// would hold up all other jobs for as long as they take.
func (w *Workers) suspectsOf(ctx context.Context, ids []pulse.JobID) ([]pulse.JobID, error) {
	suspects := make([]pulse.JobID, 0, len(ids))
	for _, id := range ids {
		job, err := w.deps.Store.Job(ctx, id)
		if errors.Is(err, pulse.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read job %d, which ran when the process died: %w", id, err)
		}
		if !isErasure(job) {
			suspects = append(suspects, id)
		}
	}
	return suspects, nil
}

// cannotNote says, once, that the file is of no use.
func (w *Workers) cannotNote(err error) {
	if w.runningFailed.CompareAndSwap(false, true) {
		w.log.Warn("Running jobs cannot be noted; a job that ends the process will not be found", "file", w.opts.RunningFile, "error", err)
	}
}
