package search

import (
	"fmt"
	"strings"

	"pulse"
	"pulse/internal/index"
)

// explain says how an item came to its score. In a list that was kept without
// explain, the terms are missing.
func (r *ranking) explain(it *item) *pulse.Explanation {
	e := &pulse.Explanation{Found: true, Score: it.score, Fusion: r.fusion.String()}
	for i := range numRetrievers {
		if !r.tookPart(i) {
			continue
		}
		l := it.legs[i]
		x := pulse.RetrieverExplain{
			Retriever: retrieverNames[i], Rank: int(l.rank), Score: l.score, Weight: r.fusion.part(i, l),
		}
		if i == byKeyword {
			x.Terms = it.terms
		}
		e.Retrievers = append(e.Retrievers, x)
	}
	return e
}

func (r *ranking) tookPart(retriever int) bool {
	return r.single == numRetrievers || r.single == retriever
}

// explainNamed says where the query's named document is in the ranked list, or
// what kept it out.
func (r *ranking) explainNamed(q *checked, standing *index.Standing, hiddenBy string) *pulse.Explanation {
	for i := range r.items {
		if r.items[i].key != q.explainKey {
			continue
		}
		e := r.explain(&r.items[i])
		e.URL = q.ExplainURL
		if standing.Keyword.Terms != nil && r.tookPart(byKeyword) {
			e.Retrievers[0].Terms = standing.Keyword.Terms
		}
		if i < q.Offset || i >= q.Offset+q.Limit {
			e.Reason = fmt.Sprintf("page: it is at place %d", i+1)
		}
		return e
	}
	e := &pulse.Explanation{URL: q.ExplainURL, Fusion: r.fusion.String()}
	e.Reason = r.keptOut(standing, hiddenBy)
	if standing.Known && standing.Filtered == "" {
		e.Retrievers = r.places(standing)
	}
	return e
}

// places are what the retrievers say of a document that is not in the list: it
// adds nothing to any score.
func (r *ranking) places(standing *index.Standing) []pulse.RetrieverExplain {
	var all []pulse.RetrieverExplain
	for i, p := range [numRetrievers]index.Place{standing.Keyword, standing.Vector} {
		if r.tookPart(i) {
			all = append(all, pulse.RetrieverExplain{
				Retriever: retrieverNames[i], Rank: p.Rank, Score: p.Score, Terms: p.Terms,
			})
		}
	}
	return all
}

func (r *ranking) keptOut(standing *index.Standing, hiddenBy string) string {
	switch {
	case !standing.Known:
		return "not in the index"
	case standing.Filtered != "":
		return standing.Filtered
	case hiddenBy != "":
		return "collapse: its copy " + hiddenBy + " stands for it"
	}
	var missing, beyond []string
	for i, p := range [numRetrievers]index.Place{standing.Keyword, standing.Vector} {
		switch {
		case !r.tookPart(i):
		case p.Rank > 0:
			beyond = append(beyond, fmt.Sprintf("rank %d by %s", p.Rank, retrieverNames[i]))
		case p.Why != "":
			missing = append(missing, retrieverNames[i]+": "+p.Why)
		}
	}
	if len(beyond) > 0 {
		return "window: " + strings.Join(beyond, ", ") + " does not reach it"
	}
	return strings.Join(missing, "; ")
}
