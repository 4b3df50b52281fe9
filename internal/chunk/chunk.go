// Package chunk cuts a page's text into spans that an embedding model can take
// whole: at headings, between blocks, then at lines and sentences, and only where
// nothing else fits inside of a word. Here is my text; give me spans.
//
// The package is pure, and linear in the length of the text.
package chunk

import (
	"github.com/cespare/xxhash/v2"

	"pulse"
)

// Version says how texts are cut. It is part of the layout: a chunker that cuts
// otherwise gets a new one.
//
//	1: line-based blocks, greedy packing within a section
const Version = "1"

// Counter counts tokens as the embedding model does, special tokens included.
type Counter interface{ Count(s string) int }

// Options bound chunks. The zero value is the default.
type Options struct {
	MaxTokens     int // of what is embedded, heading path included; 0 means 256
	OverlapTokens int // what a chunk may repeat of its neighbour; 0 means 50, less than 0 none
}

const (
	defaultMaxTokens     = 256
	defaultOverlapTokens = 50
)

// Piece is one chunk with what is embedded and indexed of it.
type Piece struct {
	pulse.Chunk
	Embed string // as Embed composes it of the title, the chunk's headings and its span
}

// Chunker cuts texts. It is safe for concurrent use if its counter is.
type Chunker struct {
	counter    Counter
	maxTokens  int
	overlap    int
	emptyCount int // tokens of an empty text: the special ones
}

// New makes a chunker. The overlap is at most half of the limit.
func New(c Counter, o Options) *Chunker {
	if o.MaxTokens <= 0 {
		o.MaxTokens = defaultMaxTokens
	}
	if o.OverlapTokens == 0 {
		o.OverlapTokens = defaultOverlapTokens
	}
	return &Chunker{
		counter:    c,
		maxTokens:  o.MaxTokens,
		overlap:    max(0, min(o.OverlapTokens, o.MaxTokens/2)),
		emptyCount: c.Count(""),
	}
}

// Split cuts a text, taken as markdown. What holds of the pieces:
//
//   - their spans ascend, lie on rune boundaries of valid UTF-8, and cover every byte that is no
//     white space;
//   - spans of one section may overlap; a span begins with what it repeats of its
//     neighbour, at a line, a sentence or a word;
//   - Tokens is Count(Embed), and at most MaxTokens. One character whose tokens
//     alone are more is the only exception;
//   - Headings may be shortened, so that Embed(title, Headings, span) is Embed;
//   - the same text is cut the same way everywhere.
func (c *Chunker) Split(title, text string) []Piece {
	p := packer{c: c, title: title, text: text, open: closed}
	p.path.title = pathEntry{titlePart(title), c.tokens(titlePart(title))}
	for s := (scanner{text: text}); ; {
		b, ok := s.next()
		if !ok {
			break
		}
		if b.kind == heading {
			p.addHeading(b)
		} else {
			p.add(b.span, cutters[b.kind], b.kind, true)
		}
	}
	p.close()
	return p.pieces
}

// tokens counts without the special tokens, which every text has once.
func (c *Chunker) tokens(s string) int { return c.counter.Count(s) - c.emptyCount }

// piece makes the piece of a span; its tokens may still be too many.
func (c *Chunker) piece(title, text string, s span, headings []string) Piece {
	embed := Embed(title, headings, text[s.start:s.end])
	return Piece{
		Chunk: pulse.Chunk{
			Start:    s.start,
			End:      s.end,
			Tokens:   c.counter.Count(embed),
			Headings: headings,
			Hash:     xxhash.Sum64String(embed),
		},
		Embed: embed,
	}
}
