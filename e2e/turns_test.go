package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pulse/internal/bench"
	"pulse/internal/client"
)

// crawlOf sends pages of one crawl in deliveries of 500, and returns the crawl's id.
func (s *server) crawlOf(name string, pages int) string {
	s.t.Helper()
	const each = 500
	sender := bench.NewSender(secret, uint64(len(name))+uint64(pages))
	words := strings.Repeat("some words that stand on every page of the crawl ", 30)
	for first := 0; first < pages; first += each {
		data := make([]any, 0, each)
		for i := first; i < min(pages, first+each); i++ {
			address := fmt.Sprintf("https://%s.example/%d", name, i)
			data = append(data, map[string]any{"markdown": fmt.Sprintf("# Page %d\n\n%s", i, words),
				"metadata": map[string]any{"url": address, "sourceURL": address, "title": fmt.Sprint("Page ", i), "statusCode": 200}})
		}
		body, err := json.Marshal(map[string]any{"success": true, "type": "crawl.page", "id": name, "webhookId": fmt.Sprintf("%s-%d", name, first), "data": data})
		if err != nil {
			s.t.Fatal(err)
		}
		if status := s.post(sender.Raw(body)); status != http.StatusAccepted {
			s.t.Fatalf("a delivery of crawl %s got %d", name, status)
		}
	}
	return name
}

// TestWantedPagePassesAWaitingCrawl has 50,000 pages of one crawl wait, and asks for
// one page: it is searchable within a second on an idle machine, and in any case long
// before the crawl is.
func TestWantedPagePassesAWaitingCrawl(t *testing.T) {
	s := newServer(t)
	s.start()
	s.ready()
	s.crawlOf("flood", 50_000)
	for i := range 3 {
		start := time.Now()
		put := client.Put{URL: fmt.Sprintf("https://wanted.example/%d", i), Markdown: "the wanted page"}
		answer, err := s.client.Put(context.Background(), []client.Put{put}, client.PutOptions{Wait: 30 * time.Second})
		took := time.Since(start)
		if err != nil || answer.Status != "done" {
			t.Fatalf("put: %+v, %v", answer, err)
		}
		stats, err := s.client.Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("searchable after %v, %d pages of the crawl still wait", took, stats.Jobs.Available)
		if stats.Jobs.Available < 5_000 {
			t.Fatalf("only %d pages wait: the test shows nothing", stats.Jobs.Available)
		}
		if took > 5*time.Second {
			t.Errorf("a wanted page was searchable after %v", took)
		}
	}
	s.stop()
}

// TestCrawlsAdvanceTogether queues three crawls one after the other while nobody
// works, then lets the workers run: at half of the way they are within 20 %.
func TestCrawlsAdvanceTogether(t *testing.T) {
	const pages = 2_000
	s := newServer(t, "--workers", "0")
	s.start()
	crawls := []string{s.crawlOf("first", pages), s.crawlOf("second", pages), s.crawlOf("third", pages)}
	s.stop()
	s.args = []string{"--workers", "8"}
	s.start()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var done [3]int64
	err := bench.Until(ctx, 2*time.Millisecond, func() (bool, error) {
		var sum int64
		list, err := s.client.Crawls(ctx, client.CrawlFilter{}, client.Page{})
		if err != nil {
			return false, err
		}
		for i, id := range crawls {
			for _, c := range list.Crawls {
				if c.ID == id {
					done[i] = c.Pages.Indexed
				}
			}
			sum += done[i]
		}
		return sum > pages*3/2, nil
	})
	if err != nil {
		t.Fatalf("%v; done %v", err, done)
	}
	t.Logf("at half of the way the crawls stand at %v of %d", done, pages)
	if low, high := min(done[0], done[1], done[2]), max(done[0], done[1], done[2]); float64(low) < 0.8*float64(high) {
		t.Errorf("the crawls stand at %v: not within 20 %%", done)
	}
	s.settled(time.Minute)
	s.stop()
}
