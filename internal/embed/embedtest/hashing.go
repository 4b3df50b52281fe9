// Package embedtest holds what tests embed with.
package embedtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/cespare/xxhash/v2"

	"pulse"
	"pulse/internal/embed"
)

// Hashing is an embedder that needs no model: every word adds one to one
// coordinate or takes one away, by its hash, and the vector is brought to length
// one. The same text has the same vector everywhere, texts with common words are
// near each other, and a query's vector is that of a text. The zero value has 64
// dimensions and never fails. Its fields are set before it is used.
type Hashing struct {
	Dim int // 0 means 64

	// Fail decides, text by text, what becomes of it: nil makes its vector;
	// ErrRefused leaves this text alone without one; any other error fails the
	// whole call. It must be safe for concurrent use. Queries ask it too.
	Fail func(text string) error

	// Delay holds up every call until it can receive, or its context ends. A
	// closed channel lets all pass.
	Delay <-chan struct{}
}

// ErrRefused is what Fail returns to have one text refused.
var ErrRefused = errors.New("text refused")

const defaultDim = 64

// Model names the embedder by its dimension.
func (h Hashing) Model() embed.Model {
	return embed.Model{Name: fmt.Sprintf("hashing-%d", h.dim()), Dimension: h.dim()}
}

func (h Hashing) dim() int {
	if h.Dim > 0 {
		return h.Dim
	}
	return defaultDim
}

// Wait implements embed.Embedder: nothing ever waits.
func (h Hashing) Wait(embed.Lane) time.Duration { return 0 }

// Embed makes one vector for each text.
func (h Hashing) Embed(ctx context.Context, r embed.Request) ([]pulse.Vector, error) {
	texts := r.Texts
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	vectors := make([]pulse.Vector, len(texts))
	for i, text := range texts {
		switch err := h.fail(text); {
		case err == nil:
			vectors[i] = h.vector(text)
		case !errors.Is(err, ErrRefused):
			return nil, fmt.Errorf("embed %d texts: %w", len(texts), err)
		}
	}
	return vectors, nil
}

// EmbedQuery makes the vector that Embed makes of the same text.
func (h Hashing) EmbedQuery(ctx context.Context, text string) (pulse.Vector, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	if err := h.fail(text); err != nil {
		return nil, fmt.Errorf("embed query: %w", err)
	}
	return h.vector(text), nil
}

func (h Hashing) wait(ctx context.Context) error {
	if h.Delay != nil {
		select {
		case <-h.Delay:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (h Hashing) fail(text string) error {
	if h.Fail == nil {
		return nil
	}
	return h.Fail(text)
}

// vector has length one, also for a text without words.
func (h Hashing) vector(text string) pulse.Vector {
	v := make(pulse.Vector, h.dim())
	for _, word := range strings.FieldsFunc(strings.ToLower(text), isNoWord) {
		hash := xxhash.Sum64String(word)
		sign := float32(1)
		if hash>>63 == 1 {
			sign = -1
		}
		v[hash%uint64(len(v))] += sign
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		v[0] = 1
		return v
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

func isNoWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }
