package token

import (
	"math/bits"
	"sort"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// repaired is a text made valid: each maximal invalid part is U+FFFD. It remembers
// where it differs, to tell positions in the text as given.
type repaired struct {
	bytes []byte
	parts []invalidPart
}

// invalidPart is an invalid part; ends are exclusive.
type invalidPart struct{ givenEnd, repairedEnd, size int }

const replacement = string(utf8.RuneError)

var repairs = sync.Pool{New: func() any { return new(repaired) }}

// repair makes a text valid. The result is the caller's until it is released.
func repair(text string) *repaired {
	r := repairs.Get().(*repaired)
	r.bytes, r.parts = r.bytes[:0], r.parts[:0]
	for i := 0; i < len(text); {
		valid := validPrefix(text[i:])
		r.bytes = append(r.bytes, text[i:i+valid]...)
		if i += valid; i == len(text) {
			break
		}
		size := invalidPrefix(text[i:])
		i += size
		r.bytes = append(r.bytes, replacement...)
		r.parts = append(r.parts, invalidPart{i, len(r.bytes), size})
	}
	return r
}

// release gives r back; its text must not be used any more.
func (r *repaired) release() { repairs.Put(r) }

func (r *repaired) text() string { return unsafe.String(unsafe.SliceData(r.bytes), len(r.bytes)) }

// start is the position in the text as given of one in the repaired text. In a
// replacement character it is where the invalid part begins.
func (r *repaired) start(at int) int {
	given, part := r.position(at)
	if part != nil {
		return part.givenEnd - part.size
	}
	return given
}

// end is start for the end of a span: in a replacement character, where the invalid part ends.
func (r *repaired) end(at int) int {
	given, part := r.position(at)
	if part != nil {
		return part.givenEnd
	}
	return given
}

// position finds a position in the text as given, or the invalid part that it is inside of.
func (r *repaired) position(at int) (int, *invalidPart) {
	i := sort.Search(len(r.parts), func(i int) bool { return r.parts[i].repairedEnd > at })
	if i < len(r.parts) && at > r.parts[i].repairedEnd-len(replacement) {
		return 0, &r.parts[i]
	}
	if i == 0 {
		return at, nil
	}
	before := r.parts[i-1]
	return before.givenEnd + at - before.repairedEnd, nil
}

// valid reports whether s is valid UTF-8.
func valid(s string) bool { return validPrefix(s) == len(s) }

// validPrefix is the length of the longest valid prefix of s.
func validPrefix(s string) int {
	for i := 0; i < len(s); {
		lead := s[i]
		if lead < utf8.RuneSelf {
			i += asciiPrefix(s[i:])
			continue
		}
		if lead >= 0xE1 && lead <= 0xEC && i+3 <= len(s) && s[i+1]&0xC0 == 0x80 && s[i+2]&0xC0 == 0x80 {
			i += 3
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(s)
}

// asciiPrefix is the length of the longest prefix of s that is ASCII.
func asciiPrefix(s string) int {
	i := 0
	for i+8 <= len(s) {
		if high := word8(s, i) & allHigh; high != 0 {
			return i + bits.TrailingZeros64(high)/8
		}
		i += 8
	}
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// invalidPrefix is the length of the maximal invalid part at the start of s: as many
// bytes as could begin a character, at least one (Unicode 15, table 3-8).
func invalidPrefix(s string) int {
	size, low, high := leadByte(s[0])
	n := 1
	for n < size && n < len(s) && low <= s[n] && s[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}

// leadByte is the length of the characters that begin with a byte, and the bounds of
// the second byte (Unicode 15, table 3-7); length 1 where none does.
func leadByte(b byte) (size int, low, high byte) {
	switch {
	case 0xC2 <= b && b <= 0xDF:
		return 2, 0x80, 0xBF
	case b == 0xE0:
		return 3, 0xA0, 0xBF
	case b == 0xED:
		return 3, 0x80, 0x9F
	case 0xE1 <= b && b <= 0xEF:
		return 3, 0x80, 0xBF
	case b == 0xF0:
		return 4, 0x90, 0xBF
	case 0xF1 <= b && b <= 0xF3:
		return 4, 0x80, 0xBF
	case b == 0xF4:
		return 4, 0x80, 0x8F
	}
	return 1, 0, 0
}
