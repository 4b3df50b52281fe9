package keyword

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// chunked is a page cut into texts of about the size of chunks.
type chunked struct {
	language string
	chunks   []string
}

const benchChunkBytes = 1000

// cut ends chunks between lines, and amid those that are longer than a chunk.
func cut(text string) (chunks []string) {
	begin := 0
	for at := range len(text) {
		long := at-begin > benchChunkBytes && text[at] < 0x80
		if text[at] == '\n' && at-begin > benchChunkBytes*3/4 || long {
			chunks, begin = append(chunks, text[begin:at]), at
		}
	}
	return append(chunks, text[begin:])
}

// sharedPages reads the pages that lie beside the repository.
func sharedPages(tb testing.TB, name string) (all []chunked) {
	tb.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "data", "pages", name))
	if err != nil {
		tb.Skip("skipped: ../shared/data/pages is not here")
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	must(err)
	for lines := json.NewDecoder(bufio.NewReader(unzipped)); ; {
		var page struct{ Language, Markdown string }
		err := lines.Decode(&page)
		if err == io.EOF {
			return all
		}
		must(err)
		all = append(all, chunked{page.Language, cut(page.Markdown)})
	}
}

// samplePages are the samples in all languages that differ.
func samplePages(t testing.TB) (all []chunked) {
	for _, name := range []string{"en.txt", "mixed.txt"} {
		text := readSample(t, name)
		for _, language := range []string{"", "en", "de", "fr", "it", "ru", "ja", "th", "ar", "zh", "sw", "tr"} {
			for page := range slices.Chunk(cut(text), 7) {
				all = append(all, chunked{language, page})
			}
		}
	}
	return append(all, chunked{"en", []string{strings.Repeat("files x1 ", 600), strings.Repeat("a'b ", 300)}})
}

func torturePages(t testing.TB) (all []chunked) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", "..", "shared", "data", "torture", "*.txt"))
	must(err)
	if len(paths) == 0 {
		t.Skip("skipped: ../shared/data/torture is not here")
	}
	for n, path := range paths {
		text, err := os.ReadFile(path)
		must(err)
		all = append(all, chunked{[]string{"", "en", "ja", "ru"}[n%4], append(cut(string(text)), string(text))})
	}
	return all
}

func countPage(counter *Counter, page *chunked) Document {
	d := Document{Language: page.language}
	for _, text := range page.chunks {
		d.Chunks = append(d.Chunks, counter.Count(text, page.language))
	}
	return d
}
