package keyword

import "slices"

// Constrained says whether a query has phrases or words that a page must or must not
// hold.
func (q *Query) Constrained() bool { return len(q.must)+len(q.mustNot) > 0 }

// Constrain takes out of a set, which holds numbers below its length times 64, the
// documents that do not hold what the query demands, and those that hold what it
// rules out. A damaged file is an error.
func (x *Index) Constrain(set Set, q *Query) error {
	return x.guard(func() { x.constrain(set, q) })
}

// constrain looks for each phrase only in what the ones before it have left, so that many of
// them take little longer than a few.
func (x *Index) constrain(set Set, q *Query) {
	for _, p := range q.must {
		copy(set, x.withPhrase(p, set))
	}
	for _, p := range q.mustNot {
		holding := x.withPhrase(p, set)
		for i := range set {
			set[i] &^= holding[i]
		}
	}
}

// withPhrase gives the documents of a set that hold the phrase in a chunk, or in their titles.
func (x *Index) withPhrase(p phrase, of Set) Set {
	set := make(Set, len(of))
	for _, s := range x.segments {
		ids := s.phraseIDs(p)
		if ids == nil {
			continue
		}
		for f := range numFields {
			for _, id := range ids[s.rarest(f, ids)] {
				for _, slot := range s.list(f, id).slots {
					slot := uint32(slot)
					document := s.documents[slot]
					if s.isAlive(slot) && int(document>>6) < len(set) && of.Has(document) && !set.Has(document) && s.holds(f, slot, ids) {
						set[document>>6] |= 1 << (document & 63)
					}
				}
			}
		}
	}
	return set
}

// phraseIDs are a phrase's terms in the segment; nil when a word has none there.
func (s *segment) phraseIDs(p phrase) [][]uint32 {
	ids := make([][]uint32, len(p))
	for i, terms := range p {
		for _, t := range terms {
			if id, ok := s.find(t.text, t.hash); ok {
				ids[i] = append(ids[i], id)
			}
		}
		if ids[i] == nil {
			return nil
		}
	}
	return ids
}

// rarest is the word of a phrase with the fewest postings.
func (s *segment) rarest(field int, words [][]uint32) int {
	best, fewest := 0, -1
	for i, ids := range words {
		n := 0
		for _, id := range ids {
			n += len(s.list(field, id).slots)
		}
		if fewest < 0 || n < fewest {
			best, fewest = i, n
		}
	}
	return best
}

// holds says whether the slot's text, or its document's title, has the words one after
// the other. A single word is held by whatever has a posting of it, parts of
// identifiers too.
func (s *segment) holds(field int, slot uint32, words [][]uint32) bool {
	if len(words) == 1 {
		return true
	}
	var buf [16]uint32
	run, found := buf[:0], false // the last words
	places(s.sequence(field, slot), func(id uint32, extra bool) {
		if extra || found {
			return
		}
		if len(run) == len(words) {
			copy(run, run[1:])
			run = run[:len(run)-1]
		}
		run = append(run, id)
		found = len(run) == len(words) && isPhrase(run, words)
	})
	return found
}

func isPhrase(run []uint32, words [][]uint32) bool {
	for i, id := range run {
		if !slices.Contains(words[i], id) {
			return false
		}
	}
	return true
}
