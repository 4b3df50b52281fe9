package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"pulse"
	"pulse/internal/clean"
	"pulse/internal/embed"
	"pulse/internal/store"
)

// maxDeaths is how often the process may die while one job runs alone.
const maxDeaths = 5

const (
	firstFastRetry = 100 * time.Millisecond // doubling, to
	lastFastRetry  = 30 * time.Second
	firstSlowRetry = 10 * time.Second // six-fold, to
	lastSlowRetry  = time.Hour
)

// verdict is what becomes of a job after a run that the store did not end; the
// zero verdict is one that its commit has ended.
type verdict struct {
	ending store.Ending
	write  bool // the store keeps the ending; else the queue alone knows that it will run again
	drop   bool // neither: the store has it available, or ended, and nobody here runs it again
}

func (v verdict) none() bool { return v == verdict{} }

// fate decides what becomes of a job, and is the only place that does:
//
//   - An answer about the page counts as an attempt. Bad input is dead at once,
//     a page without text is refused, and what may be the page's fault or may pass
//     (a panic, a run that took too long, an error that nobody knows) is tried
//     again slowly and is dead after MaxAttempts.
//   - A fault that says nothing about the page counts nothing. While the store
//     takes no commits, jobs wait in the queue and are tried fast; while the
//     embedder is away, embed jobs wait until RetryFor is over.
//   - A shutdown counts nothing: the job is available in the store as it was.
//   - A death of the process counts only against a job that ran alone.
type fate struct {
	maxAttempts int
	retryFor    time.Duration
	now         func() time.Time
	jitter      func() float64 // 0..1

	mu     sync.Mutex
	faults map[pulse.JobID]int // runs in a row that a fault ended; jobs that wait for a fault to pass
}

func newFate(o Options) *fate {
	return &fate{
		maxAttempts: o.MaxAttempts, retryFor: o.RetryFor, now: o.Now,
		jitter: rand.Float64, faults: make(map[pulse.JobID]int),
	}
}

// before judges a job that is about to run; nil lets it.
func (f *fate) before(job *pulse.Job) error {
	if job.Deaths >= maxDeaths {
		return permanentf("process died %d times while it ran alone", job.Deaths)
	}
	return nil
}

// decide judges a run that ended with err, which is not nil.
func (f *fate) decide(job *pulse.Job, err error) verdict {
	var (
		refusal   *clean.Refusal
		permanent *permanentError
		input     *pulse.InputError
		away      *awayError
	)
	switch {
	case errors.Is(err, errShutdown), errors.Is(err, pulse.ErrConflict):
		return verdict{drop: true}
	case errors.As(err, &refusal):
		return f.ended(job, pulse.OutcomeRefused, refusal.Reason)
	case errors.Is(err, pulse.ErrSuperseded):
		return f.ended(job, pulse.OutcomeSuperseded, "")
	case errors.Is(err, deletedError{}):
		return f.ended(job, pulse.OutcomeDeleted, "")
	case errors.As(err, &permanent), errors.As(err, &input), errors.Is(err, pulse.ErrGone), errors.Is(err, pulse.ErrNotFound):
		return f.dead(job, err.Error())
	case errors.As(err, &away):
		return f.whileAway(job, away)
	case isFault(err), errors.Is(err, store.ErrOtherLayout): // it is cut anew by the layout that stands
		return f.soon(job, err)
	default:
		return f.attempt(job, err)
	}
}

// isFault says whether an error is about the store, the process or who counts tokens, not
// the page.
func isFault(err error) bool {
	if nobody := new(embed.AwayError); errors.As(err, &nobody) {
		return true
	}
	return errors.Is(err, pulse.ErrDiskFull) || errors.Is(err, pulse.ErrUnavailable) ||
		errors.Is(err, pulse.ErrOverloaded) || errors.Is(err, pulse.ErrClosed) || errors.Is(err, context.Canceled)
}

func (f *fate) ended(job *pulse.Job, o pulse.Outcome, reason string) verdict {
	return verdict{write: true, ending: store.Ending{State: pulse.JobDone, Outcome: o, Reason: reason, Attempt: job.Attempt + 1}}
}

func (f *fate) dead(job *pulse.Job, cause string) verdict {
	return verdict{write: true, ending: store.Ending{State: pulse.JobDead, Outcome: pulse.OutcomeFailed, Error: cause, Attempt: job.Attempt + 1}}
}

func (f *fate) attempt(job *pulse.Job, err error) verdict {
	if job.Attempt+1 >= f.maxAttempts {
		return f.dead(job, fmt.Sprintf("gave up after %d attempts: %v", job.Attempt+1, err))
	}
	delay := f.jittered(backoff(firstSlowRetry, lastSlowRetry, 6, job.Attempt))
	return verdict{write: true, ending: store.Ending{
		State: pulse.JobAvailable, Error: err.Error(), Attempt: job.Attempt + 1, RunAt: f.now().Add(delay),
	}}
}

// soon makes a job wait for a fault to pass. Nothing is written, because nothing
// about the job has changed and the store may not be able to.
func (f *fate) soon(job *pulse.Job, err error) verdict {
	f.mu.Lock()
	n := f.faults[job.ID]
	f.faults[job.ID]++
	f.mu.Unlock()
	return f.again(job, err, f.now().Add(f.jittered(backoff(firstFastRetry, lastFastRetry, 2, n))))
}

// whileAway makes an embed job wait until the gate to the embedder opens.
func (f *fate) whileAway(job *pulse.Job, away *awayError) verdict {
	now := f.now()
	if waited := now.Sub(job.AcceptedAt); waited > f.retryFor {
		return f.dead(job, fmt.Sprintf("embedder away for %v: %v", f.retryFor, away.err))
	}
	return f.again(job, away.err, away.until.Add(time.Duration(f.jitter()*float64(time.Second))))
}

func (f *fate) again(job *pulse.Job, err error, at time.Time) verdict {
	return verdict{ending: store.Ending{State: pulse.JobAvailable, Error: err.Error(), Attempt: job.Attempt, RunAt: at}}
}

// forget drops what is remembered of a job that no fault holds up any more.
func (f *fate) forget(id pulse.JobID) {
	f.mu.Lock()
	delete(f.faults, id)
	f.mu.Unlock()
}

// jittered spreads a delay over its upper half, so that jobs that failed together
// do not come back together.
func (f *fate) jittered(d time.Duration) time.Duration {
	return d/2 + time.Duration(f.jitter()*float64(d/2))
}

// backoff is the delay after n earlier failures.
func backoff(first, last time.Duration, factor, n int) time.Duration {
	d := first
	for ; n > 0 && d < last; n-- {
		d *= time.Duration(factor)
	}
	return min(d, last)
}
