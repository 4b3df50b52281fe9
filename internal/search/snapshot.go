package search

import (
	"container/list"
	"crypto/rand"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"pulse"
)

// snapshots keeps ranked lists for paging, each for the same time, in bounded
// number and bytes: past a bound the one that was used least recently goes early.
type snapshots struct {
	age      time.Duration
	maxLists int
	maxBytes int
	now      func() time.Time

	mu    sync.Mutex
	byID  map[string]*list.Element // of *snapshot
	order *list.List               // the last used first
	bytes int
}

type snapshot struct {
	id       string
	identity identity
	ranking  *ranking
	bytes    int
	ends     time.Time
}

func newSnapshots(o Options) *snapshots {
	return &snapshots{
		age: o.SnapshotAge, maxLists: o.SnapshotLists, maxBytes: o.SnapshotBytes, now: o.Now,
		byID: make(map[string]*list.Element), order: list.New(),
	}
}

// keep keeps a ranked list and returns its id, which nobody can guess.
func (s *snapshots) keep(r *ranking, of identity) string {
	kept := &snapshot{
		id: rand.Text(), identity: of, ranking: r, bytes: r.size(), ends: s.now().Add(s.age),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[kept.id] = s.order.PushFront(kept)
	s.bytes += kept.bytes
	for s.order.Len() > s.maxLists || s.bytes > s.maxBytes || s.oldestEnded() {
		s.drop(s.order.Back())
	}
	return kept.id
}

func (s *snapshots) oldestEnded() bool {
	back := s.order.Back()
	return back != nil && s.now().After(back.Value.(*snapshot).ends)
}

func (s *snapshots) drop(e *list.Element) {
	kept := s.order.Remove(e).(*snapshot)
	delete(s.byID, kept.id)
	s.bytes -= kept.bytes
}

// find returns the list of an id. pulse.ErrGone when it has ended or never was; a
// *pulse.InputError when it is of another query.
func (s *snapshots) find(id string, of identity) (*ranking, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.byID[id]
	if known && s.now().After(e.Value.(*snapshot).ends) {
		s.drop(e)
		known = false
	}
	if !known {
		return nil, fmt.Errorf("find snapshot: it has ended: %w", pulse.ErrGone)
	}
	s.order.MoveToFront(e)
	kept := e.Value.(*snapshot)
	if kept.identity != of {
		return nil, invalid("snapshot", "is of another query")
	}
	return kept.ranking, nil
}

// size is about what a ranked list holds in memory. Keys and chunks are shared
// with the index and not counted.
func (r *ranking) size() int {
	size := int(unsafe.Sizeof(*r)) + len(r.items)*int(unsafe.Sizeof(item{}))
	for i := range r.items {
		size += len(r.items[i].terms) * int(unsafe.Sizeof(pulse.TermExplain{}))
	}
	return size
}
