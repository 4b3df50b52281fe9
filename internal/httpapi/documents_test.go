package httpapi

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/store"
)

const (
	oneDocument  = `{"documents":[{"url":"https://example.com/one","title":"One","markdown":"# One\n\nfirst text","language":"en","metadata":{"keywords":"a"}}]}`
	twoDocuments = `{"documents":[{"url":"https://example.com/one","markdown":"one again"},{"url":"https://sub.example.com/two","text":"two"}]}`
)

func TestPut(t *testing.T) {
	f := newFixture(t)
	got := decode[putAnswer](t, f.ask("PUT", "/v1/documents", twoDocuments), 202)
	want := putAnswer{Status: "queued", Delivery: "1", QueuedJobs: 2, JobIDs: []string{"1", "2"}, Jobs: []putJob{
		{ID: "1", URL: "https://example.com/one", Key: "https://example.com/one", State: "available"},
		{ID: "2", URL: "https://sub.example.com/two", Key: "https://sub.example.com/two", State: "available"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := f.deps.Queue.Counts(); c.Waiting[pulse.PriorityCrawl] != 2 {
		t.Errorf("queue: %+v", c)
	}
	if got := f.lastDelivery(); got != "api queued 202" {
		t.Errorf("hook told %q", got)
	}
	decode[putAnswer](t, f.ask("PUT", "/v1/documents?priority=bulk", oneDocument), 202)
	if c := f.deps.Queue.Counts(); c.Waiting[pulse.PriorityBulk] != 1 {
		t.Errorf("queue: %+v", c)
	}
	f.wantIdle(t)
}

func TestPutRefuses(t *testing.T) {
	open := newFixture(t)
	f := func(query, body string, status int, code, field string) {
		t.Helper()
		wantProblem(t, open.ask("PUT", "/v1/documents"+query, body), status, code, field)
	}
	f("", `{}`, 422, "invalid", "documents")
	f("", `{"documents":[{"markdown":"x"}]}`, 422, "invalid", "documents[0].url")
	f("", `{"documents":[{"url":"https://a.example/"},{"url":1}]}`, 422, "invalid", "documents[0].markdown")
	f("", `{"documents":[{"url":"ftp://a.example/","text":"x"}]}`, 422, "invalid", "documents[0].url")
	f("", `{"collection":7,"documents":[]}`, 422, "invalid", "collection")
	f("", `{"documents":[{"url":"https://a.example/","text":"`+strings.Repeat("x", pulse.MaxTextBytes+1)+`"}]}`, 413, "too_large", "documents[0].text")
	f("?wait=lunch", oneDocument, 422, "invalid", "wait")
	f("?wait=searchable&timeout=soon", oneDocument, 422, "invalid", "timeout")
	f("?wait=searchable&timeout=-1s", oneDocument, 422, "invalid", "timeout")
	f("?priority=urgent", oneDocument, 422, "invalid", "priority")
	f("?dry_run=1", oneDocument, 422, "invalid", "dry_run")
	open.wantIdle(t)
}

func TestPutWaits(t *testing.T) {
	t.Run("until all is searchable", func(t *testing.T) {
		f := newFixture(t)
		done := make(chan *httptest.ResponseRecorder, 1)
		go func() { done <- f.ask("PUT", "/v1/documents?wait=searchable", twoDocuments) }()
		f.work(2)
		got := decode[putAnswer](t, <-done, 200)
		if got.Status != "done" || got.Jobs[0].Outcome != "indexed" || got.Jobs[1].State != "done" {
			t.Errorf("%+v", got)
		}
		if f.search.waitedFor() != f.st.Head() {
			t.Errorf("waited for commit %d of %d", f.search.waitedFor(), f.st.Head())
		}
	})
	t.Run("as the first in line", func(t *testing.T) {
		f := newFixture(t)
		f.ask("PUT", "/v1/documents?wait=searchable&timeout=1ms", oneDocument)
		if c := f.deps.Queue.Counts(); c.Waiting[pulse.PriorityWanted] != 1 {
			t.Errorf("queue: %+v", c)
		}
	})
	t.Run("no longer than told", func(t *testing.T) {
		f := newFixture(t)
		got := decode[putAnswer](t, f.ask("PUT", "/v1/documents?wait=searchable&timeout=1ms", oneDocument), 202)
		if got.Status != "queued" || got.Jobs[0].State != "available" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("and tells what is left", func(t *testing.T) {
		f := newFixture(t)
		leave, answered := f.putAndWait(twoDocuments)
		f.work(1)
		leave()
		got := decode[putAnswer](t, <-answered, 202)
		if got.Status != "queued" || got.Jobs[0].Outcome != "indexed" || got.Jobs[1].State != "available" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("for the index too", func(t *testing.T) {
		f := newFixture(t)
		f.search.behind = make(chan struct{})
		leave, answered := f.putAndWait(oneDocument)
		f.work(1)
		<-f.search.behind
		leave()
		if got := decode[putAnswer](t, <-answered, 202); got.Status != "queued" || got.Jobs[0].Outcome != "indexed" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("not for a client that left", func(t *testing.T) {
		f := newFixture(t)
		ctx, leave := context.WithCancel(context.Background())
		leave()
		req := httptest.NewRequestWithContext(ctx, "PUT", "http://localhost/v1/documents?wait=searchable", strings.NewReader(oneDocument))
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, req)
		if rec.Code != 202 || len(f.deps.Ends.waits) != 0 || f.deps.Ends.count.Load() != 0 {
			t.Errorf("status %d, waits %v", rec.Code, f.deps.Ends.waits)
		}
	})
}

// putAndWait waits for documents to be searchable until leave is called.
func (f *fixture) putAndWait(documents string) (leave func(), answered <-chan *httptest.ResponseRecorder) {
	ctx, leave := context.WithCancel(context.Background())
	done := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "PUT", "http://localhost/v1/documents?wait=searchable", strings.NewReader(documents)))
		done <- rec
	}()
	return leave, done
}

func TestEnds(t *testing.T) {
	e := NewEnds()
	ended := func(id pulse.JobID, state pulse.JobState) { e.Ended(pulse.Job{ID: id, State: state}) }
	ended(1, pulse.JobDone) // nobody waits
	one, both := e.watch([]pulse.JobID{1}), e.watch([]pulse.JobID{1, 2})
	ended(1, pulse.JobAvailable) // a try that failed is no end
	ended(1, pulse.JobDone)
	ended(1, pulse.JobDone)
	ctx, cancel := context.WithCancel(context.Background())
	if got := e.until(ctx, one); len(got) != 1 {
		t.Errorf("one: %v", got)
	}
	cancel()
	if got := e.until(ctx, both); len(got) != 1 || got[0].ID != 1 {
		t.Errorf("both: %v", got)
	}
	ended(2, pulse.JobDead)
	if got := e.until(context.Background(), both); len(got) != 2 {
		t.Errorf("both: %v", got)
	}
	three := e.watch([]pulse.JobID{3})
	e.forget(one)
	e.forget(both)
	e.forget(three)
	if len(e.waits) != 0 || e.count.Load() != 0 {
		t.Errorf("left: %v, %d", e.waits, e.count.Load())
	}
	if got := e.until(context.Background(), e.watch(nil)); len(got) != 0 {
		t.Errorf("nothing: %v", got)
	}
}

func TestOneDocument(t *testing.T) {
	f := newFixture(t)
	const address = "/v1/documents?url=https://EXAMPLE.com:443/one%23part"
	unknown := decode[unknownDocumentAnswer](t, f.ask("GET", address, ""), 404)
	if unknown.History != nil || unknown.Error.Code != "not_found" {
		t.Errorf("%+v", unknown)
	}
	decode[putAnswer](t, f.ask("PUT", "/v1/documents", oneDocument), 202)
	waiting := decode[unknownDocumentAnswer](t, f.ask("GET", address, ""), 404)
	if len(waiting.History) != 1 || waiting.History[0].Outcome != "available" || waiting.History[0].Job != "1" {
		t.Errorf("%+v", waiting)
	}
	f.work(1)
	live := decode[oneDocumentAnswer](t, f.ask("GET", address, ""), 200)
	d := live.Document
	if d.Text == nil || *d.Text != "# One\n\nfirst text" || d.State != "live" || d.Title != "One" || d.Source != "api" || d.Delivery != "1" || d.Collection != "default" {
		t.Errorf("%+v", d)
	}
	if len(live.Chunks) != 1 || live.Chunks[0].Text != *d.Text || len(live.History) != 1 {
		t.Errorf("%+v", live)
	}
	if at, err := time.Parse(stampLayout, *d.ReceivedAt); err != nil || time.Since(at) > time.Minute {
		t.Errorf("received at %s: %v", *d.ReceivedAt, err)
	}
	decode[queuedAnswer](t, f.ask("DELETE", "/v1/documents?url=https://example.com/one", ""), 202)
	f.work(1)
	gone := decode[oneDocumentAnswer](t, f.ask("GET", address, ""), 410)
	if gone.Document.State != "gone" || gone.Document.Text != nil || gone.Document.Key != d.Key || gone.Chunks == nil || len(gone.History) != 2 {
		t.Errorf("%+v", gone)
	}
	wantProblem(t, f.ask("GET", "/v1/documents?url=ftp://x", ""), 422, "invalid", "url")
}

func TestListDocuments(t *testing.T) {
	f := newFixture(t)
	decode[putAnswer](t, f.ask("PUT", "/v1/documents", oneDocument), 202)
	decode[putAnswer](t, f.ask("PUT", "/v1/documents", twoDocuments), 202)
	f.work(3)
	keys := func(query string) string {
		t.Helper()
		var keys []string
		list := decode[documentsAnswer](t, f.ask("GET", "/v1/documents"+query, ""), 200)
		for _, d := range list.Documents {
			keys = append(keys, d.Key[len("https://"):])
		}
		return strconv.FormatInt(list.Total, 10) + " " + strings.Join(keys, " ")
	}
	check := func(query, want string) {
		t.Helper()
		if got := keys(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	check("", "2 example.com/one sub.example.com/two")
	check("?domain=sub.example.com", "1 sub.example.com/two")
	check("?domain=example.com", "2 example.com/one sub.example.com/two")
	check("?domain=.Sub.EXAMPLE.com.", "1 sub.example.com/two")
	check("?state=gone", "0 ")
	wantProblem(t, f.ask("GET", "/v1/documents?domain=https://example.com/", ""), 422, "invalid", "domain")
	check("?collection=other", "0 ")
	first := decode[documentsAnswer](t, f.ask("GET", "/v1/documents?limit=1", ""), 200)
	check("?limit=1&after="+first.Next, "2 sub.example.com/two")
	wantProblem(t, f.ask("GET", "/v1/documents?limit=0", ""), 422, "invalid", "limit")
	wantProblem(t, f.ask("GET", "/v1/documents?limit=1001", ""), 422, "invalid", "limit")
	wantProblem(t, f.ask("GET", "/v1/documents?limit=many", ""), 422, "invalid", "limit")
	wantProblem(t, f.ask("GET", "/v1/documents?after=x", ""), 422, "invalid", "after")
	wantProblem(t, f.ask("GET", "/v1/documents?state=dead", ""), 422, "invalid", "state")
	wantProblem(t, f.ask("GET", "/v1/documents?domian=x", ""), 422, "invalid", "domian")
}

func TestDelete(t *testing.T) {
	f := newFixture(t)
	decode[putAnswer](t, f.ask("PUT", "/v1/documents", twoDocuments), 202)
	f.work(2)
	dry := func(query string, want int64) {
		t.Helper()
		got := decode[dryDeleteAnswer](t, f.ask("DELETE", "/v1/documents?dry_run=1&"+query, ""), 200)
		if !got.DryRun || got.Documents != want {
			t.Errorf("%s: %+v, want %d", query, got, want)
		}
	}
	dry("url=https://example.com/one", 1)
	dry("url=https://example.com/none", 0)
	dry("domain=example.com", 2)
	dry("domain=.Example.COM", 2)
	dry("crawl=none", 0)
	if c := f.deps.Queue.Counts(); c.Waiting[pulse.PriorityWanted] != 0 {
		t.Error("a dry run queued jobs")
	}
	got := decode[queuedAnswer](t, f.ask("DELETE", "/v1/documents?domain=.Example.COM", ""), 202)
	if got.QueuedJobs != 1 || got.Status != "queued" {
		t.Errorf("%+v", got)
	}
	job := decode[jobAnswer](t, f.ask("GET", "/v1/jobs/"+got.JobIDs[0], ""), 200)
	part, err := f.st.Part(context.Background(), 2, 0)
	if job.Kind != pulse.KindDelete || err != nil || string(part) != `{"scope":"domain","value":"example.com"}` {
		t.Errorf("job %+v, part %s, error %v", job, part, err)
	}
	e := store.Erasure{Collection: "default", Scope: store.EraseDomain, Value: "example.com", Version: pulse.Version(job.Version)}
	if _, erased, err := f.st.EraseSlice(context.Background(), e, 0, 10); erased != 2 || err != nil {
		t.Errorf("%d documents are erased, %v", erased, err)
	}
	wantProblem(t, f.ask("DELETE", "/v1/documents?domain=a%20b", ""), 422, "invalid", "domain")
	wantProblem(t, f.ask("DELETE", "/v1/documents", ""), 422, "invalid", "url")
	wantProblem(t, f.ask("DELETE", "/v1/documents?url=https://a.example/&domain=a.example", ""), 422, "invalid", "url")
	wantProblem(t, f.ask("DELETE", "/v1/documents?domain=a&collection=No%20No", ""), 422, "invalid", "collection")
	wantProblem(t, f.ask("DELETE", "/v1/documents?domian=example.com&dry_run=1", ""), 422, "invalid", "domian")
	wantProblem(t, f.ask("DELETE", "/v1/documents?domain=a&dry_run=maybe", ""), 422, "invalid", "dry_run")
}

// A domain is one, whatever its spelling: in the count, in the part, in what is erased.
func TestDeleteDomainHoweverSpelt(t *testing.T) {
	const documents = `{"documents":[{"url":"https://example.com/one","text":"one"},` +
		`{"url":"https://a.b\u00fccher.example:8443/","text":"two"},{"url":"http://[2001:db8::1]:80/","text":"three"}]}`
	f := func(given, want string) {
		t.Run(given, func(t *testing.T) {
			f := newFixture(t)
			decode[putAnswer](t, f.ask("PUT", "/v1/documents", documents), 202)
			f.work(3)
			query := "domain=" + url.QueryEscape(given)
			if dry := decode[dryDeleteAnswer](t, f.ask("DELETE", "/v1/documents?dry_run=1&"+query, ""), 200); dry.Documents != 1 {
				t.Errorf("a dry run finds %d documents, want 1", dry.Documents)
			}
			decode[queuedAnswer](t, f.ask("DELETE", "/v1/documents?"+query, ""), 202)
			part, err := f.st.Part(t.Context(), 2, 0)
			if err != nil || string(part) != `{"scope":"domain","value":"`+want+`"}` {
				t.Fatalf("part %s, %v", part, err)
			}
			j, err := f.deps.Queue.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			e := store.Erasure{Collection: j.Collection, Scope: store.EraseDomain, Value: want, Version: j.Version, Job: j.ID}
			if _, n, err := f.st.EraseSlice(t.Context(), e, 0, 100); n != 1 || err != nil {
				t.Errorf("%d documents are erased, %v; want 1", n, err)
			}
			if list := decode[documentsAnswer](t, f.ask("GET", "/v1/documents?"+query, ""), 200); list.Total != 0 {
				t.Errorf("%d documents are left", list.Total)
			}
		})
	}
	f("Example.COM", "example.com")
	f(".example.com", "example.com")
	f(" example.com. ", "example.com")
	f("BÜCHER.example", "xn--bcher-kva.example")
	f("xn--BCHER-kva.example", "xn--bcher-kva.example")
	f("2001:DB8:0::1", "2001:db8::1")
	f("[2001:db8::1]", "2001:db8::1")

	refusing := newFixture(t)
	for _, given := range []string{".", " ", "exa mple.com", "https://example.com/", "example.com/path", "example.com:80", "a%zz"} {
		for _, dry := range []string{"", "&dry_run=1"} {
			wantProblem(t, refusing.ask("DELETE", "/v1/documents?domain="+url.QueryEscape(given)+dry, ""), 422, "invalid", "domain")
		}
	}
	if c := refusing.deps.Queue.Counts(); c.Waiting[pulse.PriorityWanted] != 0 {
		t.Errorf("queue %+v", c)
	}
}
