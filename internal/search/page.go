package search

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pulse"
	"pulse/internal/index/keyword"
)

// page is one page of a ranked list, ready to be shown.
type page struct {
	hits []pulse.Hit
	// moved is the last commit by which a hit has moved past the index; 0 when none.
	moved pulse.CommitSeq
	// damaged says of hits whose text cannot be read that they have no passage for it.
	damaged []string
}

func (p *page) answer(r *ranking, snapshot string) *pulse.Answer {
	return &pulse.Answer{
		Total: len(r.items), TotalRelation: r.relation, Snapshot: snapshot,
		Hits: p.hits, Degraded: slices.Concat(r.degraded, p.damaged), Corrections: r.corrections,
	}
}

// page fills the hits of the wanted page. A document that is gone is left out; one
// that has moved keeps its place, without a passage.
func (s *Searcher) page(ctx context.Context, q *checked, r *ranking) (*page, error) {
	from := min(q.Offset, len(r.items))
	items := r.items[from:min(from+q.Limit, len(r.items))]
	p := &page{hits: make([]pulse.Hit, 0, len(items))}
	if len(items) == 0 {
		return p, nil
	}
	ids := make([]pulse.DocumentID, len(items))
	for i := range items {
		ids[i] = items[i].document
	}
	documents, err := s.deps.Store.DocumentsByID(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read %d hits: %w", len(ids), err)
	}
	marker := newMarker(q, r.corrections)
	for i := range items {
		d, found := documents[items[i].document]
		if !found || d.State == pulse.StateGone {
			p.note(d.CommitSeq, s.deps.Follower.Head)
			continue
		}
		hit := r.hit(q, &items[i], d)
		if err := s.addPassage(ctx, q, p, &hit, &items[i], marker); err != nil {
			return nil, err
		}
		p.hits = append(p.hits, hit)
	}
	return p, nil
}

// note keeps that a hit has moved by a commit; where that is not known, by the head.
func (p *page) note(seq pulse.CommitSeq, head func() pulse.CommitSeq) {
	if seq == 0 {
		seq = head()
	}
	p.moved = max(p.moved, seq)
}

func (r *ranking) hit(q *checked, it *item, d pulse.Document) pulse.Hit {
	d.Text = ""
	hit := pulse.Hit{
		Score: it.score, Scores: make(map[string]float64, numRetrievers),
		Document: d, Chunk: *it.chunk, Copies: int(it.copies),
	}
	for i, l := range it.legs {
		if l.rank > 0 {
			hit.Scores[retrieverNames[i]] = l.score
		}
	}
	if q.Explain {
		hit.Explain = r.explain(it)
		hit.Explain.URL = d.URL
	}
	return hit
}

// maxSpanBytes bounds what is read of a chunk to find its passage in.
const maxSpanBytes = 16 << 10

func (s *Searcher) addPassage(ctx context.Context, q *checked, p *page, hit *pulse.Hit, it *item, marker *keyword.Marker) error {
	if hit.Document.CommitSeq != it.seq {
		p.note(hit.Document.CommitSeq, s.deps.Follower.Head)
		return nil
	}
	if q.NoPassages {
		return nil
	}
	end := min(it.chunk.End, it.chunk.Start+maxSpanBytes)
	span, err := s.deps.Store.Passage(ctx, it.document, it.seq, it.chunk.Start, end)
	if errors.Is(err, pulse.ErrConflict) || errors.Is(err, pulse.ErrNotFound) {
		p.note(0, s.deps.Follower.Head)
		return nil
	}
	if errors.Is(err, pulse.ErrDamaged) { // the others are as good as ever
		p.damaged = append(p.damaged, fmt.Sprintf("passages: that of %s is damaged in the store: delete the page and send it again", it.key))
		return nil
	}
	if err != nil {
		return fmt.Errorf("read passage of %s: %w", it.key, err)
	}
	hit.Passage, hit.Marks = cutPassage(span, hit.Document.Language, marker)
	return nil
}

// newMarker marks the query's words: none where words were not asked for.
func newMarker(q *checked, corrections []pulse.Correction) *keyword.Marker {
	if q.Mode == pulse.ModeVector {
		return keyword.NewMarker("", nil)
	}
	searched := make([]keyword.Correction, len(corrections))
	for i, c := range corrections {
		searched[i] = keyword.Correction{Word: c.Word, Words: c.Words}
	}
	return keyword.NewMarker(q.Text, searched)
}
