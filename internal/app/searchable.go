package app

import (
	"slices"
	"sync"
	"time"

	"pulse"
	"pulse/internal/httpapi"
)

// searchableTimes measures from the receipt of a page to its commit being applied
// by the local index. Only commits made since the start count: those before it
// were searchable long ago.
type searchableTimes struct {
	observe func(kind string, d time.Duration)

	mu      sync.Mutex
	after   pulse.CommitSeq                // the head at the start
	late    map[pulse.DocumentID]time.Time // searchable by keyword; their vectors follow in another commit
	keyword reservoir
	vector  reservoir
}

// maxLate bounds the pages whose vectors are waited for. Past it their second
// commit is counted as a first one.
const maxLate = 100_000

func newSearchableTimes(observe func(kind string, d time.Duration)) *searchableTimes {
	return &searchableTimes{observe: observe, late: map[pulse.DocumentID]time.Time{}}
}

// from sets the commit after which times are measured.
func (s *searchableTimes) from(seq pulse.CommitSeq) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = seq
}

// applied notes commits that queries can see from now on.
func (s *searchableTimes) applied(commits []pulse.Commit, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range commits {
		if c := &commits[i]; c.Seq > s.after && c.Document.State == pulse.StateLive {
			s.addLocked(c, at)
		}
	}
}

func (s *searchableTimes) addLocked(c *pulse.Commit, at time.Time) {
	d := max(0, at.Sub(c.Document.ReceivedAt))
	_, second := s.late[c.Document.ID]
	if !second {
		s.keyword.add(d)
		s.observe("keyword", d)
	}
	if c.Vectors != nil {
		s.vector.add(d)
		s.observe("vector", d)
	}
	switch {
	case !c.VectorsPending:
		delete(s.late, c.Document.ID)
	case len(s.late) < maxLate:
		s.late[c.Document.ID] = at
	}
}

// percentiles reads both.
func (s *searchableTimes) percentiles() (keyword, vector httpapi.Percentiles) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keyword.percentiles(), s.vector.percentiles()
}

// reservoir keeps the latest times, so that percentiles speak of now.
type reservoir struct {
	times []time.Duration
	next  int
}

const reservoirSize = 2048

func (r *reservoir) add(d time.Duration) {
	if len(r.times) < reservoirSize {
		r.times = append(r.times, d)
		return
	}
	r.times[r.next] = d
	r.next = (r.next + 1) % reservoirSize
}

func (r *reservoir) percentiles() httpapi.Percentiles {
	if len(r.times) == 0 {
		return httpapi.Percentiles{}
	}
	sorted := slices.Clone(r.times)
	slices.Sort(sorted)
	at := func(q float64) time.Duration { return sorted[int(q*float64(len(sorted)-1)+0.5)] }
	return httpapi.Percentiles{P50: at(0.50), P99: at(0.99)}
}
