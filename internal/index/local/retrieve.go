package local

import (
	"context"
	"fmt"
	"math"
	"sync"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
)

// Retrieve finds candidates by keyword and by vector in one state of the index.
func (x *Index) Retrieve(ctx context.Context, r index.Request) (*index.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.searching.Add(1)
	defer x.searching.Add(-1)
	var result *index.Result
	err := x.whole(func() (err error) {
		result, err = x.retrieve(r)
		return err
	})
	return result, err
}

func (x *Index) retrieve(r index.Request) (*index.Result, error) {
	syntax := keyword.Parse(r.Text)
	s := retrieval{request: r, filter: x.newFilter(r.Filter, &syntax), query: &keyword.Query{}}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s.result.Lost = len(x.data.lost)
	s.in, s.history = x.data.collections[collectionName(r.Collection)], x.data.position.History
	if s.in == nil {
		s.result.Standing = s.standing()
		return &s.result, nil
	}
	if err := s.analyze(syntax); err != nil {
		return nil, fmt.Errorf("retrieve by keyword: %w", err)
	}
	s.result.Standing = s.standing()
	if err := s.search(); err != nil {
		return nil, err
	}
	return &s.result, nil
}

// search looks by keyword and by vector at once: both only read, under the lock that the
// caller holds.
func (s *retrieval) search() error {
	var byVector error
	var panicked any // is the caller's, who answers one request and not for the process
	var running sync.WaitGroup
	if s.request.Vector != nil {
		running.Go(func() {
			defer func() { panicked = recover() }()
			byVector = s.byVector()
		})
	}
	byKeyword := s.byKeyword()
	running.Wait()
	if panicked != nil {
		panic(panicked)
	}
	if byKeyword != nil {
		return fmt.Errorf("retrieve by keyword: %w", byKeyword)
	}
	if byVector != nil {
		return fmt.Errorf("retrieve by vector: %w", byVector)
	}
	return nil
}

// retrieval is one request at work, under the read lock.
type retrieval struct {
	request index.Request
	filter  *filter
	query   *keyword.Query
	set     keyword.Set // of what passes the filter and the query's demands; nil when there are none
	in      *collection // nil when there is none
	history string      // of the data that is searched
	named   *document   // of request.Key, when it passes the filter
	result  index.Result
}

// analyze makes the query ready, and the set of documents that it may find.
func (s *retrieval) analyze(syntax keyword.Syntax) error {
	query, corrections, err := s.in.keyword.Query(syntax)
	if err != nil {
		return err
	}
	s.query = query
	if !s.request.Unscored {
		for _, c := range corrections {
			s.result.Corrections = append(s.result.Corrections, pulse.Correction{Word: c.Word, Words: c.Words})
		}
	}
	if s.filter.all() && !query.Constrained() {
		return nil
	}
	s.set = s.in.set(s.filter)
	return s.in.keyword.Constrain(s.set, query)
}

// accept is the set as the vector index asks it; nil when there is none.
func (s *retrieval) accept() func(number uint32) bool {
	if s.set == nil {
		return nil
	}
	return s.set.Has
}

// standing looks the named document up; its places are filled in by the searches.
func (s *retrieval) standing() *index.Standing {
	if s.request.Key == "" {
		return nil
	}
	standing := &index.Standing{}
	if s.in == nil {
		return standing
	}
	number, known := s.in.numbers[s.request.Key]
	if !known {
		return standing
	}
	standing.Known = true
	named := s.in.documents[number]
	if condition := s.filter.refused(named); condition != "" {
		standing.Filtered = named.describe(condition)
		return standing
	}
	if !s.set.Has(number) {
		standing.Filtered = "query: it lacks words that it must hold, or holds some that it must not"
		return standing
	}
	s.named = named
	return standing
}

func (s *retrieval) byKeyword() (err error) {
	if s.request.Text == "" || s.request.Unscored {
		return nil
	}
	found := newBest(s.in, s.request.Window, s.named)
	if s.named != nil {
		found.needed = 0 // its rank counts all that match
	}
	if err := s.in.keyword.Search(s.query, s.set, 0, func(number, ordinal uint32, score float64) float64 {
		found.add(number, ordinal, score)
		return found.floor(0)
	}); err != nil {
		return err
	}
	s.result.Keyword = s.list(found)
	if s.request.Explain {
		candidates := s.result.Keyword.Candidates
		for i, m := range found.matches {
			if candidates[i].Terms, err = s.explain(m); err != nil {
				return err
			}
		}
	}
	if s.named == nil {
		return nil
	}
	s.result.Standing.Keyword = found.place()
	if found.named.number != none {
		s.result.Standing.Keyword.Terms, err = s.explain(found.named)
	} else {
		s.result.Standing.Keyword.Why = "it holds no word of the query"
	}
	return err
}

func (s *retrieval) byVector() error {
	if err := vector.Check(s.request.Vector); err != nil {
		s.result.VectorRefused = fmt.Sprintf("the query's %v", err)
		return nil
	}
	if of := s.request.VectorHistory; of != "" && of != s.history {
		s.result.VectorRefused, s.result.OtherHistory = "the index is of another model now", true
		return nil
	}
	vectors := s.in.vectors[len(s.request.Vector)]
	if vectors == nil {
		for dimension := range s.in.vectors {
			s.result.VectorRefused = fmt.Sprintf("the query's vector has %d numbers, the index holds vectors of %d", len(s.request.Vector), dimension)
		}
		s.noteNoVector(0, false)
		return nil
	}
	lowest := max(s.request.MinVectorScore, math.SmallestNonzeroFloat64)
	found := newBest(s.in, s.request.Window, s.named)
	ordinal, near, seen := s.nearNamed(vectors, found)
	if err := s.above(vectors, found, s.request.Window, lowest); err != nil {
		return err
	}
	if seen && near >= lowest && found.named.number == none { // what signs have lost is asked for by name
		found.add(s.in.numbers[s.named.key], ordinal, near)
	}
	s.result.Vector = s.list(found)
	if s.named != nil {
		s.result.Standing.Vector = found.place()
	}
	if found.named.number == none {
		s.noteNoVector(near, seen)
	}
	return nil
}

// above adds the documents whose vectors score lowest or more, as far as they are wanted:
// about so many, 0 for all.
func (s *retrieval) above(vectors *vector.Index, found *best, want int, lowest float64) error {
	return vectors.Search(s.request.Vector, want, lowest, s.accept(), func(number, ordinal uint32, score float64) float64 {
		if score >= lowest {
			found.add(number, ordinal, score)
		}
		return found.floor(lowest)
	})
}

// nearNamed scores the named document, so that all that are nearer are found.
func (s *retrieval) nearNamed(vectors *vector.Index, found *best) (ordinal uint32, near float64, seen bool) {
	if s.named == nil {
		return 0, 0, false
	}
	ordinal, near, seen = vectors.Best(s.request.Vector, s.in.numbers[s.named.key])
	if seen {
		found.needed = near
	}
	return ordinal, near, seen
}

// noteNoVector says why the named document is not found by vector.
func (s *retrieval) noteNoVector(near float64, seen bool) {
	if s.named == nil {
		return
	}
	why := "it has no vector"
	if seen {
		why = fmt.Sprintf("its vector is not near enough: %.4f", near)
	}
	s.result.Standing.Vector.Why = why
}

// list turns the best matches into candidates.
func (s *retrieval) list(found *best) index.List {
	found.sort()
	candidates := make([]index.Candidate, len(found.matches))
	for i, m := range found.matches {
		d := s.in.documents[m.number]
		candidates[i] = index.Candidate{
			Document: d.id, Key: d.key, ContentHash: d.contentHash, CommitSeq: d.seq,
			Chunk: &d.chunks[m.ordinal], Score: m.score, VectorWeight: float64(d.vectorWeight),
		}
	}
	return index.List{Candidates: candidates, More: found.more}
}

func (s *retrieval) explain(m match) (terms []pulse.TermExplain, err error) {
	parts, err := s.in.keyword.Explain(s.query, m.number, m.ordinal)
	for _, p := range parts {
		field := ""
		if p.Title {
			field = "title"
		}
		terms = append(terms, pulse.TermExplain{
			Field: field, Term: p.Term, Frequency: p.Frequency, Documents: p.Chunks, IDF: p.IDF, Score: p.Score,
		})
	}
	return terms, err
}
