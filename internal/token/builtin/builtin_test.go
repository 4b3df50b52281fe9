package builtin

import (
	"os"
	"path/filepath"
	"testing"

	"pulse/internal/token"
)

func TestFor(t *testing.T) {
	f := func(model, text string, want int) {
		t.Helper()
		tokenizer, ok, err := For(model)
		if err != nil || ok != (want > 0) {
			t.Fatalf("For(%q) = %t, %v", model, ok, err)
		}
		if !ok {
			return
		}
		if n := tokenizer.Count(text) + tokenizer.Special(); n != want {
			t.Fatalf("%s: %q has %d tokens, want %d", model, text, n, want)
		}
	}
	f(MiniLM, "hello world", 4)
	f("sentence-transformers/all-MiniLM-L6-v2", "hello world", 4)
	f("Qwen/Qwen3-Embedding-0.6B", "hello world", 3)
	f("qwen3-embedding", "hello world", 3)
	f("Qwen/Qwen3-Embedding", "hello world", 3)
	f("Qwen/Qwen3-EmbeddingX", "", 0)
	f("bge-m3", "", 0)
	f("", "", 0)
}

// TestSameAsTheFiles: what is packed is the definition, byte for byte.
func TestSameAsTheFiles(t *testing.T) {
	f := func(model, folder string) {
		t.Helper()
		path := filepath.Join("..", "..", "..", "..", "shared", "data", "tokenizers", folder)
		if _, err := os.Stat(path); err != nil {
			t.Skip("skipped: ../shared is not here")
		}
		file, err := token.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		packed, _, err := For(model)
		if err != nil {
			t.Fatal(err)
		}
		if file.Hash() != packed.Hash() {
			t.Fatalf("%s: %s is packed, the file is %s", model, packed.Hash(), file.Hash())
		}
	}
	f(MiniLM, "all-MiniLM-L6-v2")
	f(Qwen3, "qwen3-embedding")
}

// TestSize: together under 2 MB.
func TestSize(t *testing.T) {
	if n := len(minilmData) + len(qwen3Data); n > 2_000_000 {
		t.Fatalf("the tokenizers take %d bytes", n)
	}
}
