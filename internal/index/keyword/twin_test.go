package keyword

import (
	"cmp"
	"slices"
)

// twin is the index as its documents alone: every search counts all statistics anew
// and scores every chunk.
type twin struct {
	options   Options
	documents map[uint32]Document
}

func newTwin(o Options) *twin {
	return &twin{options: o.withDefaults(), documents: make(map[uint32]Document)}
}

func (tw *twin) Replace(document uint32, d Document) { tw.documents[document] = d }
func (tw *twin) Delete(document uint32)              { delete(tw.documents, document) }

type field struct {
	all       int
	length    int
	frequency map[string]int // texts that hold a term
}

func newField() *field { return &field{frequency: make(map[string]int)} }

func (f *field) add(c *Counts) {
	f.all++
	f.length += c.Length
	for i := range c.terms {
		f.frequency[c.text(i)]++
	}
}

func (f *field) score(o Options, words []Word, c *Counts) float64 {
	lengthPart := o.lengthPart(uint32(c.Length), float64(f.length)/float64(f.all))
	sum := 0.0
	for _, w := range words {
		n := 0
		for _, t := range append(slices.Clone(w.terms), w.stops...) {
			n = max(n, f.frequency[t.text])
		}
		best := 0.0
		for _, t := range w.terms {
			if frequency := c.frequencyOf(t.text); frequency > 0 {
				best = max(best, float64(w.weight*idf(f.all, n)*saturation(frequency, lengthPart)))
			}
		}
		sum += best
	}
	return sum
}

func (c *Counts) frequencyOf(text string) uint32 {
	for i, t := range c.terms {
		if c.text(i) == text {
			return t.frequency
		}
	}
	return 0
}

// holds says whether a text has the phrase.
func (c *Counts) holds(p phrase) bool {
	if len(p) == 1 {
		return slices.ContainsFunc(p[0], func(t queryTerm) bool { return c.frequencyOf(t.text) > 0 })
	}
	var places []string
	for _, s := range c.sequence {
		text := c.text(int(s >> 1))
		if s&1 == 1 && len(places) > 0 {
			continue
		}
		places = append(places, text)
	}
	for i := 0; i+len(p) <= len(places); i++ {
		found := true
		for j, terms := range p {
			found = found && slices.ContainsFunc(terms, func(t queryTerm) bool { return t.text == places[i+j] })
		}
		if found {
			return true
		}
	}
	return false
}

func (d *Document) holds(p phrase) bool {
	for i := range d.Chunks {
		if d.Chunks[i].holds(p) {
			return true
		}
	}
	return d.Title != nil && d.Title.holds(p)
}

type result struct {
	Document, Ordinal uint32
	Score             float64
}

// search gives every document that the query finds, by its best chunk: the best
// first, equal ones by number.
func (tw *twin) search(q *Query, accept func(uint32) bool) []result {
	chunks, titles := newField(), newField()
	for _, d := range tw.documents {
		for i := range d.Chunks {
			chunks.add(&d.Chunks[i])
		}
		if d.Title != nil && len(d.Chunks) > 0 {
			titles.add(d.Title)
		}
	}
	var all []result
	for number, d := range tw.documents {
		if accept != nil && !accept(number) || !d.passes(q) {
			continue
		}
		title := 0.0
		if d.Title != nil && tw.options.TitleWeight > 0 {
			title = tw.options.TitleWeight * titles.score(tw.options, q.words, d.Title)
		}
		best := result{Document: number}
		for ordinal := range d.Chunks {
			if score := chunks.score(tw.options, q.words, &d.Chunks[ordinal]) + title; score > best.Score {
				best.Ordinal, best.Score = uint32(ordinal), score
			}
		}
		if best.Score > 0 {
			all = append(all, best)
		}
	}
	slices.SortFunc(all, compareResults)
	return all
}

func compareResults(a, b result) int {
	if a.Score != b.Score {
		return cmp.Compare(b.Score, a.Score)
	}
	return cmp.Compare(a.Document, b.Document)
}

func (d *Document) passes(q *Query) bool {
	for _, p := range q.must {
		if !d.holds(p) {
			return false
		}
	}
	for _, p := range q.mustNot {
		if d.holds(p) {
			return false
		}
	}
	return true
}
