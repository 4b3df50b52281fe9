package httpapi

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"pulse"
)

// FuzzSearchBody sends anything as a query: it is answered or refused, in JSON, and
// never an internal error.
func FuzzSearchBody(f *testing.F) {
	for _, seed := range []string{`{"query":"a"}`, `{"query":"a","filter":{"metadata":{"k":1e999}}}`, `{"QUERY":"a"}`, `{"query":"a","filter":null}`,
		`{"query":"a","limit":1e1}`, `{"query":"a","limit":10.5}`, `{"query":null}`, "{", "[]", `{"query":"a","query":1}`} {
		f.Add(seed)
	}
	fix := newFixture(f)
	fix.search.answer = &pulse.Answer{}
	f.Fuzz(func(t *testing.T, body string) {
		checkFuzzed(t, fix, "POST", "/v1/search", body)
	})
}

// FuzzQueryString does the same with the query string of a list and of a search.
func FuzzQueryString(f *testing.F) {
	for _, seed := range []string{"q=a", "q=a&metadata.k=%ff", "limit=1&after=9", "since=2026-01-01&state=dead", "q=%zz", "url=http://[::1", "q=a;b"} {
		f.Add(seed)
	}
	fix := newFixture(f)
	fix.search.answer = &pulse.Answer{}
	f.Fuzz(func(t *testing.T, query string) {
		if _, err := url.Parse("http://h/?" + query); err != nil || strings.ContainsAny(query, "# \r\n\x00") {
			t.Skip("no request has this query")
		}
		checkFuzzed(t, fix, "GET", "/v1/search?"+query, "")
		checkFuzzed(t, fix, "GET", "/v1/jobs?"+query, "")
		checkFuzzed(t, fix, "GET", "/v1/documents?"+query, "")
	})
}

func checkFuzzed(t *testing.T, fix *fixture, method, target, body string) {
	rec := fix.ask(method, target, body)
	switch rec.Code {
	case 200, 400, 404, 413, 422:
	default:
		t.Errorf("%s %q %q: %d %s\n%s", method, target, body, rec.Code, rec.Body, fix.log.String())
	}
	if !json.Valid(rec.Body.Bytes()) {
		t.Errorf("%s %q %q: no JSON: %q", method, target, body, rec.Body)
	}
}
