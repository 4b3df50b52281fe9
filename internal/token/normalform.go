package token

import (
	"slices"
	"sync"
	"unicode/utf8"
)

// form is a Unicode normalization form, with the tables of the reference, whose Unicode
// is older than Go's: a mark that it does not know stays where it is.
type form struct {
	decompose map[rune]string
	compose   map[[2]rune]rune // nil for NFD and NFKD
	combining *runeClasses
	// open says what a code point can do to its neighbours (bits openX).
	open   *runeClasses
	closed [256]uint8 // see closedLeads
}

const (
	// openChanges: normalizing may change it, or move it, or join it to what stands before.
	openChanges uint8 = 1 << iota
	// openInside: normalizing may carry something over the place before it.
	openInside
)

var (
	formNFC  = sync.OnceValue(func() *form { return newForm(true, canonicalDecompositions) })
	formNFKC = sync.OnceValue(func() *form {
		return newForm(true, canonicalDecompositions, compatibleDecompositions)
	})
	formNFD  = sync.OnceValue(func() *form { return newForm(false, canonicalDecompositions) })
	formNFKD = sync.OnceValue(func() *form {
		return newForm(false, canonicalDecompositions, compatibleDecompositions)
	})
)

func newForm(composes bool, decompositions ...[]runeText) *form {
	f := &form{decompose: textsByRune(decompositions...), combining: combiningClasses()}
	seconds := map[rune]bool{}
	if composes {
		f.compose = map[[2]rune]rune{}
		for _, c := range compositions {
			f.compose[[2]rune{c.first, c.second}] = c.composite
			seconds[c.second] = true
		}
	}
	f.open = newRuneClasses(f.openRanges(seconds))
	f.closed = f.closedLeads()
	return f
}

// openRanges finds what each code point can do to its neighbours; seconds are those that
// a composition joins to what stands before them.
func (f *form) openRanges(seconds map[rune]bool) []classRange {
	var rows []classRange
	add := func(first, last rune, class uint8) { rows = append(rows, classRange{first, last, class}) }
	if f.compose == nil {
		add(hangulFirst, hangulLast, openChanges)
	} else {
		add(vowelFirst, vowelLast, openChanges|openInside)
		add(trailFirst, trailLast, openChanges|openInside)
	}
	for _, run := range combiningRanges {
		add(run.first, run.last, openChanges|openInside)
	}
	for r := range seconds {
		add(r, r, openChanges|openInside)
	}
	for r, text := range f.decompose {
		first, _ := utf8.DecodeRuneInString(text)
		switch {
		case seconds[first] || f.combining.of(first) != 0 || f.compose != nil && isLateJamo(first):
			add(r, r, openChanges|openInside)
		case f.compose == nil || !f.recomposes(r, text):
			add(r, r, openChanges)
		}
	}
	return rows
}

// isLateJamo reports a vowel or a trailing consonant, which composes with what stands before.
func isLateJamo(r rune) bool {
	return vowelFirst <= r && r <= vowelLast || trailFirst <= r && r <= trailLast
}

func (f *form) recomposes(r rune, text string) bool {
	parts := f.appendChanges(nil, text)
	return len(parts) == 1 && parts[0].r == r
}

// unchanged is the length of the longest prefix of s, ending where normalizing carries
// nothing over, that is already in the form. Invalid bytes are U+FFFD, which is.
func (f *form) unchanged(s string) int {
	safe := 0
	for i := 0; i < len(s); {
		lead := s[i]
		if lead < utf8.RuneSelf {
			i += asciiPrefix(s[i:])
			safe = i - 1
			continue
		}
		if size := int(f.closed[lead]); size > 0 && i+size <= len(s) {
			safe = i
			i += size
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch open := f.open.of(r); {
		case open&openInside != 0:
			return safe
		case open != 0:
			return i
		}
		safe = i
		i += size
	}
	return len(s)
}

// closedLeads finds the first bytes of two and three all of whose characters are left
// alone, with the length of those characters.
func (f *form) closedLeads() (sizes [256]uint8) {
	alone := func(first, last rune) bool {
		for r := first; r <= last; r++ {
			if f.open.of(r) != 0 {
				return false
			}
		}
		return true
	}
	for lead := rune(0xC2); lead < 0xF0; lead++ {
		if lead < 0xE0 && alone(lead&0x1F<<6, lead&0x1F<<6|0x3F) {
			sizes[lead] = 2
		} else if lead > 0xE0 && alone(lead&0x0F<<12, lead&0x0F<<12|0xFFF) {
			sizes[lead] = 3
		}
	}
	return sizes
}

// segment is the length of the shortest prefix of s, at least one character, after which
// normalizing carries nothing over.
func (f *form) segment(s string) int {
	_, i := utf8.DecodeRuneInString(s)
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if f.open.of(r)&openInside == 0 {
			break
		}
		i += size
	}
	return i
}

var formScratches = sync.Pool{New: func() any { return new([]changedRune) }}

// append appends s in the form.
func (f *form) append(dst []byte, s string) []byte {
	scratch := formScratches.Get().(*[]changedRune)
	defer formScratches.Put(scratch)
	for s != "" {
		n := f.unchanged(s)
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			break
		}
		n = f.segment(s)
		*scratch = f.appendChanges((*scratch)[:0], s[:n])
		for _, p := range *scratch {
			dst = utf8.AppendRune(dst, p.r)
		}
		s = s[n:]
	}
	return dst
}

// changedRune is a character of a transformed text. It took the place of 1-change
// characters of the text before: change 0 replaces one, 1 is new, -n also swallows the n
// that follow (the reference's NormalizedString.transform).
type changedRune struct {
	r      rune
	change int
	class  uint8 // combining
}

// appendChanges appends what the form makes of s, one segment or more.
func (f *form) appendChanges(dst []changedRune, s string) []changedRune {
	from := len(dst)
	for _, r := range s {
		dst = f.appendDecomposed(dst, r)
	}
	f.order(dst[from:])
	if f.compose == nil {
		return dst
	}
	return f.composeAll(dst, from)
}

// Hangul syllables are arithmetic (Unicode, chapter 3.12).
const (
	hangulFirst, hangulLast = 0xAC00, 0xD7A3
	leadFirst, leadLast     = 0x1100, 0x1112
	vowelFirst, vowelLast   = 0x1161, 0x1175
	trailBase               = 0x11A7
	trailFirst, trailLast   = trailBase + 1, 0x11C2
	vowels, trails          = 21, 28
)

func (f *form) appendDecomposed(dst []changedRune, r rune) []changedRune {
	if hangulFirst <= r && r <= hangulLast {
		n := r - hangulFirst
		dst = append(dst, changedRune{leadFirst + n/(vowels*trails), 0, 0}, changedRune{vowelFirst + n/trails%vowels, 1, 0})
		if n%trails != 0 {
			dst = append(dst, changedRune{trailBase + n%trails, 1, 0})
		}
		return dst
	}
	text, ok := f.decompose[r]
	if !ok {
		return append(dst, changedRune{r, 0, f.combining.of(r)})
	}
	change := 0
	for _, d := range text {
		dst = append(dst, changedRune{d, change, f.combining.of(d)})
		change = 1
	}
	return dst
}

// order sorts each run of marks by combining class and keeps equal ones in order.
func (f *form) order(parts []changedRune) {
	for i := 0; i < len(parts); i++ {
		from := i
		for i < len(parts) && parts[i].class != 0 {
			i++
		}
		if i-from > 1 {
			slices.SortStableFunc(parts[from:i], func(a, b changedRune) int { return int(a.class) - int(b.class) })
		}
	}
}

// composeAll joins what composes in dst[from:], as the reference does: a mark is blocked
// by one of the same or a higher class that stayed between it and the starter.
func (f *form) composeAll(dst []changedRune, from int) []changedRune {
	starter, last := -1, uint8(0) // last: class of the last mark that stayed, 0 = none
	out := from
	for _, p := range dst[from:] {
		if starter >= 0 && (last == 0 || last < p.class) {
			if joined, ok := f.join(dst[starter].r, p.r); ok {
				dst[starter].r = joined
				dst[starter].change += p.change - 1
				continue
			}
		}
		if p.class == 0 {
			starter, last = out, 0
		} else if starter >= 0 {
			last = p.class
		}
		dst[out] = p
		out++
	}
	return dst[:out]
}

func (f *form) join(a, b rune) (rune, bool) {
	switch {
	case leadFirst <= a && a <= leadLast && vowelFirst <= b && b <= vowelLast:
		return hangulFirst + ((a-leadFirst)*vowels+b-vowelFirst)*trails, true
	case hangulFirst <= a && a <= hangulLast && (a-hangulFirst)%trails == 0 && trailFirst <= b && b <= trailLast:
		return a + b - trailBase, true
	}
	r, ok := f.compose[[2]rune{a, b}]
	return r, ok
}
