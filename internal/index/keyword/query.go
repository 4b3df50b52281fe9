package keyword

import (
	"slices"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// Query is a query analysed for an index: for every language that the index holds.
type Query struct {
	words         []Word
	must, mustNot []phrase
}

// Word is one word of a query with the terms that it comes to, one for each language
// that makes a term of its own of it. A chunk that holds several of them has the word
// once, by the best.
type Word struct {
	Text   string  // folded, as the query has it
	weight float64 // how often the query has it; less for a word that was not asked for
	terms  []queryTerm
	stops  []queryTerm // its terms in the languages that it is a stop word of: they count for its rarity alone
	// correctable says that the word may be misspelled: it is letters alone, more than
	// shortWord, and not an identifier that is searched by its parts too.
	correctable bool
}

// phrase is words that must stand one after the other: each any of its terms.
type phrase [][]queryTerm

// queryTerm is a term as it is looked up.
type queryTerm struct {
	text string
	hash uint64
}

func newQueryTerm(text string) queryTerm { return queryTerm{text, xxhash.Sum64String(text)} }

// Query analyses a query for every language of the index. The first maxCorrected words
// that nothing holds are replaced by what is nearest to them in spelling, if anything is;
// a word of one or two letters is not. Words that are found
// as stop words alone are left out, unless there are no others. A damaged file is an
// error.
func (x *Index) Query(s Syntax) (q *Query, corrections []Correction, err error) {
	err = x.guard(func() { q, corrections = x.query(s) })
	return q, corrections, err
}

func (x *Index) query(s Syntax) (*Query, []Correction) {
	analyzers := x.analyzers()
	q := &Query{}
	var stops []Word
	var corrections []Correction
	corrector := newCorrector(x)
	for _, w := range wordsOf(s.Text, analyzers) {
		switch {
		case x.mostHeld(inText, w.terms) > 0 || x.mostHeld(inTitle, w.terms) > 0:
			q.words = append(q.words, w)
		case len(w.stops) > 0:
			stops = append(stops, w.byStops())
		case w.correctable:
			if c := corrector.nearest(&w); c != nil {
				w.terms, w.weight = c.terms, w.weight*misspelled
				q.words = append(q.words, w)
				corrections = append(corrections, *c)
			}
		}
	}
	if len(q.words) == 0 {
		q.words = stops
	}
	for _, text := range s.must {
		q.must = appendPhrase(q.must, text, analyzers)
	}
	for _, text := range s.mustNot {
		q.mustNot = appendPhrase(q.mustNot, text, analyzers)
	}
	return q, corrections
}

// byStops is the word as it is found as a stop word.
func (w Word) byStops() Word {
	w.terms, w.stops = w.stops, nil
	return w
}

// appendPhrase adds the phrase of a text, unless it is there already or has no word.
func appendPhrase(all []phrase, text string, analyzers []analyzer) []phrase {
	var p phrase
	scan(text, func(token []byte, k kind, _, _ int) {
		if !k.extra() {
			w := newWord(string(token), k, analyzers)
			p = append(p, append(w.terms, w.stops...))
		}
	})
	if len(p) == 0 || slices.ContainsFunc(all, func(q phrase) bool { return slices.EqualFunc(p, q, slices.Equal) }) {
		return all
	}
	return append(all, p)
}

// wordsOf are the distinct words of a text in order of first occurrence, stop words too.
func wordsOf(text string, analyzers []analyzer) []Word {
	var all []Word
	base := 0 // the last word that is no extra
	scan(text, func(token []byte, k kind, _, _ int) {
		w := newWord(string(token), k, analyzers)
		if k == kindPart {
			all[base].correctable = false
			if len(w.terms) == 0 {
				return
			}
		}
		for i := range all {
			if slices.Equal(all[i].terms, w.terms) && slices.Equal(all[i].stops, w.stops) {
				all[i].weight++
				if !k.extra() {
					base = i
				}
				return
			}
		}
		if !k.extra() {
			base = len(all)
		}
		all = append(all, w)
	})
	return all
}

func newWord(token string, k kind, analyzers []analyzer) Word {
	w := Word{Text: token, weight: 1, correctable: k == kindWord && utf8.RuneCountInString(token) > shortWord}
	if k == kindExact || k == kindWhole {
		w.terms = []queryTerm{newQueryTerm(token)}
		return w
	}
	script := scriptOf([]byte(token))
	for _, a := range analyzers {
		text, stop := a[script].term(token)
		to := &w.terms
		if stop {
			to = &w.stops
		}
		if !slices.ContainsFunc(*to, func(t queryTerm) bool { return t.text == text }) {
			*to = append(*to, newQueryTerm(text))
		}
	}
	return w
}
