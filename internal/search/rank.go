package search

import (
	"context"
	"fmt"

	"pulse"
	"pulse/internal/index"
)

// ranking is the ranked list of one query: what its pages are cut from, and what a
// snapshot keeps. Nothing in it changes once it is kept.
type ranking struct {
	items       []item // documents after collapse, best first
	relation    string
	degraded    []string
	corrections []pulse.Correction
	fusion      fusion
	single      int // the one retriever that took part; numRetrievers when both did

	// Of the document that the query wants explained.
	standing *index.Standing
	hiddenBy string // key of the copy that stands for it
}

// item is one document of a ranked list, kept small.
type item struct {
	document pulse.DocumentID
	seq      pulse.CommitSeq
	chunk    *pulse.Chunk
	score    float64
	legs     [numRetrievers]leg
	copies   int32
	key      string
	terms    []pulse.TermExplain // only when asked for
}

// rank finds, fuses, cuts to the window and collapses. other says that the query's vector
// is of another model than the index is by now.
func (s *Searcher) rank(ctx context.Context, q *checked, e embedded) (r *ranking, other bool, err error) {
	request := index.Request{
		Collection: q.Collection, Filter: q.Filter, Window: s.options.Window,
		Vector: e.vector, VectorHistory: e.history, MinVectorScore: q.MinVectorScore, Explain: q.Explain, Key: q.explainKey,
	}
	request.Text, request.Unscored = q.Text, q.Mode == pulse.ModeVector
	select {
	case s.ranking <- struct{}{}:
		defer func() { <-s.ranking }()
	case <-ctx.Done():
		return nil, false, fmt.Errorf("wait for other searches: %w", ctx.Err())
	}
	result, err := s.deps.Index.Retrieve(ctx, request)
	if err != nil {
		return nil, false, fmt.Errorf("find candidates: %w", err)
	}
	if result.VectorRefused != "" {
		e.degraded = "vector: " + result.VectorRefused
	}
	r = &ranking{relation: "eq", standing: result.Standing, single: numRetrievers, corrections: result.Corrections}
	r.take(e.degraded, q.Mode)
	if result.Lost > 0 {
		r.degraded = append(r.degraded, fmt.Sprintf("index: a file was damaged; %d pages are being read again", result.Lost))
	}
	lists := [numRetrievers][]index.Candidate{result.Keyword.Candidates, result.Vector.Candidates}
	r.fusion = s.fusion(lists, r.single != numRetrievers, e.traits)
	u := fusers.Get().(*fuser)
	defer u.free()
	all := u.fuse(lists, &r.fusion)
	if result.Keyword.More || result.Vector.More || len(all) > s.options.Window {
		r.relation = "gte"
	}
	r.collapse(all[:min(len(all), s.options.Window)], q, u.first)
	return r, result.OtherHistory, nil
}

// take notes which retrievers took part, and what did not.
func (r *ranking) take(degraded string, mode pulse.Mode) {
	if degraded != "" {
		r.degraded = []string{degraded}
	}
	switch {
	case mode == pulse.ModeVector:
		r.single = byVector
	case mode == pulse.ModeKeyword || degraded != "":
		r.single = byKeyword
	}
}

// collapse keeps the first of documents with equal content and counts the rest.
// The content hash covers title, text and metadata, so copies hold the same words:
// none is hidden whose own words match better than its twin's. first is empty.
func (r *ranking) collapse(all []fused, q *checked, first map[string]int) {
	r.items = make([]item, 0, len(all))
	for i := range all {
		d := &all[i]
		if !q.NoCollapse && d.ContentHash != "" {
			if at, known := first[d.ContentHash]; known {
				r.items[at].copies++
				if d.Key == q.explainKey {
					r.hiddenBy = r.items[at].key
				}
				continue
			}
			first[d.ContentHash] = len(r.items)
		}
		r.items = append(r.items, item{
			document: d.Document, seq: d.CommitSeq, chunk: d.Chunk, key: d.Key,
			score: d.score, legs: d.legs, terms: d.terms,
		})
	}
}
