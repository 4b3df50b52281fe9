package clean

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

func mustClean(t *testing.T, c pulse.Change) Page {
	t.Helper()
	p, err := Clean(&c)
	if err != nil {
		t.Fatalf("Clean: %v", err)
	}
	return p
}

func TestCleanMarkdown(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got := mustClean(t, pulse.Change{Markdown: in}).Text
		if got != want {
			t.Fatalf("Clean(%q) = %q, want %q", in, got, want)
		}
		if again := mustClean(t, pulse.Change{Markdown: got}).Text; again != got {
			t.Fatalf("Clean(%q) = %q, then %q", in, got, again)
		}
	}
	// lines
	f("a\r\nb\rc\n", "a\nb\nc")
	f("\n\n  \na\n\n\n\nb\n\n", "a\n\nb")
	f("a \nb\t \nc\u00a0\n", "a\nb\nc")
	f("a  \nb", "a  \nb")
	f("a     \nb", "a  \nb")
	f("a  \n\nb  ", "a\n\nb")
	f("    code\n\tcode", "    code\n\tcode")

	// characters
	f("\ufeffa\ufeffb", "ab")
	f("a\x00b\x07c\x7fd\u009be", "abcde")
	f("a\vb\fc\u0085d", "a b c d")
	f("a\xff\xfeb\xc3", "a\ufffdb\ufffd")
	f("hy\u00adphen\u2060ated\u200b!", "hyphenated!")
	f("ភាសា\u200bខ្មែរ", "ភាសា\u200bខ្មែរ")
	f("👩\u200d👩\u200d👧 क\u094d\u200dष", "👩\u200d👩\u200d👧 क\u094d\u200dष")
	f("u\u0308ber", "über")

	// structure stays
	f("# A\n\n- b\n  - c\n\n| d | e |\n|---|---|\n| f | g |\n\n> h\n> > i", "# A\n\n- b\n  - c\n\n| d | e |\n|---|---|\n| f | g |\n\n> h\n> > i")
	f("[a](b \"c\") ![d](e) <f@g.h> `i  j` **k**\\*", "[a](b \"c\") ![d](e) <f@g.h> `i  j` **k**\\*")

	// fences
	f("```go\na  \n\n\n\nb\u00ad\u0308\n```\n\n\nc", "```go\na  \n\n\n\nb\u00ad\u0308\n```\n\nc")
	f("```\r\na\x00\xff\r\n```", "```\na\ufffd\n```")
	f("~~~\n```\n\n\n~~~ \n\n\na", "~~~\n```\n\n\n~~~ \n\na")
	f("````\n```\n\n\n````\n\n\na", "````\n```\n\n\n````\n\na")
	f("a\n\n```\nopen\n\n\n\nb\n\n", "a\n\n```\nopen\n\n\n\nb")
	f("``` a`b ```\n\n\nc", "``` a`b ```\n\nc")
	f("1. a\n\n   ```\n   b\n\n\n   c\n   ```\n\n\nd", "1. a\n\n   ```\n   b\n\n\n   c\n   ```\n\nd")
	f("- ```\n  b\n\n\n  c\n  ```\n\n\nd", "- ```\n  b\n\n\n  c\n  ```\n\nd")
	f("- ```\n  b\n\n\nleft\n\n\nd", "- ```\n  b\n\n\nleft\n\nd")
	f("    ```\n\n\na", "    ```\n\na")
	f("\u200b```\na  \n\n\n\u200b```", "```\na  \n\n\n\u200b```")
}

func TestCleanPlainText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got := mustClean(t, pulse.Change{Text: in}).Text
		if got != want {
			t.Fatalf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	f("a * b_c <d> & e\r\n\r\n\r\n1. f", "a * b_c <d> & e\n\n1. f")
	f("Title\n~~~~~\n\n\ntext", "Title\n\\~~~~~\n\ntext")
	f("  ```\na", "  \\```\na")
}

func TestCleanTakesOneForm(t *testing.T) {
	c := pulse.Change{Markdown: "from markdown", HTML: "<p>from html", Text: "from text"}
	if got := mustClean(t, c).Text; got != "from markdown" {
		t.Fatalf("text is %q", got)
	}
	c.Markdown = ""
	if got := mustClean(t, c).Text; got != "from html" {
		t.Fatalf("text is %q", got)
	}
	c.HTML = ""
	if got := mustClean(t, c).Text; got != "from text" {
		t.Fatalf("text is %q", got)
	}
}

func TestCleanRefuses(t *testing.T) {
	f := func(c pulse.Change, want string) {
		t.Helper()
		p, err := Clean(&c)
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Fatalf("Clean = %+v, %v; want a refusal", p, err)
		}
		if refusal.Reason != want {
			t.Fatalf("refused as %q, want %q", refusal.Reason, want)
		}
	}
	const empty = "empty after cleaning"
	f(pulse.Change{}, empty)
	f(pulse.Change{Title: "only a title"}, empty)
	f(pulse.Change{Markdown: " \n\t\u200b\x00\ufeff"}, empty)
	f(pulse.Change{Markdown: "***\n\n```\n```\n\n|||"}, empty)
	f(pulse.Change{Markdown: "\xff\xfe\xff"}, empty)
	f(pulse.Change{HTML: "<html><head><title>t</title></head><body><script>x()</script></body>"}, empty)
	f(pulse.Change{Text: "\r\n"}, empty)
	const long = "text is longer than 16777216 bytes after cleaning"
	f(pulse.Change{Markdown: strings.Repeat("a", pulse.MaxTextBytes+1)}, long)
	f(pulse.Change{Markdown: strings.Repeat("a\xff", pulse.MaxTextBytes/3)}, long)
	mustClean(t, pulse.Change{Markdown: strings.Repeat("a", pulse.MaxTextBytes) + "\n\x00 "})
	mustClean(t, pulse.Change{Markdown: "🙂"})
}

func TestTitle(t *testing.T) {
	f := func(c pulse.Change, want string) {
		t.Helper()
		if c.Markdown == "" && c.HTML == "" {
			c.Markdown = "x"
		}
		if got := mustClean(t, c).Title; got != want {
			t.Fatalf("title is %q, want %q", got, want)
		}
	}
	f(pulse.Change{Title: "  A\n\t b\x00\u00a0c "}, "A b c")
	f(pulse.Change{Title: "A", Markdown: "# B"}, "A")
	f(pulse.Change{Title: " ", Markdown: "text\n\n# B\n\n# C"}, "B")
	f(pulse.Change{Markdown: "## B\n\ntext"}, "")
	f(pulse.Change{Markdown: "```\n# no\n```\n\n# Yes #"}, "Yes")
	f(pulse.Change{Markdown: "    # no"}, "")
	f(pulse.Change{Markdown: "#no\n\nSetext\n===\n"}, "Setext")
	f(pulse.Change{Markdown: "a\n\n===\n"}, "")
	f(pulse.Change{Markdown: "# [Link](http://x) `code` **bold** snake_case \\* &amp; [x] {#id}"}, "Link code bold snake_case * & [x]")
	f(pulse.Change{HTML: "<title> T &amp; U\n</title><h1>H</h1><p>x"}, "T & U")
	f(pulse.Change{HTML: "<body><svg></svg><p>x</p><h1>H</h1><p>y"}, "H")
	long := mustClean(t, pulse.Change{Title: strings.Repeat("wörd ", 1000), Markdown: "x"}).Title
	if len(long) > MaxTitleBytes || !utf8.ValidString(long) || !strings.HasSuffix(long, "wörd…") {
		t.Fatalf("a long title becomes %d bytes: …%q", len(long), long[len(long)-20:])
	}
}

func TestPageInfo(t *testing.T) {
	const page = `<!DOCTYPE html><html lang="de_at"><head><meta property="og:description" content="social">
		<meta name=Description content=" From&#10;meta "><title>T</title></head><body><p>Text</p>`
	f := func(c pulse.Change, want Page) {
		t.Helper()
		c.HTML = page
		want.Text = "Text"
		if diff := cmp.Diff(want, mustClean(t, c)); diff != "" {
			t.Fatalf("page (-want +got):\n%s", diff)
		}
	}
	f(pulse.Change{}, Page{Title: "T", Description: "From meta", Language: "de-AT"})
	f(pulse.Change{Title: "U", Description: "D", Language: "en-us"}, Page{Title: "U", Description: "D", Language: "en-US"})
	f(pulse.Change{Language: "nonsense"}, Page{Title: "T", Description: "From meta", Language: "de-AT"})
}

func TestCleanIsSafeForConcurrentUse(t *testing.T) {
	const page = "<html><body><article><h2>A</h2><p>Some <b>words</b>, and a <a href=/x>link</a>.</p></article></body></html>"
	want := mustClean(t, pulse.Change{URL: "https://a.example/", HTML: page})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				got, err := Clean(&pulse.Change{URL: "https://a.example/", HTML: page})
				if err != nil || got != want {
					t.Errorf("Clean = %+v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestTorture(t *testing.T) {
	tortureTexts(t, func(name, text string) {
		for _, c := range []pulse.Change{{Markdown: text}, {HTML: text}, {Text: text}} {
			checkClean(t, name, &c)
		}
	})
}

func TestSamplePages(t *testing.T) {
	for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz", "revisions.jsonl.gz"} {
		found, known := 0, 0
		for _, p := range samplePages(t, file, pageLimit()) {
			page := checkClean(t, p.URL, &pulse.Change{Markdown: p.Markdown})
			if page == nil {
				t.Fatalf("%s is refused", p.URL)
			}
			if page.Language == "" {
				continue
			}
			known++
			if strings.HasPrefix(p.Language, page.Language) {
				found++
			}
		}
		if found*100 < known*97 {
			t.Errorf("%s: %d of %d detected languages are right", file, found, known)
		}
	}
}

// checkClean checks what holds for every input; nil when it is refused.
func checkClean(t *testing.T, name string, c *pulse.Change) *Page {
	t.Helper()
	p, err := Clean(c)
	if err != nil {
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Fatalf("%s: %v is no refusal", name, err)
		}
		return nil
	}
	for _, s := range []string{p.Text, p.Title, p.Description} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\x1b\x7f") {
			t.Fatalf("%s: %.80q is not clean", name, s)
		}
	}
	if len(p.Text) > pulse.MaxTextBytes || len(p.Title) > MaxTitleBytes || len(p.Description) > MaxDescriptionBytes {
		t.Fatalf("%s: too long: %d, %d, %d", name, len(p.Text), len(p.Title), len(p.Description))
	}
	if strings.ContainsAny(p.Title, "\n\t") || p.Title != strings.TrimSpace(p.Title) {
		t.Fatalf("%s: title %q is not one line", name, p.Title)
	}
	if Language(p.Language) != p.Language {
		t.Fatalf("%s: language %q is not normalised", name, p.Language)
	}
	again, err := Clean(&pulse.Change{Markdown: p.Text})
	if err != nil {
		t.Fatalf("%s: cleaned text is refused: %v", name, err)
	}
	if again.Text != p.Text {
		t.Fatalf("%s: cleaned again it differs (-once +twice):\n%s", name, cmp.Diff(p.Text, again.Text))
	}
	return &p
}

// TestLargeInput is about time: each size may take what the one before took times
// its factor, and a generous constant. Figures are logged.
func TestLargeInput(t *testing.T) {
	sizes := []int{64 << 10, 1 << 20, 16 << 20}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for name, unit := range map[string]string{
		"one line": "word ", "quotes": "> ", "links": "[a](", "brackets": "[", "stars": "**a ", "fences": "```\n",
		"lists": "- ", "headings": "# a\n", "setext": "a\n=\n", "blank": "a\n\n\n", "breaks": "a  \n", "controls": "\x00a",
		"invalid": "\xffa ", "marks": "a\u0300\u0301", "returns": "a\r",
	} {
		t.Run(name, func(t *testing.T) {
			atLeast := 50 * time.Millisecond
			last, factor := time.Duration(0), 0
			for i, size := range sizes {
				text := strings.Repeat(unit, size/len(unit)+1)[:size-2]
				start := time.Now()
				_, err := Clean(&pulse.Change{Markdown: "x" + text})
				took := time.Since(start)
				t.Logf("%9d bytes: %v, %v", size, took.Round(time.Millisecond), err)
				if i > 0 {
					factor = size / sizes[i-1]
					if took > 4*time.Duration(factor)*max(last, atLeast) {
						t.Fatalf("%d bytes take %v, after %v for %d", size, took, last, sizes[i-1])
					}
				}
				last = took
			}
		})
	}
}

func BenchmarkClean(b *testing.B) {
	for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz"} {
		pages := samplePages(b, file, 0)
		for _, language := range []string{"given", "detected"} {
			b.Run(fmt.Sprintf("%s/language=%s", file, language), func(b *testing.B) {
				b.ReportAllocs()
				n, i := 0, 0
				for b.Loop() {
					p := &pages[i%len(pages)]
					c := pulse.Change{Markdown: p.Markdown}
					if language == "given" {
						c.Language = p.Language
					}
					if _, err := Clean(&c); err != nil {
						b.Fatal(err)
					}
					n += len(p.Markdown)
					i++
				}
				b.ReportMetric(float64(n)/1e6/b.Elapsed().Seconds(), "MB/s")
			})
		}
	}
}

func FuzzCleanMarkdown(f *testing.F) {
	for _, seed := range []string{
		"# A\r\n\r\n- ```\n  b\n\n\nleft", "a  \n\u200b```\n~~~", "1. x\n\n   ```\n\u00ad```\n   y", "\xff\x00\u1fef\u1fef\u1fef\n\n\na",
		"> ```\n> a\n\n\nb", "a\u0300\u0301\u00a0  \n===", "- - - ```\n\t\tx\n\ty", "\u2028```\u2029",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkClean(t, "markdown", &pulse.Change{Markdown: text})
		checkClean(t, "text", &pulse.Change{Text: text})
	})
}
