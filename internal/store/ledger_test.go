package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"pulse"
)

func TestRetry(t *testing.T) {
	s := open(t, Options{})
	r := accept(t, s, page("https://example.com/a", "{}"))
	job := r.Jobs[0]

	f := func(name string, want error) {
		t.Helper()
		if _, err := s.Retry(t.Context(), []pulse.JobID{job.ID}, false); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	f("a job that waits", pulse.ErrConflict)
	if err := s.End(t.Context(), &job, Ending{State: pulse.JobDead, Outcome: pulse.OutcomeFailed, Error: "broken", Attempt: 5}); err != nil {
		t.Fatal(err)
	}
	if st, _ := s.Stats(t.Context()); st.Jobs.Dead != 1 || st.Jobs.Available != 0 {
		t.Errorf("counts %+v", st.Jobs)
	}
	jobs, err := s.Retry(t.Context(), []pulse.JobID{job.ID}, true)
	if err != nil || jobs[0].Version != 2 || jobs[0].Attempt != 0 {
		t.Fatalf("retried %+v, %v", jobs, err)
	}
	if done := commitPage(t, s, jobs[0], "x"); done.Outcome != pulse.OutcomeIndexed {
		t.Errorf("outcome %s", done.Outcome)
	}
	if _, err := s.Expire(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	f("a job whose body has expired", pulse.ErrGone)
	job.ID = 99
	f("a job that never was", pulse.ErrNotFound)
}

func TestExpireKeepsWhatIsStillNeeded(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, Options{Now: func() time.Time { return now }})
	var jobs []pulse.Job
	for i := range 4 {
		jobs = append(jobs, accept(t, s, page(fmt.Sprintf("https://example.com/%d", i), "{}")).Jobs[0])
		now = now.Add(time.Hour)
	}
	commitPage(t, s, jobs[0], "done")
	if err := s.End(t.Context(), &jobs[1], Ending{State: pulse.JobDead, Outcome: pulse.OutcomeFailed}); err != nil {
		t.Fatal(err)
	}
	commitPage(t, s, jobs[3], "done and young")
	for n := 1; n > 0; {
		var err error
		if n, err = s.Expire(t.Context(), jobs[3].AcceptedAt); err != nil {
			t.Fatal(err)
		}
	}
	f := func(i int, want error) {
		t.Helper()
		if _, err := s.Part(t.Context(), jobs[i].Delivery, 0); !errors.Is(err, want) {
			t.Errorf("part of job %d: %v, want %v", i, err, want)
		}
	}
	f(0, pulse.ErrGone)
	f(1, nil) // dead: kept until it is dismissed
	f(2, nil) // waits
	f(3, nil) // younger than the bound
	commitPage(t, s, jobs[2], "late")
	f(2, pulse.ErrGone) // it ended after its delivery had expired
}

func TestDeathsAreCountedOnlyAlone(t *testing.T) {
	s := open(t, Options{})
	a, b := accept(t, s, page("https://example.com/a", "{}")).Jobs[0], accept(t, s, page("https://example.com/b", "{}")).Jobs[0]
	if err := s.MarkDeath(t.Context(), []pulse.JobID{a.ID, b.ID}, false); err != nil {
		t.Fatal(err)
	}
	if err := s.MarkDeath(t.Context(), []pulse.JobID{a.ID}, true); err != nil {
		t.Fatal(err)
	}
	jobs, err := s.AvailableJobs(t.Context(), 0, 99, 10)
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%+v, %v", jobs, err)
	}
	if !jobs[0].Suspect || !jobs[1].Suspect || jobs[0].Deaths != 1 || jobs[1].Deaths != 0 {
		t.Errorf("suspects %+v", jobs)
	}
}

func TestListsPageToTheirEnd(t *testing.T) {
	s := open(t, Options{})
	for i := range 7 {
		d := page(fmt.Sprintf("https://h%d.example.com/%d", i%2, i), "{}")
		d.Crawl.ID = fmt.Sprint("c", i%3)
		commitPage(t, s, accept(t, s, d).Jobs[0], fmt.Sprint("text ", i))
	}
	gone := accept(t, s, page("https://never.example.org/", "{}")).Jobs[0]
	if _, err := s.Commit(t.Context(), &Write{Job: &gone, Gone: true}); err != nil {
		t.Fatal(err)
	}

	f := func(name string, wantTotal int, next func(Page) (int64, []string, int64, error)) {
		t.Helper()
		var got []string
		p := Page{Limit: 3}
		for {
			total, items, after, err := next(p)
			if err != nil || total != int64(wantTotal) {
				t.Fatalf("%s: total %d, want %d, %v", name, total, wantTotal, err)
			}
			got = append(got, items...)
			if after == 0 {
				break
			}
			p.After = after
		}
		if len(got) != wantTotal || len(slices.Compact(slices.Sorted(slices.Values(got)))) != wantTotal {
			t.Errorf("%s: %v", name, got)
		}
	}
	ctx := t.Context()
	docs := func(flt DocumentFilter) func(Page) (int64, []string, int64, error) {
		return func(p Page) (int64, []string, int64, error) {
			l, err := s.Documents(ctx, flt, p)
			var keys []string
			for _, d := range l.Items {
				keys = append(keys, d.Key)
			}
			return l.Total, keys, l.Next, err
		}
	}
	f("live documents", 7, docs(DocumentFilter{}))
	f("documents of a domain", 7, docs(DocumentFilter{Domain: "Example.com"}))
	f("documents of a host", 4, docs(DocumentFilter{Domain: "h0.example.com"}))
	f("documents of a name that only ends like it", 0, docs(DocumentFilter{Domain: "xample.com"}))
	f("documents of a crawl", 2, docs(DocumentFilter{Crawl: "c1"}))
	f("tombstones", 1, docs(DocumentFilter{State: pulse.StateGone}))
	f("jobs", 8, func(p Page) (int64, []string, int64, error) {
		l, err := s.Jobs(ctx, JobFilter{State: pulse.JobDone}, p)
		var ids []string
		for _, j := range l.Items {
			ids = append(ids, fmt.Sprint(j.ID))
		}
		return l.Total, ids, l.Next, err
	})
	f("deliveries", 8, func(p Page) (int64, []string, int64, error) {
		l, err := s.Deliveries(ctx, DeliveryFilter{Source: "firecrawl"}, p)
		var ids []string
		for _, d := range l.Items {
			ids = append(ids, fmt.Sprint(d.Delivery.Seq))
		}
		return l.Total, ids, l.Next, err
	})
	f("crawls", 3, func(p Page) (int64, []string, int64, error) {
		l, err := s.Crawls(ctx, CrawlFilter{}, p)
		var ids []string
		for _, c := range l.Items {
			ids = append(ids, c.ID)
		}
		return l.Total, ids, l.Next, err
	})
}

func TestCrawlEventsComeInAnyOrder(t *testing.T) {
	s := open(t, Options{})
	for _, e := range []struct {
		state  pulse.CrawlState
		failed int
	}{{pulse.CrawlCompleted, 0}, {"", 0}, {pulse.CrawlRunning, 0}, {"", 1}} {
		d := page("https://example.com/"+string(e.state), "{}")
		if e.state != "" {
			d.Elements = nil
		}
		if e.failed > 0 {
			d.Elements[0].Refused, d.Elements[0].Failed = "timed out", true
		}
		d.Crawl = pulse.CrawlEvent{ID: "c", State: e.state, Failed: e.failed}
		accept(t, s, d)
	}
	c, err := s.Crawl(t.Context(), "c")
	if err != nil || c.State != pulse.CrawlCompleted || c.Counts.Received != 2 || c.Counts.Failed != 1 || c.Counts.Refused != 0 || c.Ended.IsZero() {
		t.Errorf("crawl %+v, %v", c, err)
	}
}

func TestRefusedElementIsKnownByItsKey(t *testing.T) {
	s := open(t, Options{})
	d := page("https://example.com/a", "")
	d.Elements[0].Refused = "origin answered 503"
	r := accept(t, s, d)
	if len(r.Jobs) != 0 || len(r.Refused) != 1 {
		t.Fatalf("receipt %+v", r)
	}
	rec, err := s.Document(t.Context(), pulse.DefaultCollection, "https://example.com/a")
	if err != nil || rec.Document.ID != 0 || len(rec.History) != 1 || rec.History[0].Reason != "origin answered 503" {
		t.Errorf("record %+v, %v", rec, err)
	}
	if _, err := s.Document(t.Context(), pulse.DefaultCollection, "https://example.com/b"); !errors.Is(err, pulse.ErrNotFound) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestPassage(t *testing.T) {
	s := open(t, Options{})
	text := strings.Repeat("0123456789", 10_000) // over three frames
	job := accept(t, s, page("https://example.com/a", "{}")).Jobs[0]
	seq := commitPage(t, s, job, text).Seq
	f := func(start, end int, want string) {
		t.Helper()
		got, err := s.Passage(t.Context(), 1, seq, start, end)
		if err != nil || got != want {
			t.Errorf("passage %d-%d: %q, %v", start, end, got, err)
		}
	}
	f(0, 10, text[:10])
	f(frameBytes-5, frameBytes+5, text[frameBytes-5:frameBytes+5])
	f(10, 3*frameBytes, text[10:3*frameBytes])
	f(len(text)-3, len(text)+100, text[len(text)-3:])
	f(5, 5, "")
	if _, err := s.Passage(t.Context(), 1, seq+1, 0, 1); !errors.Is(err, pulse.ErrConflict) {
		t.Errorf("another commit: %v", err)
	}
	if _, err := s.Passage(t.Context(), 2, seq, 0, 1); !errors.Is(err, pulse.ErrNotFound) {
		t.Errorf("no document: %v", err)
	}
}

func TestLargePageIsStaged(t *testing.T) {
	s := open(t, Options{})
	// Text that does not compress: its body is over the size at which it is staged.
	var b strings.Builder
	for i := uint64(1); b.Len() < 3*stageAt; i++ {
		fmt.Fprintf(&b, "%x ", i*0x9e3779b97f4a7c15)
	}
	job := accept(t, s, page("https://example.com/a", "{}")).Jobs[0]
	commitPage(t, s, job, b.String())
	rec, err := s.Document(t.Context(), pulse.DefaultCollection, "https://example.com/a")
	if err != nil || rec.Document.Text != b.String() {
		t.Fatalf("text of %d bytes, %v", len(rec.Document.Text), err)
	}
	older := accept(t, s, page("https://example.com/a", "{}")).Jobs[0]
	older.Version = 0
	if done := commitPage(t, s, older, b.String()+"!"); done.Outcome != pulse.OutcomeSuperseded {
		t.Fatalf("outcome %s", done.Outcome)
	}
	var bodies int
	if err := s.read.QueryRow(`SELECT count(*) FROM bodies`).Scan(&bodies); err != nil || bodies != 1 {
		t.Errorf("%d bodies, %v", bodies, err)
	}
}

func TestSearchableTimeIsTheFirstAppliedBatch(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, Options{Now: func() time.Time { return now }})
	commitPage(t, s, accept(t, s, page("https://example.com/a", "{}")).Jobs[0], "a")
	s.NoteApplied(LocalFollower, 1, now.Add(time.Second))
	if rec, err := s.Document(t.Context(), pulse.DefaultCollection, "https://example.com/a"); err != nil || !rec.SearchableAt.Equal(now.Add(time.Second)) {
		t.Errorf("while the note waits: searchable at %v, %v", rec.SearchableAt, err)
	}
	commitPage(t, s, accept(t, s, page("https://example.com/b", "{}")).Jobs[0], "b")
	s.NoteApplied(LocalFollower, 1, now.Add(time.Hour)) // a rebuild passes it again
	accept(t, s, page("https://example.com/c", "{}"))
	rec, err := s.Document(t.Context(), pulse.DefaultCollection, "https://example.com/a")
	if err != nil || !rec.SearchableAt.Equal(now.Add(time.Second)) {
		t.Errorf("searchable at %v, %v", rec.SearchableAt, err)
	}
}

func TestErasureCovers(t *testing.T) {
	f := func(value, key string, want bool) {
		t.Helper()
		e := Erasure{Collection: "default", Scope: EraseDomain, Value: value, Version: 5}
		if got := e.covers("default", key, "", 5); got != want {
			t.Errorf("%s covers %s: %v", value, key, got)
		}
		if e.covers("default", key, "", 6) || e.covers("other", key, "", 5) {
			t.Errorf("%s covers a newer version or another collection of %s", value, key)
		}
	}
	f("example.com", "https://example.com/a", true)
	f("example.com", "https://docs.example.com:8080/a", true)
	f("example.com", "https://badexample.com/a", false)
	f("3.4", "http://1.2.3.4/", false)
	f("1.2.3.4", "http://1.2.3.4:80/", true)
	f("::1", "http://[::1]:8080/a", true)
}

func TestNewestAliasStands(t *testing.T) {
	s := open(t, Options{})
	older := accept(t, s, page("https://example.com/old", "{}")).Jobs[0]
	newer := accept(t, s, page("https://example.com/new", "{}")).Jobs[0]
	for _, job := range []pulse.Job{newer, older} {
		w := write(job, "x")
		w.Aliases = []string{"https://example.com/asked"}
		if _, err := s.Commit(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	var key string
	if err := s.read.QueryRow(`SELECT key FROM aliases`).Scan(&key); err != nil || key != newer.Key {
		t.Errorf("alias leads to %s, %v", key, err)
	}
}

func FuzzPacked(f *testing.F) {
	f.Add(packChunks([]pulse.Chunk{{End: 10, Tokens: 3, Headings: []string{"a", "b"}, Hash: 9}, {Ordinal: 1, Start: 5, End: 20, Headings: []string{"a"}}}))
	f.Add(packVectors([]pulse.Vector{{1, 2}, nil}))
	f.Add([]byte{bodyFormat, 3, 1, 4, 0, 0, 0, 0, 0, 'a', 'b', 'c'})
	f.Fuzz(func(t *testing.T, data []byte) {
		// Whatever a damaged file holds gives an error, never a panic.
		if chunks, err := openChunks(data); err == nil {
			if _, err := openChunks(packChunks(chunks)); err != nil {
				t.Error(err)
			}
		}
		_, _ = openVectors(data)
		if b, err := openBody(data); err == nil {
			_, _ = b.read(testDecoder, sectionText, 0, 100)
		}
	})
}

var testDecoder, _ = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxFrameBytes))
