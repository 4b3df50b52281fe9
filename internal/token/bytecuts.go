package token

import "unicode/utf8"

// Classes of characters that decide whether a match of a split pattern ends between two.
const (
	cutLetter = iota
	cutNumber
	cutLineEnd // \r, \n
	cutWhite
	cutApostrophe
	cutOther
	cutClasses
)

// asciiCuts are the classes of ASCII.
var asciiCuts = func() (classes [utf8.RuneSelf]uint8) {
	for i := range classes {
		classes[i] = [...]uint8{asciiOther: cutOther, asciiLetter: cutLetter, asciiDigit: cutNumber,
			asciiBlank: cutWhite, asciiWhite: cutWhite}[asciiClasses[i]]
	}
	classes['\r'], classes['\n'], classes['\''] = cutLineEnd, cutLineEnd, cutApostrophe
	return classes
}()

// cutTable says between which classes a match always ends, wherever scanning began and
// whatever follows. Left out is what may be inside of a match, and white space on the
// left: how much of it a match takes depends on what follows.
type cutTable [cutClasses][cutClasses]bool

func newCutTable(gpt2 bool, digits int) *cutTable {
	t := &cutTable{}
	allow := func(left int, rights ...int) {
		for _, right := range rights {
			t[left][right] = true
		}
	}
	allow(cutLetter, cutNumber, cutLineEnd, cutWhite, cutApostrophe, cutOther)
	allow(cutNumber, cutLetter, cutLineEnd, cutWhite, cutApostrophe, cutOther)
	allow(cutOther, cutNumber, cutWhite)
	allow(cutApostrophe, cutNumber, cutWhite)
	if gpt2 {
		allow(cutOther, cutLetter, cutLineEnd)
		allow(cutApostrophe, cutLineEnd)
	} else {
		allow(cutLineEnd, cutLetter, cutNumber, cutApostrophe, cutOther)
		t[cutNumber][cutNumber] = digits == 1
	}
	return t
}

// cutClass is the class of a character.
func cutClass(r rune) uint8 {
	if r < utf8.RuneSelf {
		return asciiCuts[r]
	}
	switch regexClasses().of(r) & (classLetter | classNumber | classSpace) {
	case classLetter:
		return cutLetter
	case classNumber:
		return cutNumber
	case classSpace:
		return cutWhite
	}
	return cutOther
}

// cuts reports whether a match always ends at a place of a text.
func (p *splitter) cuts(text string, at int) bool {
	left, right := text[at-1], text[at]
	if left|right < utf8.RuneSelf {
		return p.table[asciiCuts[left]][asciiCuts[right]]
	}
	l, _ := utf8.DecodeLastRuneInString(text[:at])
	r, _ := utf8.DecodeRuneInString(text[at:])
	return p.table[cutClass(l)][cutClass(r)]
}

// cutBytes is how far the cuts that are told lie apart at least. To tell all costs half as
// much as to count; where spans end, these few bytes are counted.
const cutBytes = 16

// byteMeasure tells a Counts the cuts of one stretch.
type byteMeasure struct {
	m      *bytePairs
	counts *Counts
	given  string   // the stretch
	text   string   // the same in the form
	source []source // of text's bytes; nil where it is the text as given
	base   int      // of what source counts
	next   int      // of text, where a cut is wanted
}

// cut tells a cut at a place of text, after n tokens of it.
func (b *byteMeasure) cut(at, n int) {
	if b.m.added != nil && b.m.added.mayCross(b.text, at) {
		return
	}
	b.next = at + cutBytes
	if b.source == nil {
		b.counts.cut(at, n)
		return
	}
	place := b.source[at].start - b.base
	if b.source[at-1].end-b.base == place && b.m.form.leaves(b.given, place) {
		b.counts.cut(place, n)
	}
}

// wants reports whether a cut at a place is worth telling: it is not near the last one, or
// at an end of a line, where spans begin and end.
func (b *byteMeasure) wants(text string, at int) bool {
	return at >= b.next || text[at-1] == '\n' || text[at] == '\n'
}

// leaves reports whether normalizing leaves the characters on both sides of a place alone.
func (f *form) leaves(s string, at int) bool {
	left, _ := utf8.DecodeLastRuneInString(s[:at])
	right, _ := utf8.DecodeRuneInString(s[at:])
	return f.open.of(left)|f.open.of(right) == 0
}

func (m *bytePairs) measure(c *Counts, s stretch) int {
	b := byteMeasure{m: m, counts: c, given: s.text, text: s.text, base: s.base}
	if m.form == nil || m.form.unchanged(s.text) == len(s.text) {
		return b.run()
	}
	w := pipelineScratches.Get().(*pipelineScratch)
	defer pipelineScratches.Put(w)
	w.text.reset(s)
	m.form.normalize(&w.text)
	b.text, b.source = w.text.string(), w.text.source
	return b.run()
}

// run counts the tokens of text and tells the cuts.
func (b *byteMeasure) run() int {
	n, at := 0, 0
	for scan := b.m.added.scan(b.text); scan.next(); at = scan.end {
		if at < scan.start {
			n = b.words(at, scan.start, n)
		}
		n++
	}
	if at < len(b.text) {
		n = b.words(at, len(b.text), n)
	}
	return n
}

// words counts the tokens of a part of text on top of n.
func (b *byteMeasure) words(at, limit, n int) int {
	table := b.m.cache.table.Load()
	text := b.text[:limit]
	var batch wordBatch
	for at < limit {
		from := at
		at = batch.scan(b.m, text, at)
		for i := range batch.words[:batch.n] {
			w := &batch.words[i]
			if e := table.first(w.key); e.holds(w.key) {
				n += e.count()
			} else {
				n += b.m.countWord(table, text[from:w.end], w.key)
			}
			if w.end < limit && b.wants(text, w.end) && (b.m.split.cuts(text, w.end) || cutsLetters(text, w.end)) {
				b.cut(w.end, n)
			}
			from = w.end
		}
	}
	return n
}

// cutsLetters reports whether a place between words or segments stands between letters
// that are none of a contraction: it is one between segments.
func cutsLetters(text string, at int) bool {
	if text[at-1]|text[at] < utf8.RuneSelf {
		return false
	}
	l, _ := utf8.DecodeLastRuneInString(text[:at])
	r, _ := utf8.DecodeRuneInString(text[at:])
	return l >= 0x800 && r >= 0x800 && cutClass(l) == cutLetter && cutClass(r) == cutLetter
}
