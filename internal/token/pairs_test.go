package token

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pairTexts are texts that take every way through the kinds of BPE.
var pairTexts = []string{
	"The quick brown fox can't jump over 123 lazy dogs, internationalization!\n\n  * it's ----------------------- done\n",
	strings.Repeat("吾輩は猫である。名前はまだ無い。", 20),
	"Cafe\u0301 nai\u0308ve \u1112\u1161\u11ab", // not in NFC
	"caf\xe9 \xff\xe4\xb8 broken",
	"<|end|>[ONE] a[LEFT] b [RIGHT]  c [MASK] <mask>",
	strings.Repeat("zx", 5000),
}

func TestPairsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted with -race")
	}
	for _, name := range []string{"bpe-cl100k", "bpe-metaspace", "qwen3-embedding", "modernbert"} {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadTest(t, name)
			ids := make([]uint32, 0, 1<<16)
			var counts Counts
			for _, text := range pairTexts {
				f := func(what string, do func()) {
					do()
					if n := testing.AllocsPerRun(20, do); n >= 1 {
						t.Errorf("%s(%.20q) allocates %v times", what, text, n)
					}
				}
				f("Count", func() { tokenizer.Count(text) })
				f("AppendIDs", func() { ids = tokenizer.AppendIDs(ids[:0], text) })
				f("Measure", func() { tokenizer.Measure(&counts, text) })
			}
		})
	}
}

// TestPairsConcurrently lets goroutines fill and read the caches of one tokenizer.
func TestPairsConcurrently(t *testing.T) {
	for _, name := range []string{"bpe-cl100k", "bpe-metaspace"} {
		tokenizer, want := loadTest(t, name), loadTest(t, name)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g%4), 9))
				for range 200 {
					text := fmt.Sprintf("w%d %s", rng.IntN(1000), pairTexts[rng.IntN(len(pairTexts)-1)])
					if got := tokenizer.AppendIDs(nil, text); len(got) != tokenizer.Count(text) {
						t.Errorf("%.40q: %d ids, count %d", text, len(got), tokenizer.Count(text))
					}
				}
			})
		}
		wg.Wait()
		for _, text := range pairTexts {
			if got := tokenizer.AppendIDs(nil, text); !slices.Equal(got, want.AppendIDs(nil, text)) {
				t.Errorf("%s: %.40q: %v", name, text, got)
			}
		}
	}
}

// TestFullCaches fills the caches beyond what they hold.
func TestFullCaches(t *testing.T) {
	tokenizer := loadTest(t, "bpe-cl100k")
	m := tokenizer.model.(*bytePairs)
	before := m.cache.table.Load()
	for i := range 1 << tableBits {
		tokenizer.Count(letters(i))
	}
	if m.cache.table.Load() == before {
		t.Error("a full cache is still in use")
	}
	for _, i := range []int{0, 77, 4242} {
		if got, want := tokenizer.AppendIDs(nil, letters(i)), naiveMerge(m.bpe, letters(i)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", letters(i), got, want)
		}
	}
}

func TestLongCache(t *testing.T) {
	c := newLongCache()
	before := c.table.Load()
	word := func(i int) string { return letters(i) + strings.Repeat("-", i%50) }
	for i := range 1 << longBits {
		c.put(word(i), []uint32{uint32(i), 7})
		if ids := c.find(word(i)); ids != nil && ids[0] != uint32(i) {
			t.Fatalf("%q has the ids %v", word(i), ids)
		}
	}
	if c.table.Load() == before {
		t.Error("a full cache is still in use")
	}
	if ids := c.find(word(1 << longBits)); ids != nil {
		t.Errorf("a word that was not put has the ids %v", ids)
	}
}

// letters writes a number with letters.
func letters(i int) string {
	var b []byte
	for range 4 {
		b = append(b, 'a'+byte(i%26))
		i /= 26
	}
	return string(b)
}

// fuzzNames are tokenizers of testdata, of every kind.
var fuzzNames = []string{"bpe-cl100k", "bpe-marks", "bpe-roberta", "bpe-steps", "bpe-metaspace", "bpe-metaspace-split", "bpe-unknown", "bpe-unknown-each", "unigram-t5", "unigram-bytes", "bert-raw", "wordpiece-digits"}

// FuzzTokenize holds a tokenizer against its pipeline, and spans against counting them alone.
func FuzzTokenize(f *testing.F) {
	for i, text := range pairTexts {
		f.Add(uint8(i), text, uint16(i), uint16(3*i))
	}
	var tokenizers []*Tokenizer
	for _, name := range fuzzNames {
		tokenizers = append(tokenizers, loadTest(f, name))
	}
	f.Fuzz(func(t *testing.T, which uint8, text string, from, to uint16) {
		tokenizer := tokenizers[int(which)%len(tokenizers)]
		sameAsPipeline(t, tokenizer, text)
		var c Counts
		tokenizer.Measure(&c, text)
		start, end := min(int(from), len(text)), min(int(to), len(text))
		start, end = min(start, end), max(start, end)
		if got, want := c.Span(start, end), tokenizer.Count(text[start:end]); got != want {
			t.Fatalf("span [%d:%d]: %d tokens, want %d", start, end, got, want)
		}
	})
}

func sameAsPipeline(t *testing.T, tokenizer *Tokenizer, text string) {
	t.Helper()
	tokens, ids := tokenizer.AppendTokens(nil, text), tokenizer.AppendIDs(nil, text)
	if n := tokenizer.Count(text); n != len(tokens) || n != len(ids) {
		t.Fatalf("%d tokens, %d ids, count %d", len(tokens), len(ids), n)
	}
	for i, token := range tokens {
		if token.ID != ids[i] || token.Start < 0 || token.Start > token.End || token.End > len(text) {
			t.Fatalf("token %d is %v, id %d", i, token, ids[i])
		}
	}
	slow := *tokenizer
	switch m := tokenizer.model.(type) {
	case *bytePairs:
		slow.model = m.slow
	case *spacePairs:
		slow.model = m.slow
	default:
		return
	}
	if want := slow.AppendTokens(nil, text); !slices.Equal(tokens, want) {
		t.Fatalf("%v, want %v", tokens, want)
	}
}

// BenchmarkLinear shows how time grows with the text, on texts without words: MB/s stay
// where they are from 256 KiB to 512 KiB.
func BenchmarkLinear(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	families := map[string]func(n int) string{
		"letters":     func(n int) string { return randomText(rng, "abcdefghijklmnopqrstuvwxyz", n) },
		"a":           func(n int) string { return strings.Repeat("a", n) },
		"scripts":     func(n int) string { return randomText(rng, "aя中1あ", n) },
		"marks":       func(n int) string { return randomText(rng, "\u0301\u0300\u0327", n) },
		"spaces":      func(n int) string { return strings.Repeat(" ", n) },
		"digits":      func(n int) string { return randomText(rng, "0123456789", n) },
		"punctuation": func(n int) string { return randomText(rng, "!?.-(", n) },
	}
	for _, name := range []string{"qwen3-embedding", "gpt2", "llama2", "modernbert"} {
		for family, text := range families {
			for _, size := range []int{1 << 18, 1 << 19} {
				b.Run(fmt.Sprintf("%s/%s/%dKiB", name, family, size>>10), func(b *testing.B) {
					tokenizer, s := loadTest(b, name), text(size)
					b.SetBytes(int64(size))
					for b.Loop() {
						tokenizer.Count(s)
					}
				})
			}
		}
	}
}

func randomText(rng *rand.Rand, chars string, size int) string {
	var b strings.Builder
	for all := []rune(chars); b.Len() < size; {
		b.WriteRune(all[rng.IntN(len(all))])
	}
	return b.String()
}
