package bench

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse/internal/source/firecrawl"
)

const testSecret = "0123456789abcdef"

// TestDeliveriesAreUnderstood reads every kind with the receiver's own decoder.
func TestDeliveriesAreUnderstood(t *testing.T) {
	s := NewSender(testSecret, 1)
	f := func(d Delivery, jobs int, failed bool, refused string) {
		t.Helper()
		if err := firecrawl.Verify(testSecret, d.Signature, d.Body); err != nil {
			t.Fatalf("%s: %v", d.Kind, err)
		}
		got, err := firecrawl.Decode(d.Body, time.Now())
		if err != nil {
			t.Fatalf("%s: %v", d.Kind, err)
		}
		if got.Crawl.ID != s.crawl || got.Key == "" {
			t.Errorf("%s: crawl %q, key %q", d.Kind, got.Crawl.ID, got.Key)
		}
		n := 0
		for _, e := range got.Elements {
			if e.Refused == "" && !e.Failed {
				n++
			}
			if e.Failed != failed || e.Refused != refused && refused != "*" || refused == "*" && e.Refused == "" {
				t.Errorf("%s: failed %v, refused %q", d.Kind, e.Failed, e.Refused)
			}
		}
		if n != jobs {
			t.Errorf("%s: %d jobs, want %d", d.Kind, n, jobs)
		}
	}
	page := Page{URL: "https://example.com/a?b=<c>&d", Title: "A & B", Language: "en", Markdown: "# A\n\n<b>\u2028"}
	f(s.Started(), 0, false, "")
	f(s.Page(page), 1, false, "")
	f(s.Failed("https://example.com/f"), 0, true, "*")
	f(s.Unavailable("https://example.com/u"), 0, false, "*")
	f(s.Gone("https://example.com/g"), 1, false, "")
	f(s.Completed(), 0, false, "")
}

// TestEnvelopeLooksLikeTheSenders compares names and shapes with contracts.md §1.
func TestEnvelopeLooksLikeTheSenders(t *testing.T) {
	s := NewSender("", 1)
	d := s.Failed("https://example.com/f")
	if d.Signature != "" {
		t.Error("signed without a secret")
	}
	want := regexp.MustCompile(`^\{"success":false,"type":"crawl\.page","id":"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",` +
		`"webhookId":"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",` +
		`"data":\[\{"metadata":\{"sourceURL":"https://example\.com/f"\}\}\],"error":"[^"]+","metadata":\{\}\}$`)
	if !want.Match(d.Body) {
		t.Errorf("body %s", d.Body)
	}
	var page struct {
		Data []struct {
			Markdown string
			Metadata map[string]any
		}
		Error *string
	}
	if err := json.Unmarshal(s.Page(Page{URL: "https://example.com/a", Title: "A", Markdown: "<&>"}).Body, &page); err != nil {
		t.Fatal(err)
	}
	if page.Error != nil || page.Data[0].Markdown != "<&>" || page.Data[0].Metadata["statusCode"] != 200.0 {
		t.Errorf("page %+v", page)
	}
}

func TestSeedsDecide(t *testing.T) {
	f := func(seed uint64) []Delivery {
		w, s := NewWriter(seed), NewSender(testSecret, seed)
		return s.Crawl([]Page{w.Page(1, 500), w.Page(2, 500), w.Page(3, 500)}, CrawlMix{Repeats: 1})
	}
	if diff := cmp.Diff(f(1), f(1)); diff != "" {
		t.Errorf("equal seeds differ:\n%s", diff)
	}
	if cmp.Equal(f(1), f(2)) {
		t.Error("other seeds make the same")
	}
}

func TestCrawlHoldsEverything(t *testing.T) {
	w, s := NewWriter(1), NewSender(testSecret, 1)
	var pages []Page
	for n := range 50 {
		pages = append(pages, w.Page(n, 300))
	}
	all := s.Crawl(pages, CrawlMix{Repeats: 7, Failed: []string{"https://example.com/f"},
		Unavailable: []string{"https://example.com/u"}, Gone: []string{"https://example.com/g"}})
	kinds, repeats, known := map[Kind]int{}, 0, map[string]bool{}
	completed, inOrder := -1, true
	last := ""
	for i, d := range all {
		if d.Repeat {
			repeats++
			if !known[string(d.Body)] {
				t.Errorf("delivery %d repeats what was not sent", i)
			}
			continue
		}
		known[string(d.Body)] = true
		kinds[d.Kind]++
		if d.Kind == KindPage {
			inOrder = inOrder && last < d.URL
			last = d.URL
		}
		if d.Kind == KindCompleted {
			completed = i
		}
	}
	want := map[Kind]int{KindPage: 50, KindFailed: 1, KindUnavailable: 1, KindGone: 1, KindStarted: 1, KindCompleted: 1}
	if diff := cmp.Diff(want, kinds); diff != "" || repeats != 7 {
		t.Errorf("%d repeats; kinds:\n%s", repeats, diff)
	}
	if inOrder || completed == len(all)-1 {
		t.Errorf("in order %v; completed at %d of %d", inOrder, completed, len(all))
	}
}

func TestWriterKeepsToTheSize(t *testing.T) {
	w := NewWriter(3)
	f := func(size int) {
		t.Helper()
		if got := len(w.Page(7, size).Markdown); got > size || got < size-30 {
			t.Errorf("%d bytes, want about %d", got, size)
		}
	}
	f(100)
	f(2048)
	f(100_000)
}

func BenchmarkSignedPage(b *testing.B) {
	b.ReportAllocs()
	s, p := NewSender(testSecret, 1), NewWriter(1).Page(1, 2048)
	for range b.N {
		s.Page(p)
	}
}
