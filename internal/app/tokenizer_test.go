package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeTokenizer writes a small tokenizer and gives its path.
func writeTokenizer(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	const definition = `{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},"post_processor":null,
		"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"a":1,"##b":2}}}`
	if err := os.WriteFile(path, []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTokenizer(t *testing.T) {
	small := writeTokenizer(t)
	dir := filepath.Dir(small)
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte(`{"model":{"type":"Foo"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(name, text string, want int, wrong string) {
		t.Helper()
		tokenizer, err := Tokenizer(name)
		if wrong != "" {
			var usage *UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), wrong) {
				t.Fatalf("Tokenizer(%q): %v, want a usage error with %q", name, err, wrong)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := tokenizer.Count(text); n != want {
			t.Fatalf("Tokenizer(%q): %q has %d tokens, want %d", name, text, n, want)
		}
	}
	f("", "hello, world", 3, "")
	f("Qwen/Qwen3-Embedding-0.6B", "hello, world", 3, "")
	f(small, "ab a", 3, "")
	f(dir, "ab a", 3, "")
	f(broken, "", 0, "broken.json")
	f("bge-m3", "", 0, "all-MiniLM-L6-v2, Qwen3-Embedding")
}

func TestBorrowedTokenizerIsTold(t *testing.T) {
	small := writeTokenizer(t)
	f := func(embedder, tokenizer string, want bool) {
		t.Helper()
		c := testConfig(t, func(c *Config) { c.Embedder, c.Tokenizer = embedder, tokenizer })
		told := strings.Contains(strings.Join(c.Warnings(), "\n"), "name the model's tokenizer.json with --tokenizer")
		if told != want {
			t.Errorf("%s, --tokenizer %q: warnings %q", embedder, tokenizer, c.Warnings())
		}
	}
	f("openai+http://127.0.0.1:1/v1?model=text-embedding-3-small", "", true)
	f("openai+http://127.0.0.1:1/v1?model=text-embedding-3-small", small, false)
	f("openai+http://127.0.0.1:1/v1?model=Qwen/Qwen3-Embedding-0.6B", "", false)
	f("ollama+http://127.0.0.1:1?model=nomic-embed-text", "", true)
	f("tei+http://127.0.0.1:1", "", false)
	f("builtin", "", false)
	f("none", "", false)
}
