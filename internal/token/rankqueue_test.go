package token

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestQueuesMergeAlike holds the two queues against each other, and short words against the
// definition, with the merges of real models and with random ones, which often make pairs of
// lesser rank than their own.
func TestQueuesMergeAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	models := []*bpe{loadTest(t, "bpe-cl100k").model.(*bytePairs).bpe, loadTest(t, "gpt2").model.(*bytePairs).bpe}
	for range 30 {
		models = append(models, randomMerges(rng))
	}
	for n, b := range models {
		for range 40 {
			size := 1 + rng.IntN(300)
			if rng.IntN(8) == 0 {
				size = 1 + rng.IntN(3*veryLongWord)
			}
			word := randomText(rng, []string{"ab", "abcd", "a", "theatsin r", "0123456789"}[rng.IntN(5)], size)
			heap, ranks := merged(b, word, b.mergeLong), merged(b, word, b.mergeVeryLong)
			if !slices.Equal(heap, ranks) {
				t.Fatalf("model %d, %.200q: by ranks %v, by one heap %v", n, word, ranks, heap)
			}
			if size <= 300 {
				if want := naiveMerge(b, word); !slices.Equal(ranks, want) {
					t.Fatalf("model %d, %q: %v, want %v", n, word, ranks, want)
				}
			}
		}
	}
}

// randomMerges is a model of a few tokens in which merges give old tokens as often as new ones.
func randomMerges(rng *rand.Rand) *bpe {
	const merges = 200
	b := &bpe{byteLevel: true, pairs: newPairTable(merges)}
	ids := uint32(0)
	for i := range b.bytes {
		b.bytes[i] = uint32(i) % 5
	}
	for ids = 5; len(b.merged) < merges; {
		left, right := rng.Uint32N(ids), rng.Uint32N(ids)
		if b.pairs.rank(left, right) != noRank {
			ids++ // so many pairs are taken
			continue
		}
		id := rng.Uint32N(ids)
		if rng.IntN(2) == 0 {
			id = ids
			ids++
		}
		b.pairs.set(left, right, uint32(len(b.merged)))
		b.merged = append(b.merged, id)
	}
	return b
}

// merged merges a word of single bytes.
func merged(b *bpe, word string, merge func(*bpeScratch)) (ids []uint32) {
	w := new(bpeScratch)
	for i := range len(word) {
		w.add(b.bytes[word[i]], 1)
	}
	symbols := w.symbols
	symbols[len(symbols)-1].next = -1
	for i := range len(symbols) - 1 {
		symbols[i].rank = b.pairs.rank(symbols[i].id, symbols[i+1].id)
	}
	merge(w)
	for _, s := range symbols {
		if s.size > 0 {
			ids = append(ids, s.id)
		}
	}
	return ids
}
