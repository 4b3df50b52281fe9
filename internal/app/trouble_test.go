package app

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pulse/internal/client"
	"pulse/internal/store"
)

// A file that only helps to understand a death must not keep the process from serving.
func TestRunsWithoutARunningFile(t *testing.T) {
	dir, log := t.TempDir(), new(logBuffer)
	if err := os.Mkdir(filepath.Join(dir, "running"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := startApp(t, func(c *Config) { c.Data, c.Log = dir, NewLog(log, "text", slog.LevelInfo) })
	putPages(t, a, 3)
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "Running jobs cannot be noted"); n != 1 {
		t.Errorf("%d warnings, want one:\n%s", n, log)
	}
}

// While the log becomes another history, what was found stays found, and Wait is
// about the new data.
func TestNewHistoryServesMeanwhile(t *testing.T) {
	a := startApp(t)
	putPages(t, a, 40)
	c, s := clientOf(t, a), a.Services()
	find := func(when string) {
		t.Helper()
		answer, err := c.Search(t.Context(), client.Query{Query: "word7", Mode: "keyword"})
		if err != nil || len(answer.Hits) != 1 {
			t.Fatalf("%s: %+v, %v", when, answer, err)
		}
	}
	for range 10 {
		if err := s.Store.NewHistory(t.Context()); err != nil {
			t.Fatal(err)
		}
		find("meanwhile")
		if err := s.Follower.Wait(t.Context(), s.Store.Head()); err != nil {
			t.Fatal(err)
		}
		if got, want := s.Index.Position().History, s.Store.Identity().History; got != want {
			t.Fatalf("Wait returned while the index held history %s, not %s", got, want)
		}
		find("after it")
	}
}

// A damaged document stops the follower; whoever looks must learn which one it is.
func TestDamagedDocumentIsNamed(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, func(c *Config) { c.Data = dir })
	putPages(t, a, 3)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	damage(t, dir, 2)
	// The index's own files have the document as it was.
	if err := os.RemoveAll(filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}

	stands := make(chan string, 1)
	watch := lineWatch{"Index stands still", stands}
	b, err := Start(context.Background(), testConfig(t, func(c *Config) { c.Data, c.Log = dir, NewLog(watch, "text", slog.LevelInfo) }))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case line := <-stands:
		if !strings.Contains(line, "document 2") {
			t.Errorf("log: %s", line)
		}
	case <-time.After(time.Minute):
		t.Error("the follower does not stand still")
	}
	r, err := clientOf(t, b).Ready(t.Context(), false)
	if err != nil || r.Ready || !strings.Contains(strings.Join(r.Reasons, "; "), "document 2") {
		t.Errorf("ready: %+v, %v", r, err)
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
}

// damage spoils the text of a document.
func damage(t *testing.T, dir string, document int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Exec(`UPDATE bodies SET data = x'00' WHERE id = (SELECT body FROM documents WHERE id = ?)`, document)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); n != 1 || err != nil {
		t.Fatalf("%d bodies are damaged, %v", n, err)
	}
}

// lineWatch is a log that hands over the first line with some words.
type lineWatch struct {
	words string
	found chan<- string
}

func (w lineWatch) Write(line []byte) (int, error) {
	if strings.Contains(string(line), w.words) {
		select {
		case w.found <- string(line):
		default:
		}
	}
	return len(line), nil
}
