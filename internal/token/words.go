// Package token counts what an embedding model counts. Chunks are cut to a number
// of tokens, so that a model never cuts one short.
//
// The package is pure.
package token

import (
	"unicode"
	"unicode/utf8"
)

// Words counts words: what stands between white space is one, a character of a
// script that is written without blanks is one of its own, and a very long word
// counts once for every wordBytes of it. It stands in where no model's tokenizer is
// configured. Counts add up: two texts with white space between them count as
// many words as both alone.
type Words struct{}

// wordBytes is where a word counts again. Longer ones are data, not language, and
// without a bound one word could make a chunk of megabytes.
const wordBytes = 64

// Name names the way of counting; it is part of a layout.
func (Words) Name() string { return "words-1" }

// Count counts the words of s, in linear time and without allocating.
func (Words) Count(s string) int {
	n := 0
	run := 0 // bytes of the current word since it last counted; 0 is outside of words
	for i := 0; i < len(s); {
		size := 1
		if c := s[i]; c < utf8.RuneSelf {
			if asciiSpace[c] {
				run = 0
				i++
				continue
			}
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if Unspaced(r) {
				n++
				run = 0
				i += size
				continue
			}
			if unicode.IsSpace(r) {
				run = 0
				i += size
				continue
			}
		}
		if run == 0 || run >= wordBytes {
			n++
			run = 0
		}
		run += size
		i += size
	}
	return n
}

var asciiSpace = [utf8.RuneSelf]bool{' ': true, '\t': true, '\n': true, '\v': true, '\f': true, '\r': true}

// Unspaced says whether a character belongs to a script that models count by the
// character, and that may be cut anywhere: Chinese, Japanese and Korean with their
// punctuation, Yi, Thai, Lao, Tibetan, Burmese, Khmer. White space never does.
func Unspaced(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r <= 0x11ff:
		return r <= 0x109f || r >= 0x1100
	case r <= 0x2fff:
		return 0x1780 <= r && r <= 0x17ff || r >= 0x2e80
	case r <= 0xa4cf:
		return r != 0x3000
	case r <= 0xfaff:
		return 0xa960 <= r && r <= 0xa97f || 0xac00 <= r && r <= 0xd7ff || r >= 0xf900
	case r <= 0xffef:
		return 0xfe30 <= r && r <= 0xfe4f || r >= 0xff01
	default:
		return 0x1b000 <= r && r <= 0x1b16f || 0x20000 <= r && r <= 0x3ffff
	}
}
