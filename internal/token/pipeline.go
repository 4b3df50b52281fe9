package token

import "sync"

// A normalizer changes the text; a preTokenizer splits it into words, and may change it
// too. Both work on every piece of n, where pieces that are tokens already stay as they are.
type (
	normalizer   interface{ normalize(n *aligned) }
	preTokenizer interface{ preTokenize(n *aligned) }
)

// A wordModel turns one word, what stands between two places where the pre-tokenizer
// split, into tokens. Spans are byte positions in word plus base.
type wordModel interface {
	appendWord(dst []Token, word string, base int) []Token
}

// pipeline is the model that does one step after the other, on any combination of them,
// as the reference does. It measures no cuts.
type pipeline struct {
	normalizers   []normalizer
	added         *addedTokens // found in the normalized text
	preTokenizers []preTokenizer
	words         wordModel
}

// pipelineScratch is what one run needs.
type pipelineScratch struct {
	text   aligned
	tokens []Token
}

var pipelineScratches = sync.Pool{New: func() any { return new(pipelineScratch) }}

// run leaves the tokens of s in w, with spans in its text.
func (p *pipeline) run(w *pipelineScratch, s stretch) {
	w.text.reset(s)
	w.tokens = w.tokens[:0]
	for _, step := range p.normalizers {
		step.normalize(&w.text)
	}
	w.text.splitAdded(p.added)
	for _, step := range p.preTokenizers {
		step.preTokenize(&w.text)
	}
	text := w.text.string()
	for _, piece := range w.text.pieces {
		if piece.isToken {
			w.tokens = append(w.tokens, Token{piece.id, piece.start, piece.end})
			continue
		}
		w.tokens = p.words.appendWord(w.tokens, text[piece.start:piece.end], piece.start)
	}
}

func (p *pipeline) count(s stretch) int {
	w := pipelineScratches.Get().(*pipelineScratch)
	defer pipelineScratches.Put(w)
	p.run(w, s)
	return len(w.tokens)
}

func (p *pipeline) appendIDs(dst []uint32, s stretch) []uint32 {
	w := pipelineScratches.Get().(*pipelineScratch)
	defer pipelineScratches.Put(w)
	p.run(w, s)
	for _, t := range w.tokens {
		dst = append(dst, t.ID)
	}
	return dst
}

func (p *pipeline) appendTokens(dst []Token, s stretch) []Token {
	w := pipelineScratches.Get().(*pipelineScratch)
	defer pipelineScratches.Put(w)
	p.run(w, s)
	for _, t := range w.tokens {
		t.Start, t.End = w.text.given(t.Start, t.End)
		dst = append(dst, t)
	}
	return dst
}

func (p *pipeline) measure(_ *Counts, s stretch) int { return p.count(s) }

// normalize normalizes the content of an added token.
func (p *pipeline) normalize(content string) string {
	var text aligned
	text.reset(stretch{text: content})
	for _, step := range p.normalizers {
		step.normalize(&text)
	}
	return string(text.text)
}
