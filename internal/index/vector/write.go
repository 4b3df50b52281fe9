package vector

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Sealed are the blocks that were in memory when Seal was called. They take no new
// vectors, so that they are written without a lock.
type Sealed struct {
	index   *Index
	numbers []int
	blocks  []*block
	table
}

// table is the slots and documents of a file that is being written.
type table struct {
	slots     []fileSlot
	documents []State
}

// fileSlot is a vector's document, by its number in the file, and ordinal.
type fileSlot struct{ document, ordinal uint32 }

// Seal ends the blocks in memory; new vectors go to others. state names the states
// of documents. It is nil when no vector is in memory.
func (x *Index) Seal(state func(document uint32) State) *Sealed {
	s := &Sealed{index: x}
	for number, b := range x.blocks {
		if b != nil && !b.sealed && b != x.head {
			s.take(number, b)
		}
	}
	if x.head != nil {
		s.take(x.headAt, x.head) // the only one that is not full
	}
	numbers, live := make(map[uint32]uint32), false
	for i, number := range s.numbers {
		for row := range s.blocks[i].used {
			at := x.slots[number*blockVectors+row]
			live = live || at.document != none
			s.slots = append(s.slots, fileSlot{s.number(numbers, at.document, state), at.ordinal})
		}
	}
	x.head, x.unused = nil, nil
	if !live {
		x.drop(s.numbers)
		return nil
	}
	return s
}

func (s *Sealed) take(number int, b *block) {
	b.sealed = true
	s.numbers, s.blocks = append(s.numbers, number), append(s.blocks, b)
}

// number is the document's in the file; numbers has those that were given.
func (t *table) number(numbers map[uint32]uint32, document uint32, state func(uint32) State) uint32 {
	if document == none {
		return none
	}
	n, ok := numbers[document]
	if !ok {
		n = uint32(len(t.documents))
		numbers[document] = n
		t.documents = append(t.documents, state(document))
	}
	return n
}

// drop leaves holes where blocks were that hold nothing.
func (x *Index) drop(numbers []int) {
	for _, number := range numbers {
		x.blocks[number] = nil
	}
	x.holes = append(x.holes, numbers...)
}

// WriteTo writes the file. It needs no lock.
func (s *Sealed) WriteTo(w io.Writer) (int64, error) {
	return writeFile(w, s.index, &s.table, len(s.blocks), func(i int) (*block, error) { return s.blocks[i], nil })
}

// Adopt puts the file that was written in the place of the sealed blocks' memory.
func (x *Index) Adopt(s *Sealed, f *File) error {
	if f.vectors != len(s.slots) || f.dimension != x.dimension || f.metric != x.metric {
		return fmt.Errorf("file of %d vectors of %d numbers for %d of %d: %w", f.vectors, f.dimension, len(s.slots), x.dimension, ErrDamaged)
	}
	x.files = append(x.files, f)
	f.numbers = s.numbers
	for i, number := range s.numbers {
		x.blocks[number] = f.mapped[i]
	}
	for i := range f.vectors {
		if x.slots[f.slot(i)].document != none {
			f.live++
		}
	}
	return nil
}

// writer adds up what is written.
type writer struct {
	to      io.Writer
	written int64
	err     error
}

func (w *writer) write(data []byte) {
	if w.err != nil {
		return
	}
	n, err := w.to.Write(data)
	w.written, w.err = w.written+int64(n), err
}

// writeFile writes a file of blocks that are made one after the other.
func writeFile(to io.Writer, x *Index, t *table, blocks int, block func(i int) (*block, error)) (int64, error) {
	h := header{dimension: x.dimension, metric: x.metric, vectors: len(t.slots), documents: len(t.documents)}
	w := &writer{to: to}
	w.write(h.append(nil))
	var foot, image []byte
	for i := range blocks {
		b, err := block(i)
		if err != nil {
			return w.written, err
		}
		image = b.image(image[:0], h.rows(i))
		w.write(image)
		foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(image))
		foot = binary.LittleEndian.AppendUint32(foot, math.Float32bits(b.longest))
		foot = binary.LittleEndian.AppendUint32(foot, 0)
	}
	records := t.append(image[:0])
	w.write(records)
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(records))
	foot = binary.LittleEndian.AppendUint64(foot, uint64(h.length()))
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(foot))
	w.write(append(foot, footMagic...))
	return w.written, w.err
}

func (t *table) append(to []byte) []byte {
	for _, s := range t.slots {
		to = binary.LittleEndian.AppendUint32(to, s.document)
		to = binary.LittleEndian.AppendUint32(to, s.ordinal)
	}
	for _, d := range t.documents {
		to = binary.LittleEndian.AppendUint64(to, d.ID)
		to = binary.LittleEndian.AppendUint64(to, d.Seq)
	}
	return to
}

// image is the first rows of the block as in a file.
func (b *block) image(to []byte, rows int) []byte {
	size := layoutOf(b.width, rows).size
	to = slices.Grow(to, size)[:size]
	clear(to)
	out := blockOf(to, b.width, rows)
	copy(out.codes, b.codes)
	copy(out.factors, b.factors)
	copy(out.half, b.half)
	copy(out.scales, b.scales)
	copy(out.signs, b.signs)
	copy(out.spreads, b.spreads)
	copy(out.centre, b.centre)
	runtime.KeepAlive(b) // its memory goes with it
	return to
}
