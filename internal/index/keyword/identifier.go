package keyword

import "unicode/utf8"

// Identifiers are found by their whole and by their parts. What the word rules keep
// together (snake_case, camelCase, k8s.io, v1.31.2) is one word, and its parts are
// extra tokens in its place. What they cut (kube-apiserver, k8s.io/api) is several
// words, and the whole is an extra token in the place of the last.

// The bounds of extra tokens: what is longer is a path or a key, looked for by its
// parts if at all. Guesses.
const (
	maxParts      = 8
	maxChainWords = 4
	maxChainBytes = 48
)

// The shapes of bytes in a word.
const (
	shapeLower = 1 << iota
	shapeUpper
	shapeDigit
	shapeSign // what the word rules keep inside a word
	shapeApostrophe
	shapeWide // not ASCII
)

var shapes = func() (of [256]byte) {
	for c := range 256 {
		switch {
		case c >= 0x80:
			of[c] = shapeWide
		case 'a' <= c && c <= 'z':
			of[c] = shapeLower
		case 'A' <= c && c <= 'Z':
			of[c] = shapeUpper
		case '0' <= c && c <= '9':
			of[c] = shapeDigit
		case c == '\'':
			of[c] = shapeApostrophe
		default:
			of[c] = shapeSign
		}
	}
	return of
}()

// form is what of a word decides what becomes of it.
type form uint8

const (
	formContent form = 1 << iota // it has a letter or digit, or else is no term
	formExact                    // it has digits or signs
	formParts                    // of ASCII: letters joined by signs, or of mixed case
)

// formOf is the form of a word with content, as it stands in the text. Numbers with signs
// in them have no parts.
func formOf(raw string) form {
	shape := byte(0)
	for i := range len(raw) {
		shape |= shapes[raw[i]]
	}
	f := formContent
	if shape&(shapeDigit|shapeSign) != 0 {
		f |= formExact
	}
	letters := shape & (shapeLower | shapeUpper)
	mixed := letters == shapeLower|shapeUpper && isMixed(raw)
	if shape&shapeWide == 0 && (mixed || letters != 0 && shape&shapeSign != 0) {
		f |= formParts
	}
	return f
}

// identifier emits a folded word, its parts, and the whole that it ends.
func (s *scanner) identifier(word []byte, f form, start, end int) {
	if s.chain.words > 0 || s.joinsAt(end) {
		s.link(word, start, end)
	}
	k := kindWord
	if f&formExact != 0 {
		k = kindExact
	}
	if len(word) <= MaxTermBytes {
		s.emit(word, k, start, end)
	} else {
		s.emitCut(word, k, start, end)
	}
	if f&formParts != 0 && len(word) == end-start && len(word) <= MaxTermBytes {
		s.parts(word, s.text[start:end], start)
	}
	if s.chain.words > 1 && !s.joinsAt(end) {
		s.endChain()
	}
}

// emitCut emits a word, in pieces where it is too long.
func (s *scanner) emitCut(word []byte, k kind, start, end int) {
	for len(word) > MaxTermBytes {
		n := MaxTermBytes
		for n > 0 && !utf8.RuneStart(word[n]) {
			n--
		}
		s.emit(word[:n], kindExact, start, end)
		word = word[n:]
	}
	s.emit(word, k, start, end)
}

// isMixed says whether a capital stands past the first letter of a word that is not
// all capitals.
func isMixed(raw string) bool {
	for i := 1; i < len(raw); i++ {
		if shapes[raw[i]] == shapeUpper {
			return true
		}
	}
	return false
}

// parts emits the parts of an ASCII word: between signs, and at changes of case.
func (s *scanner) parts(word []byte, raw string, at int) {
	if len(raw) > 2 && raw[0]|0x20 == 'v' && shapes[raw[1]] == shapeDigit {
		s.emit(word[1:], kindPart, at+1, at+len(raw))
	}
	from := 0
	for i, n := 0, 0; i < len(raw) && n < maxParts; i++ {
		isSign := shapes[raw[i]]&(shapeSign|shapeApostrophe) != 0
		last := i+1 == len(raw)
		if !isSign && !last && !changes(raw, i+1) {
			continue
		}
		to := i + 1
		if isSign {
			to = i
		}
		if to > from && to-from < len(raw) {
			s.emit(word[from:to], kindPart, at+from, at+to)
			n++
		}
		from = i + 1
	}
}

// changes says whether a part begins at i by its case: fooBar, HTTPServer.
func changes(raw string, i int) bool {
	if shapes[raw[i]] != shapeUpper {
		return false
	}
	if before := shapes[raw[i-1]]; before != shapeUpper {
		return before&(shapeLower|shapeDigit) != 0
	}
	return i+1 < len(raw) && shapes[raw[i+1]] == shapeLower
}

// chain is a run of words that signs join, so far.
type chain struct {
	text       []byte
	start, end int
	words      int
}

// link adds a word to the chain, or begins one where a sign follows it.
func (s *scanner) link(word []byte, start, end int) {
	c := &s.chain
	if c.words > 0 {
		if start == c.end+1 {
			c.text = append(append(c.text, s.text[c.end]), word...)
			c.words, c.end = c.words+1, end
			return
		}
		s.endChain()
	}
	if s.joinsAt(end) {
		c.text = append(c.text[:0], word...)
		c.words, c.start, c.end = 1, start, end
	}
}

// endChain emits the whole of a chain and forgets it.
func (s *scanner) endChain() {
	c := &s.chain
	if 2 <= c.words && c.words <= maxChainWords && len(c.text) <= maxChainBytes {
		s.emit(c.text, kindWhole, c.start, c.end)
	}
	c.words = 0
}

// joinsAt says whether a sign at the offset joins words.
func (s *scanner) joinsAt(at int) bool {
	return at+1 < len(s.text) && (s.text[at] == '-' || s.text[at] == '/') && asciiClass[s.text[at+1]] != classOther
}
