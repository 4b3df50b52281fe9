// Package sample is the crawl that `pulse try` delivers: 181 pages of the Kubernetes
// documentation, CC BY 4.0, The Kubernetes Authors (ATTRIBUTION.md).
package sample

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // the crawl
	"encoding/json"
	"fmt"
)

//go:embed crawl.jsonl.gz
var crawl []byte

// Attribution is one line that names the work, its authors and its licence.
const Attribution = "Kubernetes documentation, The Kubernetes Authors, CC BY 4.0, https://kubernetes.io/docs/"

// Page is one page as it was crawled.
type Page struct {
	URL      string `json:"url"`
	Title    string `json:"title"`
	Language string `json:"language"` // as "en"
	Markdown string `json:"markdown"`
}

// Pages reads the whole crawl. An error means that the binary was built wrongly.
func Pages() ([]Page, error) {
	z, err := gzip.NewReader(bytes.NewReader(crawl))
	if err != nil {
		return nil, fmt.Errorf("open the sample crawl: %w", err)
	}
	var pages []Page
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p Page
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("read page %d of the sample crawl: %w", len(pages)+1, err)
		}
		pages = append(pages, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the sample crawl: %w", err)
	}
	return pages, nil
}
