package token

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestJoin holds Join, Reach and Back against counting the texts that they speak of.
func TestJoin(t *testing.T) {
	heads := []string{"", "Title\n\n", "Title > \u00e9tude > A…b\n\n", "T\n\n```go\n", "T\n\n| a | b |\n|---|---|\n", "x [MASK] <mask>\n\n", "x ", "日本", "e", " \n"}
	texts := oneIn(97, 4850, 20_000)
	for _, name := range goldenNames(t) {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadTest(t, name)
			rng := rand.New(rand.NewPCG(1, 2))
			var c, h Counts
			for _, text := range texts {
				head := heads[rng.IntN(len(heads))]
				tokenizer.Measure(&c, text)
				tokenizer.Measure(&h, head)
				joins(t, tokenizer, &c, &h, rng)
			}
		})
	}
}

func joins(t *testing.T, tokenizer *Tokenizer, c, h *Counts, rng *rand.Rand) {
	t.Helper()
	for range 20 {
		ends := []int{rng.IntN(len(c.text) + 1), rng.IntN(len(c.text) + 1)}
		slices.Sort(ends)
		start, end := ends[0], ends[1]
		joined := h.text + c.text[start:end]
		if got, want := c.Join(h, start, end), tokenizer.Count(joined); got != want {
			t.Fatalf("%q + %q[%d:%d]: %d tokens, want %d", h.text, c.text, start, end, got, want)
		}
		budget := rng.IntN(20)
		if reach := c.Reach(h, start, budget); reach > start && tokenizer.Count(h.text+c.text[start:reach]) > budget {
			t.Fatalf("%q + %q: Reach(%d, %d) = %d: too many tokens", h.text, c.text, start, budget, reach)
		}
		low := rng.IntN(end + 1)
		if back := c.Back(low, end, budget); back < low || back > end {
			t.Fatalf("%q: Back(%d, %d, %d) = %d", c.text, low, end, budget, back)
		}
	}
}
