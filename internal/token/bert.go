package token

// bertNormalizer is the reference's BertNormalizer: it drops controls and makes all
// white space plain, puts spaces around Chinese characters, drops accents, lower-cases.
type bertNormalizer struct{ cleans, spacesChinese, stripsAccents, lowers bool }

func newBertNormalizer(p *part) bertNormalizer {
	b := bertNormalizer{cleans: p.flag("clean_text", true), spacesChinese: p.flag("handle_chinese_chars", true), lowers: p.flag("lowercase", true)}
	b.stripsAccents = p.flag("strip_accents", b.lowers)
	return b
}

func (b bertNormalizer) normalize(n *aligned) {
	classes := bertClasses()
	if b.cleans {
		n.filter(func(r rune) bool { return classes.of(r)&bertRemoved != 0 })
		n.edit(func(dst []changedRune, r rune) []changedRune {
			if classes.of(r)&bertBlank != 0 {
				r = ' '
			}
			return append(dst, changedRune{r: r})
		})
	}
	if b.spacesChinese {
		n.edit(func(dst []changedRune, r rune) []changedRune {
			if classes.of(r)&bertChinese == 0 {
				return append(dst, changedRune{r: r})
			}
			return append(dst, changedRune{r: ' '}, changedRune{r: r, change: 1}, changedRune{r: ' ', change: 1})
		})
	}
	if b.stripsAccents {
		formNFD().normalize(n)
		n.filter(func(r rune) bool { return classes.of(r)&bertNonspacing != 0 })
	}
	if b.lowers {
		lowercase{}.normalize(n)
	}
}

// edit puts what change appends for each character in its place.
func (n *aligned) edit(change func(dst []changedRune, r rune) []changedRune) {
	n.each(func(p piece, text string) {
		n.changes = n.changes[:0]
		for _, r := range text {
			n.changes = change(n.changes, r)
		}
		n.transform(p, 0, n.changes)
	})
}

// bertPreTokenizer splits at white space, and around each punctuation character.
type bertPreTokenizer struct{}

func (bertPreTokenizer) preTokenize(n *aligned) {
	n.split(removed, classFinder{bertClasses, bertSpace}.find)
	n.split(isolated, classFinder{bertClasses, bertPunctuation}.find)
}

// whitespaceSplit splits at white space.
type whitespaceSplit struct{}

func (whitespaceSplit) preTokenize(n *aligned) {
	n.split(removed, classFinder{regexClasses, classSpace}.find)
}

// whitespaceFinder finds what the pre-tokenizer Whitespace drops: all but \w+ and [^\w\s]+.
type whitespaceFinder struct{}

func (whitespaceFinder) find(dst []match, text string) []match {
	classes, start, before := regexClasses(), 0, uint8(0)
	for i, r := range text {
		class := classes.of(r) & (classWord | classSpace)
		if i > 0 && class != before {
			dst = append(dst, match{start, i, before&classSpace != 0})
			start = i
		}
		before = class
	}
	return append(dst, match{start, len(text), before&classSpace != 0})
}

// The kinds of runeFacts, and what the number beside each means.
const (
	factWord    uint32 = iota // part of a word, as it is
	factMapped                // part of a word as texts[number]
	factSpace                 // ends a word
	factAlone                 // a word of its own, with token number
	factDropped               // nothing
	factTangled               // only a whole run of characters can be normalized (see tangle)
	factBits    = 3
)

// runeFacts are what bertNormalizer and bertPreTokenizer together make of a character,
// whatever stands beside it: kind | number<<factBits.
type runeFacts [0x1100]*[256]uint32

// bertFacts builds runeFacts.
type bertFacts struct {
	normalizer bertNormalizer
	words      *wordPieces
	classes    *runeClasses
	form       *form
	lower      map[rune]string
	busy       [0x1100]bool // blocks where accents or case change a character
	one        [1]rune
	texts      []string
	numbers    map[string]uint32
}

func newBertFacts(b bertNormalizer, words *wordPieces) (*runeFacts, []string) {
	f := bertFacts{normalizer: b, words: words, classes: bertClasses(), form: formNFD(), lower: lowerTexts(), numbers: map[string]uint32{}}
	f.findBusy()
	var facts runeFacts
	shared := map[[256]uint32]*[256]uint32{}
	for i := range facts {
		block := f.block(rune(i) << 8)
		if shared[block] == nil {
			shared[block] = &block
		}
		facts[i] = shared[block]
	}
	return &facts, f.texts
}

func (f *bertFacts) findBusy() {
	for r := range f.form.decompose {
		f.busy[r>>8] = true
	}
	for r := range f.lower {
		f.busy[r>>8] = true
	}
	for block := hangulFirst >> 8; block <= hangulLast>>8; block++ {
		f.busy[block] = true
	}
}

func (f *bertFacts) block(first rune) (block [256]uint32) {
	for i := range block {
		block[i] = f.of(first + rune(i))
	}
	return block
}

func (f *bertFacts) of(r rune) uint32 {
	class := f.classes.of(r)
	if f.normalizer.cleans {
		if class&bertRemoved != 0 {
			return factDropped
		}
		if class&bertBlank != 0 {
			return factSpace
		}
	}
	alone := f.normalizer.spacesChinese && class&bertChinese != 0
	text, tangled := f.normalize(r)
	if tangled {
		return factTangled
	}
	return f.fact(r, text, alone)
}

// normalize is what accents and case leave of a character. It is tangled if it holds a
// mark that stays, and whose place depends on other marks.
func (f *bertFacts) normalize(r rune) (text []rune, tangled bool) {
	if !f.busy[r>>8] && f.classes.of(r)&bertNonspacing == 0 && f.form.combining.of(r) == 0 {
		f.one[0] = r
		return f.one[:], false
	}
	parts := []changedRune{{r: r}}
	if f.normalizer.stripsAccents {
		parts = f.form.appendDecomposed(nil, r)
	}
	for _, p := range parts {
		if f.normalizer.stripsAccents && f.classes.of(p.r)&bertNonspacing != 0 {
			continue
		}
		tangled = tangled || f.normalizer.stripsAccents && f.form.combining.of(p.r) != 0
		if to, ok := f.lower[p.r]; ok && f.normalizer.lowers {
			text = append(text, []rune(to)...)
		} else {
			text = append(text, p.r)
		}
	}
	return text, tangled
}

func (f *bertFacts) fact(r rune, text []rune, alone bool) uint32 {
	if len(text) == 0 {
		return factDropped
	}
	var union uint8
	for _, t := range text {
		union |= f.classes.of(t) & (bertSpace | bertPunctuation)
	}
	switch {
	case union == bertSpace && len(text) == 1:
		return factSpace
	case (union == bertPunctuation || union == 0 && alone) && len(text) == 1:
		return factAlone | f.words.appendWord(nil, string(text), 0)[0].ID<<factBits
	case union != 0 || alone:
		return factTangled
	case len(text) == 1 && text[0] == r:
		return factWord
	}
	number, ok := f.numbers[string(text)]
	if !ok {
		number = uint32(len(f.texts))
		f.numbers[string(text)] = number
		f.texts = append(f.texts, string(text))
	}
	return factMapped | number<<factBits
}
