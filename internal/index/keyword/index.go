package keyword

import (
	"cmp"
	"slices"
	"sync"
)

// Options tune BM25. The zero value is the default.
type Options struct {
	K1 float64 // 0 means 1.2; below 0 means 0: how often a term occurs is ignored
	B  float64 // 0 means 0.75; below 0 means 0: the length of a chunk is ignored
}

func (o Options) withDefaults() Options {
	o.K1 = orDefault(o.K1, 1.2)
	o.B = orDefault(o.B, 0.75)
	return o
}

func orDefault(value, byDefault float64) float64 {
	switch {
	case value == 0:
		return byDefault
	case value < 0:
		return 0
	}
	return value
}

// Index holds the chunks of documents by their terms. Documents are small numbers
// that its owner gives and may give again after Delete.
//
// What holds: a chunk has a slot from the moment it is added until no posting of
// it is left in any list, so a slot's number never means two chunks in one list.
type Index struct {
	options Options
	ids     map[string]uint32 // term → its number
	terms   []term            // by number
	free    []uint32          // numbers of terms that nothing holds any more
	slots   []slot
	unused  []uint32   // slots without chunk and postings
	chunks  [][]uint32 // by document: the slots of its chunks, by ordinal
	count   int        // live chunks
	length  int        // their terms
	scratch sync.Pool  // of *scratch: searches run at the same time
	build   []termCount
}

type term struct {
	text     string
	postings postings
}

// slot is one chunk, alive or dead.
type slot struct {
	document uint32
	ordinal  uint32
	length   uint32
	live     bool
	pending  uint32 // when dead: lists that still have a posting of it
	terms    []byte // when alive: packed termCounts, ascending by term
}

// New returns an empty index.
func New(o Options) *Index {
	return &Index{options: o.withDefaults(), ids: make(map[string]uint32)}
}

// Chunks is the number of chunks in the index.
func (x *Index) Chunks() int { return x.count }

// Terms is the number of distinct terms in the index.
func (x *Index) Terms() int { return len(x.ids) }

// Replace makes chunks, in order of their ordinals, all that the document has. It
// costs what the old and the new chunks' terms cost, whatever else is there.
func (x *Index) Replace(document uint32, chunks []Counts) {
	x.Delete(document)
	for int(document) >= len(x.chunks) {
		x.chunks = append(x.chunks, nil)
	}
	slots := make([]uint32, len(chunks))
	for ordinal := range chunks {
		slots[ordinal] = x.add(document, uint32(ordinal), &chunks[ordinal])
	}
	x.chunks[document] = slots
}

// Delete takes all of the document's chunks out; at once they count in no statistic.
func (x *Index) Delete(document uint32) {
	if int(document) >= len(x.chunks) {
		return
	}
	for _, s := range x.chunks[document] {
		x.remove(s)
	}
	x.chunks[document] = nil
}

func (x *Index) add(document, ordinal uint32, counts *Counts) uint32 {
	at := x.newSlot()
	x.build = x.build[:0]
	counts.each(func(text []byte, frequency uint32) {
		id := x.termID(text)
		x.terms[id].postings.add(at, frequency)
		x.build = append(x.build, termCount{id, frequency})
	})
	slices.SortFunc(x.build, func(a, b termCount) int { return cmp.Compare(a.term, b.term) })
	x.slots[at] = slot{
		document: document, ordinal: ordinal, length: uint32(counts.Length),
		live: true, terms: packTerms(x.build),
	}
	x.count++
	x.length += counts.Length
	return at
}

func (x *Index) newSlot() uint32 {
	if n := len(x.unused); n > 0 {
		at := x.unused[n-1]
		x.unused = x.unused[:n-1]
		return at
	}
	x.slots = append(x.slots, slot{})
	return uint32(len(x.slots) - 1)
}

func (x *Index) termID(text []byte) uint32 {
	if id, ok := x.ids[string(text)]; ok {
		return id
	}
	id := uint32(len(x.terms))
	if n := len(x.free); n > 0 {
		id = x.free[n-1]
		x.free = x.free[:n-1]
	} else {
		x.terms = append(x.terms, term{})
	}
	own := string(text)
	x.ids[own] = id
	x.terms[id] = term{text: own}
	return id
}

func (x *Index) remove(at uint32) {
	s := &x.slots[at]
	terms := s.terms
	s.live, s.terms = false, nil
	x.count--
	x.length -= int(s.length)
	eachTerm(terms, func(uint32, uint32) bool { s.pending++; return true })
	if s.pending == 0 {
		x.unused = append(x.unused, at)
	}
	eachTerm(terms, func(id, _ uint32) bool { x.loseOne(id); return true })
}

// loseOne notes that one posting of the term died.
func (x *Index) loseOne(id uint32) {
	t := &x.terms[id]
	t.postings.dead++
	if 2*t.postings.dead < t.postings.all {
		return
	}
	t.postings.compact(x.isLive, x.dropped)
	if t.postings.all == 0 {
		delete(x.ids, t.text)
		*t = term{}
		x.free = append(x.free, id)
	}
}

func (x *Index) isLive(at uint32) bool { return x.slots[at].live }

// dropped notes that one list has no posting of a dead slot any more.
func (x *Index) dropped(at uint32) {
	s := &x.slots[at]
	s.pending--
	if s.pending == 0 {
		x.unused = append(x.unused, at)
	}
}
