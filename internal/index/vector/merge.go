package vector

import (
	"context"
	"io"
	"runtime/debug"
	"slices"

	"pulse/internal/half"
)

// Merge is files becoming one that holds what is live in them.
type Merge struct {
	Between   func() // called between blocks while the file is written: it may wait
	index     *Index
	files     []*File
	blocks    []*block // of the index, by number, when the merge began
	from      []uint32 // by vector of the new file: its slot
	documents []uint32 // by document of the new file: the owner's number
	table
	moved int // vectors of the new file that the index has
}

// Merge begins a merge of attached files, under the owner's lock for reading: what
// is live in them now. state names the states of documents.
func (x *Index) Merge(files []*File, state func(document uint32) State) *Merge {
	m := &Merge{Between: func() {}, index: x, files: files, blocks: slices.Clone(x.blocks)}
	met := make([]bool, len(x.first))
	for _, f := range files {
		for i := range f.vectors {
			if document := x.slots[f.slot(i)].document; document != none && !met[document] {
				met[document] = true
				m.take(document, state(document))
			}
		}
	}
	return m
}

// take adds a document, all of whose chunks are in one file.
func (m *Merge) take(document uint32, state State) {
	n := uint32(len(m.documents))
	m.documents = append(m.documents, document)
	m.table.documents = append(m.table.documents, state)
	for at := m.index.first[document]; at != none; at = m.index.slots[at].next {
		m.from = append(m.from, at)
		m.slots = append(m.slots, fileSlot{n, m.index.slots[at].ordinal})
	}
}

// Files are those that are merged: to be closed when Move is done.
func (m *Merge) Files() []*File { return m.files }

// WriteTo writes the new file. It needs no lock: the files do not change. They are compared
// with their checksums first, since what is copied gets new ones.
func (m *Merge) WriteTo(w io.Writer) (int64, error) {
	for _, f := range m.files {
		if err := f.Scrub(context.Background()); err != nil {
			return 0, err
		}
	}
	blocks := (len(m.from) + blockVectors - 1) / blockVectors
	rotated := make([]float32, blockVectors*m.index.width)
	return writeFile(w, m.index, &m.table, blocks, func(i int) (b *block, err error) {
		m.Between()
		defer faultAsError(debug.SetPanicOnFault(true), m.files, &err)
		return m.block(m.from[i*blockVectors:min(len(m.from), (i+1)*blockVectors)], rotated), nil
	})
}

// block gathers vectors. Their signs are made anew, around their own mean.
func (m *Merge) block(from []uint32, rotated []float32) *block {
	width := m.index.width
	b := newBlock(width, make([]float32, width))
	for row, at := range from {
		old, i := m.blocks[at/blockVectors], int(at%blockVectors)
		copy(b.codes[row*width:], old.codes[i*width:(i+1)*width])
		copy(b.half[row*width:], old.half[i*width:(i+1)*width])
		b.factors[row], b.scales[row] = old.factors[i], old.scales[i]
		b.longest = max(b.longest, old.longest)
		if b.signs != nil {
			one := rotated[row*width : (row+1)*width]
			old.rotate(i, one)
			for j, f := range one {
				b.centre[j] += f / float32(len(from))
			}
		}
	}
	for row := range from {
		if b.signs != nil {
			b.putSigns(row, rotated[row*width:(row+1)*width])
		}
	}
	return b
}

// rotate writes the vector at a place, rotated.
func (b *block) rotate(at int, to []float32) {
	for i, h := range b.half[at*b.width : (at+1)*b.width] {
		to[i] = b.scales[at] * half.To(h)
	}
	rotationOf(b.width).apply(to)
}

// Move makes the index use the new file, under the owner's lock, for the next
// vectors, at least as many as are asked for; done says that none is left in the old
// files, which the index has then let go. A document that has changed since the
// merge began is left out.
func (x *Index) Move(m *Merge, f *File, vectors int) (done bool) {
	if m.moved == 0 {
		x.insert(f)
	}
	for end := m.moved + vectors; m.moved < min(end, len(m.from)); {
		x.moveDocument(m, f)
	}
	if m.moved < len(m.from) {
		return false
	}
	for _, old := range m.files {
		x.drop(old.numbers)
	}
	x.files = slices.DeleteFunc(x.files, func(f *File) bool { return slices.Contains(m.files, f) })
	return true
}

// moveDocument moves all chunks of one document, the next.
func (x *Index) moveDocument(m *Merge, f *File) {
	n := m.slots[m.moved].document
	document := m.documents[n]
	live := x.slots[m.from[m.moved]].document == document
	if live {
		x.first[document] = none
	}
	for ; m.moved < len(m.from) && m.slots[m.moved].document == n; m.moved++ {
		if !live {
			continue
		}
		old := m.from[m.moved]
		x.slots[old].document = none
		x.blocks[old/blockVectors].file.live--
		x.link(f.slot(m.moved), document, m.slots[m.moved].ordinal)
		f.live++
	}
}
