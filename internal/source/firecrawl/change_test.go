package firecrawl

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/pagekey"
)

func mustRead(name string) []byte {
	body, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		panic(err)
	}
	return body
}

// decodeOne is the first element of a delivery.
func decodeOne(body []byte) string {
	d, err := Decode(body, testNow)
	if err != nil {
		panic(err)
	}
	return string(d.Elements[0].Body)
}

const started = "# Getting started\n\nInstall the package, then run `example serve`.\n\n## Requirements\n\n- Linux or macOS\n- 2 GB of memory\n\n```bash\nexample serve --port 8080\n```\n"

func TestChangeOfSamples(t *testing.T) {
	usual := func(edit func(*pulse.Change)) *pulse.Change {
		c := &pulse.Change{
			Kind:        pulse.KindUpsert,
			URL:         "https://docs.example.com/getting-started",
			Key:         "https://docs.example.com/getting-started",
			Title:       "Getting started | Example Docs",
			Description: "How to install and run the example service.",
			Language:    "en",
			Metadata: pulse.Metadata{
				"ogTitle": "Getting started", "favicon": "https://docs.example.com/favicon.ico", "contentType": "text/html; charset=utf-8",
			},
			Markdown: started,
		}
		edit(c)
		return c
	}
	f := func(name string, index int, want *pulse.Change) {
		t.Helper()
		got, err := Change(decode(t, sample(t, name)).Elements[index].Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	f("crawl_page.json", 0, usual(func(*pulse.Change) {}))
	f("crawl_page_huge_metadata.json", 0, usual(func(*pulse.Change) {}))
	f("crawl_page_rich_document.json", 0, usual(func(*pulse.Change) {}))
	f("v0_2025-08_crawl_completed_jobId.json", 0, usual(func(*pulse.Change) {}))
	f("v0_crawl_completed_jobId.json", 0, usual(func(*pulse.Change) {}))
	f("crawl_page_html_links.json", 0, usual(func(c *pulse.Change) {
		c.HTML = "<h1>Getting started</h1><p>Install the package, then run <code>example serve</code>.</p>"
	}))
	f("crawl_page_redirected.json", 0, usual(func(c *pulse.Change) {
		c.URL, c.Key = "https://docs.example.com/v2/new", "https://docs.example.com/v2/new"
		c.AskedURL = "https://docs.example.com/old?utm_source=news#top"
	}))
	f("crawl_page_array_metadata.json", 0, usual(func(c *pulse.Change) {
		c.Title, c.Description = "Getting started", "First description, Second description"
		c.Metadata["keywords"] = []string{"install", "serve"}
		c.Metadata["ogLocaleAlternate"] = []string{"de_DE", "fr_FR"}
	}))
	f("crawl_page_http_404.json", 0, &pulse.Change{
		Kind: pulse.KindDelete, URL: "https://docs.example.com/gone", Key: "https://docs.example.com/gone",
	})
	f("crawl_page_html_only.json", 0, usual(func(c *pulse.Change) {
		c.URL, c.Key, c.Title = "https://docs.example.com/releases", "https://docs.example.com/releases", "Release notes"
		c.Markdown, c.HTML = "", "<main><h1>Release notes</h1><p>Fixed a crash.</p></main>"
	}))
	f("crawl_page_pdf.json", 0, &pulse.Change{
		Kind: pulse.KindUpsert, URL: "https://files.example.com/report-2025.pdf", Key: "https://files.example.com/report-2025.pdf",
		Title: "Annual report 2025", Markdown: "# Annual report 2025\n\nRevenue grew by 12 %.\n",
		Metadata: pulse.Metadata{"ogTitle": "Getting started", "contentType": "application/pdf", "numPages": 48.0, "totalPages": 48.0},
	})
}

func TestChangeFields(t *testing.T) {
	change := func(fields, metadata string) *pulse.Change {
		t.Helper()
		c, err := Change([]byte(`{"markdown":"a"` + fields + `,"metadata":{"url":"https://a.example/"` + metadata + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(change(``, `,"title":["",null,7," b ","c"]`).Title, "b")
	f(change(``, `,"title":{"a":"b"},"ogTitle":"c"`).Title, "c")
	f(change(`,"title":"top"`, `,"title":null`).Title, "top")
	f(change(`,"title":"top"`, `,"Title":"x","og:title":"y"`).Title, "top")
	f(change(``, `,"title":"a\u0000b"`).Title, "ab")
	f(change(``, `,"title":"\ud800x"`).Title, "\ufffdx")
	f(change(``, `,"title":"`+strings.Repeat("日", 1000)+`"`).Title, strings.Repeat("日", maxTitle/3))
	f(change(``, `,"description":["a","","b"]`).Description, "a, b")
	f(change(``, `,"description":"`+strings.Repeat("x", 9000)+`"`).Description, strings.Repeat("x", maxDescription))
	f(change(``, `,"language":["en-US","de"]`).Language, "en-US")
	f(change(`,"country":"DE"`, ``).Country, "DE")
	f(change(``, `,"country":"AT"`).Country, "AT")
	f(change(``, `,"sourceURL":"https://a.example/"`).AskedURL, "")
	f(change(``, `,"sourceURL":"https://a.example/x"`).AskedURL, "https://a.example/x")
	f(change(``, `,"sourceURL":"https://me:secret@a.example/x"`).AskedURL, "")
	if !change(`,"isMobile":true`, ``).IsMobile || !change(``, `,"isMobile":true`).IsMobile || change(``, `,"isMobile":"true"`).IsMobile {
		t.Error("isMobile")
	}
}

func TestChangeText(t *testing.T) {
	f := func(fields, markdown, html string) {
		t.Helper()
		c, err := Change([]byte(`{"metadata":{"url":"https://a.example/"},` + fields + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if c.Markdown != markdown || c.HTML != html || c.Text != "" {
			t.Errorf("%s: markdown %q, html %q", fields, c.Markdown, c.HTML)
		}
	}
	f(`"content":"d","rawHtml":"c","html":"b","markdown":"a"`, "a", "b")
	f(`"content":"d","rawHtml":"c","html":"b"`, "", "b")
	f(`"content":"d","rawHtml":"c","markdown":"\n"`, "", "c")
	f(`"content":"d","html":null`, "d", "")
	f(`"markdown":"nul\u0000 pair \ud83d\ude80 lone \udc00"`, "nul pair 🚀 lone \ufffd", "")
}

func TestMetadataIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"theme-color":"x","scrapeId":"s","creditsUsed":1,"proxyUsed":"basic","cachedAt":"c","og:title":"raw","Keywords":"case"`)
	for _, name := range kept {
		b.WriteString(`,"` + name + `":["` + strings.Repeat(strings.Repeat("日", 400)+`","`, 100) + `"]`)
	}
	b.WriteString(`,"keywords":"last \u0000wins","author":" ","numPages":7,"favicon":false,"ogImage":{"url":"x"},"contentType":null}`)
	m := keep([]byte(b.String()))
	if m["keywords"] != "last wins" || m["numPages"] != 7.0 || m["favicon"] != false {
		t.Errorf("kept %v %v %v", m["keywords"], m["numPages"], m["favicon"])
	}
	total := 0
	for name, value := range m {
		if _, ok := keptAt[name]; !ok {
			t.Errorf("kept %s", name)
		}
		total += len(name)
		list, _ := value.([]string)
		if len(list) > maxItems {
			t.Errorf("%s has %d items", name, len(list))
		}
		for _, s := range list {
			if total += len(s); len(s) > maxString || !utf8.ValidString(s) {
				t.Errorf("%s has a string of %d bytes", name, len(s))
			}
		}
	}
	if total > maxMetadata {
		t.Errorf("%d bytes of metadata", total)
	}
	for _, name := range []string{"author", "ogImage", "contentType", "og:title", "Keywords"} {
		if value, ok := m[name]; ok {
			t.Errorf("kept %s: %v", name, value)
		}
	}
	if keep(nil) != nil || keep([]byte("{}")) != nil {
		t.Error("kept nothing as something")
	}
}

func TestChangeRefuses(t *testing.T) {
	f := func(body, message string) {
		t.Helper()
		var bad *pulse.InputError
		if _, err := Change([]byte(body)); !errors.As(err, &bad) || !strings.Contains(bad.Message, message) {
			t.Errorf("Change(%s) = %v, want %q", body, err, message)
		}
	}
	f(``, "not valid JSON")
	f(`{"markdown":"a`, "not valid JSON")
	f("{\"markdown\":\"\xff\"}", "not UTF-8")
	f(`[]`, "must be an object, not an array")
	f(`{"markdown":"a"}`, "no url")
	f(`{"metadata":{"url":"https://a.example/","statusCode":503}}`, "origin answered 503")
	f(`{"metadata":{"url":"https://a.example/"}}`, "empty")
}

// FuzzDecode holds what every body must: no panic, an error of the right kind,
// elements that a worker can decode, and what encoding/json calls invalid refused.
func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob(samples + "/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		f.Add(mustRead(filepath.Base(path)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Decode(body, testNow)
		var bad *pulse.InputError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if err == nil != (d != nil) || err == nil && !json.Valid(body) {
			t.Fatalf("delivery %v, error %v, valid %v", d, err, json.Valid(body))
		}
		if err != nil {
			return
		}
		for i, e := range d.Elements {
			if e.Index != i || (e.Refused == "") != (e.Kind != "") {
				t.Fatalf("element %+v", e)
			}
			checkElement(t, e)
		}
	})
}

func checkElement(t *testing.T, e pulse.Element) {
	if e.Failed || e.Body == nil {
		return
	}
	c, err := Change(e.Body)
	if (err == nil) != (e.Refused == "") {
		t.Fatalf("refused %q, but Change: %v", e.Refused, err)
	}
	if err == nil && (c.Key != e.Key || c.URL != e.URL || c.Kind != e.Kind) {
		t.Fatalf("element %+v, change %+v", e, c)
	}
}

func FuzzChange(f *testing.F) {
	for _, name := range []string{"crawl_page.json", "crawl_page_array_metadata.json", "v0_crawl_completed_jobId.json", "crawl_page_http_404.json"} {
		f.Add([]byte(decodeOne(mustRead(name))))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := Change(body)
		if err != nil {
			return
		}
		for _, s := range []string{c.URL, c.AskedURL, c.Title, c.Description, c.Language, c.Country, c.Markdown, c.HTML} {
			if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Fatalf("a bad string %q", s)
			}
		}
		if key, err := pagekey.Normalise(c.URL); err != nil || key != c.Key {
			t.Fatalf("key %q of %q (%v)", c.Key, c.URL, err)
		}
		if c.Kind == pulse.KindUpsert && c.Markdown == "" && c.HTML == "" {
			t.Fatal("an upsert of nothing")
		}
		if raw, err := json.Marshal(c.Metadata); err != nil || len(raw) > 8*maxMetadata {
			t.Fatalf("%d bytes of metadata: %v", len(raw), err)
		}
	})
}

func BenchmarkChange(b *testing.B) {
	element := []byte(decodeOne(delivery2K()))
	b.SetBytes(int64(len(element)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Change(element); err != nil {
			b.Fatal(err)
		}
	}
}
