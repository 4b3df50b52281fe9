package httpapi

import (
	"context"
	"sync"
	"sync/atomic"

	"pulse"
)

// Ends tells requests that wait for jobs when those end. The workers call Ended; a
// process without waiting requests pays one atomic load a job.
type Ends struct {
	count atomic.Int64 // of waits
	mu    sync.Mutex
	waits map[pulse.JobID][]*wait
}

// NewEnds makes an empty one.
func NewEnds() *Ends { return &Ends{waits: make(map[pulse.JobID][]*wait)} }

// wait is one request's jobs. Guarded by Ends.mu, but for done.
type wait struct {
	left  map[pulse.JobID]bool
	ended []pulse.Job
	done  chan struct{} // closed when left is empty
}

// Ended says that a job is done or dead. A job that only ended a try is not told.
func (e *Ends) Ended(job pulse.Job) {
	if e.count.Load() == 0 || job.State != pulse.JobDone && job.State != pulse.JobDead {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.waits[job.ID] {
		w.endLocked(job)
	}
	delete(e.waits, job.ID)
}

func (w *wait) endLocked(job pulse.Job) {
	if !w.left[job.ID] {
		return
	}
	w.ended = append(w.ended, job)
	if delete(w.left, job.ID); len(w.left) == 0 {
		close(w.done)
	}
}

// watch begins to wait; it must come before the jobs can end, or be followed by a look
// at the store. Each watch is paired with forget.
func (e *Ends) watch(ids []pulse.JobID) *wait {
	w := &wait{left: make(map[pulse.JobID]bool, len(ids)), done: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count.Add(1)
	for _, id := range ids {
		w.left[id] = true
		e.waits[id] = append(e.waits[id], w)
	}
	if len(w.left) == 0 {
		close(w.done)
	}
	return w
}

func (e *Ends) forget(w *wait) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count.Add(-1)
	for id := range w.left {
		e.dropLocked(id, w)
	}
}

func (e *Ends) dropLocked(id pulse.JobID, w *wait) {
	kept := e.waits[id][:0]
	for _, other := range e.waits[id] {
		if other != w {
			kept = append(kept, other)
		}
	}
	if e.waits[id] = kept; len(kept) == 0 {
		delete(e.waits, id)
	}
}

// until waits for all jobs or the context, and returns those that ended.
func (e *Ends) until(ctx context.Context, w *wait) []pulse.Job {
	select {
	case <-w.done:
	case <-ctx.Done():
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]pulse.Job(nil), w.ended...)
}
