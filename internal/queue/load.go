package queue

import (
	"context"
	"fmt"

	"pulse"
)

// loadPage is how many jobs Load reads and adds at once: few enough that workers
// and receivers, who need the same lock, do not notice.
const loadPage = 1000

// Loader pages through the jobs that the store has available, ascending by id,
// after < id <= upTo; fewer than limit means that there are no more.
type Loader interface {
	AvailableJobs(ctx context.Context, after, upTo pulse.JobID, limit int) ([]pulse.Job, error)
}

// Load brings in the jobs that were available in the store when it was opened, up
// to upTo; jobs after it come by Add alone. It returns when all are here and is
// meant to run beside the workers. After an error it may be called again, and
// goes on where it stopped.
//
// A job up to upTo may also come by Add, when somebody retries a dead one while
// Load reads: it is then in the queue once.
func (q *Queue) Load(ctx context.Context, s Loader, upTo pulse.JobID) error {
	after := q.startLoading()
	for {
		jobs, err := s.AvailableJobs(ctx, after, upTo, loadPage)
		if err != nil {
			return fmt.Errorf("load jobs after %d: %w", after, err)
		}
		if len(jobs) > 0 {
			after = jobs[len(jobs)-1].ID
			q.addLoaded(jobs, after)
		}
		if len(jobs) < loadPage {
			q.endLoading()
			return nil
		}
	}
}

// Loaded is closed when Load has brought in all jobs.
func (q *Queue) Loaded() <-chan struct{} { return q.loaded }

func (q *Queue) startLoading() pulse.JobID {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.loading = true
	if q.passed == nil {
		q.passed = make(map[pulse.JobID]struct{})
	}
	return q.position
}

func (q *Queue) addLoaded(jobs []pulse.Job, position pulse.JobID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range jobs {
		if _, passed := q.passed[jobs[i].ID]; !passed {
			q.addLocked(&jobs[i], true)
		}
	}
	q.position = position
	q.handOutLocked()
}

// passLocked notes a job that overtook Load. The page that Load is reading may
// show it as it was before: perhaps it has run and ended by the time the page is
// added, so that its absence here proves nothing.
func (q *Queue) passLocked(id pulse.JobID) {
	if q.loading && id > q.position {
		q.passed[id] = struct{}{}
	}
}

func (q *Queue) endLoading() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.loading, q.passed = false, nil
	select {
	case <-q.loaded:
	default:
		close(q.loaded)
	}
}
