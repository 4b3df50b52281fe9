// Package eval measures how well a search ranks: a collection of documents, queries
// and judgements goes in, nDCG@10, recall@100 and MRR@10 come out.
//
// The package is pure. It declares what it needs of the search that it measures.
package eval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Document is one text to be found.
type Document struct{ ID, Title, Text string }

// Query is one text to find by.
type Query struct{ ID, Text string }

// Collection is documents with queries and judgements about them.
type Collection struct {
	Name      string
	Documents []Document
	// Queries are those that have judgements, in the order of the file.
	Queries []Query
	// Grades are the judgements: query id → document id → grade. A document counts as
	// relevant from 1 up; what is not judged is not relevant.
	Grades map[string]map[string]int
}

// Ranked is one document of an answer. Answers are best first; Score falls, but not
// always strictly.
type Ranked struct {
	Document string
	Score    float64
}

// Indexer takes the documents in, and returns when all can be found.
type Indexer interface {
	Index(ctx context.Context, documents []Document) error
}

// Searcher answers one query in a mode by at most limit documents, none of them
// twice. It is asked from many goroutines.
type Searcher interface {
	Search(ctx context.Context, mode, query string, limit int) ([]Ranked, error)
}

// depth is how many documents are asked for: what recall@100 looks at.
const depth = 100

// Answer is what the search said to one query.
type Answer struct {
	Query string // its id
	Found []Ranked
}

// Report is what a collection shows of a search.
type Report struct {
	Collection string            `json:"collection"`
	Queries    int               `json:"queries"` // that have judgements
	Modes      map[string]Scores `json:"modes"`
}

// Judge indexes the collection and asks all its queries in each mode, several at
// once. keep, unless nil, is given each mode's answers.
func Judge(ctx context.Context, c *Collection, x Indexer, s Searcher, modes []string, workers int, keep func(mode string, answers []Answer) error) (*Report, error) {
	if err := x.Index(ctx, c.Documents); err != nil {
		return nil, fmt.Errorf("index %d documents: %w", len(c.Documents), err)
	}
	r := &Report{Collection: c.Name, Queries: len(c.Queries), Modes: map[string]Scores{}}
	for _, mode := range modes {
		answers, err := Run(ctx, c, s, mode, workers)
		if err != nil {
			return nil, err
		}
		r.Modes[mode] = c.Score(answers)
		if keep == nil {
			continue
		}
		if err := keep(mode, answers); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Run asks all queries in one mode, several at once, and gives the answers in the
// order of the queries.
func Run(ctx context.Context, c *Collection, s Searcher, mode string, workers int) ([]Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers, next := make([]Answer, len(c.Queries)), make(chan int)
	var running sync.WaitGroup
	for range max(1, workers) {
		running.Go(func() {
			for i := range next {
				q := &c.Queries[i]
				found, err := s.Search(ctx, mode, q.Text, depth)
				if err != nil {
					cancel(fmt.Errorf("query %s by %s: %w", q.ID, mode, err))
					return
				}
				answers[i] = Answer{q.ID, found}
			}
		})
	}
	for i := range c.Queries {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	running.Wait()
	return answers, context.Cause(ctx)
}

// Scores are the averages over all queries that have judgements; one without hits
// counts 0.
type Scores struct {
	NDCG10    float64 `json:"ndcg@10"`
	Recall100 float64 `json:"recall@100"`
	MRR10     float64 `json:"mrr@10"`
}

// Score averages over the answers.
func (c *Collection) Score(answers []Answer) Scores {
	var sum Scores
	for _, a := range answers {
		one := scoreOne(c.Grades[a.Query], a.Found)
		sum.NDCG10 += one.NDCG10
		sum.Recall100 += one.Recall100
		sum.MRR10 += one.MRR10
	}
	n := float64(max(1, len(answers)))
	return Scores{sum.NDCG10 / n, sum.Recall100 / n, sum.MRR10 / n}
}

// judged drops queries without judgements. None left is an error.
func (c *Collection) judged(all []Query) error {
	for _, q := range all {
		if len(c.Grades[q.ID]) > 0 {
			c.Queries = append(c.Queries, q)
		}
	}
	if len(c.Queries) == 0 {
		return fmt.Errorf("%s: no query has judgements", c.Name)
	}
	return nil
}

// best gives the grades of the relevant documents, greatest first.
func best(grades map[string]int) []int {
	var relevant []int
	for _, g := range grades {
		if g > 0 {
			relevant = append(relevant, g)
		}
	}
	slices.SortFunc(relevant, func(a, b int) int { return cmp.Compare(b, a) })
	return relevant
}
