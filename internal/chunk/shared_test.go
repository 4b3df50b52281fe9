package chunk

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// shared gives the path of the data that lies beside the repository, or skips.
func shared(tb testing.TB, name string) string {
	tb.Helper()
	path := filepath.Join("..", "..", "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatalf("../shared/%s is not here", name)
		}
		tb.Skipf("skipped: ../shared/%s is not here", name)
	}
	return path
}

// tortureTexts calls f with every torture text; with the beginning of each by -short.
func tortureTexts(t *testing.T, f func(name, text string)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(shared(t, "data/torture"), "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("list torture texts: %d found, %v", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if testing.Short() && len(text) > 15_000 {
			end := 15_000
			for utf8.Valid(text) && !utf8.RuneStart(text[end]) {
				end--
			}
			text = text[:end]
		}
		f(filepath.Base(path), string(text))
	}
}

type samplePage struct{ URL, Title, Markdown string }

// samplePages reads the first pages of a file of data/pages; limit 0 is all.
func samplePages(tb testing.TB, file string, limit int) []samplePage {
	tb.Helper()
	f, err := os.Open(shared(tb, "data/pages/"+file))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	var pages []samplePage
	for decoder := json.NewDecoder(bufio.NewReader(z)); limit == 0 || len(pages) < limit; {
		var p samplePage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			tb.Fatal(err)
		}
		pages = append(pages, p)
	}
	return pages
}

// pageLimit is how many pages of each file a test reads.
func pageLimit() int {
	if testing.Short() {
		return 100
	}
	return 0
}
