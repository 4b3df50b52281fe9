package vector

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes the time")

func newRand(t testing.TB) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-seed %d repeats it)", n, n)
	return rand.New(rand.NewPCG(n, 0))
}

// found is a document by its best chunk.
type found struct {
	document, ordinal uint32
	score             float64
}

// compareFound puts the better first: of equal ones the lesser document, which
// stands for the lesser key.
func compareFound(a, b found) int {
	if a.score != b.score {
		return cmp.Compare(b.score, a.score)
	}
	return cmp.Compare(a.document, b.document)
}

// twin is the exact, plain scan that the fast one is tested against: a map and a
// sort.
type twin map[uint32][]twinChunk

type twinChunk struct {
	ordinal uint32
	half    []uint16 // of the vector at length 1
	scale   float32
}

func twinOf(c Chunk) twinChunk { return twinChunk{c.Ordinal, c.half, c.scale} }

// search lists the best documents, by the score that a search promises: the product
// of the vector as float16.
func (w twin) search(query []float32, metric Metric, window int, accept func(uint32) bool) []found {
	unit, length := make([]float32, widthOf(len(query))), 1.0
	if n, _ := normalise(unit[:len(query)], query); metric == Dot {
		length = n
	}
	var all []found
	for document, chunks := range w {
		if len(chunks) == 0 || accept != nil && !accept(document) {
			continue
		}
		best := found{document: document}
		for i, c := range chunks {
			if s := float64(c.scale*dotHalf(c.half, unit)) * length; i == 0 || s > best.score || s == best.score && c.ordinal < best.ordinal {
				best.ordinal, best.score = c.ordinal, s
			}
		}
		all = append(all, best)
	}
	slices.SortFunc(all, compareFound)
	return all[:min(window, len(all))]
}

// unitOf is the vector at length 1.
func unitOf(v []float32) []float32 {
	unit := make([]float32, len(v))
	if _, err := normalise(unit, v); err != nil {
		panic(err)
	}
	return unit
}

// exactCosine is in float32, of vectors of length 1.
func exactCosine(query, v []float32) float64 { return float64(dot(query, v)) }

// window keeps the best of what a search yields, as the owner of an index does.
type window struct {
	size int
	list []found
}

func (w *window) add(document, ordinal uint32, score float64) (floor float64) {
	f := found{document, ordinal, score}
	at, _ := slices.BinarySearchFunc(w.list, f, compareFound)
	w.list = slices.Insert(w.list, at, f)
	if len(w.list) < w.size {
		return lowest
	}
	w.list = w.list[:w.size]
	return w.list[w.size-1].score
}

// lowest is the floor of a search that wants everything.
const lowest = -1e300

func searchWindow(t testing.TB, x *Index, query []float32, size int, accept func(uint32) bool) []found {
	t.Helper()
	w := window{size: size, list: make([]found, 0, size+1)}
	if err := x.Search(query, size, lowest, accept, w.add); err != nil {
		t.Fatal(err)
	}
	return w.list
}

func mustEncode(t testing.TB, metric Metric, ordinal uint32, v []float32) Chunk {
	t.Helper()
	c, err := Encode(metric, ordinal, v)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// indexOf holds each vector as a document of one chunk.
func indexOf(t testing.TB, metric Metric, vectors [][]float32) *Index {
	t.Helper()
	x := New(len(vectors[0]), metric)
	for i, v := range vectors {
		if err := x.Replace(uint32(i), []Chunk{mustEncode(t, metric, 0, v)}); err != nil {
			t.Fatal(err)
		}
	}
	return x
}
