package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a store in a temporary folder and closes it at the end of the test.
func open(t testing.TB, opts Options) *Store {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	s, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// page is a delivery of one page.
func page(key, body string) *pulse.Delivery {
	return &pulse.Delivery{Source: "firecrawl", EventType: "crawl.page", Result: pulse.ResultQueued, Bytes: int64(len(body)),
		Priority: pulse.PriorityCrawl, Elements: []pulse.Element{{Kind: pulse.KindUpsert, Key: key, URL: key, Body: []byte(body)}}}
}

func accept(t testing.TB, s *Store, d *pulse.Delivery) *pulse.Receipt {
	t.Helper()
	r, err := s.Accept(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write is the commit of a job's page whose text is given.
func write(job pulse.Job, text string) *Write {
	return &Write{Job: &job, Layout: 1,
		Document: pulse.Document{Title: "T", Text: text, ContentHash: fmt.Sprint(hashOf("", text))},
		Chunks:   []pulse.Chunk{{Start: 0, End: len(text), Tokens: len(strings.Fields(text)), Headings: []string{"H"}, Hash: 7}}}
}

func commitPage(t testing.TB, s *Store, job pulse.Job, text string) Committed {
	t.Helper()
	done, err := s.Commit(t.Context(), write(job, text))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestPageFromDeliveryToDocument(t *testing.T) {
	s := open(t, Options{})
	const key = "https://example.com/a"
	d := page(key, `{"markdown":"hello"}`)
	d.Crawl = pulse.CrawlEvent{ID: "c1"}
	r := accept(t, s, d)
	if len(r.Jobs) != 1 || r.Duplicate {
		t.Fatalf("receipt %+v", r)
	}
	body, err := s.Part(t.Context(), r.Seq, 0)
	if err != nil || string(body) != `{"markdown":"hello"}` {
		t.Fatalf("part %q, %v", body, err)
	}
	done := commitPage(t, s, r.Jobs[0], "hello world")
	if done.Outcome != pulse.OutcomeIndexed || done.Seq != 1 {
		t.Fatalf("committed %+v", done)
	}
	rec, err := s.Document(t.Context(), "default", key)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Document.Text != "hello world" || rec.Document.Version != 1 || len(rec.Chunks) != 1 || rec.Chunks[0].Headings[0] != "H" {
		t.Errorf("document %+v", rec)
	}
	if len(rec.History) != 1 || rec.History[0].Outcome != "indexed" {
		t.Errorf("history %+v", rec.History)
	}
	crawl, err := s.Crawl(t.Context(), "c1")
	if err != nil || crawl.Counts.Received != 1 || crawl.Counts.Indexed != 1 || crawl.Origin != "https://example.com" {
		t.Errorf("crawl %+v, %v", crawl, err)
	}
	stats, _ := s.Stats(t.Context())
	if stats.Documents != 1 || stats.Chunks != 1 || stats.Jobs.Done != 1 || stats.Jobs.Available != 0 {
		t.Errorf("stats %+v", stats)
	}
	commits, next, err := s.Commits(t.Context(), 0, 1<<20)
	if err != nil || len(commits) != 1 || next != 1 || commits[0].Document.Text != "hello world" {
		t.Errorf("commits %+v next %d, %v", commits, next, err)
	}
}

func TestRepeatOwnsItsKeyOnlyOnceKept(t *testing.T) {
	s := open(t, Options{})
	d := page("https://example.com/a", "{}")
	d.Key = "crawl.page:w1"
	d.Elements = append(d.Elements, pulse.Element{Index: 1, URL: "x", Refused: "no url"})
	first := accept(t, s, d)
	again := *d
	second := accept(t, s, &again)
	if !second.Duplicate || second.Seq != first.Seq || len(second.JobIDs) != 1 || second.JobIDs[0] != first.JobIDs[0] || len(second.Refused) != 1 {
		t.Errorf("first %+v, second %+v", first, second)
	}
}

func TestVersionOfCachedContent(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, Options{Now: func() time.Time { return now }})
	start := now
	for i := range 10 {
		now = start.Add(time.Duration(i) * time.Minute)
		accept(t, s, page(fmt.Sprintf("https://example.com/%d", i), "{}"))
	}
	f := func(at time.Time, want pulse.Version) {
		t.Helper()
		now = start.Add(time.Hour)
		d := page("https://example.com/cached", "{}")
		d.Elements[0].CachedAt = at
		r := accept(t, s, d)
		if want == 0 {
			want = pulse.Version(r.Jobs[0].ID)
		}
		if got := r.Jobs[0].Version; got != want {
			t.Errorf("version of content cached at %v is %d, want %d", at, got, want)
		}
	}
	f(start.Add(-time.Second), -1)
	f(start, 1)
	f(start.Add(90*time.Second), 2)
	f(start.Add(9*time.Minute), 10)
	f(start.Add(time.Hour+time.Millisecond), 0)
	f(start.Add(48*time.Hour), 0)
}

// TestClockSetBack: after a clock that was years ahead is right again, a page that was cached
// just now is still the newest, and a start says what is wrong.
func TestClockSetBack(t *testing.T) {
	now := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	dir, log := t.TempDir(), new(strings.Builder)
	s := open(t, Options{Dir: dir, Now: func() time.Time { return now }})
	accept(t, s, page("https://example.com/a", "{}"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s = open(t, Options{Dir: dir, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(log, nil))})
	if !strings.Contains(log.String(), "clock is behind") {
		t.Errorf("log: %s", log)
	}
	d := page("https://example.com/a", "{}")
	d.Elements[0].CachedAt = now
	if r := accept(t, s, d); r.Jobs[0].Version != pulse.Version(r.Jobs[0].ID) {
		t.Errorf("a page cached now has version %d, its job is %d", r.Jobs[0].Version, r.Jobs[0].ID)
	}
}

// commitPages commits so many new pages.
func commitPages(t *testing.T, s *Store, n int) {
	t.Helper()
	for range n {
		url := fmt.Sprintf("https://example.com/%s/%d", s.Session(), s.Head())
		commitPage(t, s, accept(t, s, page(url, "{}")).Jobs[0], "text of "+url)
	}
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSessions: a store knows up to which commit it was in each session, and no session of a copy
// that has gone its own way.
func TestSessions(t *testing.T) {
	dir := t.TempDir()
	reopen := func(dir string) *Store {
		t.Helper()
		return open(t, Options{Dir: dir})
	}
	s := reopen(dir)
	first := s.Session()
	commitPages(t, s, 3)
	if !s.Reached(first, 3) || s.Reached(first, 4) || s.Reached("other", 0) {
		t.Error("the first session is wrong about itself")
	}
	closeStore(t, s)
	s = reopen(dir)
	second := s.Session()
	closeStore(t, s)
	if s = reopen(dir); s.Session() != second || second == first {
		t.Errorf("sessions %s, %s, %s: one without a commit goes on, one with some does not", first, second, s.Session())
	}
	closeStore(t, s)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s = reopen(dir)
	commitPages(t, s, 2)
	closeStore(t, s)
	s = reopen(dir)
	commitPages(t, s, 2)
	third, head := s.Session(), s.Head()
	if !s.Reached(first, 3) || s.Reached(first, 4) || !s.Reached(third, head) {
		t.Error("a later session is wrong about the ones before")
	}
	closeStore(t, s)
	c := reopen(copied)
	commitPages(t, c, 9)
	if c.Reached(third, head) || !c.Reached(first, 3) {
		t.Error("the copy takes what it never was at")
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, Options{Dir: dir})
	_, err := Open(t.Context(), Options{Dir: dir})
	if !errors.Is(err, pulse.ErrLocked) || !strings.Contains(err.Error(), "--server") {
		t.Errorf("second open: %v", err)
	}
}

func BenchmarkAccept(b *testing.B) {
	s := open(b, Options{})
	body := strings.Repeat("some words of a page ", 100)
	var n int
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			d := page("https://example.com/a/some/path", body)
			d.Crawl.ID = "crawl-1"
			d.Key = fmt.Sprint("k", time.Now().UnixNano(), &d)
			if _, err := s.Accept(context.Background(), d); err != nil {
				b.Error(err)
			}
		}
	})
	_ = n
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

func BenchmarkCommit(b *testing.B) {
	s := open(b, Options{})
	body := strings.Repeat("some words of a page ", 100)
	var jobs []pulse.Job
	for len(jobs) < b.N {
		d := page("", "")
		d.Elements = nil
		for i := range min(1000, b.N-len(jobs)) {
			k := fmt.Sprintf("https://example.com/%d/%d", len(jobs), i)
			d.Elements = append(d.Elements, pulse.Element{Index: i, Kind: pulse.KindUpsert, Key: k, URL: k, Body: []byte(body)})
		}
		jobs = append(jobs, accept(b, s, d).Jobs...)
	}
	next := make(chan pulse.Job, len(jobs))
	for _, j := range jobs {
		next <- j
	}
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Commit(context.Background(), write(<-next, body)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}

// A job's row keeps how long its ending waited to be written, with a commit and without.
func TestCommitStageIsKept(t *testing.T) {
	var ticks atomic.Int64 // of a millisecond: each look at the clock is one
	s := open(t, Options{Now: func() time.Time { return time.UnixMilli(ticks.Add(1)) }})
	commits := accept(t, s, page("https://example.com/a", "{}")).Jobs[0]
	commitPage(t, s, commits, "text")
	ends := accept(t, s, page("https://example.com/b", "{}")).Jobs[0]
	ends.Stages.Commit = time.Second // as of slices before
	if err := s.End(t.Context(), &ends, Ending{State: pulse.JobDone, Outcome: pulse.OutcomeRefused}); err != nil {
		t.Fatal(err)
	}
	f := func(id pulse.JobID, least time.Duration) {
		t.Helper()
		j, err := s.Job(t.Context(), id)
		if err != nil || j.Stages.Commit < least {
			t.Errorf("job %d: commit stage %v, want at least %v; %v", id, j.Stages.Commit, least, err)
		}
	}
	f(commits.ID, time.Millisecond)
	f(ends.ID, time.Second+time.Millisecond)
}
