package token

import (
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
		end := p.slow(text, at)
		dst = append(dst, match{at, end, true})
		at = end
	}
	return dst
}

// Classes of ASCII, in the order of asciiClasses.
const (
	asciiOther = iota
	asciiLetter
	asciiBlank // space
	asciiWhite // other white space
	asciiDigit
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

const (
	allLow  = 0x7F7F7F7F7F7F7F7F
	allOnes = 0x0101010101010101
	allHigh = 0x8080808080808080
)

// word8 loads eight bytes, little-endian.
func word8(text string, at int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(text)), at))
}
