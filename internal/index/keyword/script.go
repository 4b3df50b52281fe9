package keyword

import (
	"unicode"
	"unicode/utf8"
)

// pairRanges are the letters and marks of the scripts that are written without
// spaces, and of Hangul, whose words carry their particles: characters that are
// indexed in pairs. Digits and punctuation of the scripts are not among them.
// Ascending. Normalised text holds no half-width or compatibility forms of them.
var pairRanges = [...]struct{ low, high rune }{
	{0x0E01, 0x0E3A}, {0x0E40, 0x0E4E}, // Thai
	{0x0E81, 0x0ECF}, {0x0EDC, 0x0EDF}, // Lao
	{0x1100, 0x11FF},                                     // Hangul letters
	{0x1780, 0x17D3}, {0x17D7, 0x17D7}, {0x17DC, 0x17DD}, // Khmer
	{0x2E80, 0x2FDF}, {0x3005, 0x3007}, {0x3021, 0x3029}, {0x3038, 0x303B}, // Han
	{0x3041, 0x309A}, {0x309D, 0x309F}, // Hiragana and its marks
	{0x30A1, 0x30FA}, {0x30FC, 0x30FF}, {0x31F0, 0x31FF}, // Katakana, the long mark
	{0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, // Han
	{0xA960, 0xA97F}, {0xAC00, 0xD7FF}, // Hangul
	{0xF900, 0xFAFF}, {0x20000, 0x3FFFD}, // Han
}

// inPairs says whether a character is indexed in pairs with its neighbours.
func inPairs(r rune) bool {
	if r < pairRanges[0].low {
		return false
	}
	for _, p := range pairRanges {
		if r <= p.high {
			return r >= p.low
		}
	}
	return false
}

// appendFold appends a rune, whose bytes are char, without its case. What is not
// shown is left out, and the typographic apostrophe is the plain one.
func appendFold(buf []byte, r rune, char string) []byte {
	switch {
	case r < utf8.RuneSelf:
		return append(buf, asciiLower[r])
	case r == 'ß' || r == 'ẞ':
		return append(buf, "ss"...)
	case r == '’':
		return append(buf, '\'')
	case isHidden(r):
		return buf
	}
	if folded := fold(r); folded != r {
		return utf8.AppendRune(buf, folded)
	}
	return append(buf, char...)
}

// combiningIota is the one mark that is a case of a letter.
const combiningIota = 0x0345

// fold maps all cases of a letter to one rune, in lower case where there is one:
// the lower case of the least of them (σ for Σ, σ and ς).
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if least == combiningIota {
		return 'ι'
	}
	return unicode.ToLower(least)
}

// isHidden says whether a rune is not shown: soft hyphen, joiners, directions,
// variation selectors.
func isHidden(r rune) bool {
	switch {
	case r == 0xAD, r == 0x034F, r == 0xFEFF:
		return true
	case 0x200B <= r && r <= 0x200F, 0x202A <= r && r <= 0x202E, 0x2060 <= r && r <= 0x2064:
		return true
	case 0xFE00 <= r && r <= 0xFE0F, 0xE0100 <= r && r <= 0xE01EF:
		return true
	}
	return false
}
