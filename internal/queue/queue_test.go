package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func job(id int, p pulse.Priority, turn string) pulse.Job {
	return pulse.Job{ID: pulse.JobID(id), Kind: pulse.KindUpsert, Priority: p, Turn: turn, AcceptedAt: time.Unix(int64(1000+id), 0).UTC()}
}

func delayed(j pulse.Job, at time.Time) pulse.Job {
	j.RunAt = at
	return j
}

func suspect(j pulse.Job, deaths int) pulse.Job {
	j.Suspect, j.Deaths = true, deaths
	return j
}

func mustTake(t *testing.T, q *Queue) pulse.JobID {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	j, err := q.Take(ctx)
	if err != nil {
		t.Fatalf("Take: %v", err)
	}
	return j.ID
}

func takeAll(t *testing.T, q *Queue) []pulse.JobID {
	t.Helper()
	var ids []pulse.JobID
	for c := q.Counts(); c.Waiting[0]+c.Waiting[1]+c.Waiting[2]+c.Vectors > 0; c = q.Counts() {
		id := mustTake(t, q)
		q.Done(id)
		ids = append(ids, id)
	}
	return ids
}

func TestJobComesBackWhole(t *testing.T) {
	f := func(want pulse.Job) {
		t.Helper()
		q := New(Options{})
		q.Add(want)
		got, err := q.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want.State = pulse.JobLeased
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("job changed in the queue (-want +got):\n%s", diff)
		}
	}
	whole := pulse.Job{
		ID: 7, Delivery: 3, Element: 9999, Kind: pulse.KindDelete, Source: "firecrawl", Collection: "c",
		Key: "https://a/b", URL: "HTTPS://a/b#c", Version: 5, Priority: pulse.PriorityCrawl, Turn: "t", Crawl: "x",
		Bytes: 32 << 20, Attempt: 4, Deaths: 0, Suspect: true, AcceptedAt: time.Unix(5, 6).UTC(), CommitSeq: 8,
	}
	f(whole)
	same := whole
	same.URL = same.Key
	f(same)
	nothing := whole
	nothing.Key, nothing.URL = "", ""
	f(nothing)
	noURL := whole
	noURL.URL = ""
	f(noURL)
	noKey := whole
	noKey.Key = ""
	f(noKey)
	f(pulse.Job{})
}

func TestOrder(t *testing.T) {
	f := func(want string, jobs ...pulse.Job) {
		t.Helper()
		q := New(Options{})
		q.Add(jobs...)
		got := strings.Trim(fmt.Sprint(takeAll(t, q)), "[]")
		if got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	}
	f("1 2 3", job(1, 1, "a"), job(2, 1, "a"), job(3, 1, "a"))
	f("3 2 1", job(1, 2, "a"), job(2, 1, "a"), job(3, 0, "a"))
	f("1 4 2 5 3 6", job(1, 1, "a"), job(2, 1, "a"), job(3, 1, "a"), job(4, 1, "b"), job(5, 1, "b"), job(6, 1, "b"))
	f("1 2 3", job(3, 1, "a"), job(1, 1, "a"), job(2, 1, "a"))
	f("1 3 2", job(1, 1, "a"), suspect(job(2, 0, "a"), 0), job(3, 1, "a"))
	f("1 2", job(1, -5, "a"), job(2, 99, "a"))
	f("1", job(1, 1, "a"), job(1, 1, "a"))
}

func TestThreeCrawlsAdvanceTogether(t *testing.T) {
	q := New(Options{})
	id := 0
	for crawl, pages := range map[string]int{"big": 50_000, "middle": 5_000, "small": 3_000} {
		for range pages {
			id++
			q.Add(job(id, pulse.PriorityCrawl, crawl))
		}
	}
	seen := map[string]int{}
	for range 6_000 {
		j, _ := q.Take(t.Context())
		q.Done(j.ID)
		seen[j.Turn]++
	}
	for crawl, n := range seen {
		if n < 1_900 || n > 2_100 {
			t.Errorf("crawl %s had %d of 6,000 turns", crawl, n)
		}
	}
	q.Add(job(900_000, pulse.PriorityWanted, "big"))
	if got := mustTake(t, q); got != 900_000 {
		t.Errorf("took %d, want the wanted job", got)
	}
}

func TestRetryWaitsForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(Options{})
		start := time.Now()
		q.Add(delayed(job(1, 1, "a"), start.Add(3*time.Hour)), delayed(job(2, 1, "a"), start.Add(time.Second)))
		q.Add(job(3, 1, "a"))
		if got := mustTake(t, q); got != 3 {
			t.Fatalf("took %d, want 3", got)
		}
		if c := q.Counts(); c.Retrying != 2 || c.Waiting[1] != 2 || c.Leased != 1 {
			t.Errorf("counts %+v", c)
		}
		again := job(3, 1, "a")
		q.Retry(delayed(again, start.Add(500*time.Millisecond)))
		for _, want := range []struct {
			id    pulse.JobID
			after time.Duration
		}{{3, 500 * time.Millisecond}, {2, time.Second}} {
			if got := mustTake(t, q); got != want.id || time.Since(start) != want.after {
				t.Errorf("took %d after %v, want %d after %v", got, time.Since(start), want.id, want.after)
			}
		}
		j, err := q.Take(t.Context())
		if err != nil || j.ID != 1 || time.Since(start) != 3*time.Hour {
			t.Errorf("took %v, %v after %v", j, err, time.Since(start))
		}
	})
}

func TestSuspects(t *testing.T) {
	t.Run("alone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := New(Options{})
			q.Add(job(1, 1, "a"), suspect(job(2, 1, "a"), 0), suspect(job(3, 1, "a"), 0))
			one := mustTake(t, q)
			taken := takeInBackground(q, 3)
			synctest.Wait()
			if len(taken) != 0 {
				t.Fatal("a suspect was handed out beside another job")
			}
			q.Done(one)
			if got := <-taken; got != 2 {
				t.Fatalf("took %d, want 2", got)
			}
			q.Add(job(4, 0, "b"))
			synctest.Wait()
			if len(taken) != 0 {
				t.Fatal("a job was handed out beside a suspect")
			}
			q.Done(2)
			if got := <-taken; got != 4 {
				t.Errorf("took %d, want 4", got)
			}
			q.Done(4)
			if got := <-taken; got != 3 {
				t.Errorf("took %d, want 3", got)
			}
		})
	})
	t.Run("after a minute before the others", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := New(Options{})
			q.Add(job(1, 1, "a"), job(3, 1, "a"), suspect(job(2, 1, "a"), 0))
			one := mustTake(t, q)
			<-time.After(suspectPatience)
			taken := takeInBackground(q, 1)
			synctest.Wait()
			if len(taken) != 0 {
				t.Fatal("something was handed out while an overdue suspect waits for the leases to end")
			}
			q.Done(one)
			if got := <-taken; got != 2 {
				t.Errorf("took %d, want the suspect 2", got)
			}
		})
	})
	t.Run("beside a mass deletion", func(t *testing.T) {
		q := New(Options{})
		erasure := job(1, 0, "")
		erasure.Kind = pulse.KindDelete
		q.Add(erasure, suspect(job(2, 1, "a"), 0))
		for _, want := range []pulse.JobID{1, 2} {
			if got := mustTake(t, q); got != want {
				t.Errorf("took %d, want %d: a suspect waits for a mass deletion, and all others for it", got, want)
			}
		}
		page := erasure
		page.ID, page.Key = 3, "https://a.example/"
		q.Done(2)
		q.Add(page, suspect(job(4, 1, "a"), 0))
		mustTake(t, q)
		taken := takeInBackground(q, 1)
		q.Done(1)
		if c := q.Counts(); c.Leased != 1 || c.Waiting[1] != 1 {
			t.Errorf("counts %+v: a suspect ran beside the deletion of a page", c)
		}
		q.Done(3)
		if got := <-taken; got != 4 {
			t.Errorf("took %d, want 4", got)
		}
	})
	t.Run("the delay doubles with deaths", func(t *testing.T) {
		f := func(deaths int, want time.Duration) {
			t.Helper()
			synctest.Test(t, func(t *testing.T) {
				q, start := New(Options{}), time.Now()
				q.Add(suspect(job(1, 1, "a"), deaths))
				mustTake(t, q)
				if got := time.Since(start); got != want {
					t.Errorf("%d deaths: waited %v, want %v", deaths, got, want)
				}
			})
		}
		f(0, 0)
		f(1, time.Second)
		f(2, 2*time.Second)
		f(4, 8*time.Second)
		f(100, 1024*time.Second)
	})
}

func takeInBackground(q *Queue, n int) chan pulse.JobID {
	ids := make(chan pulse.JobID, n)
	for range n {
		go func() {
			if j, err := q.Take(context.Background()); err == nil {
				ids <- j.ID
			}
		}()
	}
	return ids
}

func TestTakeEnds(t *testing.T) {
	t.Run("by its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := New(Options{})
			ctx, cancel := context.WithCancel(t.Context())
			errs := make(chan error, 1)
			go func() { _, err := q.Take(ctx); errs <- err }()
			synctest.Wait()
			cancel()
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			q.Add(job(1, 1, "a"))
			if _, err := q.Take(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if got := mustTake(t, q); got != 1 {
				t.Errorf("took %d: the caller that left kept the job", got)
			}
		})
	})
	t.Run("by Drain", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := New(Options{})
			errs := make(chan error, 2)
			for range 2 {
				go func() { _, err := q.Take(t.Context()); errs <- err }()
			}
			synctest.Wait()
			q.Drain()
			for range 2 {
				if err := <-errs; !errors.Is(err, pulse.ErrClosed) {
					t.Errorf("error %v", err)
				}
			}
			q.Add(job(1, 1, "a"))
			if _, err := q.Take(t.Context()); !errors.Is(err, pulse.ErrClosed) {
				t.Errorf("error %v", err)
			}
		})
	})
}

// A context that ends while jobs are handed over must lose none of them.
func TestCancelLosesNoJob(t *testing.T) {
	const jobs = 2000
	q := New(Options{})
	var got sync.Map
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				j, err := q.Take(ctx)
				if errors.Is(err, pulse.ErrClosed) {
					return
				}
				if err != nil {
					continue
				}
				if _, twice := got.LoadOrStore(j.ID, true); twice {
					t.Errorf("job %d handed out twice", j.ID)
				}
				q.Done(j.ID)
			}
		})
	}
	for id := 1; id <= jobs; id++ {
		q.Add(job(id, pulse.Priority(id%3), fmt.Sprint(id%5)))
	}
	for c := q.Counts(); c != (Counts{}); c = q.Counts() {
		select {
		case <-t.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
	q.Drain()
	workers.Wait()
	for id := pulse.JobID(1); id <= jobs; id++ {
		if _, ok := got.Load(id); !ok {
			t.Errorf("job %d was never handed out", id)
		}
	}
}

func TestDoneOfWhatIsNotLeased(t *testing.T) {
	q := New(Options{})
	q.Add(job(1, 1, "a"))
	q.Done(1)
	q.Done(2)
	if got := mustTake(t, q); got != 1 {
		t.Errorf("took %d", got)
	}
	q.Done(1)
	q.Done(1)
	if c := q.Counts(); c != (Counts{}) {
		t.Errorf("counts %+v", c)
	}
}

// A worker's commit ends its job in the store; before the worker says so here,
// somebody puts the job back.
func TestAddOfALeasedJob(t *testing.T) {
	f := func(name string, end func(q *Queue)) {
		t.Run(name, func(t *testing.T) {
			q := New(Options{})
			q.Add(job(1, 1, "a"))
			mustTake(t, q)
			again := job(1, 1, "a")
			again.Version = 7
			q.Add(again)
			q.Add(again)
			if c := q.Counts(); c.Leased != 1 || c.Waiting[1] != 0 {
				t.Errorf("counts %+v while it is leased", c)
			}
			end(q)
			if c := q.Counts(); c.Leased != 0 || c.Waiting[1] != 1 || c.Retrying != 0 {
				t.Fatalf("counts %+v: the job that was put back is in no queue", c)
			}
			j, err := q.Take(t.Context())
			if err != nil || j.ID != 1 || j.Version != 7 {
				t.Errorf("took %+v, %v", j, err)
			}
			q.Done(1)
			if c := q.Counts(); c != (Counts{}) {
				t.Errorf("counts %+v: it came back once more", c)
			}
		})
	}
	f("done", func(q *Queue) { q.Done(1) })
	f("tried again", func(q *Queue) { q.Retry(delayed(job(1, 1, "a"), time.Now().Add(time.Hour))) })
}

func TestLeasedIDs(t *testing.T) {
	q := New(Options{})
	f := func(want ...pulse.JobID) {
		t.Helper()
		if diff := cmp.Diff(append([]pulse.JobID{}, want...), q.LeasedIDs()); diff != "" {
			t.Errorf("leased (-want +got):\n%s", diff)
		}
	}
	f()
	q.Add(job(1, 1, "a"), job(2, 1, "a"), job(3, 1, "a"), job(4, 1, "a"))
	for range 3 {
		mustTake(t, q)
	}
	f(3, 2, 1)
	q.Done(2)
	q.Retry(delayed(job(3, 1, "a"), time.Now().Add(time.Hour)))
	f(1)
}

func TestAdmit(t *testing.T) {
	q := New(Options{MaxWaiting: 10})
	f := func(turn string, n int, refused bool) {
		t.Helper()
		if err := q.Admit(turn, n); errors.Is(err, pulse.ErrOverloaded) != refused {
			t.Errorf("Admit(%q, %d) = %v, want refused %v", turn, n, err, refused)
		}
	}
	f("a", 5, false)
	f("a", 6, true)
	q.Add(job(1, 0, "a"), job(2, 1, "a"), suspect(job(3, 1, "a"), 0), delayed(job(4, 2, "a"), time.Now().Add(time.Hour)))
	f("a", 1, false)
	f("a", 2, true)
	f("b", 5, false)
	q.Add(job(5, 1, "b"), job(6, 1, "b"), job(7, 1, "b"), job(8, 1, "b"))
	f("c", 2, false)
	f("c", 3, true)
	for id := 100; id < 200; id++ {
		vectors := job(id, 1, "a")
		vectors.Kind = pulse.KindEmbed
		q.Add(vectors)
	}
	f("c", 2, false)
	if c := q.Counts(); c.Vectors != 100 || c.Waiting != [3]int{1, 6, 1} || c.Retrying != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestOldest(t *testing.T) {
	q := New(Options{})
	f := func(want int64) {
		t.Helper()
		got := q.Counts().Oldest[1]
		if want == 0 && got.IsZero() {
			return
		}
		if got.Unix() != want {
			t.Errorf("oldest %v, want second %d", got, want)
		}
	}
	f(0)
	q.Add(job(5, 1, "a"), job(9, 1, "b"))
	f(1005)
	five := mustTake(t, q)
	f(1009)
	q.Retry(job(int(five), 1, "a"))
	f(1005)
	q.Add(job(1, 1, "c"), job(2, 0, "c"))
	f(1001)
	takeAll(t, q)
	f(0)
}

func TestIdleClassesAreForgotten(t *testing.T) {
	q := New(Options{})
	for id := 1; id <= 20_000; id++ {
		q.Add(job(id, 1, fmt.Sprintf("host-%d", id)))
		q.Done(mustTake(t, q))
	}
	if len(q.classes) > 2*maxIdle || len(q.turns) > 2*maxIdle {
		t.Errorf("%d classes and %d turns are kept for no job", len(q.classes), len(q.turns))
	}
}
