package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"pulse"
)

// stuckWait is how long Run waits for jobs that do not end though their context has.
const stuckWait = 5 * time.Second

// Run takes jobs and runs them until ctx ends or the queue is drained. It then
// lets running jobs finish within ShutdownTimeout; what is not finished is
// available in the store as it was, and will run after the next start. A clean
// stop returns nil. Recover comes before it. A running file that cannot be had is
// said and done without.
func (w *Workers) Run(ctx context.Context) error {
	running, err := openRunning(w.opts.RunningFile, w.opts.Workers)
	if err != nil {
		w.cannotNote(err)
		running = &runningFile{}
	}
	w.running = running
	hard, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stopped := make(chan struct{})
	var workers sync.WaitGroup
	for slot := range w.opts.Workers {
		workers.Go(func() { w.work(ctx, hard, slot) })
	}
	go func() { workers.Wait(); close(stopped) }()
	w.log.Info("Worker initialized, listening for jobs...", "workers", w.opts.Workers)

	err = w.awaitStop(ctx, cancel, stopped)
	if closeErr := running.close(); closeErr != nil {
		w.cannotNote(fmt.Errorf("close running file: %w", closeErr))
	}
	return err
}

// awaitStop returns when all workers have stopped, or when they will not.
func (w *Workers) awaitStop(ctx context.Context, cancel context.CancelCauseFunc, stopped <-chan struct{}) error {
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
	}
	if waitFor(stopped, w.opts.ShutdownTimeout) {
		return nil
	}
	cancel(errShutdown)
	if waitFor(stopped, stuckWait) {
		return nil
	}
	return fmt.Errorf("stop workers: some jobs did not end within %v", w.opts.ShutdownTimeout+stuckWait)
}

func waitFor(c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// work is one worker. soft ends when no new job may begin, hard when the running
// ones must end.
func (w *Workers) work(soft, hard context.Context, slot int) {
	for w.awaitStore(soft) {
		job, err := w.deps.Queue.Take(soft)
		if err != nil {
			return // shutting down: Take has no other error
		}
		if soft.Err() != nil {
			w.deps.Queue.Done(job.ID) // handed over as the shutdown began: it stays available in the store
			return
		}
		w.do(soft, hard, slot, job)
	}
}

// awaitStore waits while the store takes no commits: to clean and chunk page
// after page for it would be in vain. It looks every second, because another
// worker may have found the store well before its time.
func (w *Workers) awaitStore(soft context.Context) bool {
	for w.store.closed() {
		wait := time.NewTimer(min(time.Second, w.store.opens().Sub(w.now())))
		select {
		case <-soft.Done():
			wait.Stop()
			return false
		case <-wait.C:
		}
	}
	return true
}

// run is one run of one job.
type run struct {
	job    *pulse.Job
	report JobReport
	layout *Layout
	weight int64 // bytes of the budget that it holds
	runLog
}

// Running counts the jobs that are run or reported now. The queue lets a job go before it is
// reported, so one that the queue no longer holds counts here until its report was heard.
func (w *Workers) Running() int { return int(w.inRun.Load()) }

// do runs a job within the byte budget and sees it to its end.
func (w *Workers) do(soft, hard context.Context, slot int, job *pulse.Job) {
	w.inRun.Add(1)
	defer w.inRun.Add(-1)
	r := &run{job: job, report: JobReport{Job: job}, layout: w.layout.Load()}
	if err := w.acquire(soft, r, r.layout.weight(job.Bytes)); err != nil {
		w.deps.Queue.Done(job.ID) // shutting down: it stays available in the store
		return
	}
	defer w.release(r)
	w.noteRunning(slot, job.ID)
	defer w.noteRunning(slot, 0)

	r.runLog = w.newRunLog(hard)
	job.StartedAt = w.now()
	if !job.AcceptedAt.IsZero() {
		job.Stages.Wait = max(0, job.StartedAt.Sub(job.AcceptedAt))
	}
	w.logStart(hard, r)
	err := w.fate.before(job)
	if err == nil {
		err = w.try(hard, r)
	}
	w.settle(hard, r, err)
}

// try runs a job within its time and turns a panic into an error about it.
func (w *Workers) try(hard context.Context, r *run) (err error) {
	ctx := hard
	if d := w.timeout(r.job); d > 0 {
		timed, cancel := context.WithTimeout(hard, d)
		defer cancel()
		ctx = timed
	}
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	err = w.run(ctx, r)
	switch {
	case err == nil:
		return nil
	case hard.Err() != nil && errors.Is(err, context.Canceled):
		return errShutdown
	case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w (%v): %w", errTimeout, w.timeout(r.job), err)
	}
	return err
}

// settle does what fate decides: with the store, then with the queue. When the
// store cannot keep the ending, the job runs again and comes to it once more.
func (w *Workers) settle(hard context.Context, r *run, err error) {
	if err == nil {
		w.store.over()
		w.finish(hard, r, verdict{})
		return
	}
	v := w.fate.decide(r.job, err)
	if v.write {
		endErr := w.deps.Store.End(context.WithoutCancel(hard), r.job, v.ending)
		switch {
		case endErr == nil:
			w.store.over()
		case errors.Is(endErr, pulse.ErrConflict):
			v = verdict{drop: true}
		default:
			err = fmt.Errorf("end job %d: %w", r.job.ID, endErr)
			v = w.fate.soon(r.job, err)
		}
	}
	if isFault(err) && !v.drop {
		w.store.fault(err)
	}
	if v.ending.State != pulse.JobDone {
		r.report.Err = err
	}
	w.finish(hard, r, v)
}

// finish gives the job back to the queue and reports it.
func (w *Workers) finish(ctx context.Context, r *run, v verdict) {
	job := r.job
	job.EndedAt = w.now()
	switch {
	case v.drop:
		job.State = pulse.JobAvailable
	case v.none():
		job.State, job.Attempt = pulse.JobDone, job.Attempt+1
	default:
		e := v.ending
		job.State, job.Outcome, job.Reason, job.LastError = e.State, e.Outcome, e.Reason, e.Error
		job.Attempt, job.RunAt = e.Attempt, e.RunAt
		job.Suspect = job.Suspect && !v.write // it ran to an answer, and the process lives
	}
	if v.write || v.drop || job.State == pulse.JobDone {
		w.fate.forget(job.ID)
	}
	w.logEnd(ctx, r, v)
	if job.State == pulse.JobAvailable && !v.drop {
		w.deps.Queue.Retry(*job)
	} else {
		w.deps.Queue.Done(job.ID)
	}
	if w.opts.OnJob != nil {
		w.opts.OnJob(r.report)
	}
}

// noteRunning keeps what runs in this slot. A file that cannot be written costs
// only that a death of the process is not understood, so the job goes on.
func (w *Workers) noteRunning(slot int, id pulse.JobID) {
	if err := w.running.set(slot, id); err != nil {
		w.cannotNote(fmt.Errorf("write running file: %w", err))
	}
}
