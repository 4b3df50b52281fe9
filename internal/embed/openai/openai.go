// Package openai speaks to OpenAI's embeddings and to whatever imitates them.
package openai

import (
	"context"
	"encoding/json"
	"errors"
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

// New makes an endpoint; it sends nothing. Routes stand below the caller's base.
func New(name string, c embed.Caller, o Options) *Endpoint {
	return &Endpoint{name: name, caller: c, opts: o}
}

// Name implements embed.Endpoint.
func (e *Endpoint) Name() string { return e.name }

// Bounds of one request. OpenAI takes 2,048 texts of 300,000 tokens; smaller ones come
// back sooner, and imitators take less.
const (
	batchTexts  = 128
	batchTokens = 64_000
)

// Describe implements embed.Endpoint. There is no route for it.
func (e *Endpoint) Describe(context.Context) (embed.Description, error) {
	return embed.Description{Model: e.opts.Model, BatchTexts: batchTexts, BatchTokens: batchTokens}, nil
}

type request struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Encoding   string   `json:"encoding_format"`
	Dimensions int      `json:"dimensions,omitempty"`
}

// Embed implements embed.Endpoint. An imitator that knows no base64 answers lists of
// numbers, which are read too.
func (e *Endpoint) Embed(ctx context.Context, texts []string) ([]pulse.Vector, error) {
	body, err := embed.AppendJSON(request{Model: e.opts.Model, Input: texts, Encoding: "base64", Dimensions: e.opts.Dimensions})
	if err != nil {
		return nil, err
	}
	data, err := e.caller.Do(ctx, http.MethodPost, "/embeddings", body)
	if err != nil {
		return nil, failure(err)
	}
	return embed.ReadOpenAI(data, len(texts))
}

// failure says what an answer means.
func failure(err error) error {
	var s *embed.StatusError
	if !errors.As(err, &s) {
		return err
	}
	var said struct {
		Error struct {
			Message string `json:"message"`
			Code    any    `json:"code"` // a string, or null
			Type    string `json:"type"`
		} `json:"error"`
		Message string `json:"message"` // TEI's flat form
	}
	_ = json.Unmarshal(s.Body, &said)
	kind := s.KindOf()
	if said.Error.Code == "insufficient_quota" || said.Error.Type == "insufficient_quota" {
		kind = embed.Denied
	}
	return s.Failed(kind, said.Error.Message+said.Message)
}
