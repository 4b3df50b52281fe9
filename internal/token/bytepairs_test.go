package token

import (
	"slices"
	"testing"

	"pulse/internal/token/tokentest"
)

// TestBytePairsAsPipeline holds the fused kind against the pipeline, on the generated texts.
func TestBytePairsAsPipeline(t *testing.T) {
	for _, name := range []string{"gpt2", "qwen3-embedding", "modernbert"} {
		fast := loadTest(t, name)
		m, ok := fast.model.(*bytePairs)
		if !ok {
			t.Fatalf("%s: is a %T", name, fast.model)
		}
		slow := *fast
		slow.model = m.slow
		n := 0
		for text := range tokentest.Generated().Texts {
			if n++; testing.Short() && n%20 != 0 {
				continue
			}
			if got, want := fast.AppendTokens(nil, text), slow.AppendTokens(nil, text); !slices.Equal(got, want) {
				t.Fatalf("%s: %.200q:\ngot  %v\nwant %v", name, text, got, want)
			}
		}
	}
}
