package token

import "math/bits"

// starts finds where matches begin in the ASCII at the start of a window, which is where
// one begins: a bit for each beginning, and the place up to which they are known, itself
// one; 0 if none is. Places are found with operations on whole words: x<<1 is "behind x",
// x>>1 "before x".
func (p *splitter) starts(w *window) (starts uint64, end int) {
	known := ^uint64(0)
	if w.high != 0 {
		known = 1<<bits.TrailingZeros64(w.high) - 1
	}
	white := w.blanks | w.whites | w.lineEnds
	others := known &^ (w.letters | w.digits | white)
	var cuts uint64
	if p.gpt2 {
		starts, cuts = w.startsGPT2(white&known, others, known)
	} else {
		starts, cuts = w.startsCL100K(others, known, p.digits)
	}
	if cuts == 0 {
		return 0, 0
	}
	end = 63 - bits.LeadingZeros64(cuts)
	// Whether an apostrophe begins a contraction is not decided here.
	open := w.apostrophes & others &^ (others << 1) &^ (w.blanks << 1) & (w.letters >> 1)
	if open != 0 {
		end = min(end, bits.TrailingZeros64(open))
	}
	return starts & (1<<end - 1), end
}

// startsGPT2 is starts for gpt2Split. cuts are places where a match ends whatever follows.
func (w *window) startsGPT2(white, others, known uint64) (starts, cuts uint64) {
	letters, digits := w.letters&known, w.digits&known
	words := letters | digits | others
	first := letters&^(letters<<1) | digits&^(digits<<1) | others&^(others<<1)
	starts = 1 | first&^(w.blanks<<1) | white&^(white<<1) | white&(words>>1)
	cuts = letters<<1&(known&^letters) | digits<<1&(known&^digits) |
		others<<1&(digits|white|letters&^(w.apostrophes<<1))
	return starts, cuts &^ 1
}

// startsCL100K is starts for cl100kSplit, with numbers of at most digits characters.
func (w *window) startsCL100K(others, known uint64, digits int) (starts, cuts uint64) {
	letters, numbers, lineEnds := w.letters&known, w.digits&known, w.lineEnds&known
	spaces := (w.blanks | w.whites) & known // without line ends
	words := letters | numbers | others

	othersFirst := others &^ (others << 1) &^ (w.blanks << 1)
	lettersFirst := letters &^ (letters << 1)
	joins := (spaces | othersFirst) & (lettersFirst >> 1) // belong to the letters behind them
	starts = 1 | othersFirst | lettersFirst&^(joins<<1) | numberStarts(numbers, digits)

	// Line ends directly behind others belong to those.
	taken := lineEnds &^ (lineEnds + others<<1&lineEnds)
	starts |= lineEnds & ((letters | numbers) << 1)
	spacesFirst := spaces &^ (spaces << 1)
	behindLineEnd := spacesFirst & ((lineEnds &^ taken) << 1)
	starts |= spaces&(words>>1) | spacesFirst&^behindLineEnd
	for ; behindLineEnd != 0; behindLineEnd &= behindLineEnd - 1 {
		first := behindLineEnd & -behindLineEnd
		if (spaces+first)&^spaces&lineEnds&^(first-1) == 0 {
			starts |= first // no line end follows these spaces
		}
	}

	cuts = letters<<1&(known&^letters) | numbers<<1&(known&^numbers) |
		others<<1&(numbers|spaces) | lineEnds<<1&words
	if digits == 1 {
		cuts |= numbers << 1 & numbers
	}
	return starts, cuts &^ 1
}

// numberStarts finds where numbers of at most so many digits begin.
func numberStarts(numbers uint64, digits int) uint64 {
	if digits == 1 {
		return numbers
	}
	starts := numbers &^ (numbers << 1)
	for next := starts; next != 0; {
		for range digits {
			next = next << 1 & numbers
		}
		starts |= next
	}
	return starts
}
