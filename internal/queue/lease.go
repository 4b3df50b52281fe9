package queue

import (
	"slices"

	"pulse"
)

// lease is what the queue knows of a job that a worker has.
type lease struct {
	erasure bool // a mass deletion, which parses nothing and may take long
	embed   bool // an embed job
	// again is the job as Add brought it while it was leased; nil mostly. Its run
	// has then ended in the store and somebody has put the job back before the
	// worker came to say Done.
	again *pulse.Job
}

// isErasure tells a mass deletion from the deletion of one page.
func (e *entry) isErasure() bool {
	return e.class.key.kind == pulse.KindDelete && e.keyLen == 0
}

func (q *Queue) leaseLocked(e *entry) *entry {
	delete(q.jobs, e.id)
	q.leases[e.id] = lease{erasure: e.isErasure(), embed: e.class.key.kind == pulse.KindEmbed}
	if e.class.key.kind == pulse.KindEmbed {
		q.embeds++
	}
	if e.isErasure() {
		q.erasures++
	}
	q.forgetLocked(e)
	return e
}

// releaseLocked ends a lease, and says whether there was one.
func (q *Queue) releaseLocked(id pulse.JobID) (l lease, leased bool) {
	l, leased = q.leases[id]
	if !leased {
		return l, false
	}
	delete(q.leases, id)
	if l.erasure {
		q.erasures--
	}
	if l.embed {
		q.embeds--
	}
	if q.suspect == id {
		q.suspect = 0
	}
	return l, true
}

// keepLocked keeps a job aside that came while it is leased, and says whether it is.
func (q *Queue) keepLocked(j *pulse.Job) bool {
	l, leased := q.leases[j.ID]
	if !leased {
		return false
	}
	again := *j
	l.again = &again
	q.leases[j.ID] = l
	return true
}

// LeasedIDs are the jobs that run, the newest first. They are as many as workers
// at most.
func (q *Queue) LeasedIDs() []pulse.JobID {
	q.mu.Lock()
	ids := make([]pulse.JobID, 0, len(q.leases))
	for id := range q.leases {
		ids = append(ids, id)
	}
	q.mu.Unlock()
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids
}
