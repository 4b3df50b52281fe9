package keyword

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Sealed are the segments that were in memory when Seal was called. They take nothing
// new, so that they are written without a lock.
type Sealed struct {
	segments  []*segment
	lists     [][numFields]lists
	documents [][]uint32 // of each segment, by slot: numbers in the file
	table
}

// table is the documents of a file that is being written.
type table []documentRecord

type documentRecord struct {
	State
	language string
	titled   bool
}

// Seal ends the segments in memory; what is added after goes to another. state names
// the states of documents. It is nil when nothing lives in memory.
func (x *Index) Seal(state func(document uint32) State) *Sealed {
	s := &Sealed{}
	numbers := make(map[uint32]uint32) // of documents in several segments
	for _, g := range x.segments {
		if !g.sealed && g.numAlive > 0 {
			s.segments, s.lists = append(s.segments, g), append(s.lists, g.lists)
			s.documents = append(s.documents, s.number(x, g, numbers, state))
		}
	}
	x.segments = slices.DeleteFunc(x.segments, func(g *segment) bool { return !g.sealed && g.numAlive == 0 })
	for _, g := range s.segments {
		g.sealed = true
	}
	x.segments = append(x.segments, newSegment())
	if s.segments == nil {
		return nil
	}
	return s
}

// number gives the documents of a segment their numbers in the file.
func (s *Sealed) number(x *Index, g *segment, numbers map[uint32]uint32, state func(uint32) State) []uint32 {
	own := make([]uint32, g.slots())
	last, n := uint32(none), uint32(0)
	for slot, document := range g.documents {
		if !g.isAlive(uint32(slot)) {
			own[slot] = none
			continue
		}
		if document != last {
			last, n = document, s.numberOf(x, document, numbers, state)
		}
		own[slot] = n
	}
	return own
}

func (s *Sealed) numberOf(x *Index, document uint32, numbers map[uint32]uint32, state func(uint32) State) uint32 {
	locations := x.locations[document]
	if n, ok := numbers[document]; ok && len(locations) > 1 {
		return n
	}
	n := uint32(len(s.table))
	if len(locations) > 1 {
		numbers[document] = n
	}
	s.table = append(s.table, documentRecord{state(document), x.tags[document], locations[0].titled})
	return n
}

// WriteTo writes the file. It needs no lock.
func (s *Sealed) WriteTo(to io.Writer) (int64, error) {
	w := newWriter(to)
	for i, g := range s.segments {
		w.segment(g, s.lists[i], s.documents[i])
	}
	return w.finish(s.table)
}

// Adopt puts the file that was written in the place of the sealed segments' memory.
func (x *Index) Adopt(s *Sealed, f *File) error {
	fits := len(f.segments) == len(s.segments)
	for i := 0; fits && i < len(s.segments); i++ {
		fits = slices.Equal(f.segments[i].file.documents, s.documents[i])
	}
	if !fits {
		return fmt.Errorf("file of other chunks than were written: %w", ErrDamaged)
	}
	buried := make([][numFields][]uint32, len(s.segments))
	if err := f.guard(func() {
		for i, g := range s.segments {
			buried[i] = g.buriedOf(f.segments[i])
		}
	}); err != nil {
		return err
	}
	for i, g := range s.segments {
		g.become(f.segments[i], buried[i])
		f.segments[i] = g
		f.live += g.numAlive
	}
	x.files = append(x.files, f)
	return nil
}

// buriedOf counts what the file's segment holds and this one in memory does not.
func (s *segment) buriedOf(in *segment) (buried [numFields][]uint32) {
	for f, held := range in.held {
		touch(in.file.File, held)
		for id, n := range held {
			live := s.live(f, uint32(id))
			if n == live {
				continue
			}
			if buried[f] == nil {
				buried[f] = make([]uint32, len(held))
			}
			buried[f][id] = n - live
		}
	}
	return buried
}

// become makes a segment in memory one of a file, in its place: what is in it is found
// through locations.
func (s *segment) become(in *segment, buried [numFields][]uint32) {
	*s = segment{
		number: s.number, sealed: true, file: in.file,
		documents: s.documents, alive: s.alive, numAlive: s.numAlive, totals: s.totals,
		held: in.held, buried: buried, lists: in.lists, large: in.large,
		ordinals: in.ordinals, lengths: in.lengths, sequences: in.sequences, ends: in.ends,
	}
}

// writer writes a file, and sums up its pages.
type writer struct {
	to      *bufio.Writer
	written int64
	err     error
	page    xxhash.Digest
	sums    []byte
	images  []byte
	count   int // segments
}

func newWriter(to io.Writer) *writer {
	w := &writer{to: bufio.NewWriterSize(to, 1<<18)}
	w.page.Reset()
	w.write(appendHeader(nil))
	return w
}

func (w *writer) write(data []byte) {
	for len(data) > 0 && w.err == nil {
		room := pageSize - int(w.written%pageSize)
		n, err := w.to.Write(data[:min(room, len(data))])
		_, _ = w.page.Write(data[:n])
		w.written, w.err = w.written+int64(n), err
		if data = data[n:]; n == room {
			w.sums = binary.LittleEndian.AppendUint64(w.sums, w.page.Sum64())
			w.page.Reset()
		}
	}
}

// pad writes zeros up to a multiple of size.
func (w *writer) pad(size int) {
	if over := int(w.written % int64(size)); over > 0 {
		w.write(make([]byte, size-over))
	}
}

func (w *writer) part(data []byte) {
	w.write(data)
	w.pad(64)
}

// finish writes what stands behind the segments.
func (w *writer) finish(t table) (int64, error) {
	e := end{segments: w.count, documents: len(t), tailAt: int(w.written)}
	tail, languages := t.append(nil)
	e.languages = len(languages)
	tail = slices.Concat(tail, languages, w.images, w.sums)
	e.sum = xxhash.Sum64(tail)
	w.write(e.append(tail))
	if w.err == nil {
		w.err = w.to.Flush()
	}
	return w.written, w.err
}

func (t table) append(to []byte) (documents, languages []byte) {
	numbers := make(map[string]uint32)
	for i := range t {
		numbers[t[i].language] = 0
	}
	for n, language := range slices.Sorted(maps.Keys(numbers)) {
		numbers[language] = uint32(n)
		languages = append(binary.AppendUvarint(languages, uint64(len(language))), language...)
	}
	for i := range t {
		to = binary.LittleEndian.AppendUint64(to, t[i].ID)
		to = binary.LittleEndian.AppendUint64(to, t[i].Seq)
		to = binary.LittleEndian.AppendUint32(to, numbers[t[i].language])
		titled := uint32(0)
		if t[i].titled {
			titled = 1
		}
		to = binary.LittleEndian.AppendUint32(to, titled)
	}
	return to, languages
}
