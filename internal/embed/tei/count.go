package tei

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"pulse/internal/embed"
)

// Tokens are the tokens of one text, special ones and those of the server's default prompt
// included: all that it embeds of the text.
type Tokens struct {
	Count int
	// Ends is the place in the text behind each token that stands for a part of it, in
	// bytes, ascending. Behind a default prompt they are right where a token ends at the
	// text's end: the server counts from the start of the prompt, and does not tell it.
	Ends []int
}

// Model is what the server said last that it serves; "" before it was asked.
func (e *Endpoint) Model() string {
	if i := e.info.Load(); i != nil {
		return i.name()
	}
	return ""
}

type tokenizeRequest struct {
	Inputs  []string `json:"inputs"`
	Special bool     `json:"add_special_tokens"`
}

type servedToken struct {
	Start *int `json:"start"` // null of special tokens
	Stop  *int `json:"stop"`
}

// Tokenize asks the server for the tokens of texts, none of them empty, in as few requests
// as it takes. The error is an *embed.Failure where the server answered: Refused where it
// does not take one of the texts.
func (e *Endpoint) Tokenize(ctx context.Context, texts []string) ([]Tokens, error) {
	if e.info.Load() == nil {
		if _, err := e.Describe(ctx); err != nil {
			return nil, err
		}
	}
	out := make([]Tokens, 0, len(texts))
	for from := 0; from < len(texts); {
		to := e.batchEnd(texts, from)
		tokens, err := e.tokenize(ctx, texts[from:to])
		var f *embed.Failure
		if errors.As(err, &f) && f.Kind == embed.TooLarge && to-from > 1 {
			if err = e.shrink(ctx, to-from); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, tokens...)
		from = to
	}
	return out, nil
}

// batchEnd is the end of the texts that go into one request.
func (e *Endpoint) batchEnd(texts []string, from int) int {
	most := max(1, e.info.Load().MaxClientBatchSize)
	to, bytes := from, 0
	for to < len(texts) && to-from < most && (to == from || bytes+len(texts[to]) <= payloadBytes) {
		bytes += len(texts[to])
		to++
	}
	return to
}

// shrink reads again what the server takes, after it has found a batch too large, and
// makes it less in any case.
func (e *Endpoint) shrink(ctx context.Context, texts int) error {
	if _, err := e.Describe(ctx); err != nil {
		return err
	}
	smaller := *e.info.Load()
	smaller.MaxClientBatchSize = min(smaller.MaxClientBatchSize, texts/2)
	e.info.Store(&smaller)
	return nil
}

// tokenize is one request.
func (e *Endpoint) tokenize(ctx context.Context, texts []string) ([]Tokens, error) {
	body, err := embed.AppendJSON(tokenizeRequest{Inputs: texts, Special: true})
	if err != nil {
		return nil, err
	}
	data, err := e.caller.Do(ctx, http.MethodPost, "/tokenize", body)
	if err != nil {
		return nil, failure(err)
	}
	var answer [][]servedToken
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("read /tokenize: %w", err)
	}
	if len(answer) != len(texts) {
		return nil, fmt.Errorf("read /tokenize: %d answers for %d texts", len(answer), len(texts))
	}
	out := make([]Tokens, len(texts))
	for i := range answer {
		out[i] = tokensOf(answer[i], len(texts[i]))
	}
	return out, nil
}

// tokensOf reads the answer for a text of so many bytes. The server counts places from the
// start of its default prompt, if it has one.
func tokensOf(served []servedToken, size int) Tokens {
	last := 0
	for i := range served {
		if served[i].Stop != nil {
			last = max(last, *served[i].Stop)
		}
	}
	prompt := max(0, last-size)
	t := Tokens{Count: len(served), Ends: make([]int, 0, len(served))}
	end := 0
	for i := range served {
		if s := &served[i]; s.Start != nil && s.Stop != nil && *s.Start >= prompt {
			end = max(end, *s.Stop-prompt)
			t.Ends = append(t.Ends, end)
		}
	}
	return t
}
