package firecrawl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

// hook is a page event of the given elements.
func hook(elements string) []byte {
	return []byte(`{"success":true,"type":"crawl.page","id":"job-1","webhookId":"hook-1","data":[` + elements + `]}`)
}

func decode(t *testing.T, body []byte) *pulse.Delivery {
	t.Helper()
	d, err := Decode(body, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecodePage(t *testing.T) {
	body := sample(t, "crawl_page.json")
	got := decode(t, body)
	want := &pulse.Delivery{
		Source:    "firecrawl",
		Key:       "crawl.page:5f0c1a02-9b7e-4d21-8c35-6e4f2a1b0c9d",
		EventType: "crawl.page",
		Result:    pulse.ResultQueued,
		Bytes:     int64(len(body)),
		Crawl:     pulse.CrawlEvent{ID: "0198d1f2-6a3b-7c44-9e10-3f5a7b2c8d01"},
		Priority:  pulse.PriorityCrawl,
		Elements: []pulse.Element{{
			Kind: pulse.KindUpsert,
			Key:  "https://docs.example.com/getting-started",
			URL:  "https://docs.example.com/getting-started",
		}},
	}
	var envelope struct{ Data []json.RawMessage }
	if err := json.Unmarshal(body, &envelope); err != nil {
		t.Fatal(err)
	}
	want.Elements[0].Body = envelope.Data[0]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefusesTheEnvelope(t *testing.T) {
	f := func(body, code, field string) {
		t.Helper()
		var bad *pulse.InputError
		if _, err := Decode([]byte(body), testNow); !errors.As(err, &bad) || bad.Code != code || bad.Field != field {
			t.Errorf("Decode(%.80s) = %v, want %s of %q", body, err, code, field)
		}
	}
	f("", "bad_json", "")
	f("null", "bad_json", "")
	f("[", "bad_json", "")
	f("{} {}", "bad_json", "")
	f(`{"type":"crawl.page","data":[{]}`, "bad_json", "")
	f("{\"type\":\"crawl.page\xff\"}", "bad_json", "")
	f(`{}`, "invalid", "type")
	f(`{"type":null}`, "invalid", "type")
	f(`{"type":7}`, "invalid", "type")
	f(`{"type":"crawl.page"}`, "invalid", "id")
	f(`{"type":"crawl.page","id":"","jobId":7}`, "invalid", "jobId")
	f(`{"type":"crawl.page","id":"x","webhookId":7}`, "invalid", "webhookId")
	f(`{"type":"crawl.page","id":"x","success":null}`, "invalid", "success")
	f(`{"type":"crawl.page","id":"x","success":true}`, "invalid", "data")
	f(`{"type":"crawl.page","id":"x","data":[{},[]]}`, "invalid", "data[1]")
	f(`{"type":"crawl.completed","jobId":"x","data":"pages"}`, "invalid", "data")
	f(`{"Type":"crawl.page","ID":"x"}`, "invalid", "type")
}

func TestDecodeIsLenient(t *testing.T) {
	f := func(body string, want pulse.Result) {
		t.Helper()
		if d := decode(t, []byte(body)); d.Result != want {
			t.Errorf("Decode(%s) is %s, want %s", body, d.Result, want)
		}
	}
	f(`{"type":"crawl.paused","data":7}`, pulse.ResultIgnored)
	f(`{"type":"tea.time"}`, pulse.ResultIgnored)
	f(`{"type":"crawl.completed","id":"x","data":null}`, pulse.ResultAcknowledged)
	f(`{"type":"crawl.completed","id":"x","metadata":null,"error":null,"webhookId":null}`, pulse.ResultAcknowledged)
	f(`{"type":"extract.completed","id":"x","data":"text"}`, pulse.ResultAcknowledged)
	f(`{"type":"crawl.page","id":"x","data":{"markdown":"a","metadata":{"url":"https://a.example/"}}}`, pulse.ResultQueued)
	f(`{"type":"tea","type":"crawl.page","id":null,"jobId":"x","data":7,"data":[]}`, pulse.ResultAcknowledged)
	f(`{"\u0074ype":"crawl.started","id":"x"}`, pulse.ResultAcknowledged)
}

func TestDecodeUnknownTypeIsMadeFit(t *testing.T) {
	d := decode(t, []byte(`{"type":"tea\u001b[31m\n`+strings.Repeat("é", 100)+`"}`))
	if len(d.EventType) > maxEventType || !utf8.ValidString(d.EventType) || strings.ContainsAny(d.EventType, "\x1b\n") {
		t.Errorf("event type %q", d.EventType)
	}
}

func TestElements(t *testing.T) {
	f := func(element string, want pulse.Element) {
		t.Helper()
		for _, twin := range []string{element, "{\"data\":[{}]," + element[1:]} { // other members change nothing
			d := decode(t, hook(`{"markdown":"neighbour","metadata":{"url":"https://a.example/"}},`+twin))
			if d.Elements[0].Refused != "" {
				t.Errorf("%s refused its neighbour: %s", twin, d.Elements[0].Refused)
			}
			want.Index, want.Body = 1, []byte(twin)
			if diff := cmp.Diff(want, d.Elements[1]); diff != "" {
				t.Errorf("%s: %s", twin, diff)
			}
		}
	}
	const u = "https://a.example/b"
	upsert := pulse.Element{Kind: pulse.KindUpsert, URL: u, Key: u}
	gone := pulse.Element{Kind: pulse.KindDelete, URL: u, Key: u}
	refused := func(reason string) pulse.Element { return pulse.Element{URL: u, Key: u, Refused: reason} }

	f(`{"markdown":"a","metadata":{"url":"`+u+`"}}`, upsert)
	f(`{"markdown":" \n\u0000","html":"","rawHtml":"<p>a","metadata":{"url":"`+u+`"}}`, upsert)
	f(`{"content":"a","metadata":{"url":"`+u+`"}}`, upsert)
	f(`{"content":{"content":"a","metadata":{}},"source":"`+u+`"}`, upsert)
	f(`{"content":{"markdown":"a","metadata":{"url":"`+u+`"}},"source":"https://other.example/"}`, upsert)
	f(`{"content":{},"content":"a","metadata":{"url":"`+u+`"}}`, upsert)
	f(`{"markdown":"a","url":"`+u+`"}`, upsert)
	f(`{"markdown":"a","url":"https://x.example/","metadata":{"url":"`+u+`","sourceURL":"https://y.example/"}}`, upsert)
	f(`{"markdown":"a","url":"https://x.example/","metadata":{"url":null,"sourceURL":"`+u+`"}}`, upsert)
	f(`{"markdown":"a","metadata":{"url":["https://x.example/"],"sourceURL":"`+u+`"}}`, upsert)
	f(`{"markdown":"a","metadata":{"url":"https://x.example/"},"metadata":{"sourceURL":"`+u+`"}}`, upsert)
	f(`{"markdown":"a","metadata":{"u\u0072l":"`+u+`","URL":"https://x.example/","og:url":"https://y.example/"}}`, upsert)
	f(`{"markdown":"a","metadata":{"url":"`+u+`","statusCode":399}}`, upsert)
	f(`{"markdown":"a","metadata":{"url":"`+u+`","statusCode":null}}`, upsert)
	f(`{"metadata":{"url":"`+u+`","statusCode":404}}`, gone)
	f(`{"markdown":"a","metadata":{"url":"`+u+`","sourceURL":"https://old.example/","statusCode":410}}`, gone)
	f(`{"markdown":"a","metadata":{"url":"`+u+`","statusCode":403}}`, refused("origin answered 403"))
	f(`{"markdown":"a","metadata":{"url":"`+u+`","statusCode":"404"}}`, refused("metadata.statusCode is not a number"))
	f(`{"markdown":["a"],"html":"b","metadata":{"url":"`+u+`"}}`, refused("markdown is not a string"))
	f(`{"links":["a"],"metadata":{"url":"`+u+`"}}`, refused("empty"))
	f(`{"markdown":"a","metadata":[],"url":"`+u+`"}`, refused("metadata is not an object"))
	f(`{"a":1}`, pulse.Element{Refused: "no url"})
	f(`{"markdown":"a","metadata":{"url":" ","sourceURL":null}}`, pulse.Element{Refused: "no url"})
	f(`{"markdown":"a","metadata":{"url":"ftp://a.example/"}}`,
		pulse.Element{URL: "ftp://a.example/", Refused: "url must begin with http:// or https://"})
	f(`{"markdown":"a","metadata":{"url":"https://me:secret@a.example/x","statusCode":404}}`,
		pulse.Element{URL: "https://***@a.example/x", Refused: "url holds a user name or password"})
}

func TestElementURLTooLong(t *testing.T) {
	for _, n := range []int{4000, 9000, 1 << 20} {
		url := "https://a.example/" + strings.Repeat("日", n)
		e := decode(t, hook(`{"markdown":"a","metadata":{"url":"`+url+`"}}`)).Elements[0]
		if e.Refused != "url is longer than 4096 bytes" || len(e.URL) > maxReason || !utf8.ValidString(e.URL) {
			t.Errorf("%d bytes: %q, url of %d bytes", len(url), e.Refused, len(e.URL))
		}
	}
}

func TestElementTextTooLarge(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		e := decode(t, hook(`{"markdown":"`+text+`","metadata":{"url":"https://a.example/"}}`)).Elements[0]
		if e.Refused != want {
			t.Errorf("refused %q, want %q", e.Refused, want)
		}
	}
	full := strings.Repeat("a", pulse.MaxTextBytes)
	f(full, "")
	f(full[1:]+`\n`, "")
	f(full+"a", "markdown is too large: 16777217 bytes, at most 16777216")
}

func TestCachedAt(t *testing.T) {
	f := func(metadata string, want time.Time) {
		t.Helper()
		e := decode(t, hook(`{"markdown":"a","metadata":{"url":"https://a.example/",`+metadata+`}}`)).Elements[0]
		if !e.CachedAt.Equal(want) || e.Refused != "" {
			t.Errorf("%s: cached at %v, want %v (%s)", metadata, e.CachedAt, want, e.Refused)
		}
	}
	f(`"cacheState":"hit","cachedAt":"2026-08-19T21:11:25.636Z"`, time.Date(2026, 8, 19, 21, 11, 25, 636e6, time.UTC))
	f(`"cacheState":"hit","cachedAt":"2099-01-01T00:00:00Z"`, testNow)
	f(`"cacheState":"miss","cachedAt":"2026-08-19T21:11:25.636Z"`, time.Time{})
	f(`"cacheState":"hit"`, time.Time{})
	f(`"cacheState":"hit","cachedAt":"yesterday"`, time.Time{})
	f(`"cacheState":7,"cachedAt":8`, time.Time{})
}

func TestKey(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		if d := decode(t, []byte(body)); d.Key != want {
			t.Errorf("Decode(%s) has key %q, want %q", body, d.Key, want)
		}
	}
	const page = `{"markdown":"a","metadata":{"url":"https://a.example/","scrapeId":"s1"}}`
	f(`{"type":"crawl.page","id":"j","webhookId":"w","data":[`+page+`]}`, "crawl.page:w")
	f(`{"type":"crawl.page","id":"j","data":[`+page+`]}`, "j:crawl.page:s1")
	f(`{"type":"crawl.page","id":"j","data":[`+page+`,`+page+`]}`, "")
	f(`{"type":"crawl.page","id":"j","data":[]}`, "")
	f(`{"type":"crawl.page","id":"j/../k","data":[`+page+`]}`, "")
	f(`{"type":"crawl.page","id":"j","data":[{"metadata":{"scrapeId":"a b"}}]}`, "")
	f(`{"type":"crawl.page","id":"j","webhookId":"w:x","data":[`+page+`]}`, "j:crawl.page:s1")
	f(`{"type":"crawl.completed","jobId":"j","data":[`+page+`]}`, "")
	f(`{"type":"batch_scrape.started","id":"j","webhookId":"w"}`, "batch_scrape.started:w")
	f(`{"type":"tea","id":"j","webhookId":"w"}`, "")
}

func TestCrawl(t *testing.T) {
	f := func(body string, want pulse.CrawlEvent) {
		t.Helper()
		if diff := cmp.Diff(want, decode(t, []byte(body)).Crawl); diff != "" {
			t.Errorf("Decode(%s): %s", body, diff)
		}
	}
	f(`{"type":"crawl.started","id":"j"}`, pulse.CrawlEvent{ID: "j", State: pulse.CrawlRunning})
	f(`{"type":"crawl.completed","jobId":"j"}`, pulse.CrawlEvent{ID: "j", State: pulse.CrawlCompleted})
	f(`{"type":"batch_scrape.failed","id":"j","success":false}`, pulse.CrawlEvent{ID: "j", State: pulse.CrawlFailed})
	f(`{"type":"crawl.cancelled","id":"j","success":false}`, pulse.CrawlEvent{ID: "j", State: pulse.CrawlCancelled})
	f(`{"type":"crawl.page","id":"j","data":[]}`, pulse.CrawlEvent{ID: "j"})
	f(`{"type":"crawl.page","id":"j","success":false,"data":[]}`, pulse.CrawlEvent{ID: "j", Failed: 1})
	f(`{"type":"crawl.page","id":"j","success":false,"data":[{},{}]}`, pulse.CrawlEvent{ID: "j", Failed: 2})
	f(`{"type":"crawl.started","id":"../j"}`, pulse.CrawlEvent{})
	f(`{"type":"crawl.started","id":"`+strings.Repeat("j", 65)+`"}`, pulse.CrawlEvent{})
	f(`{"type":"extract.completed","id":"j"}`, pulse.CrawlEvent{})
	f(`{"type":"monitor.page","id":"j","success":false,"data":[{"status":"error"},{"status":"same"}]}`, pulse.CrawlEvent{Failed: 1})
}

func TestFailedPage(t *testing.T) {
	body := `{"type":"crawl.page","id":"j","success":false,"error":" no\u001b[2J\u0000way\n` + strings.Repeat("x", 5000) + `","data":[{"metadata":{"sourceURL":"https://A.example/slow#x"}}]}`
	e := decode(t, []byte(body)).Elements[0]
	if !e.Failed || e.Kind != "" || e.Key != "https://a.example/slow" || e.URL != "https://A.example/slow#x" {
		t.Errorf("element %+v", e)
	}
	if !strings.HasPrefix(e.Refused, "no [2Jway x") || len(e.Refused) > maxReason {
		t.Errorf("reason %q", e.Refused)
	}
}

func TestTooManyElements(t *testing.T) {
	f := func(element string, count int, code string) {
		t.Helper()
		body := hook(strings.TrimSuffix(strings.Repeat(element+",", count), ","))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		started := time.Now()
		d, err := Decode(body, testNow)
		took := time.Since(started)
		runtime.ReadMemStats(&after)
		var bad *pulse.InputError
		if errors.As(err, &bad); code != "" && (bad == nil || bad.Code != code) || code == "" && err != nil {
			t.Errorf("%d of %s: %v, want %q", count, element, err, code)
		}
		if code == "" && len(d.Elements) != count {
			t.Errorf("%d elements, want %d", len(d.Elements), count)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 16<<20 || took > time.Minute {
			t.Errorf("%d of %s took %d bytes and %v", count, element, spent, took)
		}
	}
	f("{}", pulse.MaxElements, "")
	f("{}", pulse.MaxElements+1, "too_large")
	f("{}", (pulse.MaxBodyBytes-200)/3, "too_large")
	f("[]", (pulse.MaxBodyBytes-200)/3, "too_large")
	f("1", pulse.MaxElements, "invalid")
}

// TestNesting says that depth costs nothing: where 100 is passed the scan ends.
func TestNesting(t *testing.T) {
	f := func(open, inner, end string, depth int, ok bool) {
		t.Helper()
		element := `{"markdown":"a","metadata":{"url":"https://a.example/"},"json":` +
			strings.Repeat(open, depth) + inner + strings.Repeat(end, depth) + `}`
		_, err := Decode(hook(element), testNow)
		var bad *pulse.InputError
		if errors.As(err, &bad); ok && err != nil || !ok && (bad == nil || bad.Code != "bad_json") {
			t.Errorf("%d of %s: %v", depth, open, err)
		}
		if _, err := Change([]byte(element)); depth > 100 && err == nil {
			t.Errorf("Change took %d of %s", depth, open)
		}
	}
	f("[", "", "]", 97, true) // behind the envelope, data and the element
	f("[", "", "]", 98, false)
	f("[", "", "]", 100_000, false)
	f(`{"content":`, "1", "}", 97, true)
	f(`{"content":`, "1", "}", 100_000, false)
	f("[", "", "", 10_000_000, false)
}

func TestDecodeAllocatesLittle(t *testing.T) {
	body := delivery2K()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Decode(body, testNow); err != nil {
			t.Fatal(err)
		}
	}); n > 9 {
		t.Errorf("%v allocations", n)
	}
}

// delivery2K is a delivery of one page of some 2 KB.
func delivery2K() []byte {
	page := bytes.Replace(mustRead("crawl_page.json"), []byte("Install the package"), []byte(strings.Repeat("Install the package, and so on. ", 28)), 1)
	var compact bytes.Buffer
	if err := json.Compact(&compact, page); err != nil {
		panic(err)
	}
	return compact.Bytes()
}

func BenchmarkDecode(b *testing.B) {
	for _, pages := range []int{1, 1000} {
		body := delivery2K()
		if pages > 1 {
			element := decodeOne(body)
			body = hook(strings.TrimSuffix(strings.Repeat(element+",", pages), ","))
		}
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(body, testNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	body := delivery2K()
	header := Sign("0123456789abcdef", body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Verify("0123456789abcdef", header, body); err != nil {
			b.Fatal(err)
		}
	}
}
