// Package tei speaks to Hugging Face's text-embeddings-inference.
package tei

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"pulse"
	"pulse/internal/embed"
)

// Endpoint is one server. It implements embed.Endpoint.
type Endpoint struct {
	name   string
	caller embed.Caller
	// base64 says that vectors come by the OpenAI route as little-endian bytes. It takes
	// no truncate, so it serves only where the server never cuts a text by itself.
	base64 atomic.Bool
	info   atomic.Pointer[Info] // the last; nil before the first
}

var _ embed.Endpoint = (*Endpoint)(nil)

// New makes an endpoint; it sends nothing.
func New(name string, c embed.Caller) *Endpoint { return &Endpoint{name: name, caller: c} }

// Name implements embed.Endpoint.
func (e *Endpoint) Name() string { return e.name }

// Info is what GET /info tells, as far as it is used.
type Info struct {
	ModelID               string                     `json:"model_id"`
	ServedModelName       string                     `json:"served_model_name"`
	ModelType             map[string]json.RawMessage `json:"model_type"`
	MaxConcurrentRequests int                        `json:"max_concurrent_requests"`
	MaxInputLength        int                        `json:"max_input_length"`
	MaxBatchTokens        int                        `json:"max_batch_tokens"`
	MaxBatchRequests      int                        `json:"max_batch_requests"` // texts that it computes at once; 0 says nothing
	MaxClientBatchSize    int                        `json:"max_client_batch_size"`
	AutoTruncate          bool                       `json:"auto_truncate"`
	Version               string                     `json:"version"`
}

// perBatch is how many requests fill one batch of the server: two, so that one is
// computed while the next waits, and a query waits for no more than one of them.
const perBatch = 2

// Describe implements embed.Endpoint. Before 1.8 a server that says nothing of
// auto_truncate does not cut.
func (e *Endpoint) Describe(ctx context.Context) (embed.Description, error) {
	data, err := e.caller.Do(ctx, http.MethodGet, "/info", nil)
	if err != nil {
		return embed.Description{}, failure(err)
	}
	var info Info
	if err := json.Unmarshal(data, &info); err != nil {
		return embed.Description{}, fmt.Errorf("read /info: %w", err)
	}
	if err := info.check(); err != nil {
		return embed.Description{}, err
	}
	e.base64.Store(!info.AutoTruncate)
	e.info.Store(&info)
	return embed.Description{
		Model: info.name(), BatchTexts: info.batchTexts(), BatchTokens: info.MaxBatchTokens / perBatch,
		BatchBytes: payloadBytes, Permits: info.MaxConcurrentRequests,
		TextTokens: info.MaxInputLength, Cuts: info.AutoTruncate,
	}, nil
}

// batchTexts is how many texts a request may hold. What a server cannot compute at once (on
// a processor without a GPU, 4 texts) would stand in its queue before every query.
func (i *Info) batchTexts() int {
	if i.MaxBatchRequests > 0 {
		return min(i.MaxClientBatchSize, i.MaxBatchRequests)
	}
	return i.MaxClientBatchSize
}

// payloadBytes is what a request's texts may take, so that its JSON stays below the
// server's default of 2,000,000 bytes.
const payloadBytes = 1_000_000

// name is what the server calls its model.
func (i *Info) name() string {
	if i.ServedModelName != "" {
		return i.ServedModelName
	}
	return i.ModelID
}

// check refuses a server that makes no dense vectors.
func (i *Info) check() error {
	raw, ok := i.ModelType["embedding"]
	if !ok || strings.Contains(string(raw), "splade") {
		return &embed.Failure{Kind: embed.Denied, Message: fmt.Sprintf("it serves %s, which makes no dense vectors", i.ModelID)}
	}
	return nil
}

type embedRequest struct {
	Inputs   []string `json:"inputs"`
	Truncate bool     `json:"truncate"` // false: too long a text is an error, never cut in silence
}

type openAIRequest struct {
	Input    []string `json:"input"`
	Encoding string   `json:"encoding_format"`
}

// Embed implements embed.Endpoint.
func (e *Endpoint) Embed(ctx context.Context, texts []string) ([]pulse.Vector, error) {
	if e.base64.Load() {
		return e.embedBase64(ctx, texts)
	}
	body, err := embed.AppendJSON(embedRequest{Inputs: texts})
	if err != nil {
		return nil, err
	}
	data, err := e.caller.Do(ctx, http.MethodPost, "/embed", body)
	if err != nil {
		return nil, failure(err)
	}
	return embed.ScanVectors(data, len(texts))
}

func (e *Endpoint) embedBase64(ctx context.Context, texts []string) ([]pulse.Vector, error) {
	body, err := embed.AppendJSON(openAIRequest{Input: texts, Encoding: "base64"})
	if err != nil {
		return nil, err
	}
	data, err := e.caller.Do(ctx, http.MethodPost, "/v1/embeddings", body)
	if err != nil {
		return nil, failure(err)
	}
	return embed.ReadOpenAI(data, len(texts))
}

// failure says what an answer means, by its status and the words that the server has
// for it (contracts: do not assume JSON on any error).
func failure(err error) error {
	var s *embed.StatusError
	if !errors.As(err, &s) {
		return err
	}
	var said struct {
		Error     string `json:"error"`
		ErrorType string `json:"error_type"`
		Message   string `json:"message"` // of the OpenAI route
	}
	_ = json.Unmarshal(s.Body, &said)
	message := said.Error + said.Message
	kind := s.KindOf()
	switch {
	case s.Status == http.StatusUnprocessableEntity && strings.HasPrefix(message, "batch size"):
		kind = embed.TooLarge
	case s.Status == http.StatusFailedDependency && strings.Contains(message, "not a"):
		kind = embed.Denied // the wrong kind of model
	}
	return s.Failed(kind, message)
}
