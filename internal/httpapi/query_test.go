package httpapi

import (
	"encoding/json"
	"testing"

	"pulse"
)

// TestQueryStringsRefused asks every kind of route. A parameter that cannot be read must
// never count as one that was not given.
func TestQueryStringsRefused(t *testing.T) {
	fix := newFixture(t)
	f := func(method, target, field string) {
		t.Helper()
		wantProblem(t, fix.ask(method, target, ""), 422, "invalid", field)
	}
	f("DELETE", "/v1/documents?domain=example.com&dry_run=", "dry_run")
	f("DELETE", "/v1/documents?domain=example.com&dry_run", "dry_run")
	f("DELETE", "/v1/documents?domain=example.com&dry_run=%zz", "dry_run")
	f("DELETE", "/v1/documents?domain=example.com&dry_run=0&dry_run=1", "dry_run")
	f("DELETE", "/v1/documents?domain=example.com;dry_run=1", "domain")
	f("DELETE", "/v1/documents?domain=example.com&;dry_run=1", wholeQuery)
	f("DELETE", "/v1/documents?domain=example.com&dry%zzrun=1", wholeQuery)
	f("DELETE", "/v1/documents?domain=example.com&DRY_RUN=1", "DRY_RUN")
	f("POST", "/v1/jobs/retry?state=done&crawl=%zz", "crawl")
	f("POST", "/v1/jobs/retry?state=done&crawl=", "crawl")
	f("POST", "/v1/jobs/retry?state=done&dry_run=", "dry_run")
	f("POST", "/v1/jobs/1/retry?force=", "force")
	f("POST", "/v1/deliveries/replay?source=firecrawl&crawl=", "crawl")
	f("POST", "/v1/deliveries/replay?source=firecrawl&crawl=%", "crawl")
	f("POST", "/v1/deliveries/1/replay?force=1&force=0", "force")
	f("POST", "/v1/rebuild?now=%zz", wholeQuery)
	f("POST", "/v1/reembed?x=1", "x")
	f("GET", "/v1/jobs?crawl=", "crawl")
	f("GET", "/v1/jobs?limit=", "limit")
	f("GET", "/v1/jobs?since=", "since")
	f("GET", "/v1/deliveries?after=", "after")
	f("GET", "/v1/crawls?state=", "state")
	f("GET", "/v1/documents?url=", "url")
	f("GET", "/v1/documents?domain=a.example&domain=b.example", "domain")
	f("GET", "/v1/search?q=a&limit=%zz", "limit")
	f("GET", "/v1/search?q=a&limit=", "limit")
	f("GET", "/v1/search?q=a&collapse=", "collapse")
	f("GET", "/v1/search?q=a&metadata.k=", "metadata.k")
	f("GET", "/v1/search?q=a&metadata.k=1&metadata.k=2", "metadata.k")
	f("GET", "/v1/search?q=a&q=b", "q")
	f("GET", "/v1/stats?x=1", "x")
	f("PUT", "/v1/documents?wait=", "wait")
	f("PUT", "/v1/documents?wait=searchable&timeout=", "timeout")
	f("PUT", "/v1/documents?priority=%zz", "priority")
}

// TestUncertainDeletionDeletesNothing holds what the refusal is for.
func TestUncertainDeletionDeletesNothing(t *testing.T) {
	f := newFixture(t)
	decode[putAnswer](t, f.ask("PUT", "/v1/documents", `{"documents":[{"url":"https://example.com/1","markdown":"# One"}]}`), 202)
	f.work(1)
	for _, query := range []string{"dry_run=", "dry_run=%zz", "dry_run=0&dry_run=1", ";dry_run=1"} {
		f.ask("DELETE", "/v1/documents?domain=example.com&"+query, "")
	}
	if got := decode[deliveriesAnswer](t, f.ask("GET", "/v1/deliveries", ""), 200); got.Total != 1 {
		t.Errorf("%d deliveries: a deletion was queued", got.Total)
	}
	if got := decode[dryDeleteAnswer](t, f.ask("DELETE", "/v1/documents?domain=example.com&dry_run=1", ""), 200); got.Documents != 1 {
		t.Errorf("%d documents would be deleted, want 1", got.Documents)
	}
}

// TestEmptyFilterOfABodyRefused: as in a query, an empty value would match everything.
func TestEmptyFilterOfABodyRefused(t *testing.T) {
	fix := newFixture(t)
	f := func(path, field string) {
		t.Helper()
		body, err := json.Marshal(map[string]any{"filter": map[string]string{field: ""}, "dry_run": true})
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, fix.ask("POST", path, string(body)), 422, "invalid", "filter."+field)
	}
	for _, field := range []string{"state", "outcome", "source", "crawl", "collection", "url", "delivery", "since"} {
		f("/v1/jobs/retry", field)
	}
	for _, field := range []string{"source", "result", "crawl", "since"} {
		f("/v1/deliveries/replay", field)
	}
}

// TestUncertainBodiesRefused: what a query string may not leave open, a body may not either.
func TestUncertainBodiesRefused(t *testing.T) {
	fix := newFixture(t)
	f := func(method, target, body, field string) {
		t.Helper()
		wantProblem(t, fix.ask(method, target, body), 422, "invalid", field)
	}
	f("POST", "/v1/jobs/retry", `{"filter":{"state":"done"},"dry_run":true,"dry_run":false}`, "dry_run")
	f("POST", "/v1/jobs/retry", `{"filter":{"state":"done"},"dry_run":true,"DRY_RUN":false}`, "DRY_RUN")
	f("POST", "/v1/jobs/retry", `{"filter":{"state":"done"},"dry_run":true,"dry\u005frun":false}`, "dry_run")
	f("POST", "/v1/jobs/retry", `{"filter":{"state":"done"},"dry_run":null}`, "dry_run")
	f("POST", "/v1/jobs/retry", `{"filter":{"state":"done","crawl":null}}`, "filter.crawl")
	f("POST", "/v1/jobs/retry", `{"filter":null}`, "filter")
	f("POST", "/v1/deliveries/replay", `{"filter":{"source":"a","crawl":null}}`, "filter.crawl")
	f("POST", "/v1/search", `{"query":"a","filter":{"domain":"a.example","domain":"b.example"}}`, "filter.domain")
	f("POST", "/v1/search", `{"query":"a","filter":{"metadata":{"a":[{"k":1,"k":2}]}}}`, "filter.metadata.a[0].k")
	f("DELETE", "/v1/documents?domain=a.example", `{"dry_run":true}`, "body")
	fix.search.answer = &pulse.Answer{}
	for _, body := range []string{`{"query":"a","collapse":null}`, `{"query":"a","filter":{"metadata":{"k":"1","K":"2"}}}`} {
		if rec := fix.ask("POST", "/v1/search", body); rec.Code != 200 {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
}

func TestQueryStringsTaken(t *testing.T) {
	f := newFixture(t)
	for _, target := range []string{"/v1/jobs?", "/v1/jobs?&limit=5&", "/v1/documents?domain=example.com&limit=%35", "/v1/deliveries?source=a%3Bb"} {
		if rec := f.ask("GET", target, ""); rec.Code != 200 {
			t.Errorf("%s: %d %s", target, rec.Code, rec.Body)
		}
	}
}
