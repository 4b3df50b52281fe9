package token

import "sync"

// classRange gives the code points first to last a class; a table leaves class 0 out.
type classRange struct {
	first, last rune
	class       uint8
}

// runeText is what a code point becomes.
type runeText struct {
	r    rune
	text string
}

// composition is a pair of code points that NFC joins.
type composition struct{ first, second, composite rune }

// Bits of regexRanges: what the reference's regular expressions call a character.
const (
	classLetter uint8 = 1 << iota // \p{L}
	classNumber                   // \p{N}
	classSpace                    // \s, and char::is_whitespace
	classMark                     // \p{M}
	classWord                     // \w of the pre-tokenizer Whitespace
	classDigit                    // char::is_numeric, for Digits
)

// Bits of bertRanges: what the reference's BERT code calls a character.
const (
	bertRemoved     uint8 = 1 << iota // clean_text drops it
	bertBlank                         // clean_text makes it a space
	bertChinese                       // handle_chinese_chars puts spaces around it
	bertNonspacing                    // strip_accents drops it
	bertPunctuation                   // stands alone in the pre-tokenizer, and in Punctuation
	bertSpace                         // ends a word in the pre-tokenizer
	markStripped                      // the normalizer StripAccents drops it
)

// runeClasses is a class per code point in two stages: blocks of 256 points, equal ones
// shared. An invalid rune must not be looked up.
type runeClasses [0x1100]*[256]uint8

func (t *runeClasses) of(r rune) uint8 { return t[uint32(r)>>8][uint8(r)] }

func newRuneClasses(ranges []classRange) *runeClasses {
	var t runeClasses
	for _, run := range ranges {
		for r := run.first; r <= run.last; r++ {
			block := t[r>>8]
			if block == nil {
				block = new([256]uint8)
				t[r>>8] = block
			}
			block[uint8(r)] |= run.class
		}
	}
	t.share()
	return &t
}

// share lets equal blocks be one.
func (t *runeClasses) share() {
	seen := map[[256]uint8]*[256]uint8{{}: new([256]uint8)}
	for i, block := range t {
		var key [256]uint8
		if block != nil {
			key = *block
		}
		if seen[key] == nil {
			seen[key] = block
		}
		t[i] = seen[key]
	}
}

// The tables are built at their first use: a process that loads no tokenizer pays nothing.
var (
	regexClasses     = sync.OnceValue(func() *runeClasses { return newRuneClasses(regexRanges) })
	bertClasses      = sync.OnceValue(func() *runeClasses { return newRuneClasses(bertRanges) })
	combiningClasses = sync.OnceValue(func() *runeClasses { return newRuneClasses(combiningRanges) })
	graphemeClasses  = sync.OnceValue(func() *runeClasses { return newRuneClasses(graphemeRanges) })
	lowerTexts       = sync.OnceValue(func() map[rune]string { return textsByRune(lowerCases) })
)

func textsByRune(rows ...[]runeText) map[rune]string {
	out := map[rune]string{}
	for _, list := range rows {
		for _, row := range list {
			out[row.r] = row.text
		}
	}
	return out
}
