package local

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
)

// TestNearestFirst holds the window that is filled with what is likely the nearest against
// one that is filled in the order of the index: near vectors spread over the index or in one
// place of it, so that a sample sees too few or too many, and filters.
func TestNearestFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 1))
	t.Logf("seed %d", *seed)
	const dimension, documents = 64, 3000
	query := direction(r, dimension)
	for _, near := range []func(number int) bool{
		func(int) bool { return false },
		func(number int) bool { return number%7 == 0 },
		func(number int) bool { return number < 300 },
		func(number int) bool { return number%64 == 0 },
	} {
		in := &collection{}
		vectors := vector.New(dimension, vector.Cosine)
		for number := range documents {
			in.documents = append(in.documents, &document{key: fmt.Sprintf("%05d", number)})
			var chunks []vector.Chunk
			for ordinal := range r.IntN(4) {
				v := direction(r, dimension)
				for i := range v {
					if near(number) {
						v[i] += 2 * query[i]
					}
				}
				c, err := vector.Encode(vector.Cosine, uint32(ordinal), v)
				if err != nil {
					t.Fatal(err)
				}
				chunks = append(chunks, c)
			}
			if err := vectors.Replace(uint32(number), chunks); err != nil {
				t.Fatal(err)
			}
		}
		for _, share := range []int{1, 2, 30, 1000} {
			for _, window := range []int{1, 10, 100, 300, 1000} {
				s := &retrieval{in: in, request: index.Request{Vector: query, Window: window}}
				if share > 1 {
					s.set = make(keyword.Set, documents/64+1)
					for number := 0; number < documents; number += share {
						s.set[number/64] |= 1 << (number % 64)
					}
				}
				lowest := math.SmallestNonzeroFloat64
				got, want := newBest(in, window, nil), newBest(in, window, nil)
				if err := errors.Join(s.above(vectors, got, window, lowest), s.above(vectors, want, 0, lowest)); err != nil {
					t.Fatal(err)
				}
				got.sort()
				want.sort()
				if !slices.Equal(got.matches, want.matches) || got.more != want.more {
					t.Fatalf("window %d, every %d: %d matches, more %v; want %d, %v", window, share, len(got.matches), got.more, len(want.matches), want.more)
				}
			}
		}
	}
}

func direction(r *rand.Rand, dimension int) []float32 {
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}
