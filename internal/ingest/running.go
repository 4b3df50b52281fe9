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
// keeps nothing.
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
// returns those jobs. After an error the file is as it was.
func (w *Workers) Recover(ctx context.Context) ([]pulse.JobID, error) {
	if w.opts.RunningFile == "" {
		return nil, nil
	}
	ids, err := readRunning(w.opts.RunningFile)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	if err := w.deps.Store.MarkDeath(ctx, ids, len(ids) == 1); err != nil {
		return nil, fmt.Errorf("mark %d jobs that ran when the process died: %w", len(ids), err)
	}
	if err := os.Truncate(w.opts.RunningFile, 0); err != nil {
		return nil, fmt.Errorf("empty running file: %w", err)
	}
	return ids, nil
}
