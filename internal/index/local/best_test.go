package local

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBestAsSort holds the window's matches against a sort of all, with many equal scores,
// in any order, and in the orders that a selection dislikes.
func TestBestAsSort(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	in := &collection{}
	for i := range 3000 {
		in.documents = append(in.documents, &document{key: fmt.Sprintf("%04d", i)})
	}
	for round := range 300 {
		n, window := r.IntN(len(in.documents)), r.IntN(200)
		all := make([]match, n)
		for i, number := range r.Perm(len(in.documents))[:n] {
			all[i] = match{number: uint32(number), score: float64(r.IntN(1 + r.IntN(1000)))}
		}
		b := newBest(in, window, nil)
		want := slices.SortedFunc(slices.Values(all), b.compare)
		switch round % 3 {
		case 1:
			all = slices.Clone(want)
		case 2:
			all = slices.Clone(want)
			slices.Reverse(all)
		}
		for _, m := range all {
			if floor := b.floor(-1); m.score >= floor {
				b.add(m.number, m.ordinal, m.score)
			}
		}
		b.sort()
		if window > 0 && n > window {
			want = want[:window]
		}
		if !slices.Equal(b.matches, want) || b.more != (window > 0 && n > window) {
			t.Fatalf("%d matches, window %d: got %v, more %v", n, window, b.matches, b.more)
		}
	}
}
