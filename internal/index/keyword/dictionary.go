package keyword

import (
	"bytes"
	"unsafe"
)

// dictionary is the terms of a segment in memory, by ids in order of first occurrence. It
// is laid out as in a file, and has no pointers.
type dictionary struct {
	records []byte   // as by appendTerm
	offsets []uint32 // by id, and the end
	hashes  []uint64 // by id
	table   []uint32 // open addressing by hash: 1 + id, 0 when free
	tags    []uint8  // by place in the table: a part of the hash, so that few others' are read
	shapes  termShapes
}

func newDictionary() dictionary {
	return dictionary{offsets: make([]uint32, 1, 256), table: make([]uint32, 1024), tags: make([]uint8, 1024)}
}

func (d *dictionary) count() int { return len(d.hashes) }

func (d *dictionary) record(id uint32) []byte { return d.records[d.offsets[id]:d.offsets[id+1]] }

// tagOf is a part of the hash that says nothing of the place.
func tagOf(hash uint64) uint8 { return uint8(hash >> 56) }

// prefetch asks for what id reads of a hash.
func (d *dictionary) prefetch(hash uint64) {
	at := hash & uint64(len(d.table)-1)
	prefetch(unsafe.Pointer(&d.table[at]))
	prefetch(unsafe.Pointer(&d.tags[at]))
}

// find is the id of a term.
func (d *dictionary) find(text string, hash uint64) (uint32, bool) {
	mask := uint64(len(d.table) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		n := d.table[at]
		if n == 0 {
			return 0, false
		}
		if d.hashes[n-1] == hash {
			if known, _ := textOf(d.record(n - 1)); known == text {
				return n - 1, true
			}
		}
	}
}

// id finds or adds a term by its record. Of a term that is there, that may have another
// surface.
func (d *dictionary) id(record []byte, hash uint64) uint32 {
	mask := uint64(len(d.table) - 1)
	at := hash & mask
	for ; d.table[at] != 0; at = (at + 1) & mask {
		if d.tags[at] != tagOf(hash) {
			continue
		}
		if n := d.table[at] - 1; d.hashes[n] == hash && sameText(d.record(n), record) {
			return n
		}
	}
	id := uint32(d.count())
	d.records = append(reserve(d.records, len(record)), record...)
	d.offsets = append(reserve(d.offsets, 1), uint32(len(d.records)))
	d.hashes = append(reserve(d.hashes, 1), hash)
	text, _ := textOf(record)
	d.shapes.add(text, id)
	d.table[at], d.tags[at] = id+1, tagOf(hash)
	if 2*d.count() > len(d.table) {
		d.grow()
	}
	return id
}

func sameText(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	own, _ := textOf(a)
	other, _ := textOf(b)
	return own == other
}

func (d *dictionary) grow() {
	d.table, d.tags = spacious[uint32](2*len(d.table)), spacious[uint8](2*len(d.table))
	mask := uint64(len(d.table) - 1)
	for id, hash := range d.hashes {
		at := hash & mask
		for d.table[at] != 0 {
			at = (at + 1) & mask
		}
		d.table[at], d.tags[at] = uint32(id+1), tagOf(hash)
	}
}
