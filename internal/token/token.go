// Package token counts and numbers the tokens of a text exactly as a model does. A
// Tokenizer is made from a Hugging Face tokenizer.json and gives the ids that the
// reference implementation (the Rust library "tokenizers") gives, on every text.
//
// What a definition holds and this package does not know is refused by name.
// Truncation and padding are never applied.
//
// A text need not be valid UTF-8: each maximal part that is not, as Unicode's
// "substitution of maximal subparts" defines it, is read as one U+FFFD, which is what
// Rust's from_utf8_lossy, Python's errors="replace" and browsers do. Spans still index
// the bytes as given.
//
// A Tokenizer may be used by many goroutines at once. The package is pure.
package token

// Tokenizer turns texts into the tokens of one model.
type Tokenizer struct {
	hash    string
	added   *addedTokens // found in the text as given
	model   model
	special special
}

// Token is one token of a text: text[Start:End] is what it stands for. Where a
// character is cut into several tokens, each of them has the whole character.
type Token struct {
	ID         uint32
	Start, End int
}

// special holds the ids that the post-processor puts around a single text.
type special struct{ before, after []uint32 }

// Hash identifies the definition, in hex: the SHA-256 of its JSON, as plain text.
func (t *Tokenizer) Hash() string { return t.hash }

// Count counts the tokens of a text, without the post-processor's. It does not allocate.
func (t *Tokenizer) Count(text string) int { return t.count(text, false) }

// count counts a whole text, or what follows a cut.
func (t *Tokenizer) count(text string, inner bool) int {
	if !valid(text) {
		r := repair(text)
		defer r.release()
		text = r.text()
	}
	n := 0
	for p := t.parts(text, inner); p.next(); {
		if p.isToken {
			n++
		} else {
			n += t.model.count(p.stretch)
		}
	}
	return n
}

// AppendIDs appends the ids of a text's tokens. Only the growth of dst allocates.
func (t *Tokenizer) AppendIDs(dst []uint32, text string) []uint32 {
	if !valid(text) {
		r := repair(text)
		defer r.release()
		text = r.text()
	}
	for p := t.parts(text, false); p.next(); {
		if p.isToken {
			dst = append(dst, p.id)
		} else {
			dst = t.model.appendIDs(dst, p.stretch)
		}
	}
	return dst
}

// AppendTokens appends a text's tokens with their spans. Spans ascend, and hold all of
// the text but what the definition drops (white space, in kinds other than byte-level BPE).
func (t *Tokenizer) AppendTokens(dst []Token, text string) []Token {
	if valid(text) {
		return t.appendTokens(dst, text)
	}
	r := repair(text)
	defer r.release()
	from := len(dst)
	dst = t.appendTokens(dst, r.text())
	for i := range dst[from:] {
		token := &dst[from+i]
		token.Start, token.End = r.start(token.Start), r.end(token.End)
	}
	return dst
}

func (t *Tokenizer) appendTokens(dst []Token, text string) []Token {
	for p := t.parts(text, false); p.next(); {
		if p.isToken {
			dst = append(dst, Token{p.id, p.start, p.end})
		} else {
			dst = t.model.appendTokens(dst, p.stretch)
		}
	}
	return dst
}

// Special is the number of tokens that the post-processor adds to a single text.
func (t *Tokenizer) Special() int { return len(t.special.before) + len(t.special.after) }

// AppendSpecial is AppendIDs with the post-processor's tokens around.
func (t *Tokenizer) AppendSpecial(dst []uint32, text string) []uint32 {
	dst = append(dst, t.special.before...)
	dst = t.AppendIDs(dst, text)
	return append(dst, t.special.after...)
}
