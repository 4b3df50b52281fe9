package chunk

import (
	"context"
	"strings"
	"testing"

	"pulse/internal/token"
)

// farTokenizer is a tokenizer as a server has it. It counts what it is asked.
type farTokenizer struct {
	*token.Tokenizer
	calls, texts int
	silent       bool // says counts only
}

func (f *farTokenizer) Tokens(_ context.Context, texts []string) ([]Tokens, error) {
	f.calls++
	f.texts += len(texts)
	return each(texts, func(s string) (t Tokens) {
		for _, token := range f.AppendTokens(nil, s) {
			t.Ends = append(t.Ends, token.End)
		}
		t.Count = len(t.Ends) + f.Special()
		if f.silent {
			t.Ends = nil
		}
		return t
	})
}

// TestServed cuts real pages by a tokenizer that is far away: the chunks are exact, most are
// those that are cut with the tokenizer at hand, and it is asked a few times for a page.
func TestServed(t *testing.T) {
	for _, name := range most() {
		near := loadTokenizer(t, name)
		pages, same, pieces, texts, calls := 0, 0, 0, 0, 0
		for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz"} {
			for _, p := range samplePages(t, file, servedPages()) {
				far := &farTokenizer{Tokenizer: near}
				got, err := NewCounting(far, Options{}).Split(t.Context(), p.Title, p.Markdown)
				if err != nil {
					t.Fatal(err)
				}
				if far.texts > 8*len(got)+8 || far.calls > 10 {
					t.Errorf("%s %s: asked %d times for %d texts to make %d chunks", name, p.URL, far.calls, far.texts, len(got))
				}
				texts, calls = texts+far.texts, max(calls, far.calls)
				byCounter(&farTokenizer{Tokenizer: near}, Options{}).check(t, name+" "+p.URL, p.Title, p.Markdown)
				hashes := map[uint64]bool{}
				for _, w := range byTokenizer(near, Options{}).check(t, name+" "+p.URL, p.Title, p.Markdown) {
					hashes[w.Hash] = true
				}
				for _, g := range got {
					if hashes[g.Hash] {
						same++
					}
				}
				pages, pieces = pages+1, pieces+len(got)
			}
		}
		t.Logf("%s: %d pages, %d chunks, %.1f %% of them the same; asked for %d texts, at most %d times for a page", name, pages, pieces, 100*float64(same)/float64(pieces), texts, calls)
		if 5*same < 3*pieces || texts > 3*pieces {
			t.Errorf("%s: %d of %d chunks are the same; asked for %d texts", name, same, pieces, texts)
		}
	}
}

func servedPages() int {
	if testing.Short() {
		return 15
	}
	return 60
}

// TestServedWithoutEnds: where a server does not say where tokens end, chunks are as full.
func TestServedWithoutEnds(t *testing.T) {
	near := miniLM(t)
	text := strings.Repeat("Some more words of it, unaffordable ones. ", 500)
	far := &farTokenizer{Tokenizer: near, silent: true}
	pieces := byCounter(far, Options{}).check(t, "silent", "Title", text)
	if asked := far.calls - len(pieces); asked > 20 { // the test asks too
		t.Errorf("asked %d times for %d chunks", asked, len(pieces))
	}
	for _, p := range pieces[:len(pieces)-1] {
		if p.Tokens < 200 {
			t.Errorf("a chunk of %d tokens", p.Tokens)
		}
	}
}
