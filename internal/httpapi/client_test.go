package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/store"
)

func newClient(t *testing.T, f *fixture, o client.Options) *client.Client {
	t.Helper()
	web := httptest.NewServer(f.server)
	t.Cleanup(web.Close)
	c, err := client.New(web.URL+"/", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// must is for calls that are to succeed.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestClientSpeaksToTheServer goes through every call of the client.
func TestClientSpeaksToTheServer(t *testing.T) {
	f := newFixture(t, withKey, func(d *Deps, _ *Options) { d.Rebuild = func() error { return nil } })
	c := newClient(t, f, client.Options{Key: testKey})
	ctx := context.Background()
	queued := must[*client.Queued](t)
	f.search.answer = preparedAnswer()

	worked := make(chan error, 1)
	go func() { worked <- f.workOne(ctx) }()
	put := queued(c.Put(ctx, []client.Put{{URL: "https://example.com/one", Markdown: "text", Metadata: map[string]any{"keywords": "a"}}},
		client.PutOptions{Wait: 30 * time.Second}))
	if err := <-worked; err != nil {
		t.Fatal(err)
	}
	if put.Status != "done" || put.Jobs[0].Outcome != "indexed" {
		t.Errorf("put: %+v", put)
	}
	if got := queued(c.Put(ctx, []client.Put{{URL: "https://example.com/two", Text: "text"}}, client.PutOptions{Collection: "other", Priority: "bulk"})); got.QueuedJobs != 1 {
		t.Errorf("put: %+v", got)
	}
	f.bury()
	if got := queued(c.RetryAll(ctx, client.JobFilter{State: "dead"}, true, false)); got.Status != "dry_run" || got.Matched != 1 {
		t.Errorf("retry all, dry: %+v", got)
	}
	if got := queued(c.RetryAll(ctx, client.JobFilter{State: "dead"}, false, true)); got.QueuedJobs != 1 {
		t.Errorf("retry all: %+v", got)
	}
	f.bury()
	if got := queued(c.Retry(ctx, "2", false)); got.QueuedJobs != 1 {
		t.Errorf("retry: %+v", got)
	}
	if got := queued(c.Replay(ctx, "1", true)); got.QueuedJobs != 1 {
		t.Errorf("replay: %+v", got)
	}
	if got := queued(c.ReplayAll(ctx, client.DeliveryFilter{Source: "api"}, true, false)); got.Matched != 2 {
		t.Errorf("replay all: %+v", got)
	}
	if got := must[*client.DocumentAnswer](t)(c.Document(ctx, "", "https://example.com/one")); got.Document.Text != "text" || got.Document.Metadata["keywords"] != "a" {
		t.Errorf("document: %+v", got)
	}
	if got := must[*client.DocumentList](t)(c.Documents(ctx, client.DocumentFilter{Domain: "example.com"}, client.Page{Limit: 3})); got.Total != 1 {
		t.Errorf("documents: %+v", got)
	}
	if got := must[*client.JobList](t)(c.Jobs(ctx, client.JobFilter{URL: "https://example.com/one"}, client.Page{})); got.Total != 1 || got.Jobs[0].ID != "1" {
		t.Errorf("jobs: %+v", got)
	}
	if got := must[*client.Job](t)(c.Job(ctx, "1")); got.Source != "api" {
		t.Errorf("job: %+v", got)
	}
	if got := must[*client.DeliveryList](t)(c.Deliveries(ctx, client.DeliveryFilter{}, client.Page{Limit: 1})); got.Total != 2 || got.Next == "" {
		t.Errorf("deliveries: %+v", got)
	}
	if got := must[*client.Delivery](t)(c.Delivery(ctx, "1")); len(got.Jobs) != 1 || !got.CanReplay {
		t.Errorf("delivery: %+v", got)
	}
	must[*client.CrawlList](t)(c.Crawls(ctx, client.CrawlFilter{State: "running"}, client.Page{}))
	if got := must[*client.Answer](t)(c.Search(ctx, client.Query{Query: "pods", Filter: client.Filter{Language: "en"}})); got.Hits[0].Marks[0] != [2]int{6, 10} {
		t.Errorf("search: %+v", got)
	}
	if got := must[*client.Stats](t)(c.Stats(ctx)); got.Documents != 1 || got.Settled() {
		t.Errorf("stats: %+v", got)
	}
	if got := queued(c.Delete(ctx, client.Target{Domain: "example.com"}, true)); !got.DryRun || got.Documents != 1 {
		t.Errorf("delete, dry: %+v", got)
	}
	if got := queued(c.Delete(ctx, client.Target{URL: "https://example.com/one"}, false)); got.QueuedJobs != 1 {
		t.Errorf("delete: %+v", got)
	}
	if err := c.Rebuild(ctx); err != nil {
		t.Errorf("rebuild: %v", err)
	}
	if got := must[*client.Readiness](t)(c.Ready(ctx, true)); !got.Ready {
		t.Errorf("ready: %+v", got)
	}
}

func TestClientErrors(t *testing.T) {
	f := newFixture(t, withKey, func(d *Deps, _ *Options) { d.Store = func() *store.Store { return nil } })
	ctx := context.Background()
	want := func(err error, status int, code, field string) {
		t.Helper()
		var e *client.Error
		if !errors.As(err, &e) || e.Status != status || e.Code != code || e.Field != field || e.Message == "" {
			t.Errorf("error %#v, want %d %s %s", err, status, code, field)
		}
	}
	c := newClient(t, f, client.Options{Key: testKey})
	_, err := c.Jobs(ctx, client.JobFilter{State: "happy"}, client.Page{})
	want(err, 422, "invalid", "state")
	_, err = c.Stats(ctx)
	want(err, 503, "unavailable", "")
	var e *client.Error
	if errors.As(err, &e) && e.RetryAfter != 5*time.Second {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	_, err = newClient(t, f, client.Options{Key: "wrong"}).Stats(ctx)
	want(err, 401, "unauthorized", "")
	if got, err := c.Ready(ctx, true); err != nil || got.Ready || len(got.Reasons) != 1 {
		t.Errorf("ready: %+v %v", got, err)
	}
	open := newClient(t, newFixture(t), client.Options{})
	_, err = open.Document(ctx, "", "https://example.com/none")
	want(err, 404, "not_found", "")
	if !client.NotFound(err) {
		t.Error("not found is not NotFound")
	}
	_, err = open.Crawl(ctx, "a/b?c")
	want(err, 404, "not_found", "")
}

// TestClientKnowsEveryField decodes every answer with the client's types, strictly.
func TestClientKnowsEveryField(t *testing.T) {
	f := newFixture(t)
	decode[webhookAnswer](t, f.ask("POST", hook, page(1, "text")), 202)
	decode[putAnswer](t, f.ask("PUT", "/v1/documents", oneDocument), 202)
	f.work(2)
	answer := preparedAnswer()
	answer.Explained = &pulse.Explanation{URL: "https://example.com/"}
	answer.Hits[0].Explain = &pulse.Explanation{Found: true}
	f.search.answer = answer
	strict := func(method, target, body string, into any) {
		t.Helper()
		rec := f.ask(method, target, body)
		d := json.NewDecoder(bytes.NewReader(rec.Body.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil || rec.Code >= 300 {
			t.Errorf("%s %s: %d %v in %s", method, target, rec.Code, err, rec.Body)
		}
	}
	strict("POST", hook, page(1, "text"), &client.Queued{})
	strict("PUT", "/v1/documents", twoDocuments, &client.Queued{})
	strict("GET", "/v1/search?q=a", "", &client.Answer{})
	strict("GET", "/v1/jobs", "", &client.JobList{})
	strict("GET", "/v1/jobs/1", "", &client.Job{})
	strict("GET", "/v1/deliveries", "", &client.DeliveryList{})
	strict("GET", "/v1/deliveries/1", "", &client.Delivery{})
	strict("GET", "/v1/crawls", "", &client.CrawlList{})
	strict("GET", "/v1/crawls/0198d1f2-6a3b-7c44-9e10-3f5a7b2c8d01", "", &client.Crawl{})
	strict("GET", "/v1/documents", "", &client.DocumentList{})
	strict("GET", "/v1/documents?url=https://example.com/one", "", &client.DocumentAnswer{})
	strict("DELETE", "/v1/documents?domain=a.example&dry_run=1", "", &client.Queued{})
	strict("DELETE", "/v1/documents?domain=a.example", "", &client.Queued{})
	strict("POST", "/v1/jobs/1/retry", "", &client.Queued{})
	strict("POST", "/v1/jobs/retry", `{"dry_run":true}`, &client.Queued{})
	strict("POST", "/v1/deliveries/1/replay", "", &client.Queued{})
	strict("GET", "/v1/stats", "", &client.Stats{})
	strict("GET", "/readyz", "", &client.Readiness{})
}
