package httpapi

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/store"
)

// bury makes the next waiting job dead.
func (f *fixture) bury() {
	f.t.Helper()
	j, err := f.deps.Queue.Take(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	ending := store.Ending{State: pulse.JobDead, Outcome: pulse.OutcomeFailed, Error: "it broke", Attempt: 5}
	if err := f.st.End(context.Background(), j, ending); err != nil {
		f.t.Fatal(err)
	}
	f.deps.Queue.Done(j.ID)
}

func TestLists(t *testing.T) {
	f := newFixture(t)
	for i := range 3 {
		decode[webhookAnswer](t, f.ask("POST", hook, page(i, "text")), 202)
	}
	decode[webhookAnswer](t, f.ask("POST", hook, `{"success":true,"type":"crawl.new","id":"a"}`), 200)
	decode[putAnswer](t, f.ask("PUT", "/v1/documents", oneDocument), 202)
	f.work(1)
	f.bury()
	count := func(target string, want int64) {
		t.Helper()
		got := decode[struct{ Total int64 }](t, f.ask("GET", target, ""), 200)
		if got.Total != want {
			t.Errorf("%s: total %d, want %d", target, got.Total, want)
		}
	}
	const crawl = "0198d1f2-6a3b-7c44-9e10-3f5a7b2c8d01"
	count("/v1/deliveries", 5)
	count("/v1/deliveries?source=firecrawl", 4)
	count("/v1/deliveries?result=ignored", 1)
	count("/v1/deliveries?crawl="+crawl, 3)
	count("/v1/deliveries?since=2100-01-01", 0)
	count("/v1/deliveries?since=2000-01-01T00:00:00%2B02:00", 5)
	count("/v1/jobs", 4)
	count("/v1/jobs?state=dead", 1)
	count("/v1/jobs?state=done&outcome=indexed", 1)
	count("/v1/jobs?source=api", 1)
	count("/v1/jobs?crawl="+crawl, 3)
	count("/v1/jobs?url=https://example.com/1", 1)
	count("/v1/jobs?url=https://example.com/1&collection=other", 0)
	count("/v1/jobs?delivery=2", 1)
	count("/v1/crawls", 1)
	count("/v1/crawls?state=completed", 0)
	count("/v1/crawls?source=firecrawl&state=running", 1)
	wantProblem(t, f.ask("GET", "/v1/jobs?state=happy", ""), 422, "invalid", "state")
	wantProblem(t, f.ask("GET", "/v1/jobs?since=yesterday", ""), 422, "invalid", "since")
	wantProblem(t, f.ask("GET", "/v1/jobs?url=nonsense", ""), 422, "invalid", "url")
	wantProblem(t, f.ask("GET", "/v1/deliveries?state=dead", ""), 422, "invalid", "state")
	for _, target := range []string{"/v1/jobs/99", "/v1/jobs/x", "/v1/jobs/-1", "/v1/jobs/+1", "/v1/jobs/01",
		"/v1/deliveries/99", "/v1/deliveries/0x1", "/v1/deliveries/%2B1", "/v1/deliveries/01", "/v1/crawls/none"} {
		wantProblem(t, f.ask("GET", target, ""), 404, "not_found", "")
	}
}

// Leases live in the queue: the store has jobs that run as available.
func TestLeasedJobs(t *testing.T) {
	f := newFixture(t)
	for i := range 4 {
		decode[webhookAnswer](t, f.ask("POST", hook, page(i, "text")), 202)
	}
	decode[putAnswer](t, f.ask("PUT", "/v1/documents?wait=searchable&timeout=1ms", oneDocument), 202)
	check := func(query, want string) {
		t.Helper()
		list := decode[jobsAnswer](t, f.ask("GET", "/v1/jobs"+query, ""), 200)
		got := fmt.Sprint(list.Total)
		for _, j := range list.Jobs {
			got += " " + j.ID + " " + j.State
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	check("?state=leased", "0")
	for range 3 {
		if _, err := f.deps.Queue.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check("?state=leased", "3 5 leased 2 leased 1 leased")
	check("?state=available", "2 4 available 3 available")
	check("", "5 5 leased 4 available 3 available 2 leased 1 leased")
	check("?state=dead", "0")
	check("?state=leased&source=api", "1 5 leased")
	check("?state=leased&crawl=0198d1f2-6a3b-7c44-9e10-3f5a7b2c8d01", "2 2 leased 1 leased")
	check("?state=leased&url=https://EXAMPLE.com/0", "1 1 leased")
	check("?state=leased&collection=other", "0")
	check("?state=leased&delivery=2", "1 2 leased")
	check("?state=leased&since=2100-01-01", "0")
	check("?state=leased&outcome=indexed", "0")
	check("?state=available&source=api", "0")
	check("?state=leased&limit=2", "3 5 leased 2 leased")
	check("?state=leased&limit=2&after=2", "3 1 leased")
	if next := decode[jobsAnswer](t, f.ask("GET", "/v1/jobs?state=leased&limit=2", ""), 200).Next; next != "2" {
		t.Errorf("next %q", next)
	}
	state := func(id string) string {
		t.Helper()
		d := decode[deliveryAnswer](t, f.ask("GET", "/v1/deliveries/"+id, ""), 200) // of one job, with its id
		return decode[jobAnswer](t, f.ask("GET", "/v1/jobs/"+id, ""), 200).State + " " + d.Jobs[0].State
	}
	if got := state("2"); got != "leased leased" {
		t.Errorf("job that runs: %s", got)
	}
	// Its run has ended it in the store, and the worker has not said so yet.
	j, err := f.st.Job(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.st.End(t.Context(), j, store.Ending{State: pulse.JobDone, Outcome: pulse.OutcomeRefused}); err != nil {
		t.Fatal(err)
	}
	if got := state("2"); got != "done done" {
		t.Errorf("job that has ended: %s", got)
	}
	check("?state=leased", "2 5 leased 1 leased")
}

func TestListsPage(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		decode[webhookAnswer](t, f.ask("POST", hook, page(i, "text")), 202)
	}
	var seen []string
	for target := "/v1/jobs?limit=2"; target != ""; {
		list := decode[jobsAnswer](t, f.ask("GET", target, ""), 200)
		for _, j := range list.Jobs {
			seen = append(seen, j.ID)
		}
		target = ""
		if list.Next != "" {
			target = "/v1/jobs?limit=2&after=" + list.Next
		}
	}
	if diff := cmp.Diff([]string{"5", "4", "3", "2", "1"}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestOneDeliveryAndOneJob(t *testing.T) {
	f := newFixture(t)
	body := strings.Replace(page(1, "text"), `"data":[`, `"data":[{"markdown":"no address"},`, 1)
	decode[webhookAnswer](t, f.ask("POST", hook, body), 202)
	f.work(1)
	d := decode[deliveryAnswer](t, f.ask("GET", "/v1/deliveries/1", ""), 200)
	if d.EventType != "crawl.page" || d.Result != "queued" || d.QueuedJobs != 1 || !d.CanReplay || d.Bytes != int64(len(body)) {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff([]refusalAnswer{{Index: 0, Reason: "no url"}}, d.Refused); diff != "" {
		t.Error(diff)
	}
	j := decode[jobAnswer](t, f.ask("GET", "/v1/jobs/1", ""), 200)
	if diff := cmp.Diff(d.Jobs[0], j); diff != "" {
		t.Error(diff)
	}
	if j.State != "done" || j.Outcome != "indexed" || j.Element != 1 || j.URL != "https://example.com/1" || j.Commit == 0 || j.EndedAt == nil {
		t.Errorf("%+v", j)
	}
	c := decode[crawlAnswer](t, f.ask("GET", "/v1/crawls/"+j.Crawl, ""), 200)
	if c.Pages.Received != 2 || c.Pages.Indexed != 1 || c.Pages.Refused != 1 || c.Origin != "https://example.com" {
		t.Errorf("%+v", c)
	}
}

func TestRetry(t *testing.T) {
	f := newFixture(t)
	decode[webhookAnswer](t, f.ask("POST", hook, page(1, "text")), 202)
	wantProblem(t, f.ask("POST", "/v1/jobs/1/retry", ""), 409, "conflict", "")
	f.bury()
	got := decode[againAnswer](t, f.ask("POST", "/v1/jobs/1/retry", ""), 202)
	if diff := cmp.Diff(againAnswer{Status: "queued", Matched: 1, QueuedJobs: 1, JobIDs: []string{"1"}}, got); diff != "" {
		t.Error(diff)
	}
	before := decode[jobAnswer](t, f.ask("GET", "/v1/jobs/1", ""), 200)
	if before.State != "available" || before.Attempt != 0 {
		t.Errorf("%+v", before)
	}
	f.work(1)
	decode[againAnswer](t, f.ask("POST", "/v1/jobs/1/retry?force=1", ""), 202)
	if after := decode[jobAnswer](t, f.ask("GET", "/v1/jobs/1", ""), 200); after.Version <= before.Version {
		t.Errorf("force kept version %d", after.Version)
	}
	wantProblem(t, f.ask("POST", "/v1/jobs/9/retry", ""), 404, "not_found", "")
	wantProblem(t, f.ask("POST", "/v1/deliveries/9/replay", ""), 404, "not_found", "")
}

func TestRetryMany(t *testing.T) {
	f := newFixture(t)
	for i := range 4 {
		decode[webhookAnswer](t, f.ask("POST", hook, page(i, "text")), 202)
	}
	for range 3 {
		f.bury()
	}
	check := func(target, body, status string, matched int64, queued int) {
		t.Helper()
		want := 202
		got := decode[againAnswer](t, f.ask("POST", target, body), want)
		if got.Status != status || got.Matched != matched || got.QueuedJobs != queued || len(got.JobIDs) != queued {
			t.Errorf("%s %s: %+v", target, body, got)
		}
	}
	check("/v1/jobs/retry", `{"dry_run":true}`, "dry_run", 3, 0)
	check("/v1/jobs/retry?dry_run=1&state=dead", "", "dry_run", 3, 0)
	check("/v1/jobs/retry", `{"filter":{"url":"https://example.com/1"},"dry_run":true}`, "dry_run", 1, 0)
	check("/v1/jobs/retry?url=https://example.com/1", "", "queued", 1, 1)
	check("/v1/jobs/retry", `{"filter":{"crawl":"none"}}`, "queued", 0, 0)
	check("/v1/jobs/retry", `{"filter":{"state":"dead"}}`, "queued", 2, 2)
	check("/v1/jobs/retry", `{}`, "queued", 0, 0)
	wantProblem(t, f.ask("POST", "/v1/jobs/retry", `{"filter":{"state":"available"}}`), 422, "invalid", "state")
	wantProblem(t, f.ask("POST", "/v1/jobs/retry", `{"filter":{"stat":"dead"}}`), 422, "invalid", "filter.stat")
	wantProblem(t, f.ask("POST", "/v1/jobs/retry", `{"state":"dead"}`), 422, "invalid", "state")
	wantProblem(t, f.ask("POST", "/v1/jobs/retry?state=dead", `{"filter":{"state":"dead"}}`), 422, "invalid", "filter")
}

func TestReplay(t *testing.T) {
	f := newFixture(t)
	for i := range 3 {
		decode[webhookAnswer](t, f.ask("POST", hook, page(i, "text")), 202)
	}
	f.work(3)
	got := decode[againAnswer](t, f.ask("POST", "/v1/deliveries/2/replay", ""), 202)
	if diff := cmp.Diff(againAnswer{Status: "queued", Matched: 1, QueuedJobs: 1, JobIDs: []string{"2"}}, got); diff != "" {
		t.Error(diff)
	}
	wantProblem(t, f.ask("POST", "/v1/deliveries/replay", ""), 422, "invalid", "filter")
	wantProblem(t, f.ask("POST", "/v1/deliveries/replay", `{"force":true}`), 422, "invalid", "filter")
	dry := decode[againAnswer](t, f.ask("POST", "/v1/deliveries/replay?source=firecrawl&dry_run=true", ""), 202)
	if dry.Status != "dry_run" || dry.Matched != 3 {
		t.Errorf("%+v", dry)
	}
	many := decode[againAnswer](t, f.ask("POST", "/v1/deliveries/replay", `{"filter":{"source":"firecrawl"}}`), 202)
	if many.Matched != 3 || many.QueuedJobs != 2 || fmt.Sprint(many.JobIDs) != "[3 1]" {
		t.Errorf("%+v", many)
	}
}

func TestStats(t *testing.T) {
	f := newFixture(t, func(d *Deps, _ *Options) {
		d.Stats = func() Telemetry {
			return Telemetry{Keyword: Percentiles{P50: 1500 * 1000, P99: 2e9}, Embedder: EmbedderStats{Name: "tei", Model: "m", Dimension: 8}}
		}
	})
	for i := range 3 {
		decode[webhookAnswer](t, f.ask("POST", hook, page(i, "text")), 202)
	}
	f.work(1)
	if _, err := f.deps.Queue.Take(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.search.head = f.st.Head()
	got := decode[statsAnswer](t, f.ask("GET", "/v1/stats", ""), 200)
	want := statsAnswer{Documents: 1, Chunks: 1, Jobs: jobCounts{Available: 1, Leased: 1, Done: 1},
		Index: indexAnswer{Head: 1, Applied: 1}, Embedder: EmbedderStats{Name: "tei", Model: "m", Dimension: 8}}
	want.Searchable.Keyword = percentileAnswer{P50: 1.5, P99: 2000}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRebuild(t *testing.T) {
	err := error(nil)
	f := newFixture(t, func(d *Deps, _ *Options) { d.Rebuild = func() error { return err } })
	if got := decode[rebuildAnswer](t, f.ask("POST", "/v1/rebuild", ""), 202); got.Status != "rebuilding" {
		t.Errorf("%+v", got)
	}
	err = fmt.Errorf("a rebuild is under way: %w", pulse.ErrConflict)
	wantProblem(t, f.ask("POST", "/v1/rebuild", ""), 409, "conflict", "")
}
