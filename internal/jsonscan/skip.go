package jsonscan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// skip checks the value at the cursor and passes over it. Its recursion is
// bounded by MaxDepth.
func (s *Scanner) skip() bool {
	switch s.Kind() {
	case Object:
		s.skipObject()
	case Array:
		s.skipArray()
	case String:
		s.passString()
	case Number:
		s.skipNumber()
	case Bool, Null:
		s.skipLiteral()
	default:
		s.failValue()
	}
	return s.err == nil
}

func (s *Scanner) failValue() {
	if s.pos >= len(s.data) {
		s.fail("it ends too early")
		return
	}
	s.fail(fmt.Sprintf("%q cannot begin a value", s.data[s.pos]))
}

func (s *Scanner) skipObject() {
	if !s.open('}') {
		return
	}
	for more := true; more; more = s.next('}') {
		if s.name(); s.err != nil || !s.skip() {
			return
		}
	}
}

func (s *Scanner) skipArray() {
	if !s.open(']') {
		return
	}
	for more := true; more; more = s.next(']') {
		if !s.skip() {
			return
		}
	}
}

func (s *Scanner) skipLiteral() {
	for _, word := range [...]string{"true", "false", "null"} {
		if end := s.pos + len(word); end <= len(s.data) && string(s.data[s.pos:end]) == word {
			s.pos = end
			return
		}
	}
	s.fail("expected true, false or null")
}

func (s *Scanner) skipNumber() {
	if s.data[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else if s.digits() == 0 {
		s.fail("expected a digit")
		return
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		if s.digits() == 0 {
			s.fail("expected a digit behind the point")
			return
		}
	}
	s.skipExponent()
}

func (s *Scanner) skipExponent() {
	if s.pos >= len(s.data) || s.data[s.pos]|0x20 != 'e' {
		return
	}
	s.pos++
	if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
		s.pos++
	}
	if s.digits() == 0 {
		s.fail("expected a digit in the exponent")
	}
}

// digits passes digits and tells how many.
func (s *Scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// passString checks the string at the cursor and passes over it.
func (s *Scanner) passString() bool {
	s.pos++
	for {
		s.pos = plain(s.data, s.pos)
		if s.pos >= len(s.data) {
			s.fail("a string does not end")
			return false
		}
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return true
		case c == '\\':
			if !s.passEscape() {
				return false
			}
		case c < 0x20:
			s.fail("a control character in a string")
			return false
		default:
			if !s.passRunes() {
				return false
			}
		}
	}
}

// passRunes passes a run of characters outside ASCII.
func (s *Scanner) passRunes() bool {
	for s.pos < len(s.data) && s.data[s.pos] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(s.data[s.pos:])
		if r == utf8.RuneError && size == 1 {
			s.fail("a string is not UTF-8")
			return false
		}
		s.pos += size
	}
	return true
}

func (s *Scanner) passEscape() bool {
	if s.pos+1 >= len(s.data) {
		s.fail("a string does not end")
		return false
	}
	switch s.data[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return true
	case 'u':
		if _, ok := hex4(s.data[s.pos:]); ok {
			s.pos += 6
			return true
		}
	}
	s.fail("an escape that JSON does not have")
	return false
}

// hex4 reads the number of a \uXXXX at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plain returns the first place from i on of a byte that a string cannot just
// hold: a quote, a backslash, a control character, a byte outside ASCII. It looks
// at eight bytes at a time; the lowest marked byte is exact, those above a marked
// one may be marked by a borrow.
func plain(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		quote, slash := w^('"'*lowBits), w^('\\'*lowBits)
		marked := (w - 0x20*lowBits) &^ w
		marked |= (quote - lowBits) &^ quote
		marked |= (slash - lowBits) &^ slash
		if marked = (marked | w) & highBits; marked != 0 {
			return i + bits.TrailingZeros64(marked)/8
		}
	}
	for i < len(data) && data[i] >= 0x20 && data[i] < utf8.RuneSelf && data[i] != '"' && data[i] != '\\' {
		i++
	}
	return i
}
