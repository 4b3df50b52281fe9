package local

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"pulse"
	"pulse/internal/index"
)

// TestVectorWeight: a candidate tells what its page's vectors are worth; one without vectors
// has nothing to weigh.
func TestVectorWeight(t *testing.T) {
	with := func(c *pulse.Commit) { c.Vectors = []pulse.Vector{{1, 0}} }
	x := filled(t, Options{VectorWeight: func(text string) float64 { return float64(len(text)) / 4 }},
		page(1, "word", with), page(2, "wo", with), page(3, "word", nil), page(4, "word word", with))
	got := map[pulse.DocumentID]float64{}
	for _, c := range retrieve(t, x, index.Request{Text: "wo word", Vector: pulse.Vector{1, 0}}).Keyword.Candidates {
		got[c.Document] = c.VectorWeight
	}
	for id, want := range map[pulse.DocumentID]float64{1: 1, 2: 0.5, 3: 0, 4: 1} {
		if got[id] != want {
			t.Errorf("document %d weighs %v, want %v", id, got[id], want)
		}
	}
}

func TestExcerpt(t *testing.T) {
	f := func(text string, holds ...string) {
		t.Helper()
		got := excerpt(text)
		if len(got) > excerptBytes+2 || !utf8.ValidString(got) {
			t.Errorf("%d bytes of %d, valid %v", len(got), len(text), utf8.ValidString(got))
		}
		for _, part := range holds {
			if !strings.Contains(got, part) {
				t.Errorf("%.20q… has no %s", text, part)
			}
		}
	}
	f("", "")
	f(strings.Repeat("x", excerptBytes), strings.Repeat("x", excerptBytes))
	long := strings.Repeat("語", 1000)
	f("begin "+long+"middle"+long+" end", "begin", "middle", "end")
	for i := range 4 {
		f(strings.Repeat("a", i) + strings.Repeat(long, 3))
	}
}

// TestVectorWeightBounds: what is no share of 1 is brought into bounds.
func TestVectorWeightBounds(t *testing.T) {
	for given, want := range map[float64]float64{-1: 0, 7: 1, math.Inf(1): 1} {
		x := filled(t, Options{VectorWeight: func(string) float64 { return given }}, page(1, "word", func(c *pulse.Commit) { c.Vectors = []pulse.Vector{{1, 0}} }))
		if got := retrieve(t, x, index.Request{Text: "word"}).Keyword.Candidates[0].VectorWeight; got != want {
			t.Errorf("%v became %v, want %v", given, got, want)
		}
	}
}
