package store

import (
	"pulse"
)

// counters are the numbers that every group adds to. The group's loop owns the
// live copy; a row keeps them.
type counters struct {
	delivery, job, commitSeq, event, body, receivedAt, expired int64
	documents, chunks, vectorsPending                          int64
	available, done, dead                                      int64
}

const readCounters = `SELECT delivery, job, commit_seq, event, body, received_at, expired,
	documents, chunks, vectors_pending, available, done, dead FROM counters WHERE id = 1`

func (c *counters) fields() []any {
	return []any{&c.delivery, &c.job, &c.commitSeq, &c.event, &c.body, &c.receivedAt, &c.expired,
		&c.documents, &c.chunks, &c.vectorsPending, &c.available, &c.done, &c.dead}
}

// write keeps the counters of the transaction.
func (c *counters) write(t *tx) error {
	return t.exec(`UPDATE counters SET delivery = ?, job = ?, commit_seq = ?, event = ?, body = ?, received_at = ?, expired = ?,
		documents = ?, chunks = ?, vectors_pending = ?, available = ?, done = ?, dead = ? WHERE id = 1`,
		c.delivery, c.job, c.commitSeq, c.event, c.body, c.receivedAt, c.expired,
		c.documents, c.chunks, c.vectorsPending, c.available, c.done, c.dead)
}

// moveJob counts a job's change of state.
func (c *counters) moveJob(from, to pulse.JobState, kind pulse.Kind) {
	c.addJob(from, kind, -1)
	c.addJob(to, kind, 1)
}

// addJob counts a job in a state. Embed jobs count in vectors_pending alone.
func (c *counters) addJob(s pulse.JobState, kind pulse.Kind, n int64) {
	if kind == pulse.KindEmbed {
		return
	}
	switch s {
	case pulse.JobAvailable, pulse.JobLeased:
		c.available += n
	case pulse.JobDone:
		c.done += n
	case pulse.JobDead:
		c.dead += n
	}
}

// crawlDelta is what one caller adds to a crawl.
type crawlDelta struct {
	id, source, origin string
	state              pulse.CrawlState
	counts             pulse.CrawlCounts
	at                 int64 // microseconds; 0 does not move last_seen
}

// addUp joins the deltas of a group by crawl, keeping their order.
func addUp(deltas []crawlDelta) []crawlDelta {
	var sums []crawlDelta
	at := map[string]int{}
	for _, d := range deltas {
		i, ok := at[d.id]
		if !ok {
			at[d.id] = len(sums)
			sums = append(sums, d)
			continue
		}
		sums[i].join(d)
	}
	return sums
}

func (d *crawlDelta) join(o crawlDelta) {
	if d.origin == "" {
		d.origin = o.origin
	}
	d.state = o.state.After(d.state)
	d.at = max(d.at, o.at)
	d.counts.Received += o.counts.Received
	d.counts.Indexed += o.counts.Indexed
	d.counts.Unchanged += o.counts.Unchanged
	d.counts.Refused += o.counts.Refused
	d.counts.Failed += o.counts.Failed
	d.counts.Missing += o.counts.Missing
}

// write adds a crawl's delta to its row. A page may come before the crawl's start
// and after its end, so an ended crawl stays ended.
func (d *crawlDelta) write(t *tx) error {
	var ended int64
	if d.state.Ended() {
		ended = d.at
	}
	c := d.counts
	return t.exec(`INSERT INTO crawls (id, source, origin, state, received, indexed, unchanged, refused, failed, missing, started, last_seen, ended)
		VALUES (?1, ?2, ?3, CASE WHEN ?4 = '' THEN 'running' ELSE ?4 END, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)
		ON CONFLICT (id) DO UPDATE SET
			origin = CASE WHEN origin = '' THEN excluded.origin ELSE origin END,
			state = CASE WHEN ?4 IN ('', 'running') THEN state ELSE ?4 END,
			received = received + ?5, indexed = indexed + ?6, unchanged = unchanged + ?7,
			refused = refused + ?8, failed = failed + ?9, missing = missing + ?10,
			last_seen = max(last_seen, ?11), ended = CASE WHEN ?12 > 0 THEN ?12 ELSE ended END`,
		d.id, d.source, d.origin, string(d.state), c.Received, c.Indexed, c.Unchanged, c.Refused, c.Failed, c.Missing, d.at, ended)
}
