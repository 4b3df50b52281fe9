package keyword

import (
	"cmp"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// A word that nothing in the index holds is looked for as the terms nearest to it.
const (
	// maxCorrected bounds the words of a query that are looked for so, and maxCompared the
	// terms that are compared letter by letter, all words together: commits wait meanwhile.
	// A word beyond a bound matches nothing. Of a million terms of texts, a long word is
	// compared with 6,000; only where terms are of few letters, as hexadecimal numbers, do
	// most look alike.
	maxCorrected = 8
	maxCompared  = 1 << 18

	shortWord     = 2   // runes, up to which one error leaves nothing of a word, and none is looked for
	longWord      = 8   // runes, from which on two errors are looked for
	misspelled    = 0.5 // weight of a word by its nearest terms: a guess is worth less than a word that was asked for
	maxSuggestion = 5   // terms, of the nearest the most frequent
)

// Correction says that a word of a query was in no text, and what was searched instead.
type Correction struct {
	Word  string
	Words []string // as texts have them, the most frequent first
	terms []queryTerm
}

// suggestion is a term near a word.
type suggestion struct {
	*term
	distance, live int
}

// corrector corrects the words of one query, within its bounds.
type corrector struct {
	x        *Index
	words    int // that it may still look for
	compared int // terms that it may still compare
}

func newCorrector(x *Index) *corrector { return &corrector{x, maxCorrected, maxCompared} }

// nearest finds the terms nearest to a word; nil when none is near enough, and when
// finding out would pass a bound.
func (c *corrector) nearest(w *Word) *Correction {
	if c.words == 0 || c.compared <= 0 {
		return nil
	}
	c.words--
	found := make(map[string]suggestion)
	for _, t := range w.terms {
		wanted := newSpelling(t.text)
		for _, s := range c.x.segments {
			c.compare(wanted, s, w.limit(), found)
		}
	}
	if c.compared <= 0 {
		return nil // half of the terms would be a guess that hangs on their order
	}
	return newCorrection(w.Text, found)
}

// limit is how many errors are looked for in a word.
func (w *Word) limit() int {
	if utf8.RuneCountInString(w.Text) >= longWord {
		return 2
	}
	return 1
}

// compare notes the terms of a segment that are near a word and live.
func (c *corrector) compare(wanted *spelling, s *segment, limit int, found map[string]suggestion) {
	s.eachNear(wanted.shape, limit, func(id uint32) bool {
		live := max(s.live(inText, id), s.live(inTitle, id))
		if live == 0 {
			return true
		}
		c.compared--
		if d := wanted.distance(s.text(id), limit); d <= limit {
			candidate := s.term(id)
			known := found[candidate.text]
			found[candidate.text] = suggestion{candidate, d, known.live + int(live)}
		}
		return c.compared > 0
	})
}

func newCorrection(word string, found map[string]suggestion) *Correction {
	var all []suggestion
	for _, s := range found {
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b suggestion) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(b.live, a.live), cmp.Compare(a.text, b.text))
	})
	c := &Correction{Word: word}
	for _, s := range all {
		if s.distance > all[0].distance || len(c.terms) == maxSuggestion {
			break
		}
		c.Words = append(c.Words, s.surface)
		c.terms = append(c.terms, queryTerm{s.text, s.hash})
	}
	return c
}

// spelling is a word that others are compared with.
type spelling struct {
	runes []rune
	shape shape
	rows  [3][]int
}

func newSpelling(text string) *spelling {
	s := &spelling{runes: []rune(text), shape: shapeOf(text)}
	for i := range s.rows {
		s.rows[i] = make([]int, len(s.runes)+1)
	}
	return s
}

// shape is the set of a word's runes, each as one bit, and how many they are: enough to
// tell most words that are far apart.
type shape struct {
	set   uint64
	runes int
}

func shapeOf(text string) shape {
	var s shape
	for _, r := range text {
		s.set |= 1 << (uint32(r) & 63)
		s.runes++
	}
	return s
}

// maxShape bounds the words that others are compared with, in runes.
const maxShape = 40

// termShapes are the sets of a segment's terms, by their number of runes. The terms of stop
// words are not among them.
type termShapes [maxShape + 1][]termSet

type termSet struct {
	set uint64
	id  uint32
}

func (s *termShapes) add(text string, id uint32) {
	if shape := shapeOf(text); shape.runes <= maxShape && text != "" && text[0] != stopMark[0] {
		s[shape.runes] = append(s[shape.runes], termSet{shape.set, id})
	}
}

// eachNear calls f for all that is within the limit, and little else, until f says no: an
// error changes the number of runes by one at most, and the set by two.
func (s *termShapes) eachNear(wanted shape, limit int, f func(id uint32) bool) {
	for runes := max(1, wanted.runes-limit); runes <= min(maxShape, wanted.runes+limit); runes++ {
		for _, t := range s[runes] {
			if bits.OnesCount64(wanted.set^t.set) <= 2*limit && !f(t.id) {
				return
			}
		}
	}
}

// distance counts the runes to insert, leave out, replace, or swap with their
// neighbour (optimal string alignment); more than the limit is limit + 1.
func (s *spelling) distance(text string, limit int) int {
	before, last, row := s.rows[0], s.rows[1], s.rows[2]
	for j := range last {
		last[j] = j
	}
	previous := rune(-1)
	i := 0
	for _, r := range text {
		i++
		row[0] = i
		least := i
		for j, own := range s.runes {
			cost := 1
			if own == r {
				cost = 0
			}
			d := min(last[j]+cost, last[j+1]+1, row[j]+1)
			if j > 0 && i > 1 && own == previous && s.runes[j-1] == r {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
			least = min(least, d)
		}
		if least > limit {
			return limit + 1
		}
		previous = r
		before, last, row = last, row, before
	}
	return min(last[len(s.runes)], limit+1)
}
