package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/search"
)

func preparedAnswer() *pulse.Answer {
	return &pulse.Answer{
		Query: "pods", Mode: pulse.ModeHybrid, Took: 1234567, Total: 17, TotalRelation: "eq", Snapshot: "s1",
		Degraded: []string{"vector: no embedder"},
		Hits: []pulse.Hit{{
			Score: 0.5, Scores: map[string]float64{"keyword": 7.25}, Passage: "about pods", Marks: [][2]int{{6, 10}}, Copies: 2,
			Document: pulse.Document{URL: "https://example.com/1", Key: "https://example.com/1", Title: "One", Version: 4,
				CommittedAt: time.Date(2026, 1, 2, 3, 4, 5, 6_789_000, time.FixedZone("", 3600))},
			Chunk: pulse.Chunk{Ordinal: 1, Start: 10, End: 20, Headings: []string{"A", "B"}},
		}, {}},
	}
}

func TestSearchAnswer(t *testing.T) {
	f := newFixture(t)
	f.search.answer = preparedAnswer()
	want := `{"query":"pods","mode":"hybrid","took_ms":1.234,"total":17,"total_relation":"eq","snapshot":"s1","hits":[` +
		`{"url":"https://example.com/1","title":"One","score":0.5,"scores":{"keyword":7.25},"passage":"about pods","marks":[[6,10]],` +
		`"document":{"collection":"default","key":"https://example.com/1","language":"","country":"","is_mobile":false,"metadata":{},"version":4,"committed_at":"2026-01-02T02:04:05.006Z"},` +
		`"chunk":{"ordinal":1,"start":10,"end":20,"headings":["A","B"]},"copies":2},` +
		`{"url":"","title":"","score":0,"scores":{},"passage":"","marks":[],` +
		`"document":{"collection":"default","key":"","language":"","country":"","is_mobile":false,"metadata":{},"version":0,"committed_at":null},` +
		`"chunk":{"ordinal":0,"start":0,"end":0,"headings":[]}}],"degraded":["vector: no embedder"]}`
	for _, rec := range []string{
		f.ask("GET", "/v1/search?q=pods", "").Body.String(),
		f.ask("POST", "/v1/search", `{"query":"pods"}`, "Content-Type", "application/x-www-form-urlencoded").Body.String(),
	} {
		if diff := cmp.Diff(want, strings.TrimSpace(rec)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestSearchQuery asks the same in both ways and looks at what arrives.
func TestSearchQuery(t *testing.T) {
	fix := newFixture(t)
	fix.search.answer = &pulse.Answer{}
	mobile := true
	all := pulse.Query{Text: "a b", Mode: pulse.ModeKeyword, Limit: 100, Offset: 7, Collection: "c", NoCollapse: true, MinVectorScore: 0.5,
		Snapshot: "s", Explain: true, ExplainURL: "https://example.com/",
		Filter: pulse.Filter{Domain: "example.com", Language: "en", Country: "de", IsMobile: &mobile,
			Since: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 2, 14, 4, 5, 0, time.UTC),
			Metadata: map[string]string{"og:type": "article", "n": "3"}}}
	f := func(target, body string, want pulse.Query) {
		t.Helper()
		method := "GET"
		if body != "" {
			method = "POST"
		}
		rec := fix.ask(method, target, body)
		if rec.Code != 200 {
			t.Fatalf("%s: %d %s", target, rec.Code, rec.Body)
		}
		if diff := cmp.Diff(want, fix.search.query); diff != "" {
			t.Errorf("%s %s: %s", target, body, diff)
		}
	}
	f("/v1/search?q=x", "", pulse.Query{Text: "x", Mode: pulse.ModeHybrid, Limit: 10})
	f("/v1/search", `{"query":"x"}`, pulse.Query{Text: "x", Mode: pulse.ModeHybrid, Limit: 10})
	f("/v1/search", `{"query":"x","collapse":true,"filter":{"is_mobile":true}}`,
		pulse.Query{Text: "x", Mode: pulse.ModeHybrid, Limit: 10, Filter: pulse.Filter{IsMobile: &mobile}})
	f("/v1/search?q=x&domain=.B%C3%9Ccher.EXAMPLE", "",
		pulse.Query{Text: "x", Mode: pulse.ModeHybrid, Limit: 10, Filter: pulse.Filter{Domain: "xn--bcher-kva.example"}})
	f("/v1/search?"+url.Values{"q": {"a b"}, "mode": {"keyword"}, "limit": {"100"}, "offset": {"7"}, "collection": {"c"}, "collapse": {"false"},
		"min_vector_score": {"0.5"}, "snapshot": {"s"}, "explain": {"1"}, "explain_url": {"https://example.com/"}, "domain": {"example.com"},
		"language": {"en"}, "country": {"de"}, "is_mobile": {"true"}, "since": {"2026-01-02"}, "until": {"2026-01-02T14:04:05Z"},
		"metadata.og:type": {"article"}, "metadata.n": {"3"}}.Encode(), "", all)
	f("/v1/search", `{"query":"a b","mode":"keyword","limit":100,"offset":7,"collection":"c","collapse":false,"min_vector_score":0.5,"snapshot":"s",
		"explain":true,"explain_url":"https://example.com/","filter":{"domain":"example.com","language":"en","country":"de","is_mobile":true,
		"since":"2026-01-02","until":"2026-01-02T14:04:05Z","metadata":{"og:type":"article","n":3}}}`, all)
}

func TestSearchRefuses(t *testing.T) {
	fix := newFixture(t)
	f := func(target, body, field string) {
		t.Helper()
		method := "GET"
		if body != "" {
			method = "POST"
		}
		wantProblem(t, fix.ask(method, target, body), 422, "invalid", field)
	}
	f("/v1/search", "", "q")
	f("/v1/search?q=", "", "q")
	f("/v1/search?q=%20", "", "q")
	f("/v1/search?q=a&mode=best", "", "mode")
	f("/v1/search?q=a&limit=0", "", "limit")
	f("/v1/search?q=a&limit=101", "", "limit")
	f("/v1/search?q=a&offset=-1", "", "offset")
	f("/v1/search?q=a&since=lately", "", "since")
	f("/v1/search?q=a&domain=https://example.com/", "", "domain")
	f("/v1/search", `{"query":"a","filter":{"domain":"a b"}}`, "filter.domain")
	f("/v1/search?q=a&is_mobile=perhaps", "", "is_mobile")
	f("/v1/search?q=a&lang=en", "", "lang")
	f("/v1/search", `{}`, "query")
	f("/v1/search", `{"query":""}`, "query")
	f("/v1/search", `{"query":" "}`, "query")
	f("/v1/search", `{"query":7}`, "query")
	f("/v1/search", `{"query":"a","limit":"ten"}`, "limit")
	f("/v1/search", `{"query":"a","filter":[]}`, "filter")
	f("/v1/search", `{"query":"a","filter":{"until":"x"}}`, "filter.until")
	f("/v1/search", `{"query":"a","filter":{"is_mobile":"yes"}}`, "filter.is_mobile")
	f("/v1/search", `{"query":"a","filter":{"metadata":{"k":[1]}}}`, "filter.metadata.k")
	f("/v1/search", `{"query":"a","fliter":{}}`, "fliter")
}

// TestLongQueryRefused: the schema's bound is the searcher's, as far as a schema, which
// counts characters, can say it; the searcher counts bytes.
func TestLongQueryRefused(t *testing.T) {
	fix := newFixture(t)
	fix.search.answer = &pulse.Answer{}
	at := strings.Repeat("x", search.MaxQueryBytes)
	if rec := fix.ask("GET", "/v1/search?q="+at, ""); rec.Code != 200 {
		t.Errorf("a query of the longest kind: %d %s", rec.Code, rec.Body)
	}
	wantProblem(t, fix.ask("GET", "/v1/search?q="+at+"x", ""), 422, "invalid", "q")
	wantProblem(t, fix.ask("POST", "/v1/search", `{"query":"`+at+`x"}`), 422, "invalid", "query")
	fix.search.err = &pulse.InputError{Code: "invalid", Field: "query", Message: "is longer than 4096 bytes"}
	wantProblem(t, fix.ask("GET", "/v1/search?q=%C3%BC", ""), 422, "invalid", "q")
	wantProblem(t, fix.ask("POST", "/v1/search", `{"query":"ü"}`), 422, "invalid", "query")
	want := fmt.Sprintf(`"maxLength":%d`, search.MaxQueryBytes)
	if n := strings.Count(fix.ask("GET", "/openapi.json", "").Body.String(), want); n != 2 {
		t.Errorf("%d of 2 fields say %s", n, want)
	}
}

func TestSearchErrors(t *testing.T) {
	fix := newFixture(t)
	f := func(err error, status int, code, field string) {
		t.Helper()
		fix.search.err = err
		wantProblem(t, fix.ask("GET", "/v1/search?q=a", ""), status, code, field)
	}
	f(nil, 500, "internal", "")
	f(&pulse.InputError{Code: "invalid", Field: "collection", Message: "unknown"}, 422, "invalid", "collection")
	f(pulse.ErrGone, 410, "gone", "")
	f(pulse.ErrOverloaded, 503, "overloaded", "")
	if rec := fix.ask("GET", "/v1/search?q=a", ""); rec.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
