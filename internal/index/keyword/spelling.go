package keyword

import (
	"cmp"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// A word that nothing in the index holds is looked for as the terms nearest to it.
const (
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

// nearest finds the terms nearest to a word; nil when none is near enough.
func (x *Index) nearest(w *Word) *Correction {
	limit := 1
	if utf8.RuneCountInString(w.Text) >= longWord {
		limit = 2
	}
	found := make(map[string]suggestion)
	for _, t := range w.terms {
		wanted := newSpelling(t.text)
		for _, s := range x.segments {
			for id, candidate := range s.terms {
				live := max(s.live[inText][id], s.live[inTitle][id])
				if live == 0 || !wanted.mayBeNear(candidate.text, limit) {
					continue
				}
				if d := wanted.distance(candidate.text, limit); d <= limit {
					known := found[candidate.text]
					found[candidate.text] = suggestion{candidate, d, known.live + int(live)}
				}
			}
		}
	}
	return newCorrection(w.Text, found)
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
	text  string
	runes []rune
	set   uint64 // of its bytes, hashed to bits
	rows  [3][]int
}

func newSpelling(text string) *spelling {
	s := &spelling{text: text, runes: []rune(text), set: byteSet(text)}
	for i := range s.rows {
		s.rows[i] = make([]int, len(s.runes)+1)
	}
	return s
}

func byteSet(text string) uint64 {
	set := uint64(0)
	for i := range len(text) {
		set |= 1 << (text[i] & 63)
	}
	return set
}

// mayBeNear passes all that is within the limit, and little else: an error changes the
// length by four bytes at most, and the set of bytes by twice as many bits.
func (s *spelling) mayBeNear(text string, limit int) bool {
	if text[0] == stopMark[0] || abs(len(text)-len(s.text)) > limit*utf8.UTFMax {
		return false
	}
	return bits.OnesCount64(s.set^byteSet(text)) <= 2*limit*utf8.UTFMax
}

func abs(n int) int { return max(n, -n) }

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
