package ingest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

func TestShutdown(t *testing.T) {
	// blockCommit makes commits last until released or cancelled.
	blockCommit := func(w *world) chan struct{} {
		release := make(chan struct{})
		w.store.fail = func(ctx context.Context, call string, _ *pulse.Job) error {
			if call != "commit" {
				return nil
			}
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return release
	}
	running := func(t *testing.T) string { return filepath.Join(t.TempDir(), "running") }

	t.Run("running jobs finish, waiting ones stay", func(t *testing.T) {
		path := running(t)
		var release chan struct{}
		inWorld(t, func(w *world) { release = blockCommit(w); w.opts.RunningFile, w.opts.Workers = path, 2 }, func(w *world) {
			for id := 1; id <= 5; id++ {
				w.add(id, page(id))
			}
			synctest.Wait()
			w.stop()
			<-time.After(20 * time.Second)
			close(release)
			for range 2 {
				if r := w.next(); r.Job.Outcome != pulse.OutcomeIndexed {
					t.Errorf("job %d: %v", r.Job.ID, r.Err)
				}
			}
			synctest.Wait()
			if c := w.queue.Counts(); c.Waiting[1] != 3 || c.Leased != 0 {
				t.Errorf("counts %+v", c)
			}
		})
		if ids, err := readRunning(path); len(ids) > 0 || err != nil {
			t.Errorf("running file names %v, %v", ids, err)
		}
	})
	t.Run("past its time a job is handed back", func(t *testing.T) {
		path, start := running(t), time.Time{}
		inWorld(t, func(w *world) { blockCommit(w); w.opts.RunningFile = path }, func(w *world) {
			w.add(1, page(1))
			synctest.Wait()
			start = time.Now()
			w.stop()
			r := w.next()
			if r.Job.State != pulse.JobAvailable || r.Job.Attempt != 0 || !errors.Is(r.Err, errShutdown) || len(w.store.ends) != 0 {
				t.Errorf("job %+v: %v", r.Job, r.Err)
			}
			if took := time.Since(start); took != 30*time.Second {
				t.Errorf("handed back after %v", took)
			}
		})
		if ids, err := readRunning(path); len(ids) > 0 || err != nil {
			t.Errorf("running file names %v, %v", ids, err)
		}
	})
	t.Run("by Drain", func(t *testing.T) {
		inWorld(t, nil, func(w *world) {
			w.queue.Drain()
			if err := <-w.ended; err != nil {
				t.Errorf("Run: %v", err)
			}
			w.ended <- nil
		})
	})
	t.Run("a job that does not end is told of", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			release := make(chan struct{})
			w.store.fail = func(context.Context, string, *pulse.Job) error { <-release; return nil }
			w.start()
			w.add(1, page(1))
			synctest.Wait()
			w.stop()
			if err := <-w.ended; err == nil || !strings.Contains(err.Error(), "some jobs did not end within 35s") {
				t.Errorf("error %v", err)
			}
			close(release)
			w.next()
		})
	})
	t.Run("a job that waits for memory is handed back at once", func(t *testing.T) {
		inWorld(t, func(w *world) { w.deps.Budget.TryAcquire(1 << 20) }, func(w *world) {
			w.add(1, page(1))
			synctest.Wait()
			w.stop()
			synctest.Wait()
			if c := w.queue.Counts(); c.Leased != 0 || w.store.count("part") != 0 {
				t.Errorf("counts %+v", c)
			}
		})
	})
}

func TestRunningFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "running")
	f, err := openRunning(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	check := func(want ...pulse.JobID) {
		t.Helper()
		got, err := readRunning(path)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("file names %v, %v; want %v", got, err, want)
		}
	}
	set := func(slot int, id pulse.JobID) {
		t.Helper()
		if err := f.set(slot, id); err != nil {
			t.Fatal(err)
		}
	}
	check()
	set(0, 7)
	set(2, 5)
	check(5, 7)
	set(0, 0)
	set(1, 5)
	check(5)
	if _, err := openRunning(path, 3); err == nil || !strings.Contains(err.Error(), "not recovered") {
		t.Errorf("opened over the jobs of a death: %v", err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	check()
}

// died leaves a running file as a death of the process would.
func (w *world) died(ids ...pulse.JobID) {
	w.t.Helper()
	w.opts.RunningFile = filepath.Join(w.t.TempDir(), "running")
	f, err := openRunning(w.opts.RunningFile, len(ids))
	if err != nil {
		w.t.Fatal(err)
	}
	for slot, id := range ids {
		if err := f.set(slot, id); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := f.file.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func TestRecover(t *testing.T) {
	f := func(name string, ids []pulse.JobID, want map[pulse.JobID]bool) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.erases = map[pulse.JobID]bool{100: true, 101: true}
			w.died(ids...)
			workers := New(w.deps, w.opts)
			w.store.fail = onCall("markDeath", pulse.ErrUnavailable)
			if got := workers.Recover(t.Context()); len(got) > 0 {
				t.Errorf("suspects %v, which the store does not know of", got)
			}
			if n := len(w.logs.lines("level=WARN", "cannot be noted", "mark")); n != min(1, len(want)) {
				t.Errorf("%d warnings that the store cannot write", n)
			}
			w.store.fail = nil
			for range 2 {
				workers.Recover(t.Context())
			}
			if diff := cmp.Diff(want, w.store.deaths); diff != "" {
				t.Errorf("deaths, and whether alone (-want +got):\n%s", diff)
			}
			if n := w.store.count("markDeath"); n != 2*min(1, len(want)) {
				t.Errorf("%d calls: the second time there is nothing to mark", n)
			}
			if left, err := readRunning(w.opts.RunningFile); len(left) > 0 || err != nil {
				t.Errorf("file names %v, %v", left, err)
			}
		})
	}
	type deaths = map[pulse.JobID]bool
	f("nothing ran", nil, deaths{})
	f("one ran alone", []pulse.JobID{7}, deaths{7: true})
	f("several ran", []pulse.JobID{7, 9}, deaths{7: false, 9: false})
	f("a mass deletion", []pulse.JobID{100}, deaths{})
	f("mass deletions and one page", []pulse.JobID{7, 100, 101}, deaths{7: true})

	t.Run("no file, or not ours", func(t *testing.T) {
		w := newWorld(t)
		w.opts.RunningFile = filepath.Join(t.TempDir(), "running")
		for _, content := range []string{"", "PULSE", "something else entirely, of no use"} {
			if err := os.WriteFile(w.opts.RunningFile, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if ids := New(w.deps, w.opts).Recover(t.Context()); len(ids) > 0 {
				t.Errorf("%q: %v", content, ids)
			}
		}
		w.opts.RunningFile += ".absent"
		if ids := New(w.deps, w.opts).Recover(t.Context()); len(ids) > 0 {
			t.Errorf("%v", ids)
		}
		if got := w.logs.lines("level=WARN"); len(got) > 0 {
			t.Errorf("warnings %q", got)
		}
	})
}

// A running file costs only understanding: jobs run without one, and it is said once.
func TestWorksWithoutARunningFile(t *testing.T) {
	f := func(name, cause string, prepare func(w *world)) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				prepare(w)
				w.workers = New(w.deps, w.opts)
				if got := w.workers.Recover(context.Background()); len(got) > 0 {
					t.Errorf("suspects %v", got)
				}
			}, func(w *world) {
				for id := 1; id <= 3; id++ {
					w.add(id, page(id))
					if r := w.next(); r.Job.Outcome != pulse.OutcomeIndexed {
						t.Errorf("job %d: %v", r.Job.ID, r.Err)
					}
				}
				w.stop()
				synctest.Wait()
				if got := w.logs.lines("level=WARN"); len(got) != 1 || !strings.Contains(got[0], cause) {
					t.Errorf("warnings %q, want one of %q", got, cause)
				}
			})
		})
	}
	f("unreadable", "is a directory", func(w *world) { w.opts.RunningFile = t.TempDir() })
	f("in a folder that is not there", "no such file", func(w *world) { w.opts.RunningFile = filepath.Join(t.TempDir(), "absent", "running") })
	f("of a death that the store cannot note", "disk is full", func(w *world) {
		w.died(7)
		w.store.fail = onCall("markDeath", pulse.ErrDiskFull)
	})

	t.Run("not to be emptied", func(t *testing.T) {
		w := newWorld(t)
		w.died(7)
		if err := os.Chmod(w.opts.RunningFile, 0o400); err != nil {
			t.Fatal(err)
		}
		if f, err := os.OpenFile(w.opts.RunningFile, os.O_RDWR, 0); err == nil {
			f.Close()
			t.Skip("skipped: this user may write what nobody may")
		}
		New(w.deps, w.opts).Recover(t.Context())
		if len(w.store.deaths) > 0 {
			t.Errorf("deaths %v would count again with every start", w.store.deaths)
		}
	})
}

// A suspect that came to an answer is none any more; one that a fault stopped is.
func TestSuspectIsCleared(t *testing.T) {
	f := func(name string, fault error, want bool) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) { w.store.fail = onCall("commit", fault) }, func(w *world) {
				j := newJob(1)
				j.Suspect, j.Deaths = true, 2
				w.addPart(j, `{"Markdown":"text"}`)
				if r := w.next(); r.Job.State != pulse.JobAvailable || r.Job.Suspect != want || r.Job.Deaths != 2 {
					t.Errorf("job %+v: %v", r.Job, r.Err)
				}
			})
		})
	}
	f("an answer", errOdd, false)
	f("a fault", pulse.ErrUnavailable, true)
}

func FuzzReadRunning(f *testing.F) {
	f.Add([]byte("PULSERN1\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "running")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		ids, err := readRunning(path)
		if err != nil || len(ids)*slotBytes > len(content) {
			t.Errorf("%d ids, %v", len(ids), err)
		}
	})
}

// While a job runs, the file names it; once it has ended, it does not.
func TestRunningFileFollowsTheWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "running")
	inWorld(t, func(w *world) {
		w.opts.RunningFile, w.opts.Workers = path, 1
		w.store.fail = func(_ context.Context, call string, job *pulse.Job) error {
			if call == "commit" {
				if ids, err := readRunning(path); err != nil || !slices.Equal(ids, []pulse.JobID{job.ID}) {
					t.Errorf("while %d runs, the file names %v, %v", job.ID, ids, err)
				}
			}
			return nil
		}
	}, func(w *world) {
		w.add(1, page(1))
		w.add(2, page(2))
		w.next()
		w.next()
		synctest.Wait()
		if ids, err := readRunning(path); len(ids) > 0 || err != nil {
			t.Errorf("at rest the file names %v, %v", ids, err)
		}
	})
}

func TestFirstJobsAreLoggedAtInfo(t *testing.T) {
	inWorld(t, func(w *world) { w.deps.Layout.Embedder, w.opts.Workers = new(fakeEmbedder), 1 }, func(w *world) {
		for id := 1; id <= 25; id++ {
			w.add(id, page(id))
			w.next()
		}
		f := func(level string, want int, words ...string) {
			t.Helper()
			if got := len(w.logs.lines(append(words, "level="+level)...)); got != want {
				t.Errorf("%d lines %s %q, want %d", got, level, words, want)
			}
		}
		f("INFO", 1, `"Worker initialized, listening for jobs..."`)
		for _, words := range [][]string{
			{`"Starting indexing job"`, "job_id=", "url=https://example.org/"},
			{`"Indexing job completed"`, "url=", "chunks=1", "duration_ms=", "outcome=indexed"},
			{`"Operation completed"`, "operation_type=cleaning", "operation_name=clean_page", "duration_ms="},
			{`"Operation completed"`, "operation_type=chunking", "operation_name=chunk_text", "duration_ms="},
			{`"Operation completed"`, "operation_type=embedding", "operation_name=embed_batch", "duration_ms="},
			{`"Operation completed"`, "operation_type=index", "operation_name=index_chunks", "duration_ms="},
		} {
			f("INFO", loudJobs, words...)
			f("DEBUG", 5, words...)
		}
	})
}

func TestSlowJob(t *testing.T) {
	f := func(name string, wait, work time.Duration, want int) {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.store.fail = func(_ context.Context, call string, _ *pulse.Job) error {
					if call == "commit" {
						<-time.After(work)
					}
					return nil
				}
			}, func(w *world) {
				j := newJob(1)
				j.AcceptedAt = j.AcceptedAt.Add(-wait)
				w.addPart(j, `{"Markdown":"text"}`)
				r := w.next()
				if got := w.logs.lines("level=WARN", `"Slow job"`, "job_id=1", "commit_ms="); len(got) != want {
					t.Errorf("%d warnings: %v", len(got), got)
				}
				if r.Job.Stages.Wait != wait || r.Job.Stages.Commit != work {
					t.Errorf("stages %+v", r.Job.Stages)
				}
			})
		})
	}
	f("that waited long", time.Hour, time.Second, 0)
	f("that worked long", 0, 6*time.Second, 1)
}
