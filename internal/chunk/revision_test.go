package chunk

import (
	"slices"
	"strings"
	"testing"
)

// revision is how much of a page differs from what it was before.
type revision struct {
	lines, chunks float64 // the share that is new
	touched       float64 // of chunks: those that hold a new line
	own           float64 // those that hold one beside what they repeat
	least         float64 // the fewest of such a length that could hold all of them
	one           float64 // one of them
}

// TestRevisions measures how many chunks of a page change from one revision to the
// next, against how much of its text does. Packing within sections is what keeps the
// chunks that no new line is in as they were: of the median page, all of them.
func TestRevisions(t *testing.T) {
	if testing.Short() {
		t.Skip("1,500 pages by one goroutine: in the full run")
	}
	chunker := New(miniLM(t), Options{})
	former := map[string]samplePage{}
	var all []revision
	for _, p := range samplePages(t, "revisions.jsonl.gz", 0) {
		before, ok := former[p.URL]
		former[p.URL] = p
		if ok && before.Markdown != p.Markdown {
			all = append(all, revise(t, chunker, before, p))
		}
	}
	median := func(of func(revision) float64) float64 {
		values := make([]float64, len(all))
		for i, r := range all {
			values[i] = 100 * of(r)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	lines := median(func(r revision) float64 { return r.lines })
	chunks := median(func(r revision) float64 { return r.chunks })
	touched := median(func(r revision) float64 { return r.touched })
	own := median(func(r revision) float64 { return r.own })
	least := median(func(r revision) float64 { return r.least })
	one := median(func(r revision) float64 { return r.one })
	t.Logf("no packing of chunks as long has less than %.2f %%, for %.2f %% is one chunk; without what is repeated, %.2f %% hold a new line", least, one, own)
	moved := median(func(r revision) float64 { return r.chunks - r.touched })
	t.Logf("medians of %d revisions: %.2f %% of lines are new, %.2f %% of chunks hold one, %.2f %% of chunks are new", len(all), lines, touched, chunks)
	if moved > 0 || chunks > 15 {
		t.Errorf("%.2f %% of chunks are new, %.2f %% that hold no new line", chunks, moved)
	}
}

func revise(t *testing.T, c *Chunker, before, p samplePage) revision {
	t.Helper()
	old, _ := spans(t, c, before)
	texts, pieces := spans(t, c, p)
	newLines, at := newPlaces(before.Markdown, p.Markdown)
	touched, own, end := 0, 0, 0
	for _, piece := range pieces {
		if slices.ContainsFunc(at, func(pos int) bool { return max(end, piece.Start) <= pos && pos < piece.End }) {
			own++
		}
		end = piece.End
		if slices.ContainsFunc(at, func(pos int) bool { return piece.Start <= pos && pos < piece.End }) {
			touched++
		}
	}
	n := float64(max(1, len(pieces)))
	return revision{lines: newLines, chunks: float64(countNew(old, texts)) / n, touched: float64(touched) / n,
		own: float64(own) / n, least: float64(cover(at, len(p.Markdown)/int(n))) / n, one: float64(min(1, len(at))) / n}
}

// cover is the number of spans of a length that can hold all of some ascending places,
// wherever they lie: of no packing into chunks of that length fewer hold one.
func cover(places []int, length int) int {
	n, end := 0, 0
	for _, at := range places {
		if n == 0 || at >= end {
			n++
			end = at + length
		}
	}
	return n
}

func spans(t *testing.T, c *Chunker, p samplePage) (texts []string, pieces []Piece) {
	t.Helper()
	pieces, err := c.Split(t.Context(), p.Title, p.Markdown)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range pieces {
		texts = append(texts, p.Markdown[piece.Start:piece.End])
	}
	return texts, pieces
}

// newPlaces gives the share of lines that are new, and where they begin.
func newPlaces(before, now string) (share float64, at []int) {
	left := map[string]int{}
	for line := range strings.SplitSeq(before, "\n") {
		left[line]++
	}
	pos, n := 0, 0
	for line := range strings.SplitSeq(now, "\n") {
		if left[line]--; left[line] < 0 {
			at = append(at, pos)
		}
		pos += len(line) + 1
		n++
	}
	return float64(len(at)) / float64(n), at
}

// countNew counts what of b is not in a.
func countNew(a, b []string) int {
	left := map[string]int{}
	for _, s := range a {
		left[s]++
	}
	n := 0
	for _, s := range b {
		if left[s]--; left[s] < 0 {
			n++
		}
	}
	return n
}
