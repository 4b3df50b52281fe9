package queue

import (
	"time"

	"pulse"
)

// firstSuspectDelay is how long a job waits that was alone when the process
// died; it doubles with each further death, so that a job which kills the
// process leaves time to work in between.
const firstSuspectDelay = time.Second

// maxTimer bounds one sleep of the timer, so that a jump of the wall clock
// delays a retry by no more than this.
const maxTimer = time.Minute

// addLocked takes in one job, unless it waits or runs. A suspect that comes from the
// store waits by its deaths; one that comes back from a worker has a RunAt.
func (q *Queue) addLocked(j *pulse.Job, fromStore bool) {
	if _, waits := q.jobs[j.ID]; waits {
		return
	}
	if _, runs := q.leases[j.ID]; runs {
		return
	}
	c := q.classLocked(j)
	e := newEntry(j, c)
	if fromStore && e.suspect && e.deaths > 0 {
		e.runAt = max(e.runAt, q.now().Add(suspectDelay(int(e.deaths))).UnixNano())
	}
	q.jobs[e.id] = e
	q.countLocked(e)
	if e.runAt > 0 && e.runAt > q.now().UnixNano() {
		q.delayLocked(e)
		return
	}
	q.readyLocked(e)
}

func suspectDelay(deaths int) time.Duration {
	return firstSuspectDelay << min(deaths-1, 10)
}

// countLocked notes a job that begins to wait, forgetLocked one that was leased.
func (q *Queue) countLocked(e *entry) {
	if e.class.entries == 0 {
		q.idle--
	}
	e.class.entries++
	if e.class.key.kind == pulse.KindEmbed {
		q.tally.vectors++
		return
	}
	e.class.turn.waiting++
	q.tally.waits[e.class.key.priority].add(e.accepted)
}

func (q *Queue) forgetLocked(e *entry) {
	if e.class.entries--; e.class.entries == 0 {
		q.idle++
		q.sweepLocked()
	}
	if e.class.key.kind == pulse.KindEmbed {
		q.tally.vectors--
		return
	}
	e.class.turn.waiting--
	q.tally.waits[e.class.key.priority].remove(e.accepted)
}

// readyLocked puts a job where nextLocked finds it.
func (q *Queue) readyLocked(e *entry) {
	if e.suspect {
		e.runAt = q.now().UnixNano()
		q.suspects.push(e)
		return
	}
	t := e.class.turn
	if t.len() == 0 {
		q.lanes[t.name.lane()].push(t)
	}
	t.push(e)
}

func (q *Queue) delayLocked(e *entry) {
	q.delayed.push(e)
	q.countDelayedLocked(e, 1)
	if q.delayed.peek() == e {
		q.setTimerLocked()
	}
}

func (q *Queue) countDelayedLocked(e *entry, n int) {
	if e.class.key.kind != pulse.KindEmbed {
		q.tally.retrying += n
	}
}

// due makes ready what has come due; the timer calls it.
func (q *Queue) due() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now().UnixNano()
	for q.delayed.len() > 0 && q.delayed.peek().runAt <= now {
		e := q.delayed.pop()
		q.countDelayedLocked(e, -1)
		q.readyLocked(e)
	}
	q.setTimerLocked()
	q.handOutLocked()
}

// setTimerLocked sets the timer to the first delayed job. A call of due that was
// already on its way finds nothing to do and sets it again.
func (q *Queue) setTimerLocked() {
	if q.drained || q.delayed.len() == 0 {
		return
	}
	in := max(0, min(time.Duration(q.delayed.peek().runAt-q.now().UnixNano()), maxTimer))
	if q.timer == nil {
		q.timer = time.AfterFunc(in, q.due)
		return
	}
	q.timer.Reset(in)
}
