package app

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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

// TestDamagedDocument: a page that the disk has spoiled is named, with what to do, and is the only
// one that cannot be found; with the index's files it is still found, without its passage.
func TestDamagedDocument(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, func(c *Config) { c.Data = dir })
	putPages(t, a, 3)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	url := damage(t, dir, 2)

	a = startApp(t, func(c *Config) { c.Data = dir })
	ready(t, a)
	answer := searchFor(t, a, "page")
	if len(answer.Hits) != 3 || len(answer.Degraded) != 1 || !strings.Contains(answer.Degraded[0], "damaged") {
		t.Errorf("with the index's files: %d hits, degraded %v", len(answer.Hits), answer.Degraded)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}

	if err := os.RemoveAll(filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 1)
	watch := lineWatch{"A page is damaged in the store", told}
	a = startApp(t, func(c *Config) { c.Data, c.Log = dir, NewLog(watch, "text", slog.LevelInfo) })
	ready(t, a)
	if line := <-told; !strings.Contains(line, url) || !strings.Contains(line, "document 2") {
		t.Errorf("log: %s", line)
	}
	if answer := searchFor(t, a, "page"); len(answer.Hits) != 2 {
		t.Errorf("of a fresh index: %d hits", len(answer.Hits))
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	found := Doctor(t.Context(), testConfig(t, func(c *Config) { c.Data = dir }))
	if i := slices.IndexFunc(found, func(f Finding) bool { return f.Name == "pages" }); i < 0 || found[i].Level != LevelFail || !strings.Contains(found[i].Found, url) {
		t.Errorf("the doctor does not name the page: %+v", found)
	}

	a = startApp(t, func(c *Config) { c.Data = dir })
	if _, err := clientOf(t, a).Delete(t.Context(), client.Target{URL: url}, false); err != nil {
		t.Fatal(err)
	}
	putPages(t, a, 3)
	if answer := searchFor(t, a, "page"); len(answer.Hits) != 3 || len(answer.Degraded) > 0 {
		t.Errorf("sent again: %d hits, degraded %v", len(answer.Hits), answer.Degraded)
	}
}

func ready(t *testing.T, a *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := a.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

func searchFor(t *testing.T, a *App, query string) *client.Answer {
	t.Helper()
	answer, err := clientOf(t, a).Search(t.Context(), client.Query{Query: query, Mode: "keyword"})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// damage spoils the text of a document, and returns its key.
func damage(t *testing.T, dir string, document int) (key string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(`UPDATE bodies SET data = x'00' WHERE id = (SELECT body FROM documents WHERE id = ?1)
		RETURNING (SELECT key FROM documents WHERE id = ?1)`, document).Scan(&key); err != nil {
		t.Fatal(err)
	}
	return key
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
