package token

import (
	"slices"
	"testing"
)

// TestPairsAsPipeline holds the fused kinds of BPE against the pipeline, on the generated texts.
func TestPairsAsPipeline(t *testing.T) {
	texts := oneIn(4, 960, 1<<20)
	for _, name := range []string{"gpt2", "qwen3-embedding", "modernbert", "llama2"} {
		fast := loadTest(t, name)
		slow := *fast
		switch m := fast.model.(type) {
		case *bytePairs:
			slow.model = m.slow
		case *spacePairs:
			slow.model = m.slow
		default:
			t.Fatalf("%s: is a %T", name, fast.model)
		}
		for _, text := range texts {
			if got, want := fast.AppendTokens(nil, text), slow.AppendTokens(nil, text); !slices.Equal(got, want) {
				t.Fatalf("%s: %.200q:\ngot  %v\nwant %v", name, text, got, want)
			}
			if got, want := fast.AppendIDs(nil, text), slow.AppendIDs(nil, text); !slices.Equal(got, want) {
				t.Fatalf("%s: %.200q: ids\ngot  %v\nwant %v", name, text, got, want)
			}
		}
	}
}
