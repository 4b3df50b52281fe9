package sample

import (
	"os"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	pages, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 60 {
		t.Errorf("%d pages, want at least 60", len(pages))
	}
	if len(crawl) >= 1<<20 {
		t.Errorf("the crawl is %d bytes, want less than 1 MB", len(crawl))
	}
	seen := map[string]bool{}
	for _, p := range pages {
		if seen[p.URL] {
			t.Errorf("%s is there twice", p.URL)
		}
		seen[p.URL] = true
		if p.Title == "" || p.Language != "en" || len(p.Markdown) < 1_000 {
			t.Errorf("%s: title %q, language %q, %d bytes of markdown", p.URL, p.Title, p.Language, len(p.Markdown))
		}
	}
}

func TestAttributionIsThere(t *testing.T) {
	text, err := os.ReadFile("ATTRIBUTION.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CC BY 4.0", "The Kubernetes Authors", "https://kubernetes.io/docs/", "kubernetes/website", "Changes made"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("ATTRIBUTION.md does not say %q", want)
		}
	}
}
