package chunk

import (
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/clipperhouse/uax29/v2/sentences"

	"pulse/internal/token"
)

// TestCharacters wants every piece to begin and end between two characters, but where
// one of them is longer than a chunk's parts are looked for.
func TestCharacters(t *testing.T) {
	tok := miniLM(t)
	f := func(name, text string, o Options) {
		t.Helper()
		pieces, err := New(tok, o).Split(t.Context(), "", text)
		if err != nil {
			t.Fatal(err)
		}
		inside := map[int]bool{}
		for _, p := range pieces {
			inside[p.Start], inside[p.End] = true, true
		}
		at := 0
		for g := graphemes.FromString(text); g.Next(); at += len(g.Value()) {
			for i := at + 1; i < at+len(g.Value()); i++ {
				if inside[i] && len(g.Value()) <= maxBytesPerToken && tok.Count(g.Value()) <= 16 {
					t.Errorf("%s: a piece is cut inside of %q at %d", name, g.Value(), i)
				}
			}
		}
	}
	tortureTexts(t, func(name, text string) {
		if strings.HasPrefix(name, "random") || strings.HasPrefix(name, "invalid") {
			return // no characters
		}
		f(name, text, Options{})
		f(name, text, Options{MaxTokens: 32, OverlapTokens: 8})
	})
	pages := 200
	if testing.Short() {
		pages = 40
	}
	for _, p := range samplePages(t, "k8s-zh-ja-ko.jsonl.gz", pages) {
		f(p.URL, p.Markdown, Options{MaxTokens: 64})
	}
	f("flags", strings.Repeat("🇩🇪🇫🇷", 500), Options{MaxTokens: 16})
	f("families", strings.Repeat("👩‍👩‍👧‍👦👨🏽‍🚀", 300), Options{MaxTokens: 32})
}

// TestSentences holds the ends that are found from behind against those of annex 29,
// read from the front with line ends as blanks.
func TestSentences(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	found := 0
	for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz", "revisions.jsonl.gz"} {
		for _, page := range samplePages(t, file, 150) {
			p := &packer{ruler: &sums{tokenizer: miniLM(t)}}
			p.outline.reset(page.Markdown)
			for _, b := range scanAll(page.Markdown) {
				if b.kind != prose || b.end-b.start < 100 {
					continue
				}
				ends := map[int]bool{}
				at := b.start
				for s := sentences.FromString(strings.NewReplacer("\r", " ", "\n", " ").Replace(page.Markdown[b.start:b.end])); s.Next(); {
					at += len(s.Value())
					ends[at] = true
				}
				hi := runeFloor(page.Markdown, b.start+rng.IntN(b.end-b.start))
				if end := p.sentence(b.start, hi, hi); end > 0 {
					found++
					if !ends[end] {
						t.Errorf("%s: %.80q ends no sentence at %.40q", page.URL, page.Markdown[max(b.start, end-80):end], page.Markdown[end:b.end])
					}
				}
			}
		}
	}
	t.Logf("%d ends", found)
	if found < 100 {
		t.Error("too few to tell")
	}
}

// TestWholeTokens counts the pieces of real pages that begin or end inside of a token
// of the whole text: inside of words that fit no other way.
func TestWholeTokens(t *testing.T) {
	for _, name := range tokenizers[:2] {
		tok := loadTokenizer(t, name)
		c := New(tok, Options{})
		cuts, inside := 0, 0
		var tokens []token.Token
		for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz"} {
			for _, page := range samplePages(t, file, 150) {
				pieces, err := c.Split(t.Context(), page.Title, page.Markdown)
				if err != nil {
					t.Fatal(err)
				}
				tokens = tok.AppendTokens(tokens[:0], page.Markdown)
				for _, p := range pieces {
					cuts += 2
					inside += cutsToken(tokens, page.Markdown, p.Start) + cutsToken(tokens, page.Markdown, p.End)
				}
			}
		}
		t.Logf("%s: %d of %d places are inside of a token", name, inside, cuts)
		if 500*inside > cuts {
			t.Errorf("%s: %d of %d places are inside of a token", name, inside, cuts)
		}
	}
}

// cutsToken gives 1 if a place lies inside of what a token says, blanks aside.
func cutsToken(tokens []token.Token, text string, at int) int {
	i := sort.Search(len(tokens), func(i int) bool { return tokens[i].End > at })
	if i < len(tokens) && tokens[i].Start < at && strings.TrimSpace(text[tokens[i].Start:at]) != "" && strings.TrimSpace(text[at:tokens[i].End]) != "" {
		return 1
	}
	return 0
}
