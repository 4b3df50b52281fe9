package app

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"pulse/internal/client"
	"pulse/internal/embed/embedtest"
)

// TestRevisedPageStaysFoundByVector revises a page while the endpoint is away: by what it
// says as before it is found by vector at once, and by all that it says in the end.
func TestRevisedPageStaysFoundByVector(t *testing.T) {
	s := near(t, "near-1", 64)
	a := startApp(t, withTEI(s.Start()), func(c *Config) { c.MaxChunkTokens, c.ChunkOverlapTokens = 32, 4 })
	defer s.Close()
	put := func(end string) {
		t.Helper()
		text := "# Coast\n\nThe harbour lights are seen in the evening.\n\n# Inland\n\nThe mill stands by the river still.\n\n# News\n\n" + end
		q, err := clientOf(t, a).Put(t.Context(), []client.Put{{URL: "https://example.com/1", Title: "Town", Markdown: text}}, client.PutOptions{Wait: time.Minute})
		if err != nil || q.Status != "done" {
			t.Fatalf("put: %+v, %v", q, err)
		}
	}
	found := func(when string, lacking int) {
		t.Helper()
		if hits, degraded := vectorHits(t, a, "harbour lights in the evening"); len(degraded) > 0 || !slices.Equal(hits, []string{"https://example.com/1"}) {
			t.Errorf("%s: hits %v, degraded %v", when, hits, degraded)
		}
		if size := a.Services().Index.Size(); size.Chunks < 2 || size.Vectors != size.Chunks-lacking {
			t.Errorf("%s: the index holds %+v", when, size)
		}
	}
	put("The market is on Monday.")
	untilNoVectorsPend(t, a)
	found("at first", 0) // the query's vector is remembered: it needs no endpoint from now on
	s.Change(func(s *embedtest.TEI) {
		s.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
	})
	put("The market is on Tuesday.")
	found("while the endpoint is away", 1)
	s.Change(func(s *embedtest.TEI) { s.Fail = nil })
	untilNoVectorsPend(t, a)
	found("in the end", 0)
}
