package httpapi

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// described are the routes of DESIGN.md §5 that this server has.
var described = strings.Fields(`
	POST/v1/webhooks/firecrawl PUT/v1/documents GET/v1/documents DELETE/v1/documents GET/v1/search POST/v1/search
	GET/v1/deliveries GET/v1/deliveries/{id} POST/v1/deliveries/{id}/replay POST/v1/deliveries/replay
	GET/v1/jobs GET/v1/jobs/{id} POST/v1/jobs/{id}/retry POST/v1/jobs/retry GET/v1/crawls GET/v1/crawls/{id}
	GET/v1/stats POST/v1/rebuild POST/v1/reembed GET/v1/reembed GET/healthz GET/readyz GET/metrics`)

func withMetrics(d *Deps, _ *Options) {
	d.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("pulse_up 1\n")) })
}

func TestOpenAPI(t *testing.T) {
	f := newFixture(t, withMetrics)
	raw := f.ask("GET", "/openapi.json", "").Body.Bytes()
	var doc struct {
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, methods := range doc.Paths {
		found += len(methods)
	}
	for _, route := range described {
		method, path, _ := strings.Cut(route, "/")
		op, _ := doc.Paths["/"+path][strings.ToLower(method)].(map[string]any)
		if op == nil || op["responses"] == nil {
			t.Errorf("%s is not described", route)
		}
	}
	if found != len(described) {
		t.Errorf("%d operations are described, want %d", found, len(described))
	}
	for _, ref := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllSubmatch(raw, -1) {
		if doc.Components.Schemas[string(ref[1])] == nil {
			t.Errorf("%s leads nowhere", ref[0])
		}
	}
	if rec := f.ask("GET", "/metrics", ""); !strings.Contains(rec.Body.String(), "pulse_up") {
		t.Errorf("metrics: %d %s", rec.Code, rec.Body)
	}
}

func TestDocsPageNeedsNothingFromOutside(t *testing.T) {
	f := newFixture(t, func(_ *Deps, o *Options) { o.Version = `1<script>alert(1)</script>` })
	rec := f.ask("GET", "/docs", "")
	page := rec.Body.String()
	for _, want := range []string{"/v1/webhooks/firecrawl", "SearchAnswer", "min_vector_score", "DeliveryAnswer"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "src=", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	csp := rec.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	if !strings.Contains(page, "<style>"+docsCSS+"</style>") {
		t.Error("the style is not the one that the policy allows")
	}
}
