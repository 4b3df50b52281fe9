package store

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pulse"
)

var updateSchema = flag.Bool("update", false, "write testdata/schema-N.db.gz of this binary's schema")

// schemaFile is a database of one schema version: two pages, one of them deleted,
// one job that waits, one dead.
func schemaFile(version int) string { return fmt.Sprintf("testdata/schema-%d.db.gz", version) }

// TestEverySchemaOpens opens a database of every schema version there has been, and
// finds in it what was kept.
func TestEverySchemaOpens(t *testing.T) {
	newest, _ := schemaVersion()
	if *updateSchema {
		writeSchemaFile(t, schemaFile(newest))
	}
	for v := 1; v <= newest; v++ {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, schemaFile(v), filepath.Join(dir, FileName))
			s := open(t, Options{Dir: dir})
			rec, err := s.Document(t.Context(), pulse.DefaultCollection, "https://example.com/a")
			if err != nil || rec.Document.Text != "kept text" || len(rec.Chunks) != 1 {
				t.Errorf("document %+v, %v", rec, err)
			}
			if rec, err = s.Document(t.Context(), pulse.DefaultCollection, "https://example.com/b"); err != nil || rec.Document.State != pulse.StateGone {
				t.Errorf("tombstone %+v, %v", rec, err)
			}
			st, err := s.Stats(t.Context())
			if err != nil || st.Documents != 1 || st.Jobs.Available != 1 || st.Jobs.Dead != 1 || st.Jobs.Done != 3 {
				t.Errorf("stats %+v, %v", st, err)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Error(err)
			}
			commitPage(t, s, accept(t, s, page("https://example.com/new", "{}")).Jobs[0], "new text")
		})
	}
}

func writeSchemaFile(t *testing.T, path string) {
	dir := t.TempDir()
	s := mustOpen(t, Options{Dir: dir})
	if _, err := s.EnsureLayout(t.Context(), pulse.DefaultCollection, LayoutSpec{Tokenizer: "words-1", MaxTokens: 256, OverlapTokens: 50, Chunker: "1"}); err != nil {
		t.Fatal(err)
	}
	next := func(key string) pulse.Job { return accept(t, s, page(key, `{"markdown":"x"}`)).Jobs[0] }
	commitPage(t, s, next("https://example.com/a"), "kept text")
	commitPage(t, s, next("https://example.com/b"), "text that goes")
	gone := next("https://example.com/b")
	if _, err := s.Commit(t.Context(), &Write{Job: &gone, Gone: true}); err != nil {
		t.Fatal(err)
	}
	dead := next("https://example.com/c")
	if err := s.End(t.Context(), &dead, Ending{State: pulse.JobDead, Outcome: pulse.OutcomeFailed, Error: "broken"}); err != nil {
		t.Fatal(err)
	}
	next("https://example.com/d")
	s.Close()
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	zip := gzip.NewWriter(out)
	if _, err := zip.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatalf("%v: write it with go test ./internal/store -run EverySchema -update", err)
	}
	defer in.Close()
	zip, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
