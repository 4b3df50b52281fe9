package httpapi

import (
	"strings"
	"testing"
)

// TestNumbersThatDoNotFit: what the schema lets pass and Go's types do not hold is refused
// by the field's name, and with no name of ours.
func TestNumbersThatDoNotFit(t *testing.T) {
	fix := newFixture(t)
	fix.deps.Reembed = &fakeReembed{}
	f := func(path, body, field, says string) {
		t.Helper()
		rec := fix.ask("POST", path, body)
		wantProblem(t, rec, 422, "invalid", field)
		if text := rec.Body.String(); !strings.Contains(text, says) || strings.Contains(text, "Go ") || strings.Contains(text, "json:") || len(text) > 300 {
			t.Errorf("%.50s: %s, want %q", body, text, says)
		}
	}
	f("/v1/search", `{"query":"x","limit":1e1}`, "limit", "whole number written in digits alone, not 1e1")
	f("/v1/search", `{"query":"x","limit":10.0}`, "limit", "not 10.0")
	f("/v1/search", `{"query":"x","offset":99999999999999999999}`, "offset", "not 99999999999999999999")
	f("/v1/search", `{"query":"x","limit":1e999}`, "limit", "at most 308 digits, not 1e999")
	f("/v1/search", `{"query":"x","min_vector_score":-1e999}`, "min_vector_score", "at most 308 digits")
	f("/v1/search", `{"query":"x","filter":{"metadata":{"a":1,"k":1e999}}}`, "filter.metadata.k", "at most 308 digits")
	f("/v1/search", `{"query":"x","filter":{"metadata":{"k":[1,1e999]}}}`, "filter.metadata.k[1]", "at most 308 digits")
	f("/v1/search", `{"query":"x","limit":1`+strings.Repeat("0", 1000)+`}`, "limit", "…")
	f("/v1/reembed", `{"max_chunk_tokens":2e2}`, "max_chunk_tokens", "not 2e2")
	f("/v1/jobs/retry", `{"filter":{"crawl":1e999}}`, "filter.crawl", "at most 308 digits")
}

type fakeReembed struct{ err error }

func (r *fakeReembed) Reembed(ReembedChange) error  { return r.err }
func (r *fakeReembed) ReembedStatus() ReembedStatus { return ReembedStatus{State: "running"} }
