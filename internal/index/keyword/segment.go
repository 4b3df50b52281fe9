package keyword

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync/atomic"
)

// The fields of a chunk that are searched. Every chunk of a document has the
// document's title, so that a chunk's score is the sum over both.
const (
	inText = iota
	inTitle
	numFields
)

// segmentSlots bounds the chunks of one segment, so that a posting is two bytes of
// slot and one of frequency, and needs no decoding.
const segmentSlots = 1 << 16

// segment holds chunks by their slots, which ascend in the order of adding and are
// never given again. It is filled as the head of an index, sealed when it is full, and
// dropped when nothing in it lives.
type segment struct {
	number uint32 // of all segments of the process: see note
	terms  dictionary
	// held counts what holds a term: chunks, or documents with the title. In memory they
	// are those that live; of a file, buried counts those that do not, where any died. The
	// last terms may be missing where a field has none of them.
	held   [numFields][]uint32
	buried [numFields][]uint32
	lists  [numFields]lists

	documents []uint32 // by slot
	ordinals  []uint32
	lengths   [numFields][]uint32
	alive     []uint64 // bits by slot
	numAlive  int
	totals    [numFields]total // of what lives here

	// The terms of each slot's text in their order (Counts.sequence by id, as
	// varints), and of the title, where the document begins.
	sequences [numFields][]byte
	ends      [numFields][]uint32 // by slot

	large map[largeKey]uint32 // frequencies that do not fit a byte

	sealed bool  // to be a file, or one already: nothing is added, nothing moved
	file   *part // that it is mapped from; nil in memory
}

// lists are the posting lists of one field by term id: growing in a head, flat once
// sealed.
type lists struct {
	growing *growing // nil once flat
	starts  []uint32
	blocks  []uint32 // where the blocks of each list begin
	flat    list
	dense   map[uint32][]uint64 // of long lists, the slots as bits: most probes of them miss
}

// list is a posting list: slots, ascending, with their frequencies.
type list struct {
	slots       []uint16
	frequencies []uint8  // tooLarge stands for what is in segment.large
	bounds      []corner // by block of blockPostings
	bits        []uint64 // of a dense list, its slots; nil of others
}

const (
	tooLarge      = 255
	blockPostings = 64
)

// corner bounds a block: no posting in it has a higher frequency or a shorter text.
// Weights and the mean length move with every commit; these do not.
type corner struct {
	length    uint16 // at most the shortest
	frequency uint8  // tooLarge: any
}

type largeKey struct {
	field int
	id    uint32
	slot  uint16
}

// segmentNumbers counts the segments of the process.
var segmentNumbers atomic.Uint32

func newSegment() *segment {
	s := &segment{number: segmentNumbers.Add(1), terms: newDictionary()}
	for f := range numFields {
		s.lists[f].growing = &growing{}
	}
	return s
}

func (s *segment) slots() int { return len(s.documents) }

func (s *segment) isAlive(slot uint32) bool { return s.alive[slot>>6]>>(slot&63)&1 == 1 }

// find is the id of a term.
func (s *segment) find(text string, hash uint64) (uint32, bool) {
	if s.file != nil {
		return s.file.find(text, hash)
	}
	return s.terms.find(text, hash)
}

// list is the posting list of a term.
func (s *segment) list(field int, id uint32) list {
	if s.file != nil {
		return s.file.list(&s.lists[field], id)
	}
	return s.lists[field].list(id)
}

func (l *lists) list(id uint32) list {
	if l.growing != nil {
		return l.growing.view(id)
	}
	if int(id)+1 >= len(l.starts) {
		return list{} // a field that nothing is in
	}
	from, to := l.starts[id], l.starts[id+1]
	return list{
		slots: l.flat.slots[from:to], frequencies: l.flat.frequencies[from:to],
		bounds: l.flat.bounds[l.blocks[id]:l.blocks[id+1]], bits: l.dense[id],
	}
}

// densePostings are the least that a list has bits for: one slot in 64.
const densePostings = segmentSlots / 64

// asBits gives a list's slots as bits.
func (l *list) asBits() []uint64 {
	set := make([]uint64, segmentSlots/64)
	for _, slot := range l.slots {
		set[slot>>6] |= 1 << (slot & 63)
	}
	return set
}

// flatten makes flat lists of growing ones, which stay as they are, by ids up to n. It
// only reads.
func (l *lists) flatten(n int) lists {
	postings, blocks := 0, 0
	for id := range uint32(n) {
		g := l.growing.view(id)
		postings += len(g.slots)
		blocks += len(g.bounds)
	}
	sealed := lists{
		starts: make([]uint32, 1, n+1), blocks: make([]uint32, 1, n+1),
		flat:  list{slots: make([]uint16, 0, postings), frequencies: make([]uint8, 0, postings), bounds: make([]corner, 0, blocks)},
		dense: make(map[uint32][]uint64),
	}
	for id := range uint32(n) {
		g := l.growing.view(id)
		sealed.flat.slots = append(sealed.flat.slots, g.slots...)
		sealed.flat.frequencies = append(sealed.flat.frequencies, g.frequencies...)
		sealed.flat.bounds = append(sealed.flat.bounds, g.bounds...)
		sealed.starts = append(sealed.starts, uint32(len(sealed.flat.slots)))
		sealed.blocks = append(sealed.blocks, uint32(len(sealed.flat.bounds)))
		if len(g.slots) >= densePostings {
			sealed.dense[id] = g.asBits()
		}
	}
	return sealed
}

// sequence is the packed order of terms of a slot's text, or of its title, which only
// the first slot of a document has.
func (s *segment) sequence(field int, slot uint32) []byte {
	from := uint32(0)
	if slot > 0 {
		from = s.ends[field][slot-1]
	}
	sequence := s.sequences[field][from:s.ends[field][slot]]
	if s.file != nil {
		touch(s.file.File, sequence)
	}
	return sequence
}

// places calls f for every place of a sequence.
func places(sequence []byte, f func(id uint32, extra bool)) {
	for len(sequence) > 0 {
		place, n := binary.Uvarint(sequence)
		sequence = sequence[n:]
		f(uint32(place>>1), place&1 == 1)
	}
}

// distinct are the ids of a sequence, each once, ascending.
func distinct(ids []uint32, sequence []byte) []uint32 {
	ids = ids[:0]
	places(sequence, func(id uint32, _ bool) { ids = append(ids, id) })
	slices.Sort(ids)
	return slices.Compact(ids)
}

// live is how many chunks, or documents by their title, hold a term and live.
func (s *segment) live(field int, id uint32) uint32 {
	held := s.held[field]
	if int(id) >= len(held) {
		return 0 // a field that nothing of it is in
	}
	if s.file != nil {
		touch(s.file.File, held[id:id+1])
	}
	if s.buried[field] == nil {
		return held[id]
	}
	return held[id] - s.buried[field][id]
}

// size is what a document has here.
func (s *segment) size(l location) (size [numFields]total) {
	size[inText].all = int(l.n)
	for slot := l.first; slot < l.first+l.n; slot++ {
		size[inText].length += int(s.lengths[inText][slot])
	}
	if l.titled {
		size[inTitle] = total{1, int(s.lengths[inTitle][l.first])}
	}
	return size
}

// kill takes the chunks of one document out of what lives.
func (s *segment) kill(l location) {
	for slot := l.first; slot < l.first+l.n; slot++ {
		s.alive[slot>>6] &^= 1 << (slot & 63)
	}
	s.numAlive -= int(l.n)
	if s.file != nil {
		s.file.live -= int(l.n)
	}
	s.uncount(l)
}

// uncount takes what a document holds here out of the statistics of terms.
func (s *segment) uncount(l location) {
	var ids []uint32
	for slot := l.first; slot < l.first+l.n; slot++ {
		for f := range numFields {
			ids = distinct(ids, s.sequence(f, slot))
			for _, id := range ids {
				s.uncountTerm(f, id)
			}
		}
	}
}

func (s *segment) uncountTerm(field int, id uint32) {
	if s.file == nil {
		s.held[field][id]--
		return
	}
	if s.buried[field] == nil {
		s.buried[field] = make([]uint32, s.numTerms())
	}
	s.buried[field][id]++
}

// counts gives back what a slot's text or title was added as, in terms of a lexicon.
func (s *segment) counts(field int, slot uint32, in *lexicon) *Counts {
	c := &Counts{Length: int(s.lengths[field][slot])}
	at := make(map[uint32]uint32)
	places(s.sequence(field, slot), func(id uint32, extra bool) {
		n, known := at[id]
		if !known {
			n = uint32(len(c.terms))
			at[id] = n
			c.terms = append(c.terms, counted{ref: in.add(s.record(id), s.terms.hashes[id])})
		}
		c.terms[n].frequency++
		place := n << 1
		if extra {
			place |= 1
		}
		c.sequence = append(c.sequence, place)
	})
	c.pages = in.pages
	return c
}

func trailingZeros(word uint64) uint32 { return uint32(bits.TrailingZeros64(word)) }
