package httpapi

import (
	"context"
	"net/http"
	"time"

	"pulse"
	"pulse/internal/store"
)

// Percentiles of a time; zeros while nothing was measured.
type Percentiles struct {
	P50, P99 time.Duration
}

// EmbedderStats says who embeds.
type EmbedderStats struct {
	Name      string `json:"name" doc:"none without one"`
	Model     string `json:"model,omitempty"`
	Dimension int    `json:"dimension,omitempty"`
	State     string `json:"state,omitempty" doc:"ready, warming, or away with the reason"`
}

type statsAnswer struct {
	Documents      int64            `json:"documents" doc:"Live"`
	Chunks         int64            `json:"chunks"`
	VectorsPending int64            `json:"vectors_pending"`
	Jobs           jobCounts        `json:"jobs"`
	Searchable     searchableAnswer `json:"searchable" doc:"From receipt to searchable"`
	Index          indexAnswer      `json:"index"`
	Embedder       EmbedderStats    `json:"embedder"`
}

type jobCounts struct {
	Available int64 `json:"available"`
	Retrying  int64 `json:"retrying" doc:"Of available"`
	Leased    int64 `json:"leased"`
	Done      int64 `json:"done"`
	Dead      int64 `json:"dead"`
}

type searchableAnswer struct {
	Keyword percentileAnswer `json:"keyword"`
	Vector  percentileAnswer `json:"vector"`
}

type percentileAnswer struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

type indexAnswer struct {
	Head    int64 `json:"head"`
	Applied int64 `json:"applied"`
	Behind  int64 `json:"behind" doc:"Commits"`
}

func (s *server) statsRoutes() {
	register(s, operation("stats", http.MethodGet, "/v1/stats", scopeRead, "state", "Counts, times, and how far the index is"), s.stats)
	rebuild := operation("rebuild", http.MethodPost, "/v1/rebuild", scopeAdmin, "state", "Build the index anew from the store; search goes on")
	rebuild.DefaultStatus = http.StatusAccepted
	register(s, rebuild, s.rebuild)
}

// stats reads the store first and the index after it: what the store counts as done
// then has its commit in the head, so zeros mean what DESIGN says they mean.
func (s *server) stats(ctx context.Context, _ *struct{}) (*output[statsAnswer], error) {
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	counts, err := st.Stats(ctx)
	if err != nil {
		return nil, err
	}
	out := statsAnswer{Documents: counts.Documents, Chunks: counts.Chunks, VectorsPending: counts.VectorsPending,
		Jobs: s.jobCounts(counts.Jobs), Index: s.indexState(st)}
	if s.deps.Stats != nil {
		t := s.deps.Stats()
		out.Searchable = searchableAnswer{percentiles(t.Keyword), percentiles(t.Vector)}
		out.Embedder = t.Embedder
	}
	if out.Embedder.Name == "" {
		out.Embedder.Name = "none"
	}
	return answer(out), nil
}

// jobCounts adds what only the queue knows: leases live in its memory, so that the
// store counts a leased job as available.
func (s *server) jobCounts(c store.JobCounts) jobCounts {
	q := s.deps.Queue.Counts()
	leased := max(c.Leased, min(int64(q.Leased), c.Leased+c.Available))
	available := c.Leased + c.Available - leased
	return jobCounts{Available: available, Retrying: min(max(c.Retrying, int64(q.Retrying)), available),
		Leased: leased, Done: c.Done, Dead: c.Dead}
}

func (s *server) indexState(st *store.Store) indexAnswer {
	var head, applied pulse.CommitSeq
	if search := s.deps.Search(); search != nil {
		head, applied = search.Progress()
	} else {
		head = st.Head()
	}
	return indexAnswer{Head: int64(head), Applied: int64(applied), Behind: int64(max(0, head-applied))}
}

func percentiles(p Percentiles) percentileAnswer {
	return percentileAnswer{millis(p.P50), millis(p.P99)}
}

type rebuildAnswer struct {
	Status string `json:"status" enum:"rebuilding"`
}

func (s *server) rebuild(context.Context, *struct{}) (*output[rebuildAnswer], error) {
	if s.deps.Rebuild == nil {
		return nil, s.notWarm()
	}
	if err := s.deps.Rebuild(); err != nil {
		return nil, err
	}
	return answer(rebuildAnswer{"rebuilding"}), nil
}
