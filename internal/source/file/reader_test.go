package file

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

// firecrawlTwin stands for firecrawl.Element.
func firecrawlTwin(index int, body []byte) pulse.Element {
	return pulse.Element{Index: index, Kind: pulse.KindUpsert, Body: body, URL: "firecrawl"}
}

// pagesOf reads all of a reader: its pages as "source index url", its errors as text.
func pagesOf(t *testing.T, r *Reader) []string {
	t.Helper()
	var got []string
	for {
		item, err := r.Next()
		var line *LineError
		switch {
		case err == io.EOF:
			return got
		case errors.As(err, &line):
			got = append(got, line.Error())
		case err != nil:
			if _, again := r.Next(); !errors.Is(again, err) {
				t.Errorf("after %v Next says %v", err, again)
			}
			return append(got, "stopped: "+err.Error())
		default:
			got = append(got, fmt.Sprintf("%s %d %s", item.Source, item.Index, item.URL))
			if item.Source == SourceFile {
				checkElement(t, item.Element)
			}
		}
	}
}

func readAll(t *testing.T, name, text string) []string {
	t.Helper()
	r, err := NewReader(name, strings.NewReader(text), Options{Firecrawl: firecrawlTwin})
	if err != nil {
		return []string{"not opened: " + err.Error()}
	}
	return pagesOf(t, r)
}

func TestReadLines(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, readAll(t, "x.jsonl", text)); diff != "" {
			t.Errorf("%.60q: %s", text, diff)
		}
	}
	a, b := `{"url":"https://a.example/","markdown":"a","revision":7}`, `{"url":"https://b.example/","text":"b"}`
	f("")
	f("\n \r\n\n")
	f(a, "file 0 https://a.example/")
	f("\ufeff"+a+"\r\n\n"+b+"\n", "file 0 https://a.example/", "file 1 https://b.example/")
	f(a+"\n{\n"+b, "file 0 https://a.example/", "x.jsonl:2: not valid JSON at byte 1: expected a name in quotes", "file 2 https://b.example/")
	f(`{"markdown":"a"}`+"\n7\n"+a, "x.jsonl:1: url: is missing", "x.jsonl:2: must be an object, not a number", "file 2 https://a.example/")
	f("\n\n"+`{"url":"https://a.example/","markdown":["a"]}`, "x.jsonl:3: markdown: must be a string, not an array")
	f(`{"url":"https://a.example/","text":"a","metadata":{"x":{}}}`,
		"x.jsonl:1: metadata.x: must be a string, a number, a boolean or a list of strings, not an object")
	f("not json\n"+a, "x.jsonl:1: not valid JSON at byte 0: expected true, false or null", "file 1 https://a.example/")
	f("\"\xff\"\n"+a, "x.jsonl:1: not valid JSON at byte 1: a string is not UTF-8", "file 1 https://a.example/")
	f("{\"url\":\"\xff\"}", "x.jsonl:1: not valid JSON at byte 8: a string is not UTF-8")
	f(`{"markdown":"a","metadata":{"sourceURL":"https://a.example/"}}`+"\n"+a, "firecrawl 0 firecrawl", "file 1 https://a.example/")
	f(`{"content":{"markdown":"a"},"source":"https://a.example/"}`, "firecrawl 0 firecrawl")
	f(a+"\n"+strings.Repeat("x", maxPage+1)+"\n"+b, "file 0 https://a.example/",
		"x.jsonl:2: the line is longer than 33554432 bytes", "file 2 https://b.example/")
}

func TestReadResults(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, readAll(t, "x.json", text)); diff != "" {
			t.Errorf("%.60q: %s", text, diff)
		}
	}
	a, page := `{"url":"https://a.example/","markdown":"a \"]}\\"}`, `{"markdown":"b","metadata":{"url":"https://b.example/"}}`
	f("", "stopped: read x.json: not valid JSON at byte 0: it ends too early")
	f("7", "stopped: read x.json: not valid JSON at byte 0: expected an array or an object")
	f("[]")
	f("\ufeff [ ] behind")
	f("["+a+","+page+"]", "file 0 https://a.example/", "firecrawl 1 firecrawl")
	f(`{"success":true,"next":null,"n":-1e3 , "x":{"data":["]"]},"s":"}\"","data" : [`+page+"\n,\n"+a+`],"data":7}`,
		"firecrawl 0 firecrawl", "file 1 https://a.example/")
	f(`{"success":true,"data":`+page+`}`, "firecrawl 0 firecrawl")
	f(`{"documents":[`+a+`]}`, "file 0 https://a.example/")
	f(`{"data":"x"}`, `stopped: read x.json: no pages: a result file is {"data": […]} or […]; a file of one document a line is named .jsonl`)
	f(a+"\n"+a, `stopped: read x.json: no pages: a result file is {"data": […]} or […]; a file of one document a line is named .jsonl`)
	f(`{"data":[7,{"a":tru},{},`+a+`]}`, "x.json: data[0]: must be an object, not a number",
		"x.json: data[1]: not valid JSON at byte 5: expected true, false or null", "x.json: data[2].url: is missing", "file 3 https://a.example/")
	f(`[{"url":"https://a.example/"}]`, "x.json: [0].markdown: is missing: a document needs a text in markdown, html or text")
	f(`[`+a+`,]`, "file 0 https://a.example/", "stopped: read x.json: not valid JSON at byte 52: expected a value")
	f(`[`+a+` `+a+`]`, "file 0 https://a.example/", "stopped: read x.json: not valid JSON at byte 52: expected ','")
	f(`[`+a, "file 0 https://a.example/", "stopped: read x.json: not valid JSON at byte 51: it ends too early")
	f(`[{"url`, "stopped: read x.json: not valid JSON at byte 6: it ends too early")
	f(`{"data"[]}`, "stopped: read x.json: not valid JSON at byte 7: expected ':'")
	f(`[{"x":"`+strings.Repeat("y", maxPage)+`"},`+a+`]`, "x.json: [0]: is longer than 33554432 bytes", "file 1 https://a.example/")
}

func TestReadStatusResponse(t *testing.T) {
	r, err := Open("testdata/crawl_status_response.json", Options{Firecrawl: firecrawlTwin})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := []string{"firecrawl 0 firecrawl", "firecrawl 1 firecrawl"}
	if diff := cmp.Diff(want, pagesOf(t, r)); diff != "" {
		t.Error(diff)
	}
	if read, total := r.Progress(); read == 0 || read != total {
		t.Errorf("read %d of %d", read, total)
	}
}

func TestFirecrawlIsRefusedWithoutADecoder(t *testing.T) {
	r, err := Open("testdata/crawl_status_response.json", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := pagesOf(t, r); len(got) != 2 || !strings.Contains(got[0], "data[0].url: is missing") {
		t.Errorf("got %q", got)
	}
}

func TestReadGzip(t *testing.T) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	fmt.Fprintln(w, minimal)
	fmt.Fprintln(w, minimal)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	whole, half, not := filepath.Join(dir, "a.jsonl.gz"), filepath.Join(dir, "b.jsonl.gz"), filepath.Join(dir, "c.jsonl.gz")
	write(t, whole, zipped.String())
	write(t, half, zipped.String()[:zipped.Len()-8])
	write(t, not, "not gzip at all")

	r, err := Open(whole, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := pagesOf(t, r); len(got) != 2 {
		t.Errorf("got %q", got)
	}
	if read, total := r.Progress(); read != int64(zipped.Len()) || total != read {
		t.Errorf("read %d of %d", read, total)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(); err == nil || err == io.EOF {
		t.Errorf("Next after Close: %v", err)
	}
	if r, err = Open(half, Options{}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := pagesOf(t, r); len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "unexpected EOF") {
		t.Errorf("a cut file: %q", got)
	}
	if _, err := Open(not, Options{}); err == nil {
		t.Error("opened what is not gzip")
	}
}

func TestReadFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.md"), "---\ntitle: \"A: one\"\nurl: https://other.example/a\nlang: de\n - x: y\n---\n# A\n")
	write(t, filepath.Join(dir, "b c", "ü.html"), "<p>text</p>")
	write(t, filepath.Join(dir, "b c", "x.TXT"), "---\nno end: of it\n")
	write(t, filepath.Join(dir, "b c", "y.md"), "---\nsource: 'https://s.example/'\n---\n")
	write(t, filepath.Join(dir, "c.md"), "latin \xfc")
	write(t, filepath.Join(dir, "d.png"), "no page")
	write(t, filepath.Join(dir, ".git", "x.md"), "hidden")
	write(t, filepath.Join(dir, ".x.md"), "hidden")

	r, err := Open(dir, Options{BaseURL: "https://docs.example.com/v1/"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"file 0 https://other.example/a",
		"file 1 https://docs.example.com/v1/b%20c/x.TXT",
		filepath.Join(dir, "b c", "y.md") + ": markdown: is missing: a document needs a text in markdown, html or text",
		"file 3 https://docs.example.com/v1/b%20c/%C3%BC.html",
		filepath.Join(dir, "c.md") + ": is not UTF-8",
	}
	if diff := cmp.Diff(want, pagesOf(t, r)); diff != "" {
		t.Error(diff)
	}
	if read, total := r.Progress(); read != total || total == 0 {
		t.Errorf("read %d of %d", read, total)
	}
}

func TestReadFolderWithoutBaseURL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.md")
	write(t, path, "# A\n")
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{path + ": url: is missing: give --base-url, or a url in the file's front matter"}
	if diff := cmp.Diff(want, pagesOf(t, r)); diff != "" {
		t.Error(diff)
	}
	if r, err = Open(path, Options{BaseURL: "http://a.example"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"file 0 http://a.example/a.md"}, pagesOf(t, r)); diff != "" {
		t.Error(diff)
	}
	for _, base := range []string{"docs.example.com", "ftp://a.example/"} {
		if _, err := Open(path, Options{BaseURL: base}); err == nil {
			t.Errorf("took the base url %q", base)
		}
	}
}

func TestFolderDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.md")
	write(t, path, "\ufeff---\r\ntitle: T\r\nurl: https://a.example/\r\nlanguage: en\r\nlang: de\r\n---\r\n# <A> & \x00\n")
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	item, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Change(item.Body)
	want := &pulse.Change{Kind: pulse.KindUpsert, URL: "https://a.example/", Key: "https://a.example/", Title: "T", Language: "en", Markdown: "# <A> & \n"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.csv"), "a,b\n")
	for _, name := range []string{"a.csv", "missing.jsonl", "a.md.gz"} {
		if _, err := Open(filepath.Join(dir, name), Options{}); err == nil {
			t.Errorf("opened %s", name)
		}
	}
}

// TestMemoryIsThatOfOnePage reads more than it may hold.
func TestMemoryIsThatOfOnePage(t *testing.T) {
	page := `{"url":"https://a.example/","markdown":"` + strings.Repeat("a", 1<<20) + `"}`
	f := func(name, start, between string) {
		t.Helper()
		in := io.MultiReader(strings.NewReader(start), &repeat{piece: page + between, left: 100})
		r, err := NewReader(name, in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		most, pages := uint64(0), 0
		for ; ; pages++ {
			if _, err := r.Next(); err != nil {
				break
			}
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		if pages != 100 || most > 24<<20 {
			t.Errorf("%s: %d pages, %d bytes of heap", name, pages, most)
		}
	}
	f("x.jsonl", "", "\n")
	f("x.json", `{"data":[`, ",")
}

type repeat struct {
	piece string
	off   int
	left  int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.piece[r.off:])
	if r.off += n; r.off == len(r.piece) {
		r.off, r.left = 0, r.left-1
	}
	return n, nil
}

// TestSharedPages reads the real crawls.
func TestSharedPages(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "data", "pages")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("skipped: ../shared/data/pages is not here")
	}
	for name, want := range map[string]int{"k8s-en.jsonl.gz": 973, "k8s-zh-ja-ko.jsonl.gz": 1014} {
		r, err := Open(filepath.Join(dir, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := pagesOf(t, r)
		if len(got) != want || !strings.HasPrefix(got[want-1], fmt.Sprintf("file %d https://kubernetes.io/", want-1)) {
			t.Errorf("%s: %d pages, want %d, the last %s", name, len(got), want, got[len(got)-1])
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add("x.jsonl", []byte(minimal+"\n{\n\n"+minimal))
	f.Add("x.json", []byte(`{"success":true,"data":[`+minimal+`,7,{"markdown":"]"}]}`))
	f.Add("x.json", []byte(`[`+minimal+`]`))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		r, err := NewReader(name, bytes.NewReader(text), Options{Firecrawl: firecrawlTwin})
		if err != nil {
			return
		}
		if n := len(pagesOf(t, r)); n > len(text)+1 {
			t.Fatalf("%d pages in %d bytes", n, len(text))
		}
	})
}

func FuzzFrontMatter(f *testing.F) {
	f.Add([]byte("---\nurl: 'https://a.example/'\n---\ntext"))
	f.Add([]byte("---\r\na:\r\n---"))
	f.Fuzz(func(t *testing.T, text []byte) {
		front, rest := frontMatter(text)
		if !bytes.HasSuffix(text, rest) || front == nil && len(rest) != len(text) {
			t.Fatalf("front matter %v, rest %q of %q", front, rest, text)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	page := `{"url":"https://docs.example.com/getting-started","title":"Getting started","markdown":"` + strings.Repeat(`Install it.\n`, 800) + `"}`
	f := func(name, start, between string) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			r, err := NewReader(name, io.MultiReader(strings.NewReader(start), &repeat{piece: page + between, left: b.N + 1<<30}), Options{})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("x.jsonl", "", "\n")
	f("x.json", `{"data":[`, ",")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
