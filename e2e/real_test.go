package e2e

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pulse/internal/bench"
)

// sharedPages reads real pages that lie beside the repository; on people's machines
// they may be absent, in CI they must be there.
func sharedPages(t *testing.T, name string) []bench.Page {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "shared", "data", "pages", name))
	if os.IsNotExist(err) && os.Getenv("CI") == "" {
		t.Skipf("skipped: ../shared/data/pages/%s is not here", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var pages []bench.Page
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var p bench.Page
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestRealPages delivers whole crawls, and asks for every page by its own title.
func TestRealPages(t *testing.T) {
	f := func(name string, pages int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := sharedPages(t, name)
			if len(all) != pages {
				t.Fatalf("%d pages, want %d", len(all), pages)
			}
			s := newServer(t)
			s.start()
			seed := seed(t)
			load := bench.Load{Base: s.base(), Connections: 8}
			deliveries := bench.NewSender(secret, seed).Crawl(all, bench.CrawlMix{Repeats: 50})
			report, err := load.Run(context.Background(), deliveries)
			if err != nil || report.Refused > 0 {
				t.Fatalf("%d deliveries turned away: %v", report.Refused, err)
			}
			stats := s.settled(2 * time.Minute)
			if stats.Documents != int64(pages) || stats.Jobs.Dead != 0 {
				t.Errorf("%d documents, want %d; %d dead jobs", stats.Documents, pages, stats.Jobs.Dead)
			}
			found, titled := 0, 0
			for _, p := range all {
				if strings.TrimSpace(p.Title) == "" { // then it has the one that its text begins with
					p.Title = s.titleOf(p.URL)
				}
				if p.Title == "" {
					continue // nothing to ask by
				}
				titled++
				if s.findsByTitle(p) {
					found++
				} else if titled-found <= 10 {
					t.Logf("not in the first three by its title: %q, %s", p.Title, p.URL)
				}
			}
			share := 100 * float64(found) / float64(titled)
			t.Logf("%s: of %d pages %d have a title, and %d of these (%.1f %%) are in the first three keyword hits for it", name, pages, titled, found, share)
			if share < 95 {
				t.Errorf("%.1f %% of the pages are found by their title, want at least 95 %%", share)
			}
			s.stop()
		})
	}
	f("k8s-en.jsonl.gz", 973)
	f("k8s-zh-ja-ko.jsonl.gz", 1014)
}

func (s *server) findsByTitle(p bench.Page) bool {
	s.t.Helper()
	for _, h := range s.hits(p.Title, 3) {
		if h.URL == p.URL {
			return true
		}
	}
	return false
}

// titleOf is the title under which a page is kept.
func (s *server) titleOf(address string) string {
	s.t.Helper()
	answer, err := s.client.Document(context.Background(), "", address)
	if err != nil {
		s.t.Fatalf("read %s: %v", address, err)
	}
	return answer.Document.Title
}
