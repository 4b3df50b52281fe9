package keyword

import "math"

// The formula is that of Lucene since version 8 (BM25Similarity): per term
//
//	idf = ln(1 + (N - n + 0.5) / (n + 0.5))
//	score = idf · f / (f + k1 · (1 - b + b · length / mean length))
//
// N chunks in all, n of them with the term, f its frequency in the chunk. The
// factor (k1 + 1) of the older formula is left out, as Lucene does since LUCENE-8563:
// it changes no order. Lengths are exact, where Lucene rounds them to a byte.
//
// A chunk's score adds up the query's terms in the order of QueryTerms; the
// conversions to float64 keep a compiler from fusing a product into a sum, so
// that every machine gets the same last bit.

// idf is the weight of a term that n of all chunks hold.
func idf(all, n int) float64 {
	return math.Log(1 + (float64(all)-float64(n)+0.5)/(float64(n)+0.5))
}

// saturation is a term's part for its frequency: 0 to 1.
func saturation(frequency uint32, lengthPart float64) float64 {
	f := float64(frequency)
	return f / (f + lengthPart)
}

// lengthPart is k1 · (1 - b + b · length / mean length).
func (o Options) lengthPart(length uint32, meanLength float64) float64 {
	ratio := float64(length) / meanLength
	return o.K1 * (1 - o.B + float64(o.B*ratio))
}

// scratch is one search's working memory.
type scratch struct {
	scores  []float64 // by slot; 0 when untouched
	touched []uint32  // slots
	best    []uint32  // by document: 1 + slot of its best chunk; 0 when none
	found   []uint32  // documents
}

// Search scores every chunk that holds a term of the query and calls yield for
// every document that accept takes (nil takes all), once, by its best chunk: of
// equal ones the first. Scores are above 0. The order is not defined.
func (x *Index) Search(query []QueryTerm, accept func(document uint32) bool, yield func(document, ordinal uint32, score float64)) {
	w := x.working()
	for _, q := range query {
		x.scoreTerm(w, q)
	}
	for _, at := range w.touched {
		x.keepBest(w, at, accept)
	}
	for _, document := range w.found {
		at := w.best[document] - 1
		yield(document, x.slots[at].ordinal, w.scores[at])
		w.best[document] = 0
	}
	for _, at := range w.touched {
		w.scores[at] = 0
	}
	w.touched, w.found = w.touched[:0], w.found[:0]
	x.scratch.Put(w)
}

func (x *Index) working() *scratch {
	w, ok := x.scratch.Get().(*scratch)
	if !ok {
		w = &scratch{}
	}
	if n := len(x.slots); len(w.scores) < n {
		w.scores = make([]float64, n+n/4)
	}
	if n := len(x.chunks); len(w.best) < n {
		w.best = make([]uint32, n+n/4)
	}
	return w
}

func (x *Index) scoreTerm(w *scratch, q QueryTerm) {
	id, ok := x.ids[q.Text]
	if !ok {
		return
	}
	list := &x.terms[id].postings
	weight := float64(q.Frequency) * idf(x.count, list.live())
	meanLength := x.meanLength()
	slot := int64(0)
	for data := list.data; len(data) > 0; {
		var frequency uint64
		slot, frequency, data = next(slot, data)
		s := &x.slots[slot]
		if !s.live {
			continue
		}
		if w.scores[slot] == 0 {
			w.touched = append(w.touched, uint32(slot))
		}
		w.scores[slot] += float64(weight * saturation(uint32(frequency), x.options.lengthPart(s.length, meanLength)))
	}
}

func (x *Index) meanLength() float64 { return float64(x.length) / float64(x.count) }

func (x *Index) keepBest(w *scratch, at uint32, accept func(uint32) bool) {
	s := &x.slots[at]
	held := w.best[s.document]
	if held == 0 {
		if accept != nil && !accept(s.document) {
			return
		}
		w.found = append(w.found, s.document)
		w.best[s.document] = at + 1
		return
	}
	score, heldScore := w.scores[at], w.scores[held-1]
	if score > heldScore || score == heldScore && s.ordinal < x.slots[held-1].ordinal {
		w.best[s.document] = at + 1
	}
}

// Part is one query term's part in a chunk's score.
type Part struct {
	Term      string
	Frequency int // in the chunk
	Chunks    int // that hold the term
	IDF       float64
	Score     float64
}

// Explain takes a chunk's score apart, in the order of the query; terms that the
// chunk does not hold are left out. The parts add up, in this order, to the score.
func (x *Index) Explain(query []QueryTerm, document, ordinal uint32) []Part {
	if int(document) >= len(x.chunks) || int(ordinal) >= len(x.chunks[document]) {
		return nil
	}
	s := &x.slots[x.chunks[document][ordinal]]
	lengthPart := x.options.lengthPart(s.length, x.meanLength())
	var parts []Part
	for _, q := range query {
		frequency := x.frequency(s, q.Text)
		if frequency == 0 {
			continue
		}
		n := x.terms[x.ids[q.Text]].postings.live()
		p := Part{Term: q.Text, Frequency: int(frequency), Chunks: n, IDF: idf(x.count, n)}
		p.Score = float64(q.Frequency) * p.IDF * saturation(frequency, lengthPart)
		parts = append(parts, p)
	}
	return parts
}

func (x *Index) frequency(s *slot, text string) uint32 {
	id, ok := x.ids[text]
	if !ok {
		return 0
	}
	found := uint32(0)
	eachTerm(s.terms, func(term, frequency uint32) bool {
		if term == id {
			found = frequency
		}
		return term < id
	})
	return found
}
