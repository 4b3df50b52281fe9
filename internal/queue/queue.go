// Package queue says which worker gets which job. It lives in the process: the
// store is the truth about jobs, and a lease is only this package's memory of
// who works on what, so nothing here is written and a restart loads it again.
//
// The order of work: a lower priority value goes first, strictly, and within one the
// pages before the vectors that follow them (embed jobs); within one of these lanes turns (a crawl, else a host) take one job each in a ring, so that a
// crawl of 50,000 pages holds up no other; within a turn the lowest job id goes
// first. Suspects, jobs that were running when the process died, go last and
// alone, so that a job which kills the process is found and no other is blamed.
// Only a mass deletion may run on beside one: it parses nothing, and may be long.
package queue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pulse"
)

// defaultMaxWaiting bounds the jobs that wait before deliveries are refused.
const defaultMaxWaiting = 1_000_000

// defaultMaxEmbed bounds the embed jobs that run at once: half of the workers. They
// mostly wait for an embedder that is slow, and a page that comes must find a worker.
const defaultMaxEmbed = 32

// suspectPatience is how long a suspect lets other work go first. After it the
// queue hands out nothing until the leases have ended and the suspect has run.
const suspectPatience = time.Minute

// Options bounds a Queue. The zero value is the default.
type Options struct {
	MaxWaiting int              // jobs; 0 means 1,000,000
	MaxEmbed   int              // embed jobs leased at once; 0 means 32
	Now        func() time.Time // nil means time.Now
}

// Queue hands jobs to workers. All methods may be called from any goroutine.
type Queue struct {
	maxWaiting int
	now        func() time.Time
	loaded     chan struct{} // closed when Load has come to its end

	mu       sync.Mutex
	jobs     map[pulse.JobID]*entry               // every job that waits
	leases   map[pulse.JobID]lease                // every job that runs
	erasures int                                  // of leases
	classes  map[classKey]*class                  // what many waiting jobs have in common, kept once
	turns    map[turnName]*turn                   // turns with jobs that wait
	lanes    [2 * pulse.NumPriorities]fifo[*turn] // by turnName.lane
	maxEmbed int
	embeds   int          // of leases
	suspects fifo[*entry] // ready ones, longest wait first
	delayed  heap[*entry] // not before their runAt
	timer    *time.Timer  // fires when the first of delayed is due; nil until one was
	waiters  waiters      // blocked in Take; while there is one, nothing can be handed out
	suspect  pulse.JobID  // the suspect that runs now, alone; 0 when none does
	drained  bool
	tally    tally

	lastClass *class                   // of the job added last: most come in runs
	idle      int                      // classes without a waiting job
	loading   bool                     // while Load reads
	position  pulse.JobID              // Load has added the jobs up to here
	passed    map[pulse.JobID]struct{} // came by Add or Retry while Load reads, past its position
}

// New makes an empty queue.
func New(o Options) *Queue {
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = defaultMaxWaiting
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxEmbed <= 0 {
		o.MaxEmbed = defaultMaxEmbed
	}
	return &Queue{
		maxWaiting: o.MaxWaiting,
		maxEmbed:   o.MaxEmbed,
		now:        o.Now,
		loaded:     make(chan struct{}),
		jobs:       make(map[pulse.JobID]*entry),
		leases:     make(map[pulse.JobID]lease),
		classes:    make(map[classKey]*class),
		turns:      make(map[turnName]*turn),
		delayed:    heap[*entry]{less: byRunAt},
	}
}

// Admit says whether n more jobs of a turn may be accepted: pulse.ErrOverloaded
// when as many wait as may wait, or when this turn holds half of that, so that a
// flood shuts out only itself. It reserves nothing: deliveries admitted at the
// same moment may together pass the bound by what they bring. Embed jobs do not
// count, because an embedder that is away must not close the receiver.
func (q *Queue) Admit(turn string, n int) error {
	q.mu.Lock()
	all, own := q.tally.total(), q.turnWaitingLocked(turn)
	q.mu.Unlock()
	if all+n > q.maxWaiting {
		return fmt.Errorf("admit %d jobs: %d wait, at most %d may: %w", n, all, q.maxWaiting, pulse.ErrOverloaded)
	}
	if own+n > q.maxWaiting/2 {
		return fmt.Errorf("admit %d jobs of %q: %d of it wait, at most %d may: %w", n, turn, own, q.maxWaiting/2, pulse.ErrOverloaded)
	}
	return nil
}

func (q *Queue) turnWaitingLocked(name string) int {
	n := 0
	for p := range pulse.Priority(pulse.NumPriorities) {
		if t := q.turns[turnName{p, false, name}]; t != nil {
			n += t.waiting
		}
	}
	return n
}

// Add takes in jobs that the store has available. A job that waits here already is
// not added again; one that is leased is kept aside and waits from the end of its
// lease on, because its run may have ended in the store before it was put back.
// Running it twice is harmless: the store refuses to end a job that has ended.
func (q *Queue) Add(jobs ...pulse.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range jobs {
		q.passLocked(jobs[i].ID)
		if !q.keepLocked(&jobs[i]) {
			q.addLocked(&jobs[i], true)
		}
	}
	q.handOutLocked()
}

// Take waits for a job and leases it: the caller ends the lease by Done or Retry.
// The job carries what is needed to run it; what the store alone knows (last
// error, stages, how it ended before) is zero. Errors: the context's, and
// pulse.ErrClosed after Drain.
func (q *Queue) Take(ctx context.Context) (*pulse.Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	q.mu.Lock()
	if q.drained {
		q.mu.Unlock()
		return nil, pulse.ErrClosed
	}
	if e := q.nextLocked(); e != nil {
		q.mu.Unlock()
		return e.job(), nil
	}
	w := q.waiters.push()
	q.mu.Unlock()
	return q.wait(ctx, w)
}

func (q *Queue) wait(ctx context.Context, w *waiter) (*pulse.Job, error) {
	defer q.waiters.spare.Put(w)
	var e *entry
	select {
	case e = <-w.ready:
	case <-ctx.Done():
		q.mu.Lock()
		removed := q.waiters.remove(w)
		q.mu.Unlock()
		if removed {
			return nil, ctx.Err()
		}
		e = <-w.ready // a job was handed over at the same moment: it is ours
	}
	if e == nil {
		return nil, pulse.ErrClosed
	}
	return e.job(), nil
}

// Done ends the lease of a job whose run has ended it. What Add brought of it
// meanwhile waits from now on. A job that is not leased is left as it is.
func (q *Queue) Done(id pulse.JobID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, leased := q.releaseLocked(id)
	if !leased {
		return
	}
	if l.again != nil {
		q.addLocked(l.again, true)
	}
	q.handOutLocked()
}

// Retry ends the job's lease, if it has one, and makes it available again at its
// RunAt, keeping its place in its turn: by its id. What Add brought of it meanwhile
// goes before: that is what the store has said last.
func (q *Queue) Retry(job pulse.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, _ := q.releaseLocked(job.ID)
	q.passLocked(job.ID)
	if l.again != nil {
		q.addLocked(l.again, true)
	} else {
		q.addLocked(&job, false)
	}
	q.handOutLocked()
}

// Drain makes Take hand out nothing more: waiting callers and later ones get
// pulse.ErrClosed. What is leased may still end by Done or Retry.
func (q *Queue) Drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drained = true
	if q.timer != nil {
		q.timer.Stop()
	}
	for w := q.waiters.pop(); w != nil; w = q.waiters.pop() {
		w.ready <- nil
	}
}

// handOutLocked gives jobs to blocked callers, one each, until either runs out.
// Every change that may free a job ends with it, so that a caller never sleeps
// while there is a job for it, and wakes only when there is one.
func (q *Queue) handOutLocked() {
	for !q.drained && !q.waiters.empty() {
		e := q.nextLocked()
		if e == nil {
			return
		}
		q.waiters.pop().ready <- e // buffered: never blocks
	}
}

// nextLocked leases the next job; nil when none may be handed out now.
func (q *Queue) nextLocked() *entry {
	if q.suspect != 0 {
		return nil
	}
	lane := q.laneLocked()
	if q.suspects.len() > 0 && (lane == nil || q.suspectIsOverdueLocked()) {
		if len(q.leases) > q.erasures {
			return nil // it runs alone: what is leased ends first
		}
		e := q.suspects.pop()
		q.suspect = e.id
		return q.leaseLocked(e)
	}
	if lane == nil {
		return nil
	}
	t := lane.pop()
	e := t.pop()
	if t.len() > 0 {
		lane.push(t)
	}
	return q.leaseLocked(e)
}

// laneLocked is the first lane that has a job which may run now; nil when none has.
func (q *Queue) laneLocked() *fifo[*turn] {
	for p := range q.lanes {
		if isEmbedLane := p%2 == 1; isEmbedLane && q.embeds >= q.maxEmbed {
			continue
		}
		if q.lanes[p].len() > 0 {
			return &q.lanes[p]
		}
	}
	return nil
}

func (q *Queue) suspectIsOverdueLocked() bool {
	return q.now().UnixNano()-q.suspects.peek().runAt >= int64(suspectPatience)
}
