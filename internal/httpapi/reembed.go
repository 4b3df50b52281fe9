package httpapi

import (
	"context"
	"net/http"
	"time"
)

// ReembedChange is how pages are to be cut and embedded from now on; what is left out
// stays as it is.
type ReembedChange struct {
	Embedder           *string `json:"embedder,omitempty" doc:"As --embedder"`
	Tokenizer          *string `json:"tokenizer,omitempty"`
	QueryPrefix        *string `json:"query_prefix,omitempty"`
	DocumentPrefix     *string `json:"document_prefix,omitempty"`
	MaxChunkTokens     *int    `json:"max_chunk_tokens,omitempty"`
	ChunkOverlapTokens *int    `json:"chunk_overlap_tokens,omitempty"`
}

// ReembedStatus is how far a change of layout is.
type ReembedStatus struct {
	State  string    `json:"state" enum:"idle,running,done,failed"`
	Filled int64     `json:"filled" doc:"Documents, of total"`
	Total  int64     `json:"total"`
	Began  time.Time `json:"began,omitzero"`
	Error  string    `json:"error,omitempty"`
}

// Reembedder changes the layout.
type Reembedder interface {
	Reembed(ReembedChange) error // pulse.ErrConflict while another change runs
	ReembedStatus() ReembedStatus
}

func (s *server) reembedRoutes() {
	op := operation("reembed", http.MethodPost, "/v1/reembed", scopeAdmin, "state",
		"Cut and embed all pages anew, from their stored text, with other settings; search goes on by the former ones until that is done")
	op.DefaultStatus = http.StatusAccepted
	register(s, op, s.reembed)
	register(s, operation("reembed-status", http.MethodGet, "/v1/reembed", scopeRead, "state", "How far a change of settings is"), s.reembedStatus)
}

type reembedInput struct {
	Body ReembedChange
}

func (s *server) reembed(_ context.Context, in *reembedInput) (*output[ReembedStatus], error) {
	if s.deps.Reembed == nil {
		return nil, newProblem(http.StatusServiceUnavailable, "this server cannot reembed")
	}
	if err := s.deps.Reembed.Reembed(in.Body); err != nil {
		return nil, err
	}
	return answer(s.deps.Reembed.ReembedStatus()), nil
}

func (s *server) reembedStatus(context.Context, *struct{}) (*output[ReembedStatus], error) {
	if s.deps.Reembed == nil {
		return answer(ReembedStatus{State: "idle"}), nil
	}
	return answer(s.deps.Reembed.ReembedStatus()), nil
}
