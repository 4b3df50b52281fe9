// Package ollama speaks to Ollama's /api/embed.
package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"pulse"
	"pulse/internal/embed"
)

// Options are what the URL says.
type Options struct {
	Model      string
	Dimensions int // 0 asks for the model's own
}

// Endpoint is one server. It implements embed.Endpoint.
type Endpoint struct {
	name   string
	caller embed.Caller
	opts   Options
}

var _ embed.Endpoint = (*Endpoint)(nil)

// New makes an endpoint; it sends nothing.
func New(name string, c embed.Caller, o Options) *Endpoint {
	return &Endpoint{name: name, caller: c, opts: o}
}

// Name implements embed.Endpoint.
func (e *Endpoint) Name() string { return e.name }

// A guess, not a measurement: Ollama says nothing of its limits but that it queues 512
// requests.
const (
	batchTexts  = 32
	numRequests = 4
)

// Describe implements embed.Endpoint. That the model is there is seen by the first text.
func (e *Endpoint) Describe(context.Context) (embed.Description, error) {
	return embed.Description{Model: e.opts.Model, BatchTexts: batchTexts, Requests: numRequests}, nil
}

type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Truncate   bool     `json:"truncate"` // false: too long a text is an error, never cut in silence
	Dimensions int      `json:"dimensions,omitempty"`
}

// Embed implements embed.Endpoint.
func (e *Endpoint) Embed(ctx context.Context, texts []string) ([]pulse.Vector, error) {
	body, err := embed.AppendJSON(request{Model: e.opts.Model, Input: texts, Dimensions: e.opts.Dimensions})
	if err != nil {
		return nil, err
	}
	data, err := e.caller.Do(ctx, http.MethodPost, "/api/embed", body)
	if err != nil {
		return nil, failure(err)
	}
	var answer struct {
		Embeddings json.RawMessage `json:"embeddings"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return embed.ScanVectors(answer.Embeddings, len(texts))
}

// failure says what an answer means: Ollama has 503 for a full queue.
func failure(err error) error {
	var s *embed.StatusError
	if !errors.As(err, &s) {
		return err
	}
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(s.Body, &said)
	kind := s.KindOf()
	if s.Status == http.StatusServiceUnavailable {
		kind = embed.Overloaded
	}
	return s.Failed(kind, said.Error)
}
