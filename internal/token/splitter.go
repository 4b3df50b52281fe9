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

// slack is how many bytes behind a position the fast path may look at.
const slack = 32

// end is where the match that begins at a position ends; slack bytes follow it. Short
// matches of ASCII are found by looking at eight bytes at a time; what that does not
// decide is left to slow.
func (p *splitter) end(text string, at int) int {
	end := 0
	switch c := text[at]; asciiClasses[c] {
	case asciiLetter:
		end = lettersEnd(text, at)
	case asciiBlank:
		end = p.blankEnd(text, at)
	case asciiWhite:
		if !p.gpt2 && c != '\n' && c != '\r' && asciiClasses[text[at+1]] == asciiLetter {
			end = lettersEnd(text, at+1)
		} else {
			end = p.whiteEnd(text, at)
		}
	case asciiDigit:
		end = p.digitsEnd(text, at)
	case asciiOther:
		switch {
		case c == '\'':
		case !p.gpt2 && asciiClasses[text[at+1]] == asciiLetter:
			end = lettersEnd(text, at+1)
		default:
			end = p.othersEnd(text, at)
		}
	}
	if end == 0 {
		return p.slow(text, at)
	}
	return end
}

// blankEnd is end at a space.
func (p *splitter) blankEnd(text string, at int) int {
	switch next := asciiClasses[text[at+1]]; {
	case next == asciiLetter:
		return lettersEnd(text, at+1)
	case next == asciiOther:
		return p.othersEnd(text, at+1)
	case next == asciiDigit && p.gpt2:
		return p.digitsEnd(text, at+1)
	case next == asciiDigit:
		return at + 1
	case next == beyondASCII:
		return 0
	}
	return p.whiteEnd(text, at)
}

// whiteEnd is end at white space that no space follows with a word.
func (p *splitter) whiteEnd(text string, at int) int {
	end, lineEnd := at, 0
	for end < len(text) && asciiClasses[text[end]]&^1 == asciiBlank {
		if end++; text[end-1] == '\n' || text[end-1] == '\r' {
			lineEnd = end
		}
	}
	switch {
	case end == len(text) || text[end] >= 0x80:
		return 0
	case lineEnd > 0 && !p.gpt2:
		return lineEnd
	}
	return max(end-1, at+1)
}

// digitsEnd is where a number ends.
func (p *splitter) digitsEnd(text string, at int) int {
	end := at
	for end < len(text) && asciiClasses[text[end]] == asciiDigit {
		if end++; end-at == p.digits {
			return end
		}
	}
	if end == len(text) || text[end] >= 0x80 {
		return 0
	}
	return end
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

// lettersEnd is where a run of ASCII letters ends; 0 if a byte that is not ASCII
// follows, or the end of the text is near.
func lettersEnd(text string, at int) int {
	for ; at+8 < len(text); at += 8 {
		x := word8(text, at)
		lower := x&allLow | 0x20*allOnes
		is := (lower + (0x80-'a')*allOnes) &^ (lower + (0x7F-'z')*allOnes) &^ x & allHigh
		if is != allHigh {
			at += bits.TrailingZeros64(is^allHigh) / 8
			if text[at] >= 0x80 {
				return 0
			}
			return at
		}
	}
	return 0
}

// othersEnd is where a run of ASCII characters that are neither letters, digits nor
// white space ends, with the line ends that follow (none in GPT-2's); 0 as lettersEnd.
func (p *splitter) othersEnd(text string, at int) int {
	for at < len(text) && asciiClasses[text[at]] == asciiOther {
		at++
	}
	if at == len(text) || text[at] >= 0x80 {
		return 0
	}
	if !p.gpt2 {
		at = newlines(text, at)
	}
	return at
}
