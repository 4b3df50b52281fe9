package token

import "unicode/utf8"

// crossings knows which pairs of neighbouring characters stand side by side in some
// token. Between two that never do, no token lies across, so both sides of a word merge
// independently there. It may take a pair for known that is not.
type crossings struct {
	pairs [1 << (crossBits - 6)]uint64 // hashes of pairs of whole characters
	parts [256 * 256 / 64]uint64       // pairs of bytes where a token has parts of characters
}

const crossBits = 21

func newCrossings() *crossings { return &crossings{} }

// learn notes the pairs of a token.
func (c *crossings) learn(token []byte) {
	left, leftWhole := rune(-1), false
	for i := 0; i < len(token); {
		r, size := utf8.DecodeRune(token[i:])
		whole := r != utf8.RuneError || size > 1
		if !whole {
			size = partSize(token[i:])
		}
		switch {
		case i == 0:
		case whole && leftWhole:
			at := pairHash(left, r)
			c.pairs[at/64] |= 1 << (at % 64)
		default:
			at := uint(token[i-1])<<8 | uint(token[i])
			c.parts[at/64] |= 1 << (at % 64)
		}
		left, leftWhole = r, whole
		i += size
	}
}

// partSize is the length of a part of a character at the start of token: one that lacks
// its beginning, or its end.
func partSize(token []byte) int {
	n := 1
	for n < len(token) && !utf8.RuneStart(token[n]) {
		n++
	}
	return n
}

func pairHash(left, right rune) uint64 {
	return (uint64(left)<<21 | uint64(right)) * pairPrime >> (64 - crossBits)
}

// between reports whether a token may lie across the place between two characters, the
// bytes next to which are given too.
func (c *crossings) between(left, right rune, last, first byte) bool {
	pair, part := pairHash(left, right), uint(last)<<8|uint(first)
	return c.pairs[pair/64]>>(pair%64)&1 != 0 || c.parts[part/64]>>(part%64)&1 != 0
}

// segment is the length of the shortest prefix of a word that no token reaches beyond.
func (c *crossings) segment(word string) int {
	left, i := utf8.DecodeRuneInString(word)
	for i < len(word) {
		right, size := rune(0), 3
		if b := word[i]; b&0xF0 == 0xE0 {
			right = rune(b&0x0F)<<12 | rune(word[i+1]&0x3F)<<6 | rune(word[i+2]&0x3F)
		} else {
			right, size = utf8.DecodeRuneInString(word[i:])
		}
		if !c.between(left, right, word[i-1], word[i]) {
			break
		}
		left = right
		i += size
	}
	return i
}
