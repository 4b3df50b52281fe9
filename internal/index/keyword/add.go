package keyword

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe"
)

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

// addField adds one field's text. A text has few terms of which caches hold what they
// touch, so each step is done for all terms before the next: reads of different terms'
// memory then wait together, not one for another.
func (s *segment) addField(field int, slot uint32, c *Counts, counts bool) {
	length := 0
	if c != nil {
		length = c.Length
		var buf [256]uint32
		ids := s.ids(buf[:0], field, c)
		s.post(field, slot, c, ids)
		if counts {
			s.hold(field, ids)
			s.sequences[field] = appendSequence(s.sequences[field], c.sequence, ids)
		}
	}
	s.lengths[field] = append(s.lengths[field], uint32(length))
	s.ends[field] = append(s.ends[field], uint32(len(s.sequences[field])))
}

// ahead is how many terms before they are looked at their memory is asked for.
const ahead = 12

// ids are the ids of a text's terms, in their order.
func (s *segment) ids(ids []uint32, field int, c *Counts) []uint32 {
	ids = slices.Grow(ids, len(c.terms))[:len(c.terms)]
	if c.pages == nil {
		for i := range c.terms {
			ids[i] = c.terms[i].ref
		}
		return ids
	}
	for i := range c.terms[:min(ahead, len(c.terms))] {
		prefetch(unsafe.Pointer(noteOf(c.pages, c.terms[i].ref)))
	}
	g, isNew := s.lists[field].growing, 0
	g.reach(s.terms.count())
	for i := range c.terms {
		if i+ahead < len(c.terms) {
			prefetch(unsafe.Pointer(noteOf(c.pages, c.terms[i+ahead].ref)))
		}
		note := noteOf(c.pages, c.terms[i].ref)
		if ids[i] = note.id; note.in != s.number {
			ids[i] = none
			s.terms.prefetch(lexemeOf(c.pages, c.terms[i].ref).hash)
			isNew++
			continue
		}
		prefetch(unsafe.Pointer(g.list(note.id)))
	}
	if isNew > 0 {
		s.learn(ids, c)
	}
	return ids
}

// learn finds or adds the terms that the segment has no note of.
func (s *segment) learn(ids []uint32, c *Counts) {
	for i := range ids {
		if ids[i] == none {
			ref := c.terms[i].ref
			ids[i] = s.terms.id(recordOf(c.pages, ref), lexemeOf(c.pages, ref).hash)
			*noteOf(c.pages, ref) = note{s.number, ids[i]}
		}
	}
}

func (s *segment) post(field int, slot uint32, c *Counts, ids []uint32) {
	g := s.lists[field].growing
	g.reach(s.terms.count())
	for _, id := range ids {
		g.prefetch(id)
	}
	shortest := uint16(min(c.Length, 1<<16-1))
	for i, id := range ids {
		frequency := c.terms[i].frequency
		if frequency >= tooLarge {
			s.noteLarge(largeKey{field, id, uint16(slot)}, frequency)
		}
		g.add(id, uint16(slot), uint8(min(frequency, tooLarge)), shortest)
	}
}

func (s *segment) noteLarge(key largeKey, frequency uint32) {
	if s.large == nil {
		s.large = make(map[largeKey]uint32)
	}
	s.large[key] = frequency
}

// hold counts a chunk, or a document with its title, for each of its terms.
func (s *segment) hold(field int, ids []uint32) {
	held := s.held[field]
	if n := s.terms.count() - len(held); n > 0 {
		held = append(held, make([]uint32, n)...)
		s.held[field] = held
	}
	for _, id := range ids {
		held[id]++
	}
}

// appendSequence packs a text's order of terms, given by their ids, as uvarints. Each is
// written as eight bytes, of which the next overwrites what it did not need.
func appendSequence(to []byte, sequence, ids []uint32) []byte {
	at := len(to)
	to = reserve(to, len(sequence)*binary.MaxVarintLen32+8)
	to = to[:cap(to)]
	for _, place := range sequence {
		v := uint64(ids[place>>1])<<1 | uint64(place&1)
		n := (bits.Len64(v|1) + 6) / 7
		more := uint64(highs) & (1<<(8*(n-1)) - 1)
		binary.LittleEndian.PutUint64(to[at:], v&0x7F|v<<1&0x7F00|v<<2&0x7F0000|v<<3&0x7F000000|v<<4&0x7F00000000|more)
		at += n
	}
	return to[:at]
}

// reserve makes room for n more, and for half as many again as there are, so that what
// grows for long is not copied often.
func reserve[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return append(s, make([]T, max(n, len(s)/2))...)[:len(s)]
}
