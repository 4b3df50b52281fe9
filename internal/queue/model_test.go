package queue

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

var seed = flag.Uint64("seed", 0, "seed of the random histories; 0 draws one")

// model is the queue written plainly: lists that are searched from the front.
type model struct {
	waiting []pulse.Job // RunAt of a suspect that is ready: since when
	leased  []pulse.Job
	again   map[pulse.JobID]pulse.Job         // came by Add while they were leased
	rings   [2 * pulse.NumPriorities][]string // turns with ready jobs, next first: pages, then embed jobs, of each priority
}

// modelEmbeds is how many embed jobs run at once.
const modelEmbeds = 2

func ringOf(j pulse.Job) int {
	ring := 2 * int(j.Priority)
	if j.Kind == pulse.KindEmbed {
		ring++
	}
	return ring
}

// mayRun says whether a job's ring is one that jobs are taken from now.
func (m *model) mayRun(ring int) bool {
	embeds := 0
	for _, j := range m.leased {
		if j.Kind == pulse.KindEmbed {
			embeds++
		}
	}
	return ring%2 == 0 || embeds < modelEmbeds
}

// add is Add, or a Retry whose lease has ended.
func (m *model) add(j pulse.Job, now time.Time, fromStore bool) {
	is := func(o pulse.Job) bool { return o.ID == j.ID }
	if slices.ContainsFunc(m.leased, is) {
		m.again[j.ID] = j
		return
	}
	if slices.ContainsFunc(m.waiting, is) {
		return
	}
	if fromStore && j.Suspect && j.Deaths > 0 {
		if at := now.Add(time.Second << (j.Deaths - 1)); at.After(j.RunAt) {
			j.RunAt = at
		}
	}
	if j.Suspect && !j.RunAt.After(now) {
		j.RunAt = now
	}
	m.waiting = append(m.waiting, j)
	m.turn(now)
}

// turn puts turns that have a ready job into their ring, in the order in which
// the jobs became ready.
func (m *model) turn(now time.Time) {
	ready := slices.Clone(m.waiting)
	slices.SortStableFunc(ready, func(a, b pulse.Job) int { return a.RunAt.Compare(b.RunAt) })
	for _, j := range ready {
		if !j.Suspect && !j.RunAt.After(now) && !slices.Contains(m.rings[ringOf(j)], j.Turn) {
			m.rings[ringOf(j)] = append(m.rings[ringOf(j)], j.Turn)
		}
	}
}

func (m *model) next(now time.Time) (pulse.Job, bool) {
	if slices.ContainsFunc(m.leased, func(j pulse.Job) bool { return j.Suspect }) {
		return pulse.Job{}, false
	}
	others := slices.ContainsFunc(m.waiting, func(j pulse.Job) bool { return !j.Suspect && !j.RunAt.After(now) && m.mayRun(ringOf(j)) })
	s := m.firstSuspect(now)
	if s >= 0 && (!others || now.Sub(m.waiting[s].RunAt) >= time.Minute) {
		if slices.ContainsFunc(m.leased, func(j pulse.Job) bool { return j.Kind != pulse.KindDelete }) {
			return pulse.Job{}, false
		}
		return m.lease(s), true
	}
	for p := range m.rings {
		if len(m.rings[p]) == 0 || !m.mayRun(p) {
			continue
		}
		name := m.rings[p][0]
		m.rings[p] = m.rings[p][1:]
		first, more := -1, 0
		for i, j := range m.waiting {
			if j.Suspect || j.RunAt.After(now) || ringOf(j) != p || j.Turn != name {
				continue
			}
			more++
			if first < 0 || j.ID < m.waiting[first].ID {
				first = i
			}
		}
		if more > 1 {
			m.rings[p] = append(m.rings[p], name)
		}
		return m.lease(first), true
	}
	return pulse.Job{}, false
}

func (m *model) firstSuspect(now time.Time) int {
	first := -1
	for i, j := range m.waiting {
		if j.Suspect && !j.RunAt.After(now) && (first < 0 || j.RunAt.Before(m.waiting[first].RunAt)) {
			first = i
		}
	}
	return first
}

func (m *model) lease(i int) pulse.Job {
	j := m.waiting[i]
	m.waiting = slices.Delete(m.waiting, i, i+1)
	m.leased = append(m.leased, j)
	return j
}

// end ends a lease; what came meanwhile is added, and said to have come.
func (m *model) end(i int, now time.Time) (j pulse.Job, again bool) {
	j = m.leased[i]
	m.leased = slices.Delete(m.leased, i, i+1)
	a, again := m.again[j.ID]
	if again {
		delete(m.again, j.ID)
		m.add(a, now, true)
	}
	return j, again
}

func (m *model) counts(now time.Time) Counts {
	c := Counts{Leased: len(m.leased)}
	for _, j := range m.waiting {
		if j.Kind == pulse.KindEmbed {
			c.Vectors++
			continue
		}
		c.Waiting[j.Priority]++
		if j.RunAt.After(now) {
			c.Retrying++
		}
		if at := j.AcceptedAt.Truncate(time.Second); c.Oldest[j.Priority].IsZero() || at.Before(c.Oldest[j.Priority]) {
			c.Oldest[j.Priority] = at
		}
	}
	return c
}

// TestQueueAgainstModel runs random histories through the queue and the model.
func TestQueueAgainstModel(t *testing.T) {
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	histories := 40
	if testing.Short() {
		histories = 10
	}
	t.Logf("-seed=%d", first)
	for h := range uint64(histories) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(first, h))
			for m, q, step := (&model{again: map[pulse.JobID]pulse.Job{}}), New(Options{MaxEmbed: modelEmbeds}), 0; step < 400 && !t.Failed(); step++ {
				randomStep(t, r, m, q)
				if diff := cmp.Diff(m.counts(time.Now()), q.Counts()); diff != "" {
					t.Fatalf("-seed=%d history %d step %d: counts (-model +queue):\n%s", first, h, step, diff)
				}
			}
		})
	}
}

func randomStep(t *testing.T, r *rand.Rand, m *model, q *Queue) {
	advance(m, time.Duration(1+r.IntN(1000))) // no two jobs come at the same moment
	now := time.Now().UTC()
	switch n := r.IntN(10); {
	case n < 4:
		j := randomJob(r, now)
		m.add(j, now, true)
		q.Add(j)
	case n < 8:
		takeFromBoth(t, m, q, now)
	case n < 9 && len(m.leased) > 0:
		j, again := m.end(r.IntN(len(m.leased)), now)
		if r.IntN(3) > 0 {
			q.Done(j.ID)
			return
		}
		j.RunAt = randomTime(r, now)
		if !again {
			m.add(j, now, false)
		}
		q.Retry(j)
	default:
		advance(m, time.Duration(r.IntN(20))*time.Second)
	}
}

// advance lets the clock run to each moment at which a job comes due, because the
// order in which they do decides the order of turns.
func advance(m *model, d time.Duration) {
	for end := time.Now().Add(d); ; {
		next := end
		for _, j := range m.waiting {
			if j.RunAt.After(time.Now()) && j.RunAt.Before(next) {
				next = j.RunAt
			}
		}
		<-time.After(time.Until(next))
		synctest.Wait()
		m.turn(time.Now())
		if !next.Before(end) {
			return
		}
	}
}

func takeFromBoth(t *testing.T, m *model, q *Queue, now time.Time) {
	want, ok := m.next(now)
	q.mu.Lock()
	e := q.nextLocked()
	q.mu.Unlock()
	if (e != nil) != ok {
		t.Fatalf("model hands out %v (%d), queue %v", ok, want.ID, e)
	}
	if ok && e.id != want.ID {
		t.Fatalf("model hands out %d, queue %d", want.ID, e.id)
	}
}

func randomJob(r *rand.Rand, now time.Time) pulse.Job {
	j := job(1+r.IntN(300), pulse.Priority(r.IntN(3)), fmt.Sprint(r.IntN(4)))
	j.RunAt = randomTime(r, now)
	if r.IntN(8) == 0 {
		j.Suspect, j.Deaths = true, r.IntN(4)
	}
	switch r.IntN(8) {
	case 0:
		j.Kind = pulse.KindEmbed
	case 1:
		j.Kind = pulse.KindDelete // of no key: a mass deletion
	}
	return j
}

// randomTime is mostly zero, and never the same for two jobs that wait for it.
func randomTime(r *rand.Rand, now time.Time) time.Time {
	if r.IntN(4) > 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(1 + r.Int64N(int64(40*time.Second))))
}
