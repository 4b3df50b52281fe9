package keyword

import (
	"slices"
	"sync"
)

// Marker finds a query's words in texts.
type Marker struct {
	text        string
	corrections []Correction
	words       map[string]markedWords // by language
}

// markedWords gives the number of a term's word.
type markedWords struct {
	terms map[string]int
	count int
}

// Mark is a place in a text that has a word of the query, and the word's number.
type Mark struct {
	Start, End, Word int
}

// NewMarker is for the words that a query searches; words were searched for others by
// the corrections, of which Word and Words count.
func NewMarker(query string, corrections []Correction) *Marker {
	return &Marker{text: Parse(query).Text, corrections: corrections, words: make(map[string]markedWords)}
}

// marking keeps what words come to from one passage to the next: stemming them is most of
// the work.
var marking = sync.Pool{New: func() any { return NewCounter() }}

// maxRememberedMarking bounds the words that each of marking remembers: about 2 MB.
const maxRememberedMarking = 1 << 14

// Words is how many words there are to find in texts of the language.
func (m *Marker) Words(tag string) int { return m.in(tag).count }

// Marks finds the words in a text of the language. They begin in ascending order, and
// may overlap.
func (m *Marker) Marks(text, tag string) []Mark {
	words := m.in(tag)
	if words.count == 0 {
		return nil
	}
	c := marking.Get().(*Counter)
	defer marking.Put(c)
	c.begin(tag, maxRememberedMarking)
	var all []Mark
	scan(text, func(token []byte, k kind, start, end int) {
		if n, ok := words.terms[c.term(token, k)]; ok {
			all = append(all, Mark{start, end, n})
		}
	})
	slices.SortStableFunc(all, func(a, b Mark) int { return a.Start - b.Start })
	return all
}

func (m *Marker) in(tag string) markedWords {
	tag = baseOf(tag)
	known, ok := m.words[tag]
	if ok {
		return known
	}
	a := []analyzer{analyzerOf(tag)}
	known.terms = make(map[string]int)
	for _, w := range contentOf(m.text, a) {
		known.add(&w)
		for _, c := range m.corrections {
			if c.Word == w.Text {
				known.correct(c, a)
			}
		}
		known.count++
	}
	m.words[tag] = known
	return known
}

// contentOf are the words of a text that are no stop words, or all when there are none.
func contentOf(text string, a []analyzer) []Word {
	all := wordsOf(text, a)
	content := slices.DeleteFunc(slices.Clone(all), func(w Word) bool { return len(w.terms) == 0 })
	if len(content) > 0 {
		return content
	}
	for i := range all {
		all[i] = all[i].byStops()
	}
	return all
}

func (w *markedWords) add(of *Word) {
	for _, t := range of.terms {
		w.terms[t.text] = w.count
	}
}

// correct adds what was searched in the place of the word at work.
func (w *markedWords) correct(c Correction, a []analyzer) {
	for _, text := range c.Words {
		for _, instead := range contentOf(text, a) {
			w.add(&instead)
		}
	}
}
