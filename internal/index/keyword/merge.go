package keyword

import (
	"io"
	"runtime/debug"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Merge is files becoming one that holds what is live in them.
type Merge struct {
	Between   func() // called between documents while the file is written: it may wait
	files     []*File
	documents []merged // by their numbers in the new file
	table
	segments int // of the new file
	moved    int // documents that the index has there
}

// merged is a document: where it was when the merge began, and where it is in the new
// file.
type merged struct {
	number uint32 // the owner's
	from   []location
	to     []place
}

// place is a location in a file that is being written.
type place struct {
	segment  int
	first, n uint32
}

// Merge begins a merge of files of the index, under the owner's lock for reading: what
// is live in them now. state names the states of documents.
func (x *Index) Merge(files []*File, state func(document uint32) State) *Merge {
	m := &Merge{Between: func() {}, files: files}
	for _, f := range files {
		for _, s := range f.segments {
			m.take(x, s, state)
		}
	}
	return m
}

// take adds the documents that begin in a segment.
func (m *Merge) take(x *Index, s *segment, state func(document uint32) State) {
	for slot := uint32(0); int(slot) < len(s.documents); {
		document := s.documents[slot]
		if !s.isAlive(slot) {
			slot++
			continue
		}
		from := x.locations[document]
		if from[0].in != s || from[0].first != slot {
			slot++ // it began in another segment
			continue
		}
		slot += from[0].n
		m.documents = append(m.documents, merged{number: document, from: from})
		m.table = append(m.table, documentRecord{state(document), x.tags[document], from[0].titled})
	}
}

// Files are those that are merged: to be closed when Move is done.
func (m *Merge) Files() []*File { return m.files }

// WriteTo writes the new file. It needs no lock: what it reads does not change. In
// memory it has one segment at a time. The files are compared with their checksums first,
// whether they were before or not: what is copied gets new ones.
func (m *Merge) WriteTo(to io.Writer) (written int64, err error) {
	if err := scrubbed(m.files); err != nil {
		return 0, err
	}
	defer damageAsError(debug.SetPanicOnFault(true), m.files, &err)
	w := newWriter(to)
	c := &copier{writer: w, head: newSegment()}
	for n := range m.documents {
		m.documents[n].to = c.document(uint32(n), m.documents[n].from)
		m.Between()
	}
	if c.head.slots() > 0 {
		c.end()
	}
	m.segments = w.count
	return w.finish(m.table)
}

// Move makes the index use the new file, under the owner's lock, for the next
// documents, of at least as many chunks as are asked for; done says that none is left
// in the old files, which the index has then let go. A document that has changed since
// the merge began is left out. A file that proves damaged meanwhile is found by its
// Damage.
func (x *Index) Move(m *Merge, f *File, chunks int) (done bool) {
	if m.moved == 0 && !slices.Contains(x.files, f) {
		_ = f.guard(func() { m.bury(f) })
		x.insert(f)
	}
	for ; m.moved < len(m.documents) && chunks > 0; m.moved++ {
		d := &m.documents[m.moved]
		for _, l := range d.from {
			chunks -= int(l.n)
		}
		x.moveDocument(d, f)
	}
	if m.moved < len(m.documents) {
		return false
	}
	for _, old := range m.files {
		x.drop(old)
	}
	for _, s := range f.segments {
		s.settle()
	}
	return true
}

// bury makes the new file's segments such that nothing in them lives.
func (m *Merge) bury(f *File) {
	for _, s := range f.segments {
		s.own(func(n uint32) uint32 { return m.documents[n].number })
		for i, held := range s.held {
			touch(f, held)
			s.buried[i] = slices.Clone(held)
		}
	}
}

// moveDocument makes a document live in the new file, and no more in the old.
func (x *Index) moveDocument(d *merged, f *File) {
	now := x.locations[d.number]
	if len(now) == 0 || now[0].in != d.from[0].in { // a file takes nothing back
		return
	}
	for _, l := range d.from {
		x.take(l)
	}
	moved := make([]location, len(d.to))
	for i, p := range d.to {
		moved[i] = location{in: f.segments[p.segment], first: p.first, n: p.n, titled: i == 0 && d.from[0].titled}
		x.revive(moved[i])
	}
	x.locations[d.number] = moved
}

// revive is the contrary of take.
func (x *Index) revive(l location) {
	_ = l.in.file.guard(func() {
		x.count(l.in, l.in.size(l), 1)
		l.in.revive(l)
	})
}

func (s *segment) revive(l location) {
	s.numAlive += int(l.n)
	s.file.live += int(l.n)
	var ids []uint32
	for slot := l.first; slot < l.first+l.n; slot++ {
		s.alive[slot>>6] |= 1 << (slot & 63)
		for f := range numFields {
			ids = distinct(ids, s.sequence(f, slot))
			for _, id := range ids {
				s.buried[f][id]--
			}
		}
	}
}

// settle frees what counts the dead when there are none.
func (s *segment) settle() {
	if s.numAlive == s.slots() {
		s.buried = [numFields][]uint32{}
	}
}

// copier copies documents from segments into new ones, which it writes when they are
// full.
type copier struct {
	*writer
	head *segment
	ids  map[*segment][]uint32 // by source and its ids: 1 + those in the head
	text Counts
	own  Counts // of the title

	local []uint32 // by id in the head: 1 + its index in the Counts at work
}

// document copies all chunks of a document.
func (c *copier) document(n uint32, from []location) (to []place) {
	ordinal := uint32(0)
	for _, l := range from {
		for slot := l.first; slot < l.first+l.n; slot++ {
			if c.head.slots() == segmentSlots {
				c.end()
			}
			c.count(&c.text, l.in, inText, slot)
			var title *Counts
			if from[0].titled {
				title = &c.own
				c.count(title, from[0].in, inTitle, from[0].first)
			}
			at := place{c.writer.count, uint32(c.head.slots()), 1}
			c.head.add(n, ordinal, &c.text, title, ordinal == 0)
			if last := len(to) - 1; last >= 0 && to[last].segment == at.segment {
				to[last].n++
			} else {
				to = append(to, at)
			}
			ordinal++
		}
	}
	return to
}

// end writes the head, and begins another.
func (c *copier) end() {
	c.writer.segment(c.head, c.head.lists, c.head.documents)
	c.head, c.ids = newSegment(), nil
}

// count gives back what a slot's text or title was added as, in terms of the head.
func (c *copier) count(to *Counts, from *segment, field int, slot uint32) {
	to.Length, to.terms, to.sequence = int(from.lengths[field][slot]), to.terms[:0], to.sequence[:0]
	ids := c.idsOf(from)
	places(from.sequence(field, slot), func(id uint32, extra bool) {
		if ids[id] == 0 {
			record := from.record(id)
			text, _ := textOf(record)
			ids[id] = 1 + c.head.terms.id(record, xxhash.Sum64String(text))
		}
		own := ids[id] - 1
		for int(own) >= len(c.local) {
			c.local = append(c.local, 0)
		}
		if c.local[own] == 0 {
			to.terms = append(to.terms, counted{ref: own})
			c.local[own] = uint32(len(to.terms))
		}
		n := c.local[own] - 1
		to.terms[n].frequency++
		place := n << 1
		if extra {
			place |= 1
		}
		to.sequence = append(to.sequence, place)
	})
	for i := range to.terms {
		c.local[to.terms[i].ref] = 0
	}
}

func (c *copier) idsOf(from *segment) []uint32 {
	ids := c.ids[from]
	if ids == nil {
		if c.ids == nil {
			c.ids = make(map[*segment][]uint32)
		}
		ids = make([]uint32, from.numTerms())
		c.ids[from] = ids
	}
	return ids
}
