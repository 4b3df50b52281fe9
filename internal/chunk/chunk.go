// Package chunk cuts a page's text into spans that an embedding model can take
// whole: at headings, between blocks, then at lines and sentences, and only where
// nothing else fits inside of a word. Here is my text; give me spans.
//
// The package is pure, and linear in the length of the text.
package chunk

import (
	"context"
	"sync"

	"pulse"
	"pulse/internal/token"
)

// Version says how texts are cut. It is part of the layout: a chunker that cuts
// otherwise gets a new one.
//
//	1: line-based blocks, greedy packing within a section
//	2: CommonMark's blocks, exact tokens, fence lines and table headers repeated
//	3: by byte-level tokenizers, ends are looked for in steps of some bytes
const Version = "3"

// Counter has a model's tokenizer, but far away: a server. It may be asked by many
// goroutines at once.
type Counter interface {
	// Tokens gives the tokens of each text, none of them empty.
	Tokens(ctx context.Context, texts []string) ([]Tokens, error)
}

// Tokens are those of one whole text.
type Tokens struct {
	Count int // exact, special ones included
	// Ends are the places behind tokens, in bytes, ascending. They say where to cut, and
	// need not be exact: what is cut is counted.
	Ends []int
}

// Options bound chunks. The zero value is the default.
type Options struct {
	MaxTokens     int // of what is embedded, heading path and special tokens included; 0 means 256
	OverlapTokens int // what a chunk may repeat of its neighbour; 0 means 50, less than 0 none
}

const (
	defaultMaxTokens     = 256
	defaultOverlapTokens = 50
)

// Piece is one chunk with what is embedded of it.
type Piece struct {
	pulse.Chunk
	Embed string
}

// Chunker cuts texts. It is safe for concurrent use.
type Chunker struct {
	maxTokens, overlap int
	packers            sync.Pool // *packer: they keep their memory
}

// New makes a chunker that counts by a tokenizer: once over each text, then by sums.
func New(t *token.Tokenizer, o Options) *Chunker {
	return newChunker(o, func() ruler { return &sums{tokenizer: t} })
}

// NewCounting makes a chunker whose tokenizer is far away. It asks for the tokens of a text,
// and a few times for those of what it would make of it, each time for many at once. The
// chunks are as exact.
func NewCounting(c Counter, o Options) *Chunker {
	return newChunker(o, func() ruler { return &served{counter: c} })
}

func newChunker(o Options, newRuler func() ruler) *Chunker {
	if o.MaxTokens <= 0 {
		o.MaxTokens = defaultMaxTokens
	}
	if o.OverlapTokens == 0 {
		o.OverlapTokens = defaultOverlapTokens
	}
	c := &Chunker{maxTokens: o.MaxTokens, overlap: max(0, min(o.OverlapTokens, o.MaxTokens/2))}
	c.packers.New = func() any {
		return &packer{ruler: newRuler(), maxTokens: c.maxTokens, overlap: c.overlap}
	}
	return c
}

// Split cuts a text, taken as markdown. What holds of the pieces:
//
//   - their spans ascend, lie on boundaries of characters (grapheme clusters, unless
//     one of them is longer than a chunk), and cover every byte that is no white space;
//   - spans of one section may overlap: a span begins with what it repeats of its
//     neighbour, at most the overlap's tokens;
//   - Tokens is what the tokenizer counts in Embed, special tokens included, and at
//     most MaxTokens. One character whose tokens alone are more is the only exception;
//   - Headings may be shortened, and are those of all sections that the span touches;
//   - Embeds, given the text and the chunks, gives each Embed again;
//   - the same text is cut the same way everywhere.
//
// The only error is the counter's.
func (c *Chunker) Split(ctx context.Context, title, text string) ([]Piece, error) {
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	return p.split(ctx, title, text)
}
