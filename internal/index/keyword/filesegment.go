package keyword

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// part is what a segment has in a file besides what a segment in memory has too.
type part struct {
	*File
	documents []uint32 // by slot, by their numbers in the file; none: dead when it was written

	dictionary []byte   // terms, as by appendTerm
	offsets    []uint32 // by id, and the end
	table      []uint32 // open addressing by hash: 1 + id, 0 when free

	shapeStarts []uint32 // by runes: where the terms of so many begin in what follows
	shapeSets   []uint64
	shaped      []uint32 // ids
}

// segment takes a segment out of the data, and checks its columns.
func (f *File) segment(at int, m *image) (*segment, error) {
	l := m.layout()
	data := f.data[at : at+l.size]
	f.verify(at, at+l.columns)
	p := &part{
		File:        f,
		documents:   view[uint32](data[l.documents:], m.slots),
		dictionary:  data[l.dictionary : l.dictionary+m.dictionary],
		offsets:     view[uint32](data[l.offsets:], m.terms+1),
		table:       view[uint32](data[l.table:], m.table),
		shapeStarts: view[uint32](data[l.shapeStarts:], maxShape+2),
		shapeSets:   view[uint64](data[l.shapeSets:], m.shaped),
		shaped:      view[uint32](data[l.shaped:], m.shaped),
	}
	s := &segment{number: segmentNumbers.Add(1), sealed: true, file: p, ordinals: view[uint32](data[l.ordinals:], m.slots)}
	s.large = parseLarge(data[l.large:], m.large)
	for field := range numFields {
		s.lengths[field] = view[uint32](data[l.lengths[field]:], m.slots)
		s.ends[field] = view[uint32](data[l.ends[field]:], m.slots)
		s.held[field] = view[uint32](data[l.held[field]:], m.listed(field))
		s.sequences[field] = data[l.sequences[field] : l.sequences[field]+m.sequences[field]]
		s.lists[field] = lists{
			starts: view[uint32](data[l.starts[field]:], m.listed(field)+1),
			blocks: view[uint32](data[l.blocks[field]:], m.listed(field)+1),
			flat: list{
				slots:       view[uint16](data[l.slots[field]:], m.postings[field]),
				frequencies: view[uint8](data[l.frequencies[field]:], m.postings[field]),
				bounds:      view[corner](data[l.bounds[field]:], m.blocks[field]),
			},
			dense: parseDense(data[l.denseIDs[field]:], data[l.bits[field]:], m.dense[field]),
		}
	}
	return s, s.checkColumns()
}

// checkColumns looks for what no file that was written has.
func (s *segment) checkColumns() error {
	for slot, n := range s.file.documents {
		if n != none && int(n) >= s.file.end.documents {
			return fmt.Errorf("slot %d is of document %d of %d: %w", slot, n, s.file.end.documents, ErrDamaged)
		}
		for f := range numFields {
			if end := s.ends[f][slot]; int(end) > len(s.sequences[f]) || slot > 0 && end < s.ends[f][slot-1] {
				return fmt.Errorf("slot %d ends at %d of %d: %w", slot, end, len(s.sequences[f]), ErrDamaged)
			}
		}
	}
	for runes := range maxShape + 1 {
		if from, to := s.file.shapeStarts[runes], s.file.shapeStarts[runes+1]; from > to || int(to) > len(s.file.shaped) {
			return fmt.Errorf("terms of %d runes: %w", runes, ErrDamaged)
		}
	}
	return nil
}

func parseDense(ids, words []byte, n int) map[uint32][]uint64 {
	dense := make(map[uint32][]uint64, n)
	for i, id := range view[uint32](ids, n) {
		dense[id] = view[uint64](words[i*8*denseBits:], denseBits)
	}
	return dense
}

func appendLarge(to []byte, key largeKey, frequency uint32) []byte {
	for _, n := range []uint32{uint32(key.field), key.id, uint32(key.slot), frequency} {
		to = binary.LittleEndian.AppendUint32(to, n)
	}
	return to
}

// compareLarge gives files of the same chunks the same bytes.
func compareLarge(a, b largeKey) int {
	return cmp.Or(cmp.Compare(a.field, b.field), cmp.Compare(a.id, b.id), cmp.Compare(a.slot, b.slot))
}

func parseLarge(data []byte, n int) map[largeKey]uint32 {
	large := make(map[largeKey]uint32, n)
	for i := range n {
		record := view[uint32](data[i*largeSize:], 4)
		large[largeKey{int(record[0]), record[1], uint16(record[2])}] = record[3]
	}
	return large
}

// list is the posting list of a term.
func (p *part) list(l *lists, id uint32) list {
	if int(id)+1 >= len(l.starts) {
		return list{} // a field that nothing is in
	}
	touch(p.File, l.starts[id:id+2])
	touch(p.File, l.blocks[id:id+2])
	found := l.list(id)
	touch(p.File, found.slots)
	touch(p.File, found.frequencies)
	touch(p.File, found.bounds)
	touch(p.File, found.bits)
	return found
}

func (p *part) find(text string, hash uint64) (uint32, bool) {
	mask := uint64(len(p.table) - 1)
	for at, tries := hash&mask, 0; ; at, tries = (at+1)&mask, tries+1 {
		if tries == len(p.table) {
			panic(damagedPage{p.File, 0}) // it was written half empty
		}
		touch(p.File, p.table[at:at+1])
		n := p.table[at]
		if n == 0 {
			return 0, false
		}
		if known, _ := textOf(p.record(n - 1)); known == text {
			return n - 1, true
		}
	}
}

// record is a term as it lies in the mapping (see appendTerm).
func (p *part) record(id uint32) []byte {
	touch(p.File, p.offsets[id:id+2])
	record := p.dictionary[p.offsets[id]:p.offsets[id+1]]
	touch(p.File, record)
	return record
}

// eachNear is as of termShapes.
func (p *part) eachNear(wanted shape, limit int, f func(id uint32) bool) {
	for runes := max(1, wanted.runes-limit); runes <= min(maxShape, wanted.runes+limit); runes++ {
		from, to := p.shapeStarts[runes], p.shapeStarts[runes+1]
		touch(p.File, p.shapeSets[from:to])
		touch(p.File, p.shaped[from:to])
		for i, set := range p.shapeSets[from:to] {
			if bits.OnesCount64(wanted.set^set) <= 2*limit && !f(p.shaped[int(from)+i]) {
				return
			}
		}
	}
}

func (s *segment) numTerms() int {
	if s.file != nil {
		return len(s.file.offsets) - 1
	}
	return s.terms.count()
}

// eachNear calls f for what may be a term within the limit, until f says no.
func (s *segment) eachNear(wanted shape, limit int, f func(id uint32) bool) {
	if s.file != nil {
		s.file.eachNear(wanted, limit, f)
		return
	}
	s.terms.shapes.eachNear(wanted, limit, f)
}

// record is a term as a file has it, as long as the segment is there.
func (s *segment) record(id uint32) []byte {
	if s.file != nil {
		return s.file.record(id)
	}
	return s.terms.record(id)
}

// text is a term, as long as the segment is there.
func (s *segment) text(id uint32) string {
	text, _ := textOf(s.record(id))
	return text
}

// term is a term that may be kept.
func (s *segment) term(id uint32) *term { return termOf(s.record(id)) }
