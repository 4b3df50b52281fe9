// Package static makes vectors without a server: every token has a row in a table, and
// the vector of a text is the sum of its tokens' rows, brought to length 1. Builtin is
// the model inside the binary, Open reads a Model2Vec folder.
package static

import (
	"context"
	"math"
	"sync"
	"time"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/token"
)

// Embedder is one static model. It implements embed.Embedder, at once and in the
// caller's goroutine, so that nothing ever waits.
type Embedder struct {
	name      string
	tokenizer *token.Tokenizer
	table     *table
	mean      bool // the mean of the rows as it is, instead of a vector of length 1
	english   bool // see Weight
	scratch   sync.Pool
}

var _ embed.Embedder = (*Embedder)(nil)

// scratch is the memory that one text needs beside its result.
type scratch struct {
	ids     []uint32
	offsets []uint32  // of the tokens' rows in the table's codes
	weights []float32 // what a row's codes are multiplied by
	sum     []float32
	tokens  []token.Token
}

func newEmbedder(name string, tokenizer *token.Tokenizer, t *table) *Embedder {
	e := &Embedder{name: name, tokenizer: tokenizer, table: t}
	e.scratch.New = func() any { return &scratch{sum: make([]float32, t.stride)} }
	return e
}

// Model implements embed.Embedder. The name changes with the rows.
func (e *Embedder) Model() embed.Model {
	return embed.Model{Name: e.name, Dimension: e.table.dimension}
}

// Tokenizer is what the model counts and cuts by.
func (e *Embedder) Tokenizer() *token.Tokenizer { return e.tokenizer }

// Embed implements embed.Embedder. A text without a single token that the model knows
// has no vector.
func (e *Embedder) Embed(ctx context.Context, r embed.Request) ([]pulse.Vector, error) {
	vectors := make([]pulse.Vector, len(r.Texts))
	for i, text := range r.Texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		vectors[i] = e.vector(text)
	}
	return vectors, nil
}

// EmbedQuery implements embed.Embedder: the model makes no difference between queries
// and documents.
func (e *Embedder) EmbedQuery(ctx context.Context, text string) (pulse.Vector, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return e.vector(text), nil
}

// Wait implements embed.Embedder.
func (e *Embedder) Wait(embed.Lane) time.Duration { return 0 }

// vector allocates its result alone.
func (e *Embedder) vector(text string) pulse.Vector {
	s := e.scratch.Get().(*scratch)
	defer e.scratch.Put(s)
	s.ids = e.tokenizer.AppendIDs(s.ids[:0], text)
	e.table.gather(s)
	if len(s.offsets) == 0 {
		return nil
	}
	accumulate(s.sum, e.table.codes, s.offsets, s.weights)
	return e.finish(s.sum[:e.table.dimension], len(s.offsets))
}

// finish scales the sum of n rows; nil is a sum without a direction.
func (e *Embedder) finish(sum []float32, n int) pulse.Vector {
	factor := 1 / length(sum)
	if math.IsInf(factor, 0) || math.IsNaN(factor) {
		return nil
	}
	if e.mean {
		factor = 1 / float64(n)
	}
	v := make(pulse.Vector, len(sum))
	for i, x := range sum {
		v[i] = x * float32(factor)
	}
	return v
}

// length is the Euclidean length, in double precision and four partial sums.
func length(v []float32) float64 {
	var a, b, c, d float64
	for len(v) >= 4 {
		a += float64(v[0]) * float64(v[0])
		b += float64(v[1]) * float64(v[1])
		c += float64(v[2]) * float64(v[2])
		d += float64(v[3]) * float64(v[3])
		v = v[4:]
	}
	for _, x := range v {
		a += float64(x) * float64(x)
	}
	return math.Sqrt(a + b + c + d)
}
