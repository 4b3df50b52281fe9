package search

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"pulse"
	"pulse/internal/index"
)

// The retrievers, in the order in which their parts are added.
const (
	byKeyword = iota
	byVector
	numRetrievers
)

var retrieverNames = [numRetrievers]string{"keyword", "vector"}

// leg is what one retriever says of a document.
type leg struct {
	score float64 // raw
	rank  int32   // from 1; 0 when it did not find it
	// vectorWeight is what the document's vectors are worth, 0 to 1: what they have less, its
	// words have more.
	vectorWeight float32
}

// fusion turns legs into one score.
type fusion struct {
	kind      string  // "" when one retriever alone took part: its raw score stands
	vector    float64 // weight of vectors where they are worth all: in FusionMinMax words have the rest to 1
	k         float64
	low, high [numRetrievers]float64 // of each list
}

// floor is what the last of a list keeps in FusionMinMax: it was found, and a hit
// never has score zero.
const floor = 1e-3

// part is what a leg adds to the fused score: above 0 when it was found, unless vectors have
// no say about the document.
func (f *fusion) part(retriever int, l leg) float64 {
	switch {
	case l.rank == 0:
		return 0
	case f.kind == "":
		return l.score
	case f.kind == FusionRRF:
		return f.weight(retriever, l) / (f.k + float64(l.rank))
	}
	scaled := 1.0
	if low, high := f.low[retriever], f.high[retriever]; high > low {
		scaled = (l.score - low) / (high - low)
	}
	return f.weight(retriever, l) * (floor + (1-floor)*scaled)
}

func (f *fusion) weight(retriever int, l leg) float64 {
	vector := f.vector * float64(l.vectorWeight)
	switch {
	case retriever == byVector:
		return vector
	case f.kind == FusionRRF:
		return 1
	}
	return 1 - vector
}

// String says how the score comes about.
func (f *fusion) String() string {
	switch {
	case f.kind == FusionRRF:
		return fmt.Sprintf("rrf: 1 / (%v + rank by keyword) + %.4g / (%v + rank by vector)", f.k, f.vector, f.k)
	case f.kind == FusionMinMax && f.low[byVector] == 0:
		return fmt.Sprintf("minmax: %.4g × keyword, scaled by the least and the greatest of its list, + %.4g × vector, scaled by the greatest", 1-f.vector, f.vector)
	case f.kind == FusionMinMax:
		return fmt.Sprintf("minmax: %.4g × keyword + %.4g × vector, each scaled by the least and the greatest of its list", 1-f.vector, f.vector)
	}
	return "none: the score of the one retriever"
}

// fusion prepares to fuse lists.
func (s *Searcher) fusion(lists [numRetrievers][]index.Candidate, single bool, t VectorTraits) fusion {
	f := fusion{k: s.options.RRFK}
	if single {
		return f
	}
	f.kind, f.vector = s.options.Fusion, t.Weight
	if f.kind == FusionMinMax {
		f.vector *= t.Alpha
	}
	for i, list := range lists {
		if len(list) > 0 {
			f.high[i], f.low[i] = list[0].Score, list[len(list)-1].Score
		}
	}
	if t.FromZero {
		f.low[byVector] = 0
	}
	return f
}

// fused is one document with what all retrievers say of it.
type fused struct {
	*index.Candidate // of the retriever with the greater part: its chunk is shown
	terms            []pulse.TermExplain
	legs             [numRetrievers]leg
	score            float64
}

// fuser joins lists and collapses what is joined. It is used again, so that a search does not
// leave thousands of entries to the garbage collector.
type fuser struct {
	at    map[pulse.DocumentID]int
	all   []fused
	first map[string]int // by content hash: the item that stands for its copies
}

var fusers = sync.Pool{New: func() any {
	return &fuser{at: make(map[pulse.DocumentID]int), first: make(map[string]int)}
}}

// free lets go of what was joined.
func (u *fuser) free() {
	clear(u.at)
	clear(u.all[:cap(u.all)])
	clear(u.first)
	fusers.Put(u)
}

// fuse joins the lists, best first: by falling score, equal ones by key. What has
// no score is left out. The answer is the fuser's.
func (u *fuser) fuse(lists [numRetrievers][]index.Candidate, f *fusion) []fused {
	all := slices.Grow(u.all[:0], len(lists[byKeyword])+len(lists[byVector]))
	for retriever, list := range lists {
		for i := range list {
			c := &list[i]
			place, known := u.at[c.Document]
			if !known {
				place = len(all)
				u.at[c.Document] = place
				all = append(all, fused{Candidate: c, terms: c.Terms})
			}
			all[place].add(c, f, retriever, i+1)
		}
	}
	u.all = all
	all = slices.DeleteFunc(all, func(d fused) bool { return d.score <= 0 })
	slices.SortFunc(all, func(a, b fused) int {
		if a.score != b.score {
			return cmp.Compare(b.score, a.score)
		}
		return cmp.Compare(a.Key, b.Key)
	})
	return all
}

func (d *fused) add(c *index.Candidate, f *fusion, retriever, rank int) {
	l := leg{score: c.Score, rank: int32(rank), vectorWeight: float32(c.VectorWeight)}
	part := f.part(retriever, l)
	if part > d.score {
		d.Candidate = c
	}
	d.legs[retriever] = l
	d.score += part
}
