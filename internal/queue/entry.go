package queue

import (
	"strings"
	"time"

	"pulse"
)

// entry is one waiting job, made small because a million may wait: 88 bytes, its
// key and URL in one string of their own, and one pointer to what it shares with
// the jobs around it. Only runAt changes after it was added.
type entry struct {
	id       pulse.JobID
	class    *class
	names    string // key, then URL; once where they are equal
	delivery pulse.DeliverySeq
	version  pulse.Version
	commit   pulse.CommitSeq // of an embed job: the commit that lacks its vectors
	accepted int64           // Unix nanoseconds; 0 when not known
	runAt    int64           // Unix nanoseconds; of a ready suspect: since when it is ready
	keyLen   uint32
	bytes    uint32
	element  uint16
	attempt  uint16
	deaths   uint8
	suspect  bool
	oneName  bool // key and URL are equal
}

func newEntry(j *pulse.Job, c *class) *entry {
	return &entry{
		id: j.ID, class: c, names: names(j), delivery: j.Delivery, version: j.Version, commit: j.CommitSeq,
		accepted: nanos(j.AcceptedAt), runAt: nanos(j.RunAt),
		keyLen: uint32(len(j.Key)), bytes: uint32(min(j.Bytes, 1<<32-1)),
		element: uint16(j.Element), attempt: uint16(min(j.Attempt, 1<<16-1)),
		deaths: uint8(min(j.Deaths, 1<<8-1)), suspect: j.Suspect, oneName: j.Key == j.URL,
	}
}

// names copies the key and the URL, so that a waiting job never holds on to the
// body or the row that it came in.
func names(j *pulse.Job) string {
	switch {
	case j.Key == j.URL || j.URL == "":
		return strings.Clone(j.Key)
	case j.Key == "":
		return strings.Clone(j.URL)
	default:
		return j.Key + j.URL
	}
}

// job is the whole job again, leased.
func (e *entry) job() *pulse.Job {
	c := &e.class.key
	url := e.names
	if !e.oneName {
		url = url[e.keyLen:]
	}
	return &pulse.Job{
		ID: e.id, Delivery: e.delivery, Element: int(e.element), Kind: c.kind, Source: c.source,
		Collection: c.collection, Key: e.names[:e.keyLen], URL: url, Version: e.version,
		Priority: c.priority, Turn: c.turn, Crawl: c.crawl, Bytes: int64(e.bytes),
		State: pulse.JobLeased, Attempt: int(e.attempt), Deaths: int(e.deaths), Suspect: e.suspect,
		AcceptedAt: timeOf(e.accepted), CommitSeq: e.commit,
	}
}

// classKey is what the jobs of one delivery or one crawl have in common.
type classKey struct {
	kind       pulse.Kind
	source     string
	collection string
	crawl      string
	turn       string
	priority   pulse.Priority
}

// class is a classKey kept once for all the jobs that have it.
type class struct {
	key     classKey
	turn    *turn
	entries int // waiting jobs; idle at 0
}

// classLocked finds or makes the class of a job. A new one copies its strings.
func (q *Queue) classLocked(j *pulse.Job) *class {
	key := classKey{j.Kind, j.Source, j.Collection, j.Crawl, j.Turn, max(0, min(j.Priority, pulse.NumPriorities-1))}
	if q.lastClass != nil && q.lastClass.key == key {
		return q.lastClass
	}
	c := q.classes[key]
	if c == nil {
		key.kind = pulse.Kind(strings.Clone(string(key.kind)))
		key.source, key.collection = strings.Clone(key.source), strings.Clone(key.collection)
		key.crawl, key.turn = strings.Clone(key.crawl), strings.Clone(key.turn)
		c = &class{key: key, turn: q.turnLocked(key)}
		q.classes[key] = c
		q.idle++
	}
	q.lastClass = c
	return c
}

func (q *Queue) turnLocked(k classKey) *turn {
	name := turnName{k.priority, k.kind == pulse.KindEmbed, k.turn}
	t := q.turns[name]
	if t == nil {
		t = &turn{name: name, late: heap[*entry]{less: byID}}
		q.turns[name] = t
	}
	t.classes++
	return t
}

// maxIdle classes are kept because a queue that is nearly empty would otherwise
// make and forget the same class with every job.
const maxIdle = 1024

// sweepLocked forgets idle classes once they are many and most, which costs each
// class that was made a constant.
func (q *Queue) sweepLocked() {
	if q.idle <= maxIdle || q.idle <= len(q.classes)/2 {
		return
	}
	for key, c := range q.classes {
		if c.entries > 0 {
			continue
		}
		delete(q.classes, key)
		if c.turn.classes--; c.turn.classes == 0 {
			delete(q.turns, c.turn.name)
		}
	}
	q.idle, q.lastClass = 0, nil
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
