package token

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naiveMerge is byte pair encoding as it is defined: join the first pair of the lowest
// rank, and begin again.
func naiveMerge(b *bpe, word string) []uint32 {
	var ids []uint32
	for i := range len(word) {
		ids = append(ids, b.bytes[word[i]])
	}
	for {
		at, best := -1, uint32(noRank)
		for i := range len(ids) - 1 {
			if r := b.pairs.rank(ids[i], ids[i+1]); r < best {
				at, best = i, r
			}
		}
		if at < 0 {
			return ids
		}
		ids = slices.Replace(ids, at, at+2, b.merged[best])
	}
}

func TestMergeAsNaive(t *testing.T) {
	b := loadTest(t, "bpe-cl100k").model.(*bytePairs).bpe
	rng := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		var word strings.Builder
		for range 1 + rng.IntN(80) {
			word.WriteByte("theatsin r"[rng.IntN(10)])
		}
		w := word.String()
		if got, want := b.appendMerged(nil, w), naiveMerge(b, w); !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", w, got, want)
		}
	}
}

// TestSplittersAsExpressions holds the hand-written scanners against the pattern itself,
// and against their own words as batches find them.
func TestSplittersAsExpressions(t *testing.T) {
	texts := oneIn(11, 440, 5000)
	for pattern, p := range splitters() {
		slow, err := newExpression(pattern)
		if err != nil {
			t.Fatal(err)
		}
		m := &bytePairs{split: p, crosses: newCrossings(), wholeBit: 1 << 60}
		for n, text := range texts {
			text += asciiText(uint64(n))
			want := slow.find(nil, text)
			if got := p.find(nil, text); !slices.Equal(got, want) {
				t.Fatalf("%s on %q:\n%v, want\n%v", pattern, text, got, want)
			}
			if got := batched(m, text); !slices.Equal(got, want) {
				t.Fatalf("%s in batches on %q:\n%v, want\n%v", pattern, text, got, want)
			}
		}
	}
}

// batched finds the words of a text as bytePairs does.
func batched(m *bytePairs, text string) []match {
	var out []match
	var batch wordBatch
	for at := 0; at < len(text); {
		from := at
		at = batch.scan(m, text, at)
		for _, w := range batch.words[:batch.n] {
			out = append(out, match{from, w.end, true})
			from = w.end
		}
	}
	return out
}

// asciiText is random ASCII in which what split patterns know comes up often.
func asciiText(seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	pieces := []string{"'", "s", "'ll", "'RE", "a", "Bc", "word", " ", "  ", "\n", "\r\n", "\t", "1", "23", "4567", ".", "--", "(", "\x00", "\x7f", strings.Repeat("x", 20), strings.Repeat(" ", 30)}
	var b strings.Builder
	for range rng.IntN(120) {
		b.WriteString(pieces[rng.IntN(len(pieces))])
	}
	return b.String()
}

func TestClassifyAsTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	text := make([]byte, 0, 1<<12)
	for i := range 256 {
		text = append(text, byte(i))
	}
	for len(text) < cap(text) {
		text = append(text, byte(rng.Uint32()))
	}
	for at := range len(text) - windowBytes {
		var got, want window
		classify(&got, string(text), at)
		classifyTable(&want, string(text), at)
		if got != want {
			t.Fatalf("at %d: %x, want %x", at, got, want)
		}
	}
}

// TestCrossings finds segments, which no token lies across.
func TestCrossings(t *testing.T) {
	c := newCrossings()
	for _, token := range []string{"ab", "中文", "\xb8\xad文", "文\xe4\xb8", "é"} {
		c.learn([]byte(token))
	}
	f := func(word string, want int) {
		t.Helper()
		if got := c.segment(word); got != want {
			t.Errorf("%q: segment of %d bytes, want %d", word, got, want)
		}
	}
	f("ab", 2)
	f("ac", 1)
	f("中文", 6)
	f("文中", 6) // 文\xe4\xb8 reaches into 中
	f("中é", 3)
	f("é", 2)
}
