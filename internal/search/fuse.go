package search

import (
	"cmp"
	"fmt"
	"slices"

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
}

// fusion turns legs into one score.
type fusion struct {
	kind      string // "" when one retriever alone took part: its raw score stands
	weights   [numRetrievers]float64
	k         float64
	low, high [numRetrievers]float64 // of each list
}

// floor is what the last of a list keeps in FusionMinMax: it was found, and a hit
// never has score zero.
const floor = 1e-3

// part is what a leg adds to the fused score: above 0 when it was found.
func (f *fusion) part(retriever int, l leg) float64 {
	switch {
	case l.rank == 0:
		return 0
	case f.kind == "":
		return l.score
	case f.kind == FusionRRF:
		return f.weights[retriever] / (f.k + float64(l.rank))
	}
	scaled := 1.0
	if low, high := f.low[retriever], f.high[retriever]; high > low {
		scaled = (l.score - low) / (high - low)
	}
	return f.weights[retriever] * (floor + (1-floor)*scaled)
}

// String says how the score comes about.
func (f *fusion) String() string {
	switch f.kind {
	case FusionRRF:
		return fmt.Sprintf("rrf: %.4g / (%v + rank by keyword) + %.4g / (%v + rank by vector)",
			f.weights[byKeyword], f.k, f.weights[byVector], f.k)
	case FusionMinMax:
		return fmt.Sprintf("minmax: %.4g × keyword + %.4g × vector, each scaled by the least and the greatest of its list",
			f.weights[byKeyword], f.weights[byVector])
	}
	return "none: the score of the one retriever"
}

// fusion prepares to fuse lists; vector is what the query's vector is worth, 0 to 1.
func (s *Searcher) fusion(lists [numRetrievers][]index.Candidate, single bool, vector float64) fusion {
	f := fusion{k: s.options.RRFK}
	if single {
		return f
	}
	f.kind = s.options.Fusion
	f.weights = [numRetrievers]float64{byKeyword: 1, byVector: vector}
	if f.kind == FusionMinMax {
		alpha := s.options.Alpha * vector
		f.weights = [numRetrievers]float64{byKeyword: 1 - alpha, byVector: alpha}
	}
	for i, list := range lists {
		if len(list) > 0 {
			f.high[i], f.low[i] = list[0].Score, list[len(list)-1].Score
		}
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

// fuse joins the lists, best first: by falling score, equal ones by key. What has
// no score is left out.
func fuse(lists [numRetrievers][]index.Candidate, f *fusion) []fused {
	at := make(map[pulse.DocumentID]int, len(lists[byKeyword])+len(lists[byVector]))
	all := make([]fused, 0, len(lists[byKeyword])+len(lists[byVector]))
	for retriever, list := range lists {
		for i := range list {
			c := &list[i]
			place, known := at[c.Document]
			if !known {
				place = len(all)
				at[c.Document] = place
				all = append(all, fused{Candidate: c, terms: c.Terms})
			}
			all[place].add(c, f, retriever, i+1)
		}
	}
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
	l := leg{score: c.Score, rank: int32(rank)}
	part := f.part(retriever, l)
	if part > d.score {
		d.Candidate = c
	}
	d.legs[retriever] = l
	d.score += part
}
