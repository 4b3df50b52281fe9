package search_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pulse"
	"pulse/internal/search"
)

func TestExplainAddsUp(t *testing.T) {
	for _, fusion := range []string{search.FusionMinMax, search.FusionRRF} {
		t.Run(fusion, func(t *testing.T) {
			w := newWorld(t)
			w.options = search.Options{Fusion: fusion}
			for i := range 12 {
				w.put(i, strings.Repeat("word ", i%4)+strings.Repeat("other ", i%3)+fmt.Sprint("filler", i), nil)
			}
			w.index()
			for _, mode := range []pulse.Mode{pulse.ModeHybrid, pulse.ModeKeyword, pulse.ModeVector} {
				a := w.search(pulse.Query{Text: "word other word", Mode: mode, Explain: true, Limit: 100})
				if len(a.Hits) == 0 {
					t.Fatalf("%s: no hits", mode)
				}
				for _, h := range a.Hits {
					checkExplained(t, h)
				}
			}
		})
	}
}

func checkExplained(t *testing.T, h pulse.Hit) {
	t.Helper()
	sum := 0.0
	for _, r := range h.Explain.Retrievers {
		sum += r.Weight
		if (r.Rank > 0) != (r.Weight > 0) || r.Score != h.Scores[r.Retriever] {
			t.Errorf("%s: rank %d, weight %v, score %v of %v", r.Retriever, r.Rank, r.Weight, r.Score, h.Scores)
		}
		terms := 0.0
		for _, term := range r.Terms {
			terms += term.Score
		}
		if r.Retriever == "keyword" && terms != r.Score {
			t.Errorf("terms %+v add up to %v, score %v", r.Terms, terms, r.Score)
		}
	}
	if math.Abs(sum-h.Score) > 1e-12 || h.Explain.Score != h.Score || h.Explain.Fusion == "" {
		t.Errorf("parts %+v add up to %v, score %v", h.Explain, sum, h.Score)
	}
}

func TestFusionMinMax(t *testing.T) {
	w := newWorld(t)
	w.put(1, "word word word", nil)
	w.put(2, "word filler filler filler filler", nil)
	w.index()
	a := w.search(pulse.Query{Text: "word"})
	// The first is best in both lists: 0.65 + 0.35. The last of both keeps a
	// thousandth of each weight.
	if best, last := a.Hits[0].Score, a.Hits[1].Score; best != 1 || math.Abs(last-0.001) > 1e-12 {
		t.Errorf("scores %v, %v", best, last)
	}
}

func TestFusionRRF(t *testing.T) {
	w := newWorld(t)
	w.options = search.Options{Fusion: search.FusionRRF}
	w.put(1, "word word word", nil)
	w.put(2, "word filler filler filler filler", nil)
	w.index()
	a := w.search(pulse.Query{Text: "word"})
	if best, last := a.Hits[0].Score, a.Hits[1].Score; best != 2.0/61 || last != 2.0/62 {
		t.Errorf("scores %v, %v", best, last)
	}
}

func TestExplainURL(t *testing.T) {
	w := newWorld(t)
	w.options = search.Options{Window: 3}
	same := func(d *pulse.Document) { d.ContentHash = "same" }
	w.put(1, "word word word word", same)
	w.put(2, "word word word word", same)
	w.put(3, "word word word x", nil)
	w.put(4, "word x x x x x x", func(d *pulse.Document) { d.Language = "de" })
	w.put(5, "nothing of it", nil)
	w.index()
	f := func(id int, q pulse.Query, found bool, reason string) *pulse.Explanation {
		t.Helper()
		q.Text, q.ExplainURL = "word", fmt.Sprintf("https://EXAMPLE.com/%02d", id)
		q.Mode = pulse.ModeKeyword
		e := w.search(q).Explained
		if e == nil {
			t.Fatalf("%s: nothing explained", q.ExplainURL)
		}
		if e.Found != found || e.Reason != reason || e.URL != q.ExplainURL {
			t.Errorf("%s: found %v, %q; want %v, %q", q.ExplainURL, e.Found, e.Reason, found, reason)
		}
		return e
	}
	if e := f(1, pulse.Query{}, true, ""); e.Retrievers[0].Rank != 1 || len(e.Retrievers[0].Terms) != 1 {
		t.Errorf("explained by %+v", e.Retrievers)
	}
	f(3, pulse.Query{Limit: 1}, true, "page: it is at place 2")
	f(2, pulse.Query{}, false, "collapse: its copy https://example.com/01 stands for it")
	if e := f(4, pulse.Query{}, false, "window: rank 4 by keyword does not reach it"); e.Retrievers[0].Rank != 4 {
		t.Errorf("explained by %+v", e.Retrievers)
	}
	f(5, pulse.Query{}, false, "keyword: it holds no word of the query")
	f(4, pulse.Query{Filter: pulse.Filter{Language: "en"}}, false, `filter.language: the document has "de"`)
	f(9, pulse.Query{}, false, "not in the index")

	// On a later page of a snapshot too.
	first := w.search(pulse.Query{Text: "word", Mode: pulse.ModeKeyword, Limit: 1})
	f(3, pulse.Query{Limit: 1, Offset: 1, Snapshot: first.Snapshot}, true, "")
}
