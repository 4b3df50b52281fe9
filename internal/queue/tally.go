package queue

import (
	"sort"
	"time"

	"pulse"
)

// Counts is what the queue holds at one moment. Jobs of kind embed are counted in
// Vectors and Leased alone.
type Counts struct {
	Waiting  [pulse.NumPriorities]int       // accepted and not leased, by priority
	Oldest   [pulse.NumPriorities]time.Time // when the oldest of Waiting was accepted, down to the second; zero when none waits
	Retrying int                            // of Waiting: not before a time
	Vectors  int                            // embed jobs that wait
	Leased   int
}

// Counts reads the counts; it costs the same however many jobs wait.
func (q *Queue) Counts() Counts {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := Counts{Retrying: q.tally.retrying, Vectors: q.tally.vectors, Leased: len(q.leases)}
	for p := range q.tally.waits {
		c.Waiting[p] = q.tally.waits[p].total
		c.Oldest[p] = q.tally.waits[p].oldest()
	}
	return c
}

// tally is what Counts and Admit read.
type tally struct {
	waits    [pulse.NumPriorities]waits
	retrying int
	vectors  int
}

func (t *tally) total() int {
	n := 0
	for p := range t.waits {
		n += t.waits[p].total
	}
	return n
}

// waits counts waiting jobs by the second in which they were accepted: the first
// second that still has one is the age of the oldest, without a heap of them all.
type waits struct {
	total   int
	seconds []second // ascending
	head    int      // those before it are empty
}

type second struct {
	at   int64 // Unix seconds; 0 when not known
	jobs int
}

func (w *waits) add(acceptedNanos int64) {
	w.total++
	at := acceptedNanos / int64(time.Second)
	if n := len(w.seconds); n > w.head && w.seconds[n-1].at == at {
		w.seconds[n-1].jobs++
		return
	}
	i := w.find(at)
	if i < len(w.seconds) && w.seconds[i].at == at {
		w.seconds[i].jobs++
		return
	}
	w.seconds = append(w.seconds, second{})
	copy(w.seconds[i+1:], w.seconds[i:])
	w.seconds[i] = second{at, 1}
}

func (w *waits) remove(acceptedNanos int64) {
	w.total--
	at := acceptedNanos / int64(time.Second)
	i := w.head
	if w.seconds[i].at != at {
		i = w.find(at)
	}
	w.seconds[i].jobs--
	for w.head < len(w.seconds) && w.seconds[w.head].jobs == 0 {
		w.head++
	}
	if w.head >= 32 && w.head*2 >= len(w.seconds) || w.head == len(w.seconds) {
		w.seconds = w.seconds[:copy(w.seconds, w.seconds[w.head:])]
		w.head = 0
	}
}

// find is the place of a second, or where it would stand.
func (w *waits) find(at int64) int {
	return w.head + sort.Search(len(w.seconds)-w.head, func(i int) bool { return w.seconds[w.head+i].at >= at })
}

func (w *waits) oldest() time.Time {
	if w.total == 0 || w.seconds[w.head].at == 0 {
		return time.Time{}
	}
	return time.Unix(w.seconds[w.head].at, 0).UTC()
}
