package keyword

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A plain character is the same in NFKC whatever stands around it, but for what may follow
// and join it. Most texts are made of plain ones, and asking for each costs much less than
// what norm does, which looks for all that may be.

// plainBelow is where the table of plain characters ends. Above it, those of Han and
// Hangul are.
const plainBelow = 0x3400

var plainTable = sync.OnceValue(func() *[plainBelow / 64]uint64 {
	var table [plainBelow / 64]uint64
	for r := rune(0); r < plainBelow; r++ {
		if isPlainByNorm(r) {
			table[r/64] |= 1 << (r % 64)
		}
	}
	return &table
})

// isPlainByNorm is what plainTable and isPlain are made of.
func isPlainByNorm(r rune) bool {
	text := string(r)
	p := norm.NFKC.PropertiesString(text)
	return norm.NFKC.QuickSpanString(text) == len(text) && p.BoundaryBefore() && p.CCC() == 0 && p.TrailCCC() == 0
}

func isPlain(table *[plainBelow / 64]uint64, r rune) bool {
	if r < plainBelow {
		return table[r/64]>>(r%64)&1 == 1
	}
	return r <= 0x4DBF || 0x4E00 <= r && r <= 0x9FFF || 0xAC00 <= r && r <= 0xD7A3
}

// plainSpan is the length of the plain characters that a text begins with.
func plainSpan(text string) int {
	table := plainTable()
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i += max(1, firstWide(text[i:]))
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if size == 1 || !isPlain(table, r) {
			return i
		}
		i += size
	}
	return len(text)
}

// quickSpan is norm.NFKC.QuickSpanString.
func quickSpan(text string) int {
	n := plainSpan(text)
	if n == len(text) || n == 0 {
		return n + norm.NFKC.QuickSpanString(text[n:])
	}
	_, last := utf8.DecodeLastRuneInString(text[:n]) // what follows may join it
	return n - last + norm.NFKC.QuickSpanString(text[n-last:])
}
