package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"pulse"
)

// TestCheckpointWaitsForNoReader: a checkpoint that truncates would hold the write
// lock while it waits for a reader, and every webhook with it.
func TestCheckpointWaitsForNoReader(t *testing.T) {
	s := open(t, Options{})
	accept(t, s, page("https://example.com/a", "{}"))
	tx, err := s.read.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM deliveries`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	accept(t, s, page("https://example.com/b", "{}"))
	var verdict [2]int
	var timeout int
	if err := s.files.db.QueryRow(`PRAGMA busy_timeout`).Scan(&timeout); err != nil || timeout != 0 {
		t.Fatalf("the checkpointer waits %d ms for readers, %v", timeout, err)
	}
	verdict[0], verdict[1], err = s.files.checkpoint(t.Context(), "TRUNCATE")
	if err != nil || verdict[0] == verdict[1] {
		t.Errorf("with a reader in the way: frames, moved %v, %v", verdict, err)
	}
	accept(t, s, page("https://example.com/c", "{}"))
}

func TestLogIsCopiedBackWhileBusy(t *testing.T) {
	s := open(t, Options{})
	big := strings.Repeat("x", 1<<20)
	for range 3 {
		accept(t, s, page("https://example.com/a", big))
	}
	s.files.try(t.Context(), "PASSIVE")
	frames, moved, err := s.files.checkpoint(t.Context(), "NOOP")
	if err != nil || frames == 0 || frames != moved {
		t.Errorf("%d of %d frames are copied, %v", moved, frames, err)
	}
}

// TestCachedBeforeTheFirstPage: a delivery without jobs leaves the counter where it
// is, and content cached after it is still older than a page that came later.
func TestCachedBeforeTheFirstPage(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	start := now
	s := open(t, Options{Now: func() time.Time { return now }})
	started := page("", "")
	started.Elements = nil
	accept(t, s, started)
	now = start.Add(time.Minute)
	fresh := accept(t, s, page("https://example.com/a", "{}")).Jobs[0]
	now = start.Add(2 * time.Minute)
	d := page("https://example.com/a", "{}")
	d.Elements[0].CachedAt = start.Add(30 * time.Second)
	cached := accept(t, s, d).Jobs[0]
	commitPage(t, s, fresh, "fresh")
	if done := commitPage(t, s, cached, "cached before it"); done.Outcome != pulse.OutcomeSuperseded {
		t.Errorf("version %d after %d: %s", cached.Version, fresh.Version, done.Outcome)
	}
}

func TestMassDeletionCannotBeForced(t *testing.T) {
	s := open(t, Options{})
	d := page("", `{"scope":"collection"}`)
	d.Elements[0].Kind = pulse.KindDelete
	r, err := s.AcceptErasure(t.Context(), d, Erasure{Scope: EraseCollection})
	if err != nil {
		t.Fatal(err)
	}
	job := r.Jobs[0]
	if err := s.End(t.Context(), &job, Ending{State: pulse.JobDone, Outcome: pulse.OutcomeDeleted}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retry(t.Context(), []pulse.JobID{job.ID}, true); !errors.Is(err, pulse.ErrConflict) {
		t.Errorf("forced: %v", err)
	}
	if _, err := s.Retry(t.Context(), []pulse.JobID{job.ID}, false); err != nil {
		t.Errorf("run again: %v", err)
	}
}

// TestLogIsNotReadPastItsHead holds a group between its commit on disk and its
// publication: a follower that reads from disk must not see past the head.
func TestLogIsNotReadPastItsHead(t *testing.T) {
	s := open(t, Options{TailBytes: 1})
	commitPage(t, s, accept(t, s, page("https://example.com/a", "{}")).Jobs[0], "a")
	job := accept(t, s, page("https://example.com/b", "{}")).Jobs[0]
	onDisk, publish := make(chan struct{}), make(chan struct{})
	landed := s.group.landed
	s.group.landed = func(t *tx) {
		close(onDisk)
		<-publish
		landed(t)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Commit(context.Background(), write(job, "b"))
		done <- err
	}()
	<-onDisk
	head := s.Head()
	commits, next, err := s.Commits(t.Context(), 0, 1<<20)
	if err != nil || next > head || len(commits) != 1 {
		t.Errorf("with head %d: %d commits up to %d, %v", head, len(commits), next, err)
	}
	close(publish)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, next, err := s.Commits(t.Context(), next, 1<<20); err != nil || next != 2 {
		t.Errorf("once published: up to %d, %v", next, err)
	}
}

func TestFailedFsyncInsideAStatementEndsTheProcess(t *testing.T) {
	var ended, armed atomic.Bool
	s := open(t, Options{Fatal: func(error) { ended.Store(true) }, inject: func(_ int, query string) error {
		if armed.Load() && strings.HasPrefix(query, "INSERT") {
			return sqliteError(sqlite3.SQLITE_IOERR_FSYNC)
		}
		return nil
	}})
	armed.Store(true)
	err := s.group.do(t.Context(), true, 0, markRow("a"))
	armed.Store(false)
	if err == nil || !ended.Load() {
		t.Errorf("caller was told %v, process ended: %v", err, ended.Load())
	}
}

func TestCallersPanicIsItsOwn(t *testing.T) {
	s := open(t, Options{})
	errs := gather(t, s, []func(*tx) error{
		markRow("a"),
		func(*tx) error { panic("a bug") },
		markRow("c"),
	}, func() {})
	rows := markedRows(t, s)
	if errs[0] != nil || errs[2] != nil || errs[1] == nil || !strings.Contains(errs[1].Error(), "a bug") {
		t.Errorf("errors %v", errs)
	}
	if rows["a"] != 1 || rows["c"] != 1 {
		t.Errorf("rows %v", rows)
	}
}

func TestExpireTakesLittleAtATime(t *testing.T) {
	s := open(t, Options{})
	for i := range 5 {
		d := page("", "")
		d.Bytes = expireBytes / 2
		d.Elements = nil
		for e := range 3 {
			d.Elements = append(d.Elements, pulse.Element{Index: e, Kind: pulse.KindUpsert, Key: fmt.Sprintf("https://example.com/%d/%d", i, e), Body: []byte("{}")})
		}
		for _, j := range accept(t, s, d).Jobs {
			commitPage(t, s, j, "x")
		}
	}
	var calls []int
	for {
		n, err := s.Expire(t.Context(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		calls = append(calls, n)
	}
	if fmt.Sprint(calls) != "[2 2 1]" {
		t.Errorf("deliveries a call: %v", calls)
	}
	var bodies int
	if err := s.read.QueryRow(`SELECT count(*) FROM parts WHERE body IS NOT NULL`).Scan(&bodies); err != nil || bodies != 0 {
		t.Errorf("%d bodies are left, %v", bodies, err)
	}
}

func TestReplayCountsAPageOnce(t *testing.T) {
	s := open(t, Options{})
	d := page("https://example.com/a", "{}")
	d.Crawl.ID = "c"
	job := accept(t, s, d).Jobs[0]
	commitPage(t, s, job, "x")
	for range 3 {
		jobs, err := s.Retry(t.Context(), []pulse.JobID{job.ID}, false)
		if err != nil {
			t.Fatal(err)
		}
		commitPage(t, s, jobs[0], "x")
	}
	c, err := s.Crawl(t.Context(), "c")
	if n := c.Counts; err != nil || n.Received != 1 || n.Indexed+n.Unchanged != 1 {
		t.Errorf("counts %+v, %v", n, err)
	}
}

func TestNewHistoryIsNotedAlone(t *testing.T) {
	s := open(t, Options{})
	commitPage(t, s, accept(t, s, page("https://example.com/a", "{}")).Jobs[0], "a")
	s.NoteApplied(LocalFollower, 1, time.Now())
	changed := s.Changed()
	before := s.Identity()
	if err := s.NewHistory(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-changed
	if s.Identity() == before {
		t.Error("followers woke before the history had its new name")
	}
	var rows int
	if err := s.read.QueryRow(`SELECT count(*) FROM applied`).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d notes of the old history, %v", rows, err)
	}
}
