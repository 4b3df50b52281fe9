package keyword

import (
	"unicode/utf8"
)

// Analysis numbers what texts come to. It is raised with every change by which any text comes
// to other terms, so that files of former ones are not used.
const Analysis = 1

// MaxTermBytes bounds one term; a longer word is cut into several, as Lucene does.
const MaxTermBytes = 255

// kind says what a token of the scanner is, and so what becomes of it.
type kind uint8

const (
	kindWord  kind = iota // letters and apostrophes alone: has a stem, may be a stop word
	kindExact             // holds digits or signs, or is two characters of a run: stands as it is
	kindPart              // of an identifier that is one word: like kindWord, in its place
	kindWhole             // several words joined by signs: like kindExact, in the last one's place
)

// extra says whether a token stands in the place of another one before it.
func (k kind) extra() bool { return k >= kindPart }

// emitFunc takes one token: folded, and where it is in the text that was analysed.
// The bytes are the scanner's own until it returns.
type emitFunc func(token []byte, k kind, start, end int)

// scan cuts text into words by UAX #29, normalised (NFKC), folded to lower case,
// without what is not shown (soft hyphens, joiners). Runs of Chinese, Japanese,
// Korean, Thai, Lao and Khmer come as overlapping pairs of characters, a lone
// character as itself. Words without a letter or digit are left out. Identifiers
// come whole and in parts (see identifier.go).
func scan(text string, emit emitFunc) {
	var s scanner
	s.scan(text, emit)
}

func (s *scanner) scan(text string, emit emitFunc) {
	if isNormal(text) {
		s.run(text, emit)
		return
	}
	normal, offsets := normalise(text)
	s.run(normal, func(token []byte, k kind, start, end int) {
		emit(token, k, offsets.start(start), offsets.end(end))
	})
}

// isNormal says whether a text is UTF-8 in NFKC.
func isNormal(text string) bool {
	wide := firstWide(text)
	if wide == len(text) {
		return true
	}
	rest := text[max(wide-1, 0):] // what follows may join the character before
	return quickSpan(rest) == len(rest) && utf8.ValidString(rest)
}

// scanner cuts one normalised text. Stretches of ASCII, which most texts are made
// of, are cut by the byte; what touches other characters goes to the full rules.
type scanner struct {
	text string
	data []byte // the text's memory
	emit emitFunc
	buf  []byte               // the word being built
	fast [fastBytes + 24]byte // the same, of words that are cut by the octet

	// The run of bigram characters that has been read but not ended.
	runLen    int
	prevStart int    // of its last character
	prevEnd   int    // of it, with the marks that followed
	prev      []byte // its last character

	chain chain // of words that signs join
}

// The classes of ASCII bytes in the word rules of UAX #29.
const (
	classOther  = iota
	classLetter // ALetter
	classDigit  // Numeric
	classJoin   // ExtendNumLet: joins letters and digits
	classMidLet // MidLetter: stays inside letters
	classMidNum // MidNum: stays inside digits
	classMid    // MidNumLet and Single_Quote: stays inside either
)

var asciiClass, asciiLower = asciiTables()

func asciiTables() (class, lower [256]byte) {
	for c := range 256 {
		lower[c] = byte(c)
		switch {
		case 'a' <= c && c <= 'z':
			class[c] = classLetter
		case 'A' <= c && c <= 'Z':
			class[c], lower[c] = classLetter, byte(c)+'a'-'A'
		case '0' <= c && c <= '9':
			class[c] = classDigit
		case c == '_':
			class[c] = classJoin
		case c == ':':
			class[c] = classMidLet
		case c == ',' || c == ';':
			class[c] = classMidNum
		case c == '.' || c == '\'':
			class[c] = classMid
		}
	}
	return class, lower
}

// run cuts a text. Of a former one nothing is left but memory.
func (s *scanner) run(text string, emit emitFunc) {
	s.text, s.data, s.emit = text, bytesOf(text), emit
	for i := 0; i < len(text); {
		if c := text[i]; c >= 0x80 {
			if end := s.pairRun(i); end > i {
				i = end
			} else {
				i = s.span(i)
			}
		} else if !isInside(c) {
			i = s.skip(i)
		} else if next, ok := s.fastWord(i); ok {
			i = next
		} else if end, ok := s.word(i); ok {
			i = end
		} else {
			i = s.span(i)
		}
	}
	s.endRun()
	s.endChain()
}

// word reads the ASCII word at start and emits it. It is not ok, and nothing is
// emitted, when a character that is not ASCII decides where the word ends.
func (s *scanner) word(start int) (end int, ok bool) {
	text := s.text
	buf := s.buf[:0]
	last, content := byte(classOther), false
	i := start
	for ; i < len(text); i++ {
		c := text[i]
		class := asciiClass[c]
		switch class {
		case classLetter, classDigit:
			content = true
		case classJoin:
		case classOther:
			if c >= 0x80 {
				return 0, false
			}
			return i, s.end(buf, content, start, i)
		default:
			if i+1 < len(text) && text[i+1] >= 0x80 {
				return 0, false
			}
			if !joins(last, class, text, i+1) {
				return i, s.end(buf, content, start, i)
			}
		}
		last = class
		buf = append(buf, asciiLower[c])
	}
	return i, s.end(buf, content, start, i)
}

// joins says whether a byte of a mid class, after one of class last, stays inside
// the word because the byte at next continues it (WB6, WB7, WB11, WB12).
func joins(last, class byte, text string, next int) bool {
	if next >= len(text) {
		return false
	}
	following := asciiClass[text[next]]
	if last == classLetter && following == classLetter {
		return class != classMidNum
	}
	return last == classDigit && following == classDigit && class != classMidLet
}

// end emits a lower-case ASCII word that word has read, and keeps its memory. It is
// always true.
func (s *scanner) end(word []byte, content bool, start, end int) bool {
	s.buf = word
	if !content {
		return true
	}
	return s.emitASCII(word, formOf(s.text[start:end]), start, end)
}

// emitASCII emits a lower-case ASCII word. It is always true.
func (s *scanner) emitASCII(word []byte, f form, start, end int) bool {
	if f&formContent != 0 {
		s.endRun()
		s.identifier(word, f, start, end)
	}
	return true
}
