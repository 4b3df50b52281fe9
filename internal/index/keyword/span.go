package keyword

import (
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// span cuts the text from start, by the full rules, up to a place where the rules
// look at ASCII on both sides and break: after a space, before ASCII. It returns
// that place.
func (s *scanner) span(start int) (end int) {
	end = s.spanEnd(start)
	it := words.FromString(s.text[start:end])
	for it.Next() {
		s.token(it.Value(), start+it.Start())
	}
	return end
}

func (s *scanner) spanEnd(start int) int {
	for i := start + 1; i < len(s.text); i++ {
		if s.text[i] < 0x80 && isSpace(s.text[i-1]) {
			return i
		}
	}
	return len(s.text)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// token takes one token of the word rules apart: characters that are indexed in
// pairs go to the run, which may reach over several tokens; the stretches between
// are words.
func (s *scanner) token(token string, at int) {
	wordStart, content := at, false
	s.buf = s.buf[:0]
	for i := 0; i < len(token); {
		r, size := utf8.DecodeRuneInString(token[i:])
		switch {
		case inPairs(r):
			s.endWord(content, wordStart, at+i)
			s.pair(token[i:i+size], at+i)
			wordStart, content = at+i+size, false
		case len(s.buf) == 0 && s.inRun(at+i) && unicode.Is(unicode.Mn, r):
			s.prevEnd = at + i + size
			wordStart = s.prevEnd
		default:
			s.buf = appendFold(s.buf, r, token[i:i+size])
			content = content || isContent(r)
		}
		i += size
	}
	s.endWord(content, wordStart, at+len(token))
}

// isContent says whether a rune makes a word worth a term.
func isContent(r rune) bool {
	if r < utf8.RuneSelf {
		return asciiClass[r] == classLetter || asciiClass[r] == classDigit
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

// endWord emits the folded word in buf, cut where it is too long.
func (s *scanner) endWord(content bool, start, end int) {
	word := s.buf
	s.buf = s.buf[:0]
	if !content || len(word) == 0 {
		return
	}
	s.endRun()
	s.identifier(word, formOf(s.text[start:end]), start, end)
}

// inRun says whether a character at the offset would continue the run.
func (s *scanner) inRun(at int) bool { return s.runLen > 0 && s.prevEnd == at }

// pair adds one character to the run, or begins a new one with it.
func (s *scanner) pair(char string, at int) {
	if !s.inRun(at) {
		s.endRun()
		s.runLen = 0
	}
	if s.runLen > 0 {
		n := len(s.prev)
		s.prev = append(s.prev, char...)
		s.emit(s.prev, kindExact, s.prevStart, at+len(char))
		s.prev = append(s.prev[:0], s.prev[n:]...)
	} else {
		s.prev = append(s.prev[:0], char...)
	}
	s.runLen++
	s.prevStart, s.prevEnd = at, at+len(char)
}

// endRun ends the run; a character that stood alone becomes a term by itself.
func (s *scanner) endRun() {
	if s.runLen == 1 {
		s.emit(s.prev, kindExact, s.prevStart, s.prevEnd)
	}
	s.runLen = 0
}
