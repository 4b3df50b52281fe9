package token

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/internal/token/tokentest"
)

// oneIn samples the generated texts, one in so many, that have at most some bytes. Making them
// all takes seconds: a test does it once.
func oneIn(every, short, most int) (texts []string) {
	if testing.Short() {
		every = short
	}
	n := 0
	for text := range tokentest.Generated().Texts {
		if n++; n%every == 0 && len(text) <= most {
			texts = append(texts, text)
		}
	}
	return texts
}

// TestSpan holds Counts against counting each span as a text of its own.
func TestSpan(t *testing.T) {
	texts := oneIn(97, 9700, 20_000)
	for _, name := range goldenNames(t) {
		t.Run(name, func(t *testing.T) {
			tokenizer := loadTest(t, name)
			rng := rand.New(rand.NewPCG(1, 2))
			var c Counts
			for _, text := range texts {
				tokenizer.Measure(&c, text)
				if got, want := c.Total(), tokenizer.Count(text); got != want {
					t.Fatalf("%q: total %d, want %d", text, got, want)
				}
				spans(t, tokenizer, &c, text, rng)
			}
		})
	}
}

// spans compares spans with random ends.
func spans(t *testing.T, tokenizer *Tokenizer, c *Counts, text string, rng *rand.Rand) {
	t.Helper()
	for range 20 {
		ends := []int{rng.IntN(len(text) + 1), rng.IntN(len(text) + 1)}
		slices.Sort(ends)
		start, end := ends[0], ends[1]
		if got, want := c.Span(start, end), tokenizer.Count(text[start:end]); got != want {
			t.Fatalf("%q[%d:%d] = %q: %d tokens, want %d", text, start, end, text[start:end], got, want)
		}
		budget := rng.IntN(10)
		reach := c.Reach(new(Counts), start, budget)
		if reach > start && tokenizer.Count(text[start:reach]) > budget {
			t.Fatalf("%q: Reach(%d, %d) = %d: too many tokens", text, start, budget, reach)
		}
	}
}
