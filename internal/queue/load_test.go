package queue

import (
	"context"
	"errors"
	"testing"

	"pulse"
)

// storeOf answers AvailableJobs from a list of ids; after, if set, runs when the answer is made.
type storeOf struct {
	ids   []int
	after func(after pulse.JobID)
	err   error
}

func (s *storeOf) AvailableJobs(_ context.Context, after, upTo pulse.JobID, limit int) ([]pulse.Job, error) {
	if s.err != nil {
		return nil, s.err
	}
	var jobs []pulse.Job
	for _, id := range s.ids {
		if id := pulse.JobID(id); id > after && id <= upTo && len(jobs) < limit {
			jobs = append(jobs, job(int(id), pulse.PriorityCrawl, "a"))
		}
	}
	if s.after != nil {
		s.after(after)
	}
	return jobs, nil
}

func ids(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

func isLoaded(q *Queue) bool {
	select {
	case <-q.Loaded():
		return true
	default:
		return false
	}
}

func TestLoad(t *testing.T) {
	for _, n := range []int{0, 1, loadPage - 1, loadPage, 2*loadPage + 7} {
		q := New(Options{})
		q.Add(job(n+1, pulse.PriorityCrawl, "a"))
		if err := q.Load(t.Context(), &storeOf{ids: ids(n + 5)}, pulse.JobID(n)); err != nil {
			t.Fatal(err)
		}
		if !isLoaded(q) {
			t.Error("not loaded after Load")
		}
		got := takeAll(t, q)
		if len(got) != n+1 {
			t.Errorf("%d jobs of %d", len(got), n+1)
		}
		for i, id := range got {
			if id != pulse.JobID(i+1) {
				t.Fatalf("job %d at place %d", id, i)
			}
		}
	}
}

func TestLoadGoesOnAfterAnError(t *testing.T) {
	q := New(Options{})
	s := &storeOf{ids: ids(loadPage + 5)}
	s.after = func(pulse.JobID) { s.err = errors.New("disk I/O error") } // from the second page on
	if err := q.Load(t.Context(), s, 5000); !errors.Is(err, s.err) || isLoaded(q) {
		t.Fatalf("error %v, loaded %v", err, isLoaded(q))
	}
	s.err, s.after = nil, nil
	if err := q.Load(t.Context(), s, 5000); err != nil || !isLoaded(q) {
		t.Fatalf("error %v, loaded %v", err, isLoaded(q))
	}
	if got := takeAll(t, q); len(got) != loadPage+5 {
		t.Errorf("%d jobs", len(got))
	}
}

// A dead job up to the bound is retried by somebody while Load reads: it comes by
// Add, perhaps runs and ends, and the page that Load has in hand still shows it.
func TestLoadAndAddOfTheSameJob(t *testing.T) {
	f := func(name string, meanwhile func(q *Queue)) {
		t.Run(name, func(t *testing.T) {
			q := New(Options{})
			s := &storeOf{ids: ids(10)}
			s.after = func(pulse.JobID) { meanwhile(q) }
			ran := map[pulse.JobID]int{}
			if err := q.Load(t.Context(), s, 10); err != nil {
				t.Fatal(err)
			}
			for _, id := range takeAll(t, q) {
				ran[id]++
			}
			if ran[5] > 1 || len(ran) < 9 {
				t.Errorf("ran %v", ran)
			}
			if q.passed != nil {
				t.Error("what overtook Load is still remembered after it")
			}
		})
	}
	f("waits", func(q *Queue) { q.Add(job(5, 0, "a")) })
	f("runs and ends", func(q *Queue) {
		q.Add(job(5, 0, "a"))
		j, _ := q.Take(context.Background())
		q.Done(j.ID)
	})
	f("is retried", func(q *Queue) {
		q.Add(job(5, 0, "a"))
		j, _ := q.Take(context.Background())
		q.Retry(*j)
	})
}
