package keyword

import (
	"encoding/binary"
	"maps"
	"slices"
)

// fileDensePostings are the least that a list in a file has bits for: as many that
// these take no more than its slots.
const fileDensePostings = segmentSlots / 16

// imaged is a segment on its way into a file.
type imaged struct {
	*segment
	has        image
	lists      [numFields]lists
	documents  []uint32
	held       [numFields][]uint32
	denseIDs   [numFields][]uint32
	largeBytes []byte
}

// segment writes a segment of the lists and documents given. What else it reads of the
// segment does not change any more.
func (w *writer) segment(s *segment, l [numFields]lists, documents []uint32) {
	m := &imaged{segment: s, lists: l, documents: documents}
	m.prepare()
	m.columns(w)
	m.dictionary(w)
	for f := range numFields {
		m.postings(w, f)
	}
	w.pad(pageSize)
	w.images = m.has.append(w.images)
	w.count++
}

func (m *imaged) prepare() {
	s := m.segment
	m.has.slots, m.has.terms = len(m.documents), s.terms.count()
	m.has.dictionary, m.has.table = len(s.terms.records), len(s.terms.table)
	for _, terms := range s.terms.shapes {
		m.has.shaped += len(terms)
	}
	for _, key := range slices.SortedFunc(maps.Keys(s.large), compareLarge) {
		m.largeBytes = appendLarge(m.largeBytes, key, s.large[key])
	}
	m.has.large = len(s.large)
	for f := range numFields {
		m.prepareField(f)
	}
}

func (m *imaged) prepareField(f int) {
	if m.lists[f].growing != nil {
		m.lists[f] = m.lists[f].flatten(m.has.terms)
	}
	l := &m.lists[f]
	m.has.postings[f], m.has.blocks[f] = len(l.flat.slots), len(l.flat.bounds)
	m.has.sequences[f] = len(m.sequences[f])
	if m.has.listed(f) == 0 {
		return
	}
	m.held[f] = make([]uint32, m.has.terms)
	for id := range m.held[f] {
		n := l.starts[id+1] - l.starts[id]
		if f == inText {
			m.held[f][id] = n // of titles, each document's counts once
		}
		if n >= fileDensePostings {
			m.denseIDs[f] = append(m.denseIDs[f], uint32(id))
		}
	}
	m.has.dense[f] = len(m.denseIDs[f])
	if f == inTitle {
		m.countTitles()
	}
}

func (m *imaged) countTitles() {
	var ids []uint32
	for slot := range m.documents {
		ids = distinct(ids, m.sequence(inTitle, uint32(slot)))
		for _, id := range ids {
			m.held[inTitle][id]++
		}
	}
}

func (m *imaged) columns(w *writer) {
	s := m.segment
	w.part(raw(m.documents))
	w.part(raw(s.ordinals))
	w.part(m.largeBytes)
	starts := make([]uint32, 1, maxShape+2)
	for _, terms := range s.terms.shapes {
		starts = append(starts, starts[len(starts)-1]+uint32(len(terms)))
	}
	w.part(raw(starts))
	for f := range numFields {
		w.part(raw(s.lengths[f]))
		w.part(raw(s.ends[f]))
		w.part(raw(m.denseIDs[f]))
	}
}

func (m *imaged) dictionary(w *writer) {
	d := &m.terms
	w.part(raw(d.offsets))
	w.part(raw(d.table))
	w.part(d.records)
	sets, ids := make([]uint64, 0, m.has.shaped), make([]uint32, 0, m.has.shaped)
	for _, terms := range d.shapes {
		for _, t := range terms {
			sets, ids = append(sets, t.set), append(ids, t.id)
		}
	}
	w.part(raw(sets))
	w.part(raw(ids))
}

func (m *imaged) postings(w *writer, f int) {
	l := &m.lists[f]
	w.part(raw(m.held[f]))
	n := m.has.listed(f) + 1
	w.part(raw(l.starts[:n]))
	w.part(raw(l.blocks[:n]))
	var bounds []byte
	for _, b := range l.flat.bounds {
		bounds = append(binary.LittleEndian.AppendUint16(bounds, b.length), b.frequency, 0)
	}
	w.part(bounds)
	w.part(raw(l.flat.slots))
	w.part(raw(l.flat.frequencies))
	for _, id := range m.denseIDs[f] {
		w.write(raw(l.dense[id]))
	}
	w.pad(64)
	w.part(m.sequences[f])
}
