package vector

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// TestRecall compares the ten nearest with those of the exact scan in float32, on
// vectors as embedders make them. PULSE_VECTORS is how many; it measures recall on
// more than what the gate has time for.
func TestRecall(t *testing.T) {
	n, queries, dimensions := 4000, 30, []int{128, 256, 1024}
	if s, err := strconv.Atoi(os.Getenv("PULSE_VECTORS")); err == nil {
		n = s
	} else if testing.Short() {
		n, queries, dimensions = 1500, 10, []int{256}
	}
	r := newRand(t)
	for _, dimension := range dimensions {
		t.Run(fmt.Sprintf("clustered/%d", dimension), func(t *testing.T) {
			measureRecall(t, clusteredVectors(r, n+queries, dimension, 50, 0.8), queries)
		})
		t.Run(fmt.Sprintf("text/%d", dimension), func(t *testing.T) {
			vectors := textVectors(sharedTexts(t, n+queries, 40), dimension)
			r.Shuffle(len(vectors), func(i, j int) { vectors[i], vectors[j] = vectors[j], vectors[i] })
			measureRecall(t, vectors, queries)
		})
	}
}

func measureRecall(t *testing.T, vectors [][]float32, queries int) {
	t.Helper()
	n := len(vectors) - queries
	x := indexOf(t, Cosine, vectors[:n])
	units := make([][]float32, len(vectors))
	for i, v := range vectors {
		units[i] = unitOf(v)
	}
	for _, size := range []int{10, 300} {
		for name, signsFrom := range map[string]int{"codes": math.MaxInt, "signs": 0} {
			x.signsFrom = signsFrom
			recall := recallAt(t, x, units, queries, size)
			t.Logf("%d vectors, recall@%d by %s %.4f", n, size, name, recall)
			least := 0.99
			if size >= longList {
				least = 0.98
			}
			if recall < least {
				t.Errorf("recall@%d by %s is %.4f", size, name, recall)
			}
		}
	}
}

// recallAt is the share of what is found that scores no less than the last of the
// exact scan's, which takes documents that score the same for each other.
func recallAt(t *testing.T, x *Index, units [][]float32, queries, size int) float64 {
	t.Helper()
	n, right := len(units)-queries, 0
	for _, query := range units[n:] {
		exact := window{size: size}
		for i, u := range units[:n] {
			if s := exactCosine(query, u); len(exact.list) < size || s > exact.list[size-1].score {
				exact.add(uint32(i), 0, s)
			}
		}
		for _, f := range searchWindow(t, x, query, size, nil) {
			if exactCosine(query, units[f.document]) >= exact.list[size-1].score {
				right++
			}
		}
	}
	return float64(right) / float64(queries*size)
}

func BenchmarkSearch(b *testing.B) {
	for _, dimension := range []int{256, 1024} {
		r := rand.New(rand.NewPCG(1, 1))
		vectors := clusteredVectors(r, 20_000, dimension, 200, 1)
		x := indexOf(b, Cosine, vectors)
		for name, signsFrom := range map[string]int{"codes": math.MaxInt, "signs": 0} {
			for _, size := range []int{10, 1000} {
				b.Run(fmt.Sprintf("vectors=%d/dimension=%d/window=%d/%s", len(vectors), dimension, size, name), func(b *testing.B) {
					x.signsFrom = signsFrom
					w := window{size: size, list: make([]found, 0, size+1)}
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						w.list = w.list[:0]
						if err := x.Search(vectors[i%1000], size, lowest, nil, w.add); err != nil {
							b.Fatal(err)
						}
						i++
					}
				})
			}
		}
	}
}
