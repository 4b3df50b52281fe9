package keyword

// Part is one query word's part in a chunk's score.
type Part struct {
	Title     bool   // of the title's score, else of the text's
	Term      string // the one that counts, of the word's
	Frequency int    // in the text
	Chunks    int    // texts, or titles, that hold the word's most frequent term
	IDF       float64
	Score     float64
}

// Explain takes a chunk's score apart: the text's parts in the order of the query, then
// the title's; words that it does not hold are left out. The parts add up to the score.
// A damaged file is an error.
func (x *Index) Explain(q *Query, document, ordinal uint32) (parts []Part, err error) {
	err = x.guard(func() { parts = x.explain(q, document, ordinal) })
	return parts, err
}

func (x *Index) explain(q *Query, document, ordinal uint32) []Part {
	s, slot, ok := x.find(document, ordinal)
	if !ok {
		return nil
	}
	var parts []Part
	for f := range numFields {
		if x.totals[f].all == 0 || f == inTitle && x.options.TitleWeight == 0 {
			continue
		}
		lengthPart := x.options.lengthPart(s.lengths[f][slot], x.totals[f].mean())
		for i := range q.words {
			w := &q.words[i]
			p := Part{Title: f == inTitle, Chunks: x.holding(f, w)}
			p.IDF = idf(x.totals[f].all, p.Chunks)
			for _, t := range w.terms {
				n := s.frequencyOf(f, slot, t)
				if n == 0 {
					continue
				}
				if score := float64(w.weight*p.IDF) * saturation(n, lengthPart); score > p.Score {
					p.Term, p.Frequency, p.Score = t.text, int(n), score
				}
			}
			if p.Frequency > 0 {
				if p.Title {
					p.Score *= x.options.TitleWeight
				}
				parts = append(parts, p)
			}
		}
	}
	return parts
}

func (x *Index) find(document, ordinal uint32) (s *segment, slot uint32, ok bool) {
	if int(document) >= len(x.locations) {
		return nil, 0, false
	}
	for _, l := range x.locations[document] {
		if ordinal < l.n {
			return l.in, l.first + ordinal, true
		}
		ordinal -= l.n
	}
	return nil, 0, false
}

func (s *segment) frequencyOf(field int, slot uint32, t queryTerm) uint32 {
	id, ok := s.find(t.text, t.hash)
	if !ok {
		return 0
	}
	c := cursor{list: s.list(field, id)}
	if !c.seek(uint16(slot)) {
		return 0
	}
	if f := c.frequencies[c.probe]; f != tooLarge {
		return uint32(f)
	}
	return s.large[largeKey{field, id, uint16(slot)}]
}
