package vector

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes the time")

func newRand(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-seed %d repeats it)", n, n)
	return rand.New(rand.NewPCG(n, 0))
}

func TestNormalise(t *testing.T) {
	f := func(v, want []float32, wantErr error) {
		t.Helper()
		got, err := Normalise(v)
		if !errors.Is(err, wantErr) {
			t.Fatalf("Normalise(%v): error %v, want %v", v, err, wantErr)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Normalise(%v) (-want +got):\n%s", v, diff)
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

func TestWrongDimension(t *testing.T) {
	x := New(2)
	if err := x.Replace(0, []Chunk{{0, []float32{1, 0}}}); err != nil {
		t.Fatal(err)
	}
	if err := x.Replace(0, []Chunk{{0, []float32{1, 0, 0}}}); !errors.Is(err, ErrDimension) {
		t.Errorf("replace by three numbers: %v", err)
	}
	if x.Chunks() != 1 {
		t.Errorf("a refused vector changed the index: %d vectors", x.Chunks())
	}
	if err := x.Search([]float32{1}, nil, nil); !errors.Is(err, ErrDimension) {
		t.Errorf("search by one number: %v", err)
	}
}

type found struct {
	ordinal uint32
	score   float64
}

func search(t *testing.T, x *Index, query []float32, accept func(uint32) bool) map[uint32]found {
	t.Helper()
	got := make(map[uint32]found)
	err := x.Search(query, accept, func(document, ordinal uint32, score float64) {
		if _, twice := got[document]; twice {
			t.Fatalf("document %d came twice", document)
		}
		got[document] = found{ordinal, score}
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRandomHistories(t *testing.T) {
	r := newRand(t)
	const dimension = 7
	x, want := New(dimension), make(map[uint32][]Chunk)
	for step := range 3000 {
		document := uint32(r.IntN(20))
		switch r.IntN(4) {
		case 0:
			x.Delete(document)
			delete(want, document)
		default:
			chunks := make([]Chunk, r.IntN(4))
			for i := range chunks {
				chunks[i] = Chunk{uint32(2 * i), randomUnit(t, r, dimension)}
			}
			if err := x.Replace(document, chunks); err != nil {
				t.Fatal(err)
			}
			want[document] = chunks
		}
		if step%50 == 0 {
			compare(t, x, want, randomUnit(t, r, dimension))
		}
	}
}

func compare(t *testing.T, x *Index, want map[uint32][]Chunk, query []float32) {
	t.Helper()
	odd := func(document uint32) bool { return document%2 == 1 }
	best := make(map[uint32]found)
	for document, chunks := range want {
		for i, c := range chunks {
			score := float64(dot(query, c.Unit))
			if odd(document) && (i == 0 || score > best[document].score) {
				best[document] = found{c.Ordinal, score}
			}
		}
	}
	if diff := cmp.Diff(best, search(t, x, query, odd), cmp.AllowUnexported(found{})); diff != "" {
		t.Fatalf("search (-want +got):\n%s", diff)
	}
}

func randomUnit(t testing.TB, r *rand.Rand, dimension int) []float32 {
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	unit, err := Normalise(v)
	if err != nil {
		t.Fatal(err)
	}
	return unit
}

func TestDot(t *testing.T) {
	r := newRand(t)
	for n := range 40 {
		a, b := make([]float32, n), make([]float32, n)
		want := 0.0
		for i := range n {
			a[i], b[i] = r.Float32()-0.5, r.Float32()-0.5
			want += float64(a[i]) * float64(b[i])
		}
		if got := float64(dot(a, b)); math.Abs(got-want) > 1e-6 {
			t.Errorf("dot of %d numbers is %v, want %v", n, got, want)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, dimension := range []int{256, 1024} {
		b.Run(fmt.Sprintf("vectors=20000/dimension=%d", dimension), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			x := New(dimension)
			for i := range uint32(20_000) {
				if err := x.Replace(i, []Chunk{{0, randomUnit(b, r, dimension)}}); err != nil {
					b.Fatal(err)
				}
			}
			query := randomUnit(b, r, dimension)
			b.ReportAllocs()
			for b.Loop() {
				_ = x.Search(query, nil, func(uint32, uint32, float64) {})
			}
		})
	}
}
