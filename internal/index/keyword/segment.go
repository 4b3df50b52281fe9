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
	number uint64  // of all segments of the process: see term.in
	terms  []*term // by id, in order of first occurrence
	shapes termShapes
	table  []uint32 // open addressing by hash: 1 + id, 0 when free
	// held counts what holds a term: chunks, or documents with the title. In memory they
	// are those that live; of a file, buried counts those that do not, where any died.
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
	slab  slab

	sealed bool  // to be a file, or one already: nothing is added, nothing moved
	file   *part // that it is mapped from; nil in memory
}

// lists are the posting lists of one field by term id: growing in a head, flat once
// sealed.
type lists struct {
	growing []list // nil once sealed
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

// slab is memory for the beginnings of many lists, most of which stay short.
type slab struct {
	slots       []uint16
	frequencies []uint8
	bounds      []corner
}

const (
	slabLists    = 4096
	slabPostings = 4
)

// begin gives a list its first memory.
func (s *slab) begin(l *list) {
	if len(s.bounds) == 0 {
		s.slots = make([]uint16, slabLists*slabPostings)
		s.frequencies = make([]uint8, slabLists*slabPostings)
		s.bounds = make([]corner, slabLists)
	}
	l.slots, s.slots = s.slots[:0:slabPostings], s.slots[slabPostings:]
	l.frequencies, s.frequencies = s.frequencies[:0:slabPostings], s.frequencies[slabPostings:]
	l.bounds, s.bounds = s.bounds[:0:1], s.bounds[1:]
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
var segmentNumbers atomic.Uint64

func newSegment() *segment {
	s := &segment{number: segmentNumbers.Add(1), table: make([]uint32, 1024)}
	for f := range numFields {
		s.lists[f].growing = []list{}
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
	mask := uint64(len(s.table) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		n := s.table[at]
		if n == 0 {
			return 0, false
		}
		if t := s.terms[n-1]; t.hash == hash && t.text == text {
			return n - 1, true
		}
	}
}

// id finds or adds a term.
func (s *segment) id(t *term) uint32 {
	if t.in != s.number {
		t.in, t.id = s.number, s.findOrAdd(t)
	}
	return t.id
}

func (s *segment) findOrAdd(t *term) uint32 {
	mask := uint64(len(s.table) - 1)
	at := t.hash & mask
	for ; s.table[at] != 0; at = (at + 1) & mask {
		if k := s.terms[s.table[at]-1]; k == t || k.hash == t.hash && k.text == t.text {
			return s.table[at] - 1
		}
	}
	id := uint32(len(s.terms))
	s.terms = append(s.terms, t)
	s.shapes.add(t.text, id)
	for f := range numFields {
		s.held[f] = append(s.held[f], 0)
		s.lists[f].growing = append(s.lists[f].growing, list{})
	}
	s.table[at] = id + 1
	if 2*len(s.terms) > len(s.table) {
		s.growTable()
	}
	return id
}

func (s *segment) growTable() {
	s.table = make([]uint32, 2*len(s.table))
	mask := uint64(len(s.table) - 1)
	for id, t := range s.terms {
		at := t.hash & mask
		for s.table[at] != 0 {
			at = (at + 1) & mask
		}
		s.table[at] = uint32(id + 1)
	}
}

// add puts a chunk in, with its document's title. The title of a document counts
// once, with its first chunk here.
func (s *segment) add(document, ordinal uint32, text, title *Counts, first bool) {
	slot := uint32(s.slots())
	s.documents = append(s.documents, document)
	s.ordinals = append(s.ordinals, ordinal)
	if slot&63 == 0 {
		s.alive = append(s.alive, 0)
	}
	s.alive[slot>>6] |= 1 << (slot & 63)
	s.numAlive++
	s.addField(inText, slot, text, true)
	s.addField(inTitle, slot, title, first)
}

func (s *segment) addField(field int, slot uint32, c *Counts, counts bool) {
	var ids [256]uint32
	own := ids[:0]
	length := 0
	if c != nil {
		length = c.Length
		for i := range c.terms {
			id := s.id(c.terms[i].term)
			own = append(own, id)
			s.post(field, id, uint16(slot), c.terms[i].frequency, length)
			if counts {
				s.held[field][id]++
			}
		}
	}
	s.lengths[field] = append(s.lengths[field], uint32(length))
	if c != nil && counts {
		for _, place := range c.sequence {
			s.sequences[field] = binary.AppendUvarint(s.sequences[field], uint64(own[place>>1])<<1|uint64(place&1))
		}
	}
	s.ends[field] = append(s.ends[field], uint32(len(s.sequences[field])))
}

func (s *segment) post(field int, id uint32, slot uint16, frequency uint32, length int) {
	l := &s.lists[field].growing[id]
	if l.slots == nil {
		s.slab.begin(l)
	}
	small := uint8(tooLarge)
	if frequency < tooLarge {
		small = uint8(frequency)
	} else {
		if s.large == nil {
			s.large = make(map[largeKey]uint32)
		}
		s.large[largeKey{field, id, slot}] = frequency
	}
	shortest := uint16(min(length, 1<<16-1))
	if len(l.slots)%blockPostings == 0 {
		l.bounds = append(l.bounds, corner{shortest, small})
	} else {
		b := &l.bounds[len(l.bounds)-1]
		b.length, b.frequency = min(b.length, shortest), max(b.frequency, small)
	}
	l.slots = append(l.slots, slot)
	l.frequencies = append(l.frequencies, small)
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
		return l.growing[id]
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

// flatten makes flat lists of growing ones, which stay as they are. It only reads.
func (l *lists) flatten() lists {
	postings, blocks := 0, 0
	for i := range l.growing {
		postings += len(l.growing[i].slots)
		blocks += len(l.growing[i].bounds)
	}
	n := len(l.growing)
	sealed := lists{
		starts: make([]uint32, 1, n+1), blocks: make([]uint32, 1, n+1),
		flat:  list{slots: make([]uint16, 0, postings), frequencies: make([]uint8, 0, postings), bounds: make([]corner, 0, blocks)},
		dense: make(map[uint32][]uint64),
	}
	for i := range l.growing {
		g := &l.growing[i]
		sealed.flat.slots = append(sealed.flat.slots, g.slots...)
		sealed.flat.frequencies = append(sealed.flat.frequencies, g.frequencies...)
		sealed.flat.bounds = append(sealed.flat.bounds, g.bounds...)
		sealed.starts = append(sealed.starts, uint32(len(sealed.flat.slots)))
		sealed.blocks = append(sealed.blocks, uint32(len(sealed.flat.bounds)))
		if len(g.slots) >= densePostings {
			sealed.dense[uint32(i)] = g.asBits()
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
	if s.file != nil {
		if len(held) == 0 {
			return 0 // a field that nothing is in
		}
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

// counts gives back what a slot's text or title was added as.
func (s *segment) counts(field int, slot uint32) *Counts {
	c := &Counts{Length: int(s.lengths[field][slot])}
	at := make(map[uint32]uint32)
	places(s.sequence(field, slot), func(id uint32, extra bool) {
		n, known := at[id]
		if !known {
			n = uint32(len(c.terms))
			at[id] = n
			c.terms = append(c.terms, counted{term: s.term(id)})
		}
		c.terms[n].frequency++
		place := n << 1
		if extra {
			place |= 1
		}
		c.sequence = append(c.sequence, place)
	})
	return c
}

func trailingZeros(word uint64) uint32 { return uint32(bits.TrailingZeros64(word)) }
