package vector

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse/internal/half"
)

func TestEncode(t *testing.T) {
	f := func(v, want []float32, wantErr error) {
		t.Helper()
		c, err := Encode(Cosine, 0, v)
		if !errors.Is(err, wantErr) {
			t.Fatalf("Encode(%v): error %v, want %v", v, err, wantErr)
		}
		for i := range want {
			if got := half.To(c.half[i]); math.Abs(float64(got-want[i])) > 1.0/4096 {
				t.Errorf("Encode(%v): number %d is %v, want %v", v, i, got, want[i])
			}
		}
		if err := Check(v); !errors.Is(err, wantErr) {
			t.Errorf("Check(%v): error %v, want %v", v, err, wantErr)
		}
		if _, err := Encode(Dot, 0, v); !errors.Is(err, wantErr) && !errors.Is(err, ErrLength) {
			t.Errorf("Encode(%v): error %v, want %v", v, err, wantErr)
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	f([]float32{3, 4}, []float32{0.6, 0.8}, nil)
	f([]float32{1e30, 0}, []float32{1, 0}, nil) // its square is past float32
	f([]float32{0, 1e-40}, []float32{0, 1}, nil)
	f(nil, nil, ErrDimension)
	f(make([]float32, MaxDimension+1), nil, ErrDimension)
	f([]float32{0, 0}, nil, ErrZero)
	f([]float32{1, nan}, nil, ErrNotFinite)
	f([]float32{inf}, nil, ErrNotFinite)
	f([]float32{-inf}, nil, ErrNotFinite)
}

func TestRefused(t *testing.T) {
	x := indexOf(t, Cosine, [][]float32{{1, 0}})
	f := func(c Chunk, want error) {
		t.Helper()
		if err := x.Replace(0, []Chunk{c}); !errors.Is(err, want) {
			t.Errorf("replace: %v, want %v", err, want)
		}
		if x.Chunks() != 1 || x.Dimension() != 2 {
			t.Errorf("a refused vector changed the index: %d vectors", x.Chunks())
		}
	}
	f(mustEncode(t, Cosine, 0, []float32{1, 0, 0}), ErrDimension)
	f(mustEncode(t, Dot, 0, []float32{1, 0}), ErrMetric)
	if _, err := Encode(Dot, 0, []float32{1e30, 0}); !errors.Is(err, ErrLength) {
		t.Errorf("a long vector: %v", err)
	}
	g := func(query []float32, want error) {
		t.Helper()
		if err := x.Search(query, 0, lowest, nil, nil); !errors.Is(err, want) {
			t.Errorf("search by %v: %v, want %v", query, err, want)
		}
		if _, _, ok := x.Best(query, 0); ok {
			t.Errorf("best by %v has a score", query)
		}
	}
	g([]float32{1}, ErrDimension)
	g([]float32{0, 0}, ErrZero)
	g([]float32{0, float32(math.NaN())}, ErrNotFinite)
}

// certain are deviations of signs by which no neighbour is lost, for what must equal
// the twin; TestRecall is about the usual ones.
const certain = 7

// TestRandomHistories puts documents in, replaces and deletes them, and compares
// searches with a plain map: of every kernel, many dimensions and both metrics, by
// codes and by signs.
func TestRandomHistories(t *testing.T) {
	r := newRand(t)
	for _, k := range kernels() {
		for _, dimension := range []int{1, 2, 3, 7, 63, 64, 65, 100, 128, 200, 257, 1000} {
			for _, metric := range []Metric{Cosine, Dot} {
				t.Run(fmt.Sprintf("%s/%d/%d", k.name, dimension, metric), func(t *testing.T) {
					randomHistory(t, r, k, dimension, metric)
				})
			}
		}
	}
}

func randomHistory(t *testing.T, r *rand.Rand, k *kernel, dimension int, metric Metric) {
	x, want := New(dimension, metric), make(twin)
	x.kernel, x.deviations = k, certain
	subjects := clusteredVectors(r, 60, dimension, 6, 0.4)
	steps := 400
	if testing.Short() {
		steps = 200
	}
	for step := range steps {
		document := uint32(r.IntN(120))
		if r.IntN(5) == 0 {
			x.Delete(document)
			delete(want, document)
		} else {
			chunks, plain := randomChunks(t, r, metric, subjects)
			if err := x.Replace(document, chunks); err != nil {
				t.Fatal(err)
			}
			want[document] = plain
		}
		if step%100 == 99 {
			for _, signsFrom := range []int{0, math.MaxInt} {
				x.signsFrom = signsFrom
				compareWithTwin(t, r, x, want, subjects[r.IntN(len(subjects))])
			}
		}
	}
}

// randomChunks are some near subjects, some of them equal to one.
func randomChunks(t *testing.T, r *rand.Rand, metric Metric, subjects [][]float32) ([]Chunk, []twinChunk) {
	var chunks []Chunk
	var plain []twinChunk
	for i := range r.IntN(4) {
		v := slices.Clone(subjects[r.IntN(len(subjects))])
		if r.IntN(3) > 0 {
			for j := range v {
				v[j] += float32(r.NormFloat64() * 0.2)
			}
		}
		c := mustEncode(t, metric, uint32(2*i), v)
		chunks, plain = append(chunks, c), append(plain, twinOf(c))
	}
	return chunks, plain
}

func compareWithTwin(t *testing.T, r *rand.Rand, x *Index, want twin, query []float32) {
	t.Helper()
	odd := func(document uint32) bool { return document%2 == 1 }
	chunks := 0
	for document, c := range want {
		chunks += len(c)
		ordinal, s, ok := x.Best(query, document)
		alone := twin{document: c}.search(query, x.metric, 1, nil)
		if ok != (len(alone) == 1) || ok && alone[0] != (found{document, ordinal, s}) {
			t.Fatalf("best of %d is %d, %v, %v; want %v", document, ordinal, s, ok, alone)
		}
	}
	if x.Chunks() != chunks {
		t.Fatalf("%d chunks, want %d", x.Chunks(), chunks)
	}
	one := func(document uint32) bool { return document == 7 }
	for _, accept := range []func(uint32) bool{nil, odd, one, func(uint32) bool { return false }} {
		size := 1 + r.IntN(20)
		got, wanted := searchWindow(t, x, query, size, accept), want.search(query, x.metric, size, accept)
		if diff := cmp.Diff(wanted, got, cmp.AllowUnexported(found{}), sameLength); diff != "" {
			t.Fatalf("dimension %d, window %d, signs from %d (-want +got):\n%s", x.dimension, size, x.signsFrom, diff)
		}
	}
}

// sameLength takes no list for an empty one.
var sameLength = cmp.Transformer("", func(f []found) []found { return append([]found{}, f...) })

// TestFloor yields what scores the floor, and nothing below it.
func TestFloor(t *testing.T) {
	r := newRand(t)
	vectors := clusteredVectors(r, 3000, 128, 5, 0.5)
	x := indexOf(t, Cosine, vectors)
	query := vectors[0]
	all := searchWindow(t, x, query, len(vectors), nil)
	floor := all[100].score
	n := 0
	err := x.Search(query, 0, floor, nil, func(_, _ uint32, score float64) float64 {
		if n++; score < floor {
			t.Errorf("score %v below the floor %v", score, floor)
		}
		return floor
	})
	if err != nil || n < 101 {
		t.Errorf("%d documents, error %v", n, err)
	}
}

// TestFloorBelowAList: a list that does not fill has all that scores the caller's floor, also
// where a long one would do without its last.
func TestFloorBelowAList(t *testing.T) {
	r := newRand(t)
	queries := 20
	vectors := textVectors(sharedTexts(t, 3000+queries, 40), 256)
	r.Shuffle(len(vectors), func(i, j int) { vectors[i], vectors[j] = vectors[j], vectors[i] })
	n := len(vectors) - queries
	x := indexOf(t, Cosine, vectors[:n])
	x.signsFrom = 0
	wanted, lost := 0, 0
	for _, query := range vectors[n:] {
		x.deviations = certain
		all := searchWindow(t, x, query, n, nil)
		x.deviations = signsDeviations
		for _, rank := range []int{10, 60, 200, 400, 700} {
			floor, missing := all[rank].score, map[uint32]bool{}
			for _, f := range all {
				if f.score >= floor {
					missing[f.document] = true
				}
			}
			wanted += len(missing)
			if err := x.Search(query, 1000, floor, nil, func(document, _ uint32, _ float64) float64 {
				delete(missing, document)
				return floor
			}); err != nil {
				t.Fatal(err)
			}
			lost += len(missing)
		}
	}
	t.Logf("%d of %d are missing", lost, wanted)
	if lost > wanted/2000 {
		t.Errorf("%d of %d are missing", lost, wanted)
	}
}

// TestSearchesBesideChanges is for the race detector: searches share the lock that
// changes hold alone.
func TestSearchesBesideChanges(t *testing.T) {
	r := newRand(t)
	vectors := clusteredVectors(r, 400, 128, 5, 0.5)
	x := New(128, Cosine)
	x.signsFrom = 0
	var mu sync.RWMutex
	stop := make(chan struct{})
	var searching sync.WaitGroup
	for i := range 3 {
		searching.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.RLock()
				got := searchWindow(t, x, vectors[i], 5, nil)
				if want := min(5, x.Chunks()); len(got) != want {
					t.Errorf("%d documents, want %d", len(got), want)
				}
				mu.RUnlock()
			}
		})
	}
	for i, v := range vectors {
		c := mustEncode(t, Cosine, 0, v)
		mu.Lock()
		if err := x.Replace(uint32(i), []Chunk{c}); err != nil {
			t.Error(err)
		}
		mu.Unlock()
	}
	close(stop)
	searching.Wait()
}

func TestSearchAllocatesNothing(t *testing.T) {
	r := newRand(t)
	vectors := clusteredVectors(r, 5000, 256, 5, 0.5)
	x := indexOf(t, Cosine, vectors)
	w := window{size: 10, list: make([]found, 0, 11)}
	accept, yield := func(document uint32) bool { return document%2 == 0 }, w.add
	for _, signsFrom := range []int{0, math.MaxInt} {
		x.signsFrom = signsFrom
		n := testing.AllocsPerRun(50, func() {
			w.list = w.list[:0]
			if err := x.Search(vectors[7], 10, lowest, accept, yield); err != nil {
				t.Error(err)
			}
		})
		if n > 0 {
			t.Errorf("signs from %d: %v allocations", signsFrom, n)
		}
	}
}

func TestRotationKeepsProducts(t *testing.T) {
	r := newRand(t)
	for width := widthStep; width <= MaxDimension; width += widthStep {
		a, b := gaussian(r, width, 1), gaussian(r, width, 1)
		want := exactCosine(a, b)
		rotationOf(width).apply(a)
		rotationOf(width).apply(b)
		if got := exactCosine(a, b); math.Abs(got-want) > 1e-3*math.Sqrt(float64(width)) {
			t.Errorf("width %d: product %v, was %v", width, got, want)
		}
	}
	one := make([]float32, 768) // no number of the result is large
	one[3] = 1
	rotationOf(768).apply(one)
	for i, f := range one {
		if math.Abs(float64(f)) > 0.25 {
			t.Errorf("number %d of a rotated axis is %v", i, f)
		}
	}
}
