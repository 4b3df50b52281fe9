package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pulse"
	"pulse/internal/clean"
	"pulse/internal/queue"
)

// fixedFate has no jitter and a clock that stands.
func fixedFate() *fate {
	f := newFate(Options{}.withDefaults())
	f.jitter = func() float64 { return 1 }
	f.now = func() time.Time { return time.Unix(1_000_000, 0) }
	return f
}

func TestDecide(t *testing.T) {
	f := func(name string, err error, want string) {
		t.Run(name, func(t *testing.T) {
			fate := fixedFate()
			v := fate.decide(&pulse.Job{ID: 1, Attempt: 2, AcceptedAt: fate.now()}, err)
			got := fmt.Sprintf("%s %s attempt %d", v.ending.State, v.ending.Outcome, v.ending.Attempt)
			switch {
			case v.drop:
				got = "drop"
			case !v.write:
				got += fmt.Sprintf(" unwritten in %v", v.ending.RunAt.Sub(fate.now()))
			case v.ending.State == pulse.JobAvailable:
				got += fmt.Sprintf(" in %v", v.ending.RunAt.Sub(fate.now()))
			}
			if got != want {
				t.Errorf("%v: %s, want %s", err, got, want)
			}
		})
	}
	wrap := func(err error) error { return fmt.Errorf("commit 3 chunks: %w", err) }
	f("refusal", wrap(&clean.Refusal{Reason: "thin"}), "done refused attempt 3")
	f("superseded", wrap(pulse.ErrSuperseded), "done superseded attempt 3")
	f("deleted", deletedError{}, "done deleted attempt 3")
	f("bad input", wrap(&pulse.InputError{}), "dead failed attempt 3")
	f("permanent", permanentf("decode: %w", errOdd), "dead failed attempt 3")
	f("expired", wrap(pulse.ErrGone), "dead failed attempt 3")
	f("unknown part", wrap(pulse.ErrNotFound), "dead failed attempt 3")
	f("odd", wrap(errOdd), "available  attempt 3 in 6m0s")
	f("panic", &panicError{value: "x"}, "available  attempt 3 in 6m0s")
	f("timeout", fmt.Errorf("%w: %w", errTimeout, context.DeadlineExceeded), "available  attempt 3 in 6m0s")
	f("disk full", wrap(pulse.ErrDiskFull), "available  attempt 2 unwritten in 100ms")
	f("store unavailable", wrap(pulse.ErrUnavailable), "available  attempt 2 unwritten in 100ms")
	f("store closed", wrap(pulse.ErrClosed), "available  attempt 2 unwritten in 100ms")
	f("cancelled", wrap(context.Canceled), "available  attempt 2 unwritten in 100ms")
	f("shutdown", fmt.Errorf("%w: %w", errShutdown, context.Canceled), "drop")
	f("conflict", wrap(pulse.ErrConflict), "drop")
	f("embedder away", &awayError{errOdd, time.Unix(1_000_005, 0)}, "available  attempt 2 unwritten in 6s")
}

func TestRetrySchedule(t *testing.T) {
	t.Run("an answer about the page: slowly, five times", func(t *testing.T) {
		fate, job := fixedFate(), &pulse.Job{ID: 1}
		var got []string
		for range 5 {
			v := fate.decide(job, errOdd)
			got = append(got, fmt.Sprint(v.ending.State, " ", max(0, v.ending.RunAt.Sub(fate.now()))))
			job.Attempt = v.ending.Attempt
		}
		want := "[available 10s available 1m0s available 6m0s available 36m0s dead 0s]"
		if fmt.Sprint(got) != want {
			t.Errorf("schedule %v, want %v", got, want)
		}
	})
	t.Run("a fault: fast, for ever", func(t *testing.T) {
		fate, job := fixedFate(), &pulse.Job{ID: 1}
		var got []time.Duration
		for range 11 {
			got = append(got, fate.decide(job, pulse.ErrUnavailable).ending.RunAt.Sub(fate.now()))
		}
		want := "[100ms 200ms 400ms 800ms 1.6s 3.2s 6.4s 12.8s 25.6s 30s 30s]"
		if fmt.Sprint(got) != want {
			t.Errorf("schedule %v, want %v", got, want)
		}
		fate.forget(1)
		if d := fate.decide(job, pulse.ErrUnavailable).ending.RunAt.Sub(fate.now()); d != 100*time.Millisecond {
			t.Errorf("after a run without a fault: %v", d)
		}
	})
	t.Run("jitter spreads over the upper half", func(t *testing.T) {
		fate := newFate(Options{}.withDefaults())
		for range 1000 {
			if d := fate.jittered(time.Second); d < time.Second/2 || d > time.Second {
				t.Fatalf("delay %v", d)
			}
		}
	})
	t.Run("backoff", func(t *testing.T) {
		f := func(n int, want time.Duration) {
			t.Helper()
			if got := backoff(firstSlowRetry, lastSlowRetry, 6, n); got != want {
				t.Errorf("after %d: %v, want %v", n, got, want)
			}
		}
		f(0, 10*time.Second)
		f(3, 36*time.Minute)
		f(4, time.Hour)
		f(math.MaxInt, time.Hour)
	})
}

func TestJobIsDeadAfterFiveAttempts(t *testing.T) {
	inWorld(t, func(w *world) { w.store.fail = onCall("commit", errOdd) }, func(w *world) {
		start := time.Now()
		w.add(1, page(1))
		r, runs := w.last(1)
		if runs != 5 || r.Job.State != pulse.JobDead || !strings.Contains(r.Job.LastError, "gave up after 5 attempts: commit 1 chunks: constraint failed") {
			t.Errorf("%d runs, job %+v", runs, r.Job)
		}
		if took := time.Since(start); took < 21*time.Minute || took > 44*time.Minute {
			t.Errorf("dead after %v", took)
		}
		if n := len(w.store.ends[1]); n != 5 {
			t.Errorf("%d endings written", n)
		}
	})
}

func TestFullDiskCountsNoAttempt(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	inWorld(t, func(w *world) {
		w.store.fail = func(_ context.Context, call string, _ *pulse.Job) error {
			if full.Load() && (call == "commit" || call == "end") {
				return fmt.Errorf("write: %w", pulse.ErrDiskFull)
			}
			return nil
		}
	}, func(w *world) {
		for id := 1; id <= 8; id++ {
			w.add(id, page(id))
		}
		w.add(9, pulse.Change{}) // refused, and not even that can be written
		<-time.After(10 * time.Minute)
		if n := w.store.count("part"); n > 200 {
			t.Errorf("parts were read %d times for a store that takes nothing", n)
		}
		full.Store(false)
		for ended := 0; ended < 9; {
			r := w.next()
			if r.Job.State == pulse.JobAvailable && r.Job.Attempt == 0 && errors.Is(r.Err, pulse.ErrDiskFull) {
				continue
			}
			if ended++; r.Job.State != pulse.JobDone || r.Job.Attempt != 1 {
				t.Errorf("job %d: %s after %d attempts", r.Job.ID, r.Job.State, r.Job.Attempt)
			}
		}
		synctest.Wait()
		if c := w.queue.Counts(); c != (queue.Counts{}) {
			t.Errorf("the queue still has %+v", c)
		}
		if n := len(w.logs.lines("level=WARN", "Outage")); n < 9 || n > 11 {
			t.Errorf("%d lines for ten minutes without disk:\n%s", n, strings.Join(w.logs.lines("Outage"), ""))
		}
		if len(w.logs.lines("Outage began", "part=store")) != 1 || len(w.logs.lines("Outage is over")) != 1 {
			t.Errorf("lines %v", w.logs.lines("Outage"))
		}
		if n := len(w.workers.fate.faults); n != 0 {
			t.Errorf("faults of %d jobs are still remembered", n)
		}
	})
}

func TestPanicIsAboutItsJobAlone(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.add(1, pulse.Change{Title: "panic"})
		for id := 2; id <= 50; id++ {
			w.add(id, page(id))
		}
		indexed := 0
		for range 50 {
			if w.next().Job.Outcome == pulse.OutcomeIndexed {
				indexed++
			}
		}
		r, _ := w.last(1)
		if indexed != 49 || r.Job.State != pulse.JobDead || !strings.Contains(r.Job.LastError, "panic: this page breaks the decoder") {
			t.Errorf("%d indexed; %s: %s", indexed, r.Job.State, r.Job.LastError)
		}
		if stacks := w.logs.lines("stack=", "job_id=1", "decode"); len(stacks) != 1 {
			t.Errorf("%d stacks in the log", len(stacks))
		}
	})
}

func TestTimeout(t *testing.T) {
	inWorld(t, func(w *world) {
		w.store.fail = func(ctx context.Context, call string, job *pulse.Job) error {
			if call == "commit" && job.Attempt == 0 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
	}, func(w *world) {
		start := time.Now()
		w.add(1, page(1))
		r := w.next()
		if took := time.Since(start); took != 10*time.Minute || r.Job.State != pulse.JobAvailable || r.Job.Attempt != 1 || !errors.Is(r.Err, errTimeout) {
			t.Errorf("after %v: %+v: %v", took, r.Job, r.Err)
		}
		if r, _ := w.last(1); r.Job.Outcome != pulse.OutcomeIndexed {
			t.Errorf("outcome %q", r.Job.Outcome)
		}
	})
}
