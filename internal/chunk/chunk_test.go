package chunk

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"

	"pulse/internal/token"
)

// marked counts like a model with two special tokens whose counts do not add up:
// it takes pairs of letters, whatever stands between them.
type marked struct{}

func (marked) Count(s string) int { return 2 + (len(strings.Join(strings.Fields(s), ""))+1)/2 }

// check checks what Split promises, and gives the pieces.
func check(t *testing.T, name string, counter Counter, o Options, title, text string) []Piece {
	t.Helper()
	pieces := New(counter, o).Split(title, text)
	limit := o.MaxTokens
	if limit == 0 {
		limit = defaultMaxTokens
	}
	covered, valid := 0, utf8.ValidString(text)
	for i, p := range pieces {
		span := text[p.Start:p.End]
		if p.Ordinal != i || p.Start >= p.End || i > 0 && (p.Start <= pieces[i-1].Start || p.End <= pieces[i-1].End) {
			t.Fatalf("%s: piece %d is number %d, at %d..%d", name, i, p.Ordinal, p.Start, p.End)
		}
		if gap := text[min(covered, p.Start):p.Start]; strings.TrimSpace(gap) != "" {
			t.Fatalf("%s: %.60q before piece %d is in none", name, gap, i)
		}
		covered = p.End
		if valid && (!utf8.RuneStart(text[p.Start]) || p.End < len(text) && !utf8.RuneStart(text[p.End])) {
			t.Fatalf("%s: piece %d cuts a rune", name, i)
		}
		if want := counter.Count(p.Embed); p.Tokens != want {
			t.Fatalf("%s: piece %d has %d tokens, counted %d", name, i, p.Tokens, want)
		}
		if p.Tokens > limit && utf8.RuneCountInString(strings.TrimSpace(span)) > 1 {
			t.Fatalf("%s: piece %d has %d tokens of %d: %.200q", name, i, p.Tokens, limit, p.Embed)
		}
		if got := Embed(title, p.Headings, span); got != p.Embed {
			t.Fatalf("%s: piece %d is composed as %.80q, then as %.80q", name, i, p.Embed, got)
		}
		if p.Hash != xxhash.Sum64String(p.Embed) || !strings.HasSuffix(p.Embed, span) {
			t.Fatalf("%s: piece %d has a wrong hash or text", name, i)
		}
	}
	if strings.TrimSpace(text[covered:]) != "" {
		t.Fatalf("%s: %.60q at the end is in no piece", name, text[covered:])
	}
	return pieces
}

func TestSplit(t *testing.T) {
	f := func(name, title, text string, want ...string) {
		t.Helper()
		var got []string
		for _, p := range check(t, name, token.Words{}, Options{MaxTokens: 12, OverlapTokens: 4}, title, text) {
			got = append(got, p.Embed)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
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
	f("sentences with overlap", "", "a b c d. e f g h. i j k l. m n o.", "a b c d. e f g h. i j k l.", "i j k l. m n o.")
	f("words with overlap", "", "a b c d e f g h i j k l m n o p", "a b c d e f g h i j k l", "i j k l m n o p")
	f("fence kept whole", "", "a b c d e f\n\n```\ng h i\nj k l\n```", "a b c d e f", "c d e f\n\n```\ng h i\nj k l\n```")
	f("rows cut at lines", "", "| a | b |\n|---|---|\n| c | d |\n| e | f |", "| a | b |\n|---|---|\n| c | d |", "c | d |\n| e | f |")
	f("prose fills", "", "a b.\n\nc d e f. g h i j k l m n.", "a b.\n\nc d e f.", "c d e f. g h i j k l m n.")
	f("chinese", "", "一二三四。五六七八九。十一二三四。", "一二三四。五六七八九。", "七八九。十一二三四。")
	f("no sentence", "", "一二三四五六七八九十一二三四五六", "一二三四五六七八", "五六七八九十一二三四五六")
	f("overlap stays in its section", "", "a b c d e f\n\n# G\n\nh", "a b c d e f", "# G\n\nh")
}

func TestLongPrefix(t *testing.T) {
	f := func(limit int, title string, headings []string, want string) {
		t.Helper()
		var text strings.Builder
		for i, h := range headings {
			fmt.Fprintf(&text, "%s %s\n\n", strings.Repeat("#", i+1), h)
		}
		text.WriteString("first words\n\n" + strings.Repeat("word ", 2*limit))
		pieces := check(t, "long prefix", token.Words{}, Options{MaxTokens: limit, OverlapTokens: -1}, title, text.String())
		last := pieces[len(pieces)-1]
		if got := strings.TrimSuffix(last.Embed, text.String()[last.Start:last.End]); got != want {
			t.Fatalf("prefix is %q, want %q", got, want)
		}
	}
	long := strings.TrimSpace(strings.Repeat("longer ", 20))
	f(40, "T", []string{"A", "B", "C"}, "T > A > B > C\n\n")
	f(40, "T", []string{"A " + long, "B " + long, "C"}, "T > … > C\n\n")
	f(40, "T", []string{long + " end"}, "T > … > longer longer longer…longer end\n\n")
	f(8, "T", []string{"A", "B", "C"}, "")
	f(8, long, nil, "")
	f(256, strings.Repeat("Title ", 100), nil, "Title"+strings.Repeat(" Title", 13)+"…Title"+strings.Repeat(" Title", 6)+"\n\n")
}

func TestOneLongWord(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a", 100_000),
		"# " + strings.Repeat("a", 100_000),
		strings.Repeat("é", 50_000),
		strings.Repeat("漢", 30_000),
		"a" + strings.Repeat(" ", 100_000) + "b",
		"```\n" + strings.Repeat("x", 50_000) + "\n```",
	} {
		for _, counter := range []Counter{token.Words{}, marked{}} {
			pieces := check(t, text[:8], counter, Options{}, "Title", text)
			for _, p := range pieces {
				if len(p.Embed) > maxBytesPerToken*defaultMaxTokens+maxTitleBytes+maxHeadingBytes {
					t.Fatalf("a chunk of %d bytes", len(p.Embed))
				}
			}
		}
	}
}

func TestOptions(t *testing.T) {
	text := strings.Repeat("some words, and a sentence of them. ", 40)
	for _, o := range []Options{{1, 0}, {2, 50}, {3, 1}, {7, -1}, {16, 100}, {64, 63}, {0, 0}} {
		check(t, fmt.Sprint(o), token.Words{}, o, "A title", text)
		o.MaxTokens += 4
		check(t, fmt.Sprint(o), marked{}, o, "A title", text)
	}
}

// TestOverlap: neighbours of a section repeat about as much as asked for.
func TestOverlap(t *testing.T) {
	text := strings.Repeat("These are some words of a sentence that goes on. ", 200)
	pieces := check(t, "overlap", token.Words{}, Options{}, "", text)
	for i, p := range pieces[1:] {
		repeated := token.Words{}.Count(text[p.Start:pieces[i].End])
		if repeated < 25 || repeated > 50 {
			t.Fatalf("piece %d repeats %d tokens", i+1, repeated)
		}
		if !strings.HasPrefix(text[p.Start:], "These") {
			t.Fatalf("piece %d begins inside of a sentence: %.40q", i+1, text[p.Start:])
		}
	}
}

func TestTorture(t *testing.T) {
	tortureTexts(t, func(name, text string) {
		check(t, name, token.Words{}, Options{}, "Torture", text)
		check(t, name, token.Words{}, Options{MaxTokens: 16, OverlapTokens: 5}, "", text)
		check(t, name, marked{}, Options{MaxTokens: 64}, "Torture", text)
	})
}

func TestSamplePages(t *testing.T) {
	for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz", "revisions.jsonl.gz"} {
		for _, p := range samplePages(t, file, pageLimit()) {
			first := check(t, p.URL, token.Words{}, Options{}, p.Title, p.Markdown)
			again := New(token.Words{}, Options{}).Split(p.Title, p.Markdown)
			if diff := cmp.Diff(first, again); diff != "" {
				t.Fatalf("%s is cut in two ways:\n%s", p.URL, diff)
			}
		}
	}
}

func TestLargeInput(t *testing.T) {
	sizes := []int{64 << 10, 1 << 20, 16 << 20}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for name, unit := range map[string]string{
		"one line": "word and more ", "one word": "x", "one CJK line": "漢字", "quotes": "> ", "links": "[a](",
		"fences": "```\n", "headings": "# a\n", "deep": "###### a\n# b\n", "blank": "a\n\n\n", "spaces": "a    \t  ",
		"lists": "- a\n", "setext": "a\n=\n", "closers": ".)))", "sentences": "A b. ", "tildes": "~~~ \n```\n",
	} {
		t.Run(name, func(t *testing.T) {
			last := 50 * time.Millisecond
			for i, size := range sizes {
				text := strings.Repeat(unit, size/len(unit))
				start := time.Now()
				pieces := New(token.Words{}, Options{}).Split("Title", text)
				took := time.Since(start)
				t.Logf("%9d bytes: %v, %d pieces", size, took.Round(time.Millisecond), len(pieces))
				if i > 0 && took > 4*time.Duration(size/sizes[i-1])*last {
					t.Fatalf("%d bytes take %v, after %v for %d", size, took, last, sizes[i-1])
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
	f.Fuzz(func(t *testing.T, title, text string, limit, overlap int) {
		o := Options{MaxTokens: 1 + limit&63, OverlapTokens: overlap & 63}
		check(t, "words", token.Words{}, o, title, text)
		o.MaxTokens += 3
		check(t, "marked", marked{}, o, title, text)
	})
}

func BenchmarkSplit(b *testing.B) {
	chunker := New(token.Words{}, Options{})
	for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz"} {
		pages := samplePages(b, file, 0)
		b.Run(file, func(b *testing.B) {
			b.ReportAllocs()
			n, chunks, i := 0, 0, 0
			for b.Loop() {
				p := &pages[i%len(pages)]
				chunks += len(chunker.Split(p.Title, p.Markdown))
				n += len(p.Markdown)
				i++
			}
			b.ReportMetric(float64(n)/1e6/b.Elapsed().Seconds(), "MB/s")
			b.ReportMetric(float64(chunks)/float64(i), "chunks/page")
		})
	}
	line := strings.Repeat("all on one line, and never an end ", 1<<20/34)
	b.Run("one line", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			chunker.Split("", line)
		}
	})
}

// TestTrimKeepsIndentation: code and lists keep their shape.
func TestTrimKeepsIndentation(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		s := trim(text, span{0, len(text)})
		if got := text[s.start:s.end]; got != want {
			t.Fatalf("trim(%q) = %q, want %q", text, got, want)
		}
	}
	f("  a\n  b  \n", "  a\n  b")
	f("\n \n\t a", "\t a")
	f(" \n", "")
	f("", "")
	if strings.IndexFunc("\u00a0", unicode.IsSpace) != 0 {
		t.Fatal("a no-break space is white space here")
	}
}
