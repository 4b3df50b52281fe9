package keyword

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Words of ASCII are cut eight bytes at a time: of a number that holds eight bytes, a few
// additions set the high bit of those that are letters, of those that are digits, and so on.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// octet is eight bytes of a text. Its sets have the high bits of their bytes.
type octet struct {
	bytes  uint64
	inside uint64 // letters, digits and _: what a word goes on with whatever stands before
	letter uint64
	upper  uint64
	digit  uint64
}

// The sets are functions of their own, small enough to be inlined.

func letterSet(x uint64) uint64 {
	folded := x&^highs | 0x20*ones
	return (folded + (0x80-'a')*ones) &^ (folded + (0x80-'z'-1)*ones) &^ x & highs
}

func digitSet(x uint64) uint64 {
	y := x &^ highs
	return (y + (0x80-'0')*ones) &^ (y + (0x80-'9'-1)*ones) &^ x & highs
}

func joinSet(x uint64) uint64 {
	return ^(x&^highs ^ '_'*ones + 0x7F*ones) &^ x & highs
}

// lower is the bytes in lower case.
func (o *octet) lower() uint64 { return o.bytes | o.upper>>2 }

// run is how many bytes at the beginning are inside.
func (o *octet) run() int { return bits.TrailingZeros64(^o.inside&highs) / 8 }

// next is the first byte from the n-th on where a word of ASCII may begin, or other
// characters; 8 where there is none.
func (o *octet) next(n int) int {
	return bits.TrailingZeros64((o.inside|o.bytes&highs)&^before(n)) / 8
}

// before has the high bits of the first n bytes, of eight at most.
func before(n int) uint64 { return highs & (1<<(8*n) - 1) }

// bytesOf is the memory of a text, to read only.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// firstWide is where a text has its first byte that is not, or its length.
func firstWide(text string) int {
	data, i := bytesOf(text), 0
	for ; i+8 <= len(data); i += 8 {
		if x := binary.LittleEndian.Uint64(data[i:]) & highs; x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for ; i < len(data) && data[i] < 0x80; i++ {
	}
	return i
}

// skip is the first place from i on where a word of ASCII may begin, or other characters.
func (s *scanner) skip(i int) int {
	for ; i+8 <= len(s.data); i += 8 {
		x := binary.LittleEndian.Uint64(s.data[i:])
		if found := letterSet(x) | digitSet(x) | joinSet(x) | x&highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s.data) && s.data[i] < 0x80 && !isInside(s.data[i]); i++ {
	}
	return i
}

func isInside(c byte) bool {
	class := asciiClass[c]
	return class == classLetter || class == classDigit || class == classJoin
}

// fastBytes bounds the words that fastWord reads.
const fastBytes = 40

// fastWord is word for short words that end eight bytes before the text does. It is not
// ok, and has done nothing, where word must look. Next is past what follows the word and
// cannot begin another, as far as it was looked at.
func (s *scanner) fastWord(start int) (next int, ok bool) {
	var seen sets
	n := 0
	for i := start; n <= fastBytes && i+8 <= len(s.data); {
		x := binary.LittleEndian.Uint64(s.data[i:])
		o := octet{bytes: x, letter: letterSet(x), digit: digitSet(x)}
		o.inside, o.upper = o.letter|o.digit|joinSet(x), o.letter&^(x<<2)
		binary.LittleEndian.PutUint64(s.fast[n:], o.lower())
		run := o.run()
		seen.add(&o, run, n == 0)
		n, i = n+run, i+run
		if run == 8 {
			continue
		}
		c := s.data[i]
		class := asciiClass[c]
		if c >= 0x80 || class != classOther && (i+1 == len(s.data) || s.data[i+1] >= 0x80) {
			return 0, false
		}
		if class == classOther || !joins(asciiClass[s.data[i-1]], class, s.text, i+1) {
			s.emitASCII(s.fast[:n], seen.form(), start, i)
			return i - run + o.next(run), true
		}
		s.fast[n] = c
		n, i = n+1, i+1
		if c != '\'' {
			seen.sign = 1
		}
	}
	return 0, false
}

// sets are what bytes of a word were in, as high bits, wherever they stood.
type sets struct{ letter, lower, digit, sign, inner uint64 }

// add counts the first n bytes of an octet, with which the word begins or goes on.
func (s *sets) add(o *octet, n int, begins bool) {
	own := before(n)
	s.letter |= o.letter & own
	s.lower |= o.letter &^ o.upper & own
	s.digit |= o.digit & own
	s.sign |= o.inside &^ o.letter &^ o.digit & own
	if begins {
		own &^= 0xFF
	}
	s.inner |= o.upper & own
}

// form is that of the word: see formOf.
func (s *sets) form() (f form) {
	if s.letter|s.digit != 0 {
		f = formContent
	}
	if s.digit|s.sign != 0 {
		f |= formExact
	}
	if s.letter != 0 && s.sign != 0 || s.lower != 0 && s.inner != 0 {
		f |= formParts
	}
	return f
}
