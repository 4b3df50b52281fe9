package clean

import (
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

// TestCleanHTML reads a page as sites make them. The wanted markdown lies beside it.
func TestCleanHTML(t *testing.T) {
	page, err := os.ReadFile("testdata/article.html")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/article.md")
	if err != nil {
		t.Fatal(err)
	}
	got := checkClean(t, "article", &pulse.Change{URL: "https://docs.example.com/guide/", HTML: string(page)})
	if diff := cmp.Diff(strings.TrimSpace(string(want)), got.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	got.Text = ""
	if diff := cmp.Diff(Page{Title: "Rolling updates | Example Docs", Description: "How rolling updates work.", Language: "en"}, *got); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
}

// TestConvertFlat reads the same page without a tree.
func TestConvertFlat(t *testing.T) {
	page, err := os.ReadFile("testdata/article.html")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/article.flat.md")
	if err != nil {
		t.Fatal(err)
	}
	got := normalise(convertFlat(string(page)), markdownSource).markdown
	if diff := cmp.Diff(strings.TrimSpace(string(want)), got); diff != "" {
		t.Fatalf("text (-want +got):\n%s", diff)
	}
}

func TestCleanHTMLFragments(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got := mustClean(t, pulse.Change{HTML: in, URL: "https://a.example/b/"}).Text
		if got != want {
			t.Fatalf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	f("just text", "just text")
	f("<p>a < b && c > d, snake_case 2 * 3 &lt; 7", "a < b && c > d, snake_case 2 * 3 < 7")
	f("<p>&lt;b&gt; is a tag", "&lt;b> is a tag")
	f("<p># no heading<p>```<p>~~~~", "\\# no heading\n\n\\`\\`\\`\n\n\\~\\~\\~~")
	f("<p>a\xffb", "a\ufffdb")
	f("<p>a<img src='data:image/png;base64,AAAA'>b", "ab")
	f("<pre><code class=language-go>x := `y`\n\n\n</code></pre>", "```go\nx := `y`\n\n\n```")
	f("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "| a | b |\n|---|---|\n| 1 | 2 |")
	f("<p><a href='/x?y=1'>l</a>", "[l](https://a.example/x?y=1)")
}

func repeat(unit string, size int) string {
	return strings.Repeat(unit, size/len(unit)+1)[:size]
}

// hostile pages, by name; each makes one of about n bytes.
var hostile = map[string]func(n int) string{
	"nested":      func(n int) string { return repeat("<div>text, ", n) },
	"quotes":      func(n int) string { return strings.Repeat("<blockquote>", 60) + repeat("<p>x, y</p>", n) },
	"lists":       func(n int) string { return repeat("<ul><li>x", n) },
	"siblings":    func(n int) string { return repeat("<p>x", n) },
	"breaks":      func(n int) string { return repeat("x<br>", n) },
	"bold":        func(n int) string { return repeat("<b>x", n) },
	"anchors":     func(n int) string { return repeat("<a href=x>x", n) },
	"comments":    func(n int) string { return repeat("x<!-- -->", n) },
	"cells":       func(n int) string { return "<table><tr>" + repeat("<td>x", n/2) + repeat("<tr><td>y", n/2) },
	"spans":       func(n int) string { return "<table><tr>" + repeat("<td colspan=1000000 rowspan=99999>x", n) },
	"one line":    func(n int) string { return repeat("word ", n) },
	"links":       func(n int) string { return "x" + repeat("[a](", n) },
	"angles":      func(n int) string { return "x" + repeat("<", n) },
	"title":       func(n int) string { return "<title>" + repeat("a | b ", n) + "</title><p>x" },
	"open script": func(n int) string { return "x<script>" + repeat("<!--<script", n) },
	"attributes": func(n int) string {
		var b strings.Builder
		b.WriteString("<p ")
		for i := 0; b.Len() < n/2; i++ {
			fmt.Fprintf(&b, "a%d ", i)
		}
		return b.String() + ">" + repeat("<b>x</b>", n/2)
	},
	"formatting": func(n int) string {
		var b strings.Builder
		for i := range 400 {
			fmt.Fprintf(&b, "<b id=%d>", i)
		}
		return b.String() + repeat("<p>x", n)
	},
}

func TestHostileHTML(t *testing.T) {
	sizes := []int{64 << 10, 1 << 20, 4 << 20}
	if testing.Short() {
		sizes = []int{8 << 10, 32 << 10}
	}
	for name, page := range hostile {
		t.Run(name, func(t *testing.T) {
			last := 200 * time.Millisecond // small pages become trees, which is slower
			for i, size := range sizes {
				html := page(size)
				start := time.Now()
				p := checkClean(t, name, &pulse.Change{HTML: html})
				took := time.Since(start)
				if p == nil {
					t.Fatalf("%d bytes are refused", size)
				}
				t.Logf("%9d bytes: %v", size, took.Round(time.Millisecond))
				if i > 0 && took > 4*time.Duration(size/sizes[i-1])*last {
					t.Fatalf("%d bytes take %v, after %v for %d", size, took, last, sizes[i-1])
				}
				last = max(last, took)
			}
		})
	}
}

func TestDeepHTMLIsBounded(t *testing.T) {
	const depth = 100_000
	page := strings.Repeat("<div><span>", depth/2) + "<p>the text inside" + strings.Repeat("</span></div>", depth/2)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := mustClean(t, pulse.Change{HTML: page})
	runtime.ReadMemStats(&after)
	if p.Text != "the text inside" {
		t.Fatalf("text is %q", p.Text)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Fatalf("%d bytes of HTML took %d bytes of memory", len(page), grown)
	}
}

// TestTreeBounds: pages beyond each bound are converted without a tree.
func TestTreeBounds(t *testing.T) {
	f := func(html string) {
		t.Helper()
		if _, err := convertTree(html, &url.URL{}); err == nil {
			t.Fatalf("a tree was made of %d bytes", len(html))
		}
	}
	f(strings.Repeat("<div>", 600) + "x")
	f(strings.Repeat("<div>", 400) + strings.Repeat("<p>x", 20_000))
	f(strings.Repeat("<p>x", 2*maxTreeNodes))
}

func BenchmarkCleanHTML(b *testing.B) {
	page, err := os.ReadFile("testdata/article.html")
	if err != nil {
		b.Fatal(err)
	}
	large := strings.Repeat(string(page), 1+(4<<20)/len(page))
	f := func(name, html string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(html)))
			for b.Loop() {
				if _, err := Clean(&pulse.Change{URL: "https://docs.example.com/guide/", HTML: html}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("article", string(page))
	f("flat", large+strings.Repeat("<div>", 600))
}

func FuzzCleanHTML(f *testing.F) {
	page, err := os.ReadFile("testdata/article.html")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(page))
	for _, make := range hostile {
		f.Add(make(200))
	}
	f.Fuzz(func(t *testing.T, html string) {
		checkClean(t, "tree", &pulse.Change{HTML: html, URL: "https://a.example/b"})
		checkClean(t, "flat", &pulse.Change{Markdown: convertFlat(html)})
	})
}
