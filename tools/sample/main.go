// Command sample makes the crawl that `pulse try` delivers: a selection of pages out
// of a JSON Lines file of the Kubernetes documentation. Run it by `make generate`.
//
// Chosen are the English pages under docs/concepts and docs/tasks whose markdown is
// 1,500 to 12,000 bytes: whole pages of the two sections that read like answers to
// questions, without stubs and without the few that would be half of the bytes. The
// pages themselves are not changed; of each, url, title, language and markdown are kept.
//
//	go run ./tools/sample IN.jsonl.gz OUT.jsonl.gz
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	minBytes = 1_500
	maxBytes = 12_000
	minPages = 60
	maxFile  = 900 << 10
)

// page is what is kept of a line, in this order.
type page struct {
	URL      string `json:"url"`
	Title    string `json:"title"`
	Language string `json:"language"`
	Markdown string `json:"markdown"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sample IN.jsonl.gz OUT.jsonl.gz")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	f, err := os.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	pages, err := choose(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", in, err)
	}
	if len(pages) < minPages {
		return fmt.Errorf("only %d of at least %d pages were chosen of %s", len(pages), minPages, in)
	}
	if err := write(out, pages); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%s is %d bytes, more than %d", out, info.Size(), maxFile)
	}
	fmt.Printf("%s: %d pages, %d bytes\n", out, len(pages), info.Size())
	return nil
}

func choose(r io.Reader) ([]page, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	var pages []page
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		var p page
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if wanted(&p) {
			pages = append(pages, p)
		}
	}
	return pages, lines.Err()
}

func wanted(p *page) bool {
	path, ok := strings.CutPrefix(p.URL, "https://kubernetes.io/docs/")
	return ok && p.Language == "en" &&
		(strings.HasPrefix(path, "concepts/") || strings.HasPrefix(path, "tasks/")) &&
		minBytes <= len(p.Markdown) && len(p.Markdown) <= maxBytes
}

// write is the same bytes every time: no name, no time in the gzip header.
func write(path string, pages []page) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(z)
	enc.SetEscapeHTML(false)
	for i := range pages {
		if err := enc.Encode(&pages[i]); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}
