package embed_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
)

// sizes are the texts of the requests that were answered, and of those that were not.
type sizes struct {
	mu       sync.Mutex
	answered []int
	late     []int
}

func (s *sizes) add(r embed.RequestStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Failure == "" {
		s.answered = append(s.answered, r.Texts)
	} else {
		s.late = append(s.late, r.Texts)
	}
}

// TestSlowServerGetsSmallerRequests has no time for requests of as many texts as it takes,
// and computes each to its end all the same; it is quick again in the end.
func TestSlowServerGetsSmallerRequests(t *testing.T) {
	var seen sizes
	s := &embedtest.Simulated{PerToken: 10 * time.Millisecond} // a full request takes 32 s
	inBubble(t, embed.Options{CacheVectors: -1, Timeout: 10 * time.Second, OnRequest: seen.add}, []*embedtest.Simulated{s}, func(t *testing.T, c *embed.Coalescer) {
		began := time.Now()
		load(t, c, 400, 64, 100)
		took := time.Since(began)
		t.Logf("400 texts of a second each took %v; late were requests of %v texts", took, seen.late)
		if took > 10*time.Minute || len(seen.late) > 12 {
			t.Errorf("400 texts of a second each took %v, with %d requests in vain", took, len(seen.late))
		}
		s.Change(func(s *embedtest.Simulated) { s.PerToken = 10 * time.Microsecond })
		load(t, c, 2000, 64, 100)
		if last := seen.answered[len(seen.answered)-10:]; slices.Max(last) < 32 {
			t.Errorf("requests of the quick server end as %v", last)
		}
	})
}
