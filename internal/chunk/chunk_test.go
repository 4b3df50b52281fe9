package chunk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/token"
	"pulse/internal/token/builtin"
)

// marked is a Counter like a model with two special tokens whose counts do not add up:
// it takes pairs of characters, whatever white space stands between them.
type marked struct{}

func (marked) Tokens(_ context.Context, texts []string) ([]Tokens, error) {
	return each(texts, func(s string) (t Tokens) {
		n := 0
		for i := range len(s) {
			if c := s[i]; c != ' ' && c != '\t' && c != '\n' {
				if n++; n%2 == 0 {
					t.Ends = append(t.Ends, i+1)
				}
			}
		}
		t.Count = 2 + (n+1)/2
		return t
	})
}

func each(texts []string, tokens func(string) Tokens) ([]Tokens, error) {
	out := make([]Tokens, len(texts))
	for i, text := range texts {
		if text == "" {
			return nil, errors.New("a text is empty")
		}
		out[i] = tokens(text)
	}
	return out, nil
}

// counted is one way of cutting, with the count that it must agree with.
type counted struct {
	*Chunker
	count   func(text string) int
	limit   int
	overlap int
}

func byCounter(c Counter, o Options) counted {
	return counted{NewCounting(c, o), func(s string) int { t, _ := c.Tokens(context.Background(), []string{s}); return t[0].Count }, o.MaxTokens, o.OverlapTokens}
}

func byTokenizer(t *token.Tokenizer, o Options) counted {
	return counted{New(t, o), func(s string) int { return t.Count(s) + t.Special() }, o.MaxTokens, o.OverlapTokens}
}

// check checks what Split promises, and gives the pieces.
func (c counted) check(t *testing.T, name, title, text string) []Piece {
	t.Helper()
	pieces, err := c.Split(t.Context(), title, text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	limit := c.limit
	if limit == 0 {
		limit = defaultMaxTokens
	}
	chunks := make([]pulse.Chunk, len(pieces))
	covered, valid := 0, utf8.ValidString(text)
	for i, p := range pieces {
		chunks[i] = p.Chunk
		span := text[p.Start:p.End]
		if p.Ordinal != i || p.Start >= p.End || i > 0 && (p.Start <= pieces[i-1].Start || p.End <= pieces[i-1].End) {
			t.Fatalf("%s: piece %d is number %d, at %d..%d, after %d..%d", name, i, p.Ordinal, p.Start, p.End, pieces[max(i-1, 0)].Start, pieces[max(i-1, 0)].End)
		}
		if gap := text[min(covered, p.Start):p.Start]; strings.TrimSpace(gap) != "" {
			t.Fatalf("%s: %.60q before piece %d is in none", name, gap, i)
		}
		covered = p.End
		if valid && (!utf8.RuneStart(text[p.Start]) || p.End < len(text) && !utf8.RuneStart(text[p.End])) {
			t.Fatalf("%s: piece %d cuts a rune", name, i)
		}
		if want := c.count(p.Embed); p.Tokens != want {
			t.Fatalf("%s: piece %d has %d tokens, counted %d: %q", name, i, p.Tokens, want, p.Embed)
		}
		if p.Tokens > limit && utf8.RuneCountInString(strings.TrimSpace(span)) > 1 {
			t.Fatalf("%s: piece %d has %d tokens of %d: %.200q", name, i, p.Tokens, limit, p.Embed)
		}
		if p.Hash != xxhash.Sum64String(p.Embed) || !strings.HasSuffix(p.Embed, span) {
			t.Fatalf("%s: piece %d has a wrong hash or text", name, i)
		}
	}
	if strings.TrimSpace(text[covered:]) != "" {
		t.Fatalf("%s: %.60q at the end is in no piece", name, text[covered:])
	}
	for i, embed := range Embeds(title, text, chunks) {
		if embed != pieces[i].Embed {
			t.Fatalf("%s: piece %d is composed as %.300q, then as %.300q", name, i, pieces[i].Embed, embed)
		}
	}
	return pieces
}

// tokenizers are those of ../shared/data/tokenizers. The first two read all of the
// data; the others do with PULSE_LARGE=1.
var tokenizers = []string{"all-MiniLM-L6-v2", "qwen3-embedding", "gpt2", "bert-base-cased", "modernbert", "llama2", "xlnet-base-cased"}

func isLarge() bool { return os.Getenv("PULSE_LARGE") != "" }

// most is how many of the tokenizers a test takes.
func most() []string {
	if testing.Short() {
		return tokenizers[:2]
	}
	return tokenizers
}

func loadTokenizer(tb testing.TB, name string) *token.Tokenizer {
	tb.Helper()
	t, err := token.Load(shared(tb, "data/tokenizers/"+name))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// wordCounter is a Counter that makes chunks easy to read: one token a word, or a
// character where there are no blanks.
type wordCounter struct{}

func (wordCounter) Tokens(_ context.Context, texts []string) ([]Tokens, error) {
	return each(texts, func(s string) (t Tokens) {
		at := 0
		for _, f := range strings.Fields(s) {
			at += strings.Index(s[at:], f)
			for i, r := range f {
				if isUnspaced(r) {
					t.Ends = append(t.Ends, at+i+utf8.RuneLen(r))
				}
			}
			at += len(f)
			if !strings.ContainsFunc(f, isUnspaced) {
				t.Ends = append(t.Ends, at)
			}
		}
		t.Count = len(t.Ends)
		return t
	})
}

func TestSplit(t *testing.T) {
	f := func(name, title, text string, want ...string) {
		t.Helper()
		var got []string
		for _, p := range byCounter(wordCounter{}, Options{MaxTokens: 12, OverlapTokens: 4}).check(t, name, title, text) {
			got = append(got, p.Embed)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("empty", "T", "")
	f("blank", "T", " \n\n\t")
	f("one", "", "a b c", "a b c")
	f("titled", "The page", "a b c", "The page\n\na b c")
	f("packed", "", "a b c\n\nd e f\n\n- g\n- h", "a b c\n\nd e f\n\n- g\n- h")
	f("sections", "", "# A\n\na b\n\n## B\n\nc d\n\n# E\n\nf", "# A\n\na b", "A\n\n## B\n\nc d", "# E\n\nf")
	f("title is the heading", "A", "# A\n\na b\n\n## B\n\nc d", "# A\n\na b", "A\n\n## B\n\nc d")
	f("heading without text", "", "# A\n\n## B\n\nc d\n\n## E\n\n## F\n\ng", "# A\n\n## B\n\nc d", "A\n\n## E\n\n## F\n\ng")
	f("setext", "", "A\n===\n\na b\n\nB\n---\nc", "A\n===\n\na b", "A\n\nB\n---\nc")
	f("anchors and marks", "T", "## A ## {#x}\n\nc\n\n### D\n\n"+strings.Repeat("e ", 12), "T\n\n## A ## {#x}\n\nc", "### D\n\ne e e e e e e e e e", "e e e e e e")
	f("no heading in a fence", "", "```\n# a\n\n# b\n```\n\nc", "```\n# a\n\n# b\n```\n\nc")
	f("sentences with overlap", "", "A b c d. E f g h. I j k l. M n o.", "A b c d. E f g h. I j k l.", "I j k l. M n o.")
	f("no sentence ends before a small letter", "", "a b c d. e f g h. i j k l. m n o.", "a b c d. e f g h. i j k l.", "i j k l. m n o.")
	f("words with overlap", "", "a b c d e f g h i j k l m n o p", "a b c d e f g h i j k l", "i j k l m n o p")
	f("fence kept whole", "", "a b c d e f\n\n```\ng h i\nj k l\n```", "a b c d e f", "c d e f\n\n```\ng h i\nj k l\n```")
	f("a long fence", "", "```go\na b c\nd e f\ng h i\nj k l\nm n o\n```", "```go\na b c\nd e f\ng h i", "```go\ng h i\nj k l\nm n o\n```")
	f("a long table", "", "| a |\n|---|\n| b |\n| c |\n| d |\n| e |", "| a |\n|---|\n| b |\n| c |", "| a |\n|---|\n| c |\n| d |", "| a |\n|---|\n| e |")
	f("list items", "", "- a b c\n- d e f\n- g h i j", "- a b c\n- d e f", "- d e f\n- g h i j")
	f("an address stays whole", "", "A b c d e f g h [j](<l m> 'n o p') q r s t", "A b c d e f g h", "e f g h [j](<l m> 'n o p') q r s", "t")
	f("chinese", "", "一二三四。五六七八九。十一二三四。", "一二三四。五六七八九。", "八九。十一二三四。")
	f("no sentence", "", "一二三四五六七八九十一二三四五六", "一二三四五六七八九十一二", "十一二三四五六")
	f("brackets stay with what they hold", "", "一二三四五六七八「九十一二三四五六", "一二三四五六七八「九十一", "「九十一二三四五六")
	f("overlap stays in its section", "", "a b c d e f\n\n# G\n\nh", "a b c d e f", "# G\n\nh")
}

func TestTorture(t *testing.T) {
	for i, name := range most() {
		tok := loadTokenizer(t, name)
		tortureTexts(t, func(file, text string) {
			if i >= 2 && len(text) > 50_000 && !isLarge() {
				text = strings.ToValidUTF8(text[:50_000], "")
			}
			byTokenizer(tok, Options{}).check(t, name+" "+file, "Torture", text)
			if i < 2 || isLarge() {
				byTokenizer(tok, Options{MaxTokens: 32, OverlapTokens: 8}).check(t, name+" "+file, "", text)
			}
		})
	}
}

func TestTortureCounted(t *testing.T) {
	tortureTexts(t, func(name, text string) {
		byCounter(wordCounter{}, Options{}).check(t, name, "Torture", text)
		byCounter(wordCounter{}, Options{MaxTokens: 16, OverlapTokens: 5}).check(t, name, "", text)
		byCounter(marked{}, Options{MaxTokens: 64}).check(t, name, "Torture", text)
	})
	for _, tokenizer := range most() {
		far := &farTokenizer{Tokenizer: loadTokenizer(t, tokenizer)}
		most := 20_000
		if testing.Short() {
			most = 8_000
		}
		tortureTexts(t, func(name, text string) {
			if len(text) > most && !isLarge() {
				text = strings.ToValidUTF8(text[:most], "")
			}
			byCounter(far, Options{}).check(t, tokenizer+" "+name, "Torture", text)
		})
	}
}

func TestSamplePages(t *testing.T) {
	for i, name := range most() {
		tok := loadTokenizer(t, name)
		limit := pageLimit()
		if i >= 2 && !isLarge() {
			limit = 30
		}
		c := byTokenizer(tok, Options{})
		for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz", "revisions.jsonl.gz"} {
			for _, p := range samplePages(t, file, limit) {
				first := c.check(t, name+" "+p.URL, p.Title, p.Markdown)
				if i == 0 {
					again, _ := New(tok, Options{}).Split(t.Context(), p.Title, p.Markdown)
					if !slices.EqualFunc(first, again, func(a, b Piece) bool { return a.Start == b.Start && a.Embed == b.Embed }) {
						t.Fatalf("%s is cut in two ways:\n%s", p.URL, cmp.Diff(first, again))
					}
				}
			}
		}
	}
}

func TestLongPrefix(t *testing.T) {
	f := func(limit int, title string, headings []string, want string) {
		t.Helper()
		var text strings.Builder
		for i, h := range headings {
			fmt.Fprintf(&text, "%s %s\n\n", strings.Repeat("#", i+1), h)
		}
		text.WriteString("first words\n\n" + strings.Repeat("word ", 2*limit))
		pieces := byCounter(wordCounter{}, Options{MaxTokens: limit, OverlapTokens: -1}).check(t, "long prefix", title, text.String())
		last := pieces[len(pieces)-1]
		if got := strings.TrimSuffix(last.Embed, text.String()[last.Start:last.End]); got != want {
			t.Errorf("prefix is %q, want %q", got, want)
		}
	}
	long := strings.TrimSpace(strings.Repeat("longer ", 20))
	f(40, "T", []string{"A", "B", "C"}, "T > A > B > C\n\n")
	f(40, "T", []string{"A " + long, "B " + long, "C"}, "T > … > C\n\n")
	f(40, "T", []string{long + " end"}, "T > … > longer longer longer…longer end\n\n")
	f(256, "T", []string{"A [link](https://example.com/x_(y)) ![i](j) `k`"}, "T > A link i `k`\n\n")
	f(16, long, nil, "")
	f(256, strings.Repeat("Title ", 100), nil, "Title"+strings.Repeat(" Title", 13)+"…Title"+strings.Repeat(" Title", 6)+"\n\n")
}

func TestOptions(t *testing.T) {
	text := strings.Repeat("some words, and a sentence of them. ", 40) + "\n\n```\n" + strings.Repeat("code of it\n", 30) + "```"
	for _, o := range []Options{{1, 0}, {2, 50}, {3, 1}, {7, -1}, {16, 100}, {64, 63}, {0, 0}} {
		byCounter(wordCounter{}, o).check(t, fmt.Sprint(o), "A title", text)
		o.MaxTokens += 4
		byCounter(marked{}, o).check(t, fmt.Sprint(o), "A title", text)
		byTokenizer(miniLM(t), o).check(t, fmt.Sprint(o), "A title", text)
	}
}

// miniLM is the tokenizer that is always there.
func miniLM(tb testing.TB) *token.Tokenizer {
	tb.Helper()
	t, _, err := builtin.For(builtin.MiniLM)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// TestOverlap: neighbours of a section repeat about as much as asked for, from the
// start of a sentence on.
func TestOverlap(t *testing.T) {
	text := strings.Repeat("These are some words of a sentence that goes on. ", 200)
	pieces := byTokenizer(miniLM(t), Options{}).check(t, "overlap", "", text)
	for i, p := range pieces[1:] {
		repeated := miniLM(t).Count(text[p.Start:pieces[i].End])
		if repeated < 25 || repeated > 50 {
			t.Fatalf("piece %d repeats %d tokens", i+1, repeated)
		}
		if !strings.HasPrefix(text[p.Start:], "These") {
			t.Fatalf("piece %d begins inside of a sentence: %.40q", i+1, text[p.Start:])
		}
	}
}

// failing is a Counter that answers a few times.
type failing struct{ left, texts int }

func (f *failing) Tokens(ctx context.Context, texts []string) ([]Tokens, error) {
	if f.left--; f.left < 0 {
		return nil, errAway
	}
	f.texts += len(texts)
	return wordCounter{}.Tokens(ctx, texts)
}

var errAway = errors.New("the server is away")

func TestCounterFails(t *testing.T) {
	const enough = 30
	failed, done := 0, 0
	for n := range enough {
		pieces, err := NewCounting(&failing{left: n}, Options{MaxTokens: 16}).Split(t.Context(), "Title", strings.Repeat("Some words. ", 200))
		switch {
		case errors.Is(err, errAway) && pieces == nil && done == 0:
			failed++
		case err == nil && len(pieces) > 0:
			done++
		default:
			t.Fatalf("after %d answers: %d pieces, %v", n, len(pieces), err)
		}
	}
	if failed < 2 || done == 0 {
		t.Fatalf("failed %d times, done %d times", failed, done)
	}
}

// TestStructure holds what is said of fences and tables against the pieces of real
// pages: whole where they fit, else cut at lines, with their first lines said again.
func TestStructure(t *testing.T) {
	tok := miniLM(t)
	c := byTokenizer(tok, Options{})
	whole, cutUp := 0, 0
	for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz", "revisions.jsonl.gz"} {
		for _, page := range samplePages(t, file, pageLimit()/2+100) {
			pieces := c.check(t, page.URL, page.Title, page.Markdown)
			for _, b := range scanAll(page.Markdown) {
				if b.kind != fence && b.kind != table {
					continue
				}
				b.end = trimEnd(page.Markdown, b.start, b.end)
				switch ok, fits := staysIn(pieces, b), c.fitsAlone(pieces, b, page.Markdown); {
				case ok:
					whole++
				case fits:
					t.Errorf("%s: a block at %d..%d is cut", page.URL, b.start, b.end)
				default:
					cutUp++
					c.checkRows(t, page.URL, page.Markdown, pieces, b)
				}
			}
		}
	}
	t.Logf("%d whole, %d cut", whole, cutUp)
	if whole == 0 || cutUp == 0 {
		t.Error("nothing was tested")
	}
}

func staysIn(pieces []Piece, b block) bool {
	return slices.ContainsFunc(pieces, func(p Piece) bool { return p.Start <= b.start+3 && b.end <= p.End })
}

// fitsAlone reports whether a block fits a chunk with the longest prefix of the pieces
// that hold parts of it.
func (c counted) fitsAlone(pieces []Piece, b block, text string) bool {
	prefix := ""
	for _, p := range pieces {
		if p.Start < b.end && b.start < p.End {
			if head := Embed("", p.Headings, ""); len(head) > len(prefix) {
				prefix = head
			}
		}
	}
	return c.count("A title that is as long as titles are wont to be, and longer > "+prefix+text[b.start:b.end]) <= defaultMaxTokens
}

// checkRows wants pieces that begin inside of a block to begin at a line of it, and to
// say its first lines again.
func (c counted) checkRows(t *testing.T, name, text string, pieces []Piece, b block) {
	t.Helper()
	for _, p := range pieces {
		if p.Start <= b.body || p.Start >= b.end {
			continue
		}
		line := text[:p.Start]
		line = line[strings.LastIndexByte(line, '\n')+1:]
		if strings.TrimSpace(line) != "" && c.count(p.Embed[:len(p.Embed)-(p.End-p.Start)]+longestLine(text[b.start:b.end])) < defaultMaxTokens/2 {
			t.Errorf("%s: a piece begins in a line: %q %.60q", name, line, text[p.Start:])
		}
		lead := text[b.lead.start:b.body]
		if !strings.Contains(p.Embed[:len(p.Embed)-(p.End-p.Start)], lead) && len(lead) < 200 {
			t.Errorf("%s: %q does not say %q again", name, p.Embed, lead)
		}
	}
}

func longestLine(text string) string {
	longest := ""
	for line := range strings.Lines(text) {
		if len(line) > len(longest) {
			longest = line
		}
	}
	return longest
}

// TestLargeInput is about time: each size may take what the one before took times its
// factor, and a generous constant. PULSE_LARGE=1 goes to 16 MB.
func TestLargeInput(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about time: not with the race detector")
	}
	sizes := []int{64 << 10, 1 << 20}
	if isLarge() {
		sizes = append(sizes, 16<<20)
	}
	chunker := New(miniLM(t), Options{})
	for name, unit := range map[string]string{
		"one line": "word and more ", "one word": "x", "one CJK line": "漢字", "Thai": "ภาษาไทย", "quotes": "> ", "links": "[a](", "brackets": "[",
		"fences": "```\n", "headings": "# a\n", "deep": "###### a\n# b\n", "blank": "a\n\n\n", "spaces": "a    \t  ", "only spaces": " ",
		"lists": "- a\n", "deep lists": "- ", "setext": "a\n=\n", "closers": ".)))", "sentences": "A b. ", "tildes": "~~~ \n```\n", "marks": "a\u0300\u0301",
		"table": "| a | b |\n|---|---|\n", "rows": "| a | b |\n", "flags": "🇩🇪", "addresses": "http://a.b/c?d ", "html": "<div>\n<!--", "minified": `{"a":[1,2],"b":{}},`,
		"dots": "...", "newlines": "\n", "quoted": "> a\n>> b\n", "bad": "\xff\xfe", "zwj": "\u200d",
	} {
		t.Run(name, func(t *testing.T) {
			last := 50 * time.Millisecond
			for i, size := range sizes {
				text := "x" + strings.Repeat(unit, size/len(unit))
				start := time.Now()
				pieces, err := chunker.Split(t.Context(), "Title", text)
				took := time.Since(start)
				t.Logf("%9d bytes: %v, %d pieces, %v", size, took.Round(time.Millisecond), len(pieces), err)
				if i > 0 && took > 4*time.Duration(size/sizes[i-1])*last {
					t.Fatalf("%d bytes take %v, after %v for %d", size, took, last, sizes[i-1])
				}
				for _, p := range pieces {
					if len(p.Embed) > maxBytesPerToken*defaultMaxTokens+maxTitleBytes+7*maxHeadingBytes+maxLeadBytes {
						t.Fatalf("a chunk of %d bytes", len(p.Embed))
					}
				}
				last = max(last, took)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("Title", "# A\n\ntext. More text.\n\n```\ncode\n```\n\n- a\n  - b", 16, 4)
	f.Add("T", strings.Repeat("一二三。", 20), 8, 3)
	f.Add("", "a\n===\n\xff\xfe\n    ```\n~~~", 1, 0)
	f.Add("x", "A\n-\n# \n###### \u3000b\n> c", 5, 2)
	f.Add("x", "| a | b |\n|---|---|\n| c | d |\n| e | f |\n\n1. [a](b 'c') http://d.e/f", 12, 2)
	tok := miniLM(f)
	f.Fuzz(func(t *testing.T, title, text string, limit, overlap int) {
		o := Options{MaxTokens: 1 + limit&63, OverlapTokens: overlap & 63}
		byCounter(wordCounter{}, o).check(t, "words", title, text)
		o.MaxTokens += 3
		byCounter(marked{}, o).check(t, "marked", title, text)
		byTokenizer(tok, o).check(t, "tokenizer", title, text)
	})
}
