package token

import (
	"math/bits"
	"unsafe"
)

// A splitter is a known split pattern. Its matches follow each other without gaps, and
// each depends on where it begins and what follows, not on what stands before.
type splitter struct {
	// slow is where the match that begins at a position ends.
	slow   func(text string, at int) (end int)
	gpt2   bool // gpt2Split; else cl100kSplit with numbers of at most digits characters
	digits int
	table  *cutTable
}

func (p *splitter) find(dst []match, text string) []match {
	for at := 0; at < len(text); {
		end, _ := p.end(text, at)
		dst = append(dst, match{at, end, true})
		at = end
	}
	return dst
}

// Classes of ASCII, in the order of asciiClasses.
const (
	asciiOther = iota
	asciiLetter
	asciiDigit
	asciiBlank // space
	asciiWhite // other white space
	beyondASCII
)

var asciiClasses = func() (classes [256]uint8) {
	for i := range classes {
		switch c := byte(i); {
		case c >= 0x80:
			classes[i] = beyondASCII
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			classes[i] = asciiLetter
		case '0' <= c && c <= '9':
			classes[i] = asciiDigit
		case c == ' ':
			classes[i] = asciiBlank
		case '\t' <= c && c <= '\r':
			classes[i] = asciiWhite
		}
	}
	return classes
}()

// slack is how many bytes behind a position the fast path may look at.
const slack = 32

// end is where the match that begins at a position ends, and whether it is known to be
// ASCII. Short matches of ASCII characters are found by looking at eight bytes at a time;
// what that does not decide is left to slow.
func (p *splitter) end(text string, at int) (int, bool) {
	if at+slack > len(text) {
		return p.slow(text, at), false
	}
	c := text[at]
	switch asciiClasses[c] {
	case asciiLetter:
		if end, ok := lettersEnd(text, at); ok {
			return end, true
		}
	case asciiBlank:
		next := asciiClasses[text[at+1]]
		switch {
		case next == asciiLetter:
			if end, ok := lettersEnd(text, at+1); ok {
				return end, true
			}
		case next == asciiOther:
			if end, ok := p.othersEnd(text, at+1); ok {
				return end, true
			}
		case next == asciiDigit && !p.gpt2:
			return at + 1, true
		}
	case asciiDigit:
		if p.digits == 1 {
			return at + 1, true
		}
	case asciiOther:
		if c == '\'' {
			break
		}
		if !p.gpt2 && asciiClasses[text[at+1]] == asciiLetter {
			if end, ok := lettersEnd(text, at+1); ok {
				return end, true
			}
			break
		}
		if end, ok := p.othersEnd(text, at); ok {
			return end, true
		}
	}
	return p.slow(text, at), false
}

const (
	allLow  = 0x7F7F7F7F7F7F7F7F
	allHigh = 0x8080808080808080
	allOnes = 0x0101010101010101
)

// word8 loads eight bytes, little-endian.
func word8(text string, at int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(text)), at))
}

// lettersEnd is where a run of ASCII letters ends; false if a byte that is not ASCII
// follows, or the end of the text is near.
func lettersEnd(text string, at int) (int, bool) {
	for ; at+8 <= len(text); at += 8 {
		x := word8(text, at)
		lower := x&allLow | 0x20*allOnes
		is := (lower + (0x80-'a')*allOnes) &^ (lower + (0x7F-'z')*allOnes) &^ x & allHigh
		if is != allHigh {
			at += bits.TrailingZeros64(is^allHigh) / 8
			return at, text[at] < 0x80
		}
	}
	return at, false
}

// othersEnd is where a run of ASCII characters that are neither letters, digits nor
// white space ends, with the line ends that follow (none in GPT-2's); false as lettersEnd.
func (p *splitter) othersEnd(text string, at int) (int, bool) {
	for at < len(text) && asciiClasses[text[at]] == asciiOther {
		at++
	}
	if at == len(text) || text[at] >= 0x80 {
		return at, false
	}
	if !p.gpt2 {
		at = newlines(text, at)
	}
	return at, true
}
