package vector

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/cespare/xxhash/v2"

	"pulse/internal/mapped"
)

// State names the state of a document that vectors are of, as the commit log does:
// what is not the document's state any more is dead, and needs no tombstone.
type State struct {
	ID, Seq uint64
}

// File is an immutable set of blocks, mapped. Its owner opens it, gives it to one
// index, and closes it after that has let it go.
type File struct {
	header
	data    []byte
	mapped  []*block
	parts   []part // of the blocks
	tableAt int    // where slots begin
	slots   []byte
	// documents are those of the file, by the numbers that slots have.
	documents []byte

	numbers []int // of the blocks in the index
	live    int   // vectors of the index that are here
	damage  mapped.Damage
	unmap   func() error
}

type part struct {
	at, size int
	sum      uint64
}

// Open maps a file and checks all but the blocks.
func Open(path string) (*File, error) {
	data, unmap, err := mapped.File(path)
	if err != nil {
		return nil, fmt.Errorf("open vectors: %w", err)
	}
	f, err := parseFile(data)
	if err != nil {
		return nil, fmt.Errorf("open vectors %s: %w", path, errors.Join(err, unmap()))
	}
	f.unmap = unmap
	return f, nil
}

// Close unmaps the file. No index may hold it.
func (f *File) Close() error {
	if f.unmap == nil {
		return nil
	}
	unmap := f.unmap
	f.unmap = nil
	return unmap()
}

// Vectors is the number of vectors in the file, Live of those that an index uses.
func (f *File) Vectors() int { return f.vectors }

// Live is for the index's owner, under its lock.
func (f *File) Live() int { return f.live }

// Scrub reads all blocks and compares them with their checksums.
func (f *File) Scrub(ctx context.Context) error {
	for i, p := range f.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		var sum uint64
		if err := f.guard(func() { sum = xxhash.Sum64(f.data[p.at : p.at+p.size]) }); err != nil {
			return fmt.Errorf("block %d of %d: %w", i, len(f.parts), err)
		}
		if sum != p.sum {
			return f.damage.Note(fmt.Errorf("block %d of %d of a file of vectors: %w", i, len(f.parts), ErrDamaged))
		}
	}
	return nil
}

func (f *File) documentAt(i int) uint32 { return binary.LittleEndian.Uint32(f.slots[i*slotSize:]) }
func (f *File) ordinalAt(i int) uint32  { return binary.LittleEndian.Uint32(f.slots[i*slotSize+4:]) }

func (f *File) state(document uint32) State {
	record := f.documents[document*documentSize:]
	return State{binary.LittleEndian.Uint64(record), binary.LittleEndian.Uint64(record[8:])}
}

// Attach adds what the file has of documents that are still in the states that it
// names: number is the owner's number of such a document. A document must not be in
// the index, or twice in what is attached. A file of another dimension or metric
// changes nothing and is an error.
func (x *Index) Attach(f *File, number func(State) (document uint32, ok bool)) error {
	if f.dimension != x.dimension {
		return fmt.Errorf("vectors of %d numbers in an index of %d: %w", f.dimension, x.dimension, ErrDimension)
	}
	if f.metric != x.metric {
		return fmt.Errorf("vectors of another metric: %w", ErrMetric)
	}
	slots := make([]slot, f.vectors)
	if err := f.guard(func() {
		documents := f.known(number)
		for i := range slots {
			slots[i] = slot{document: none, ordinal: f.ordinalAt(i)}
			if n := f.documentAt(i); n != none {
				slots[i].document = documents[n]
			}
		}
	}); err != nil {
		return err
	}
	x.insert(f)
	for i, s := range slots {
		if s.document == none {
			continue
		}
		x.reach(s.document)
		x.link(f.slot(i), s.document, s.ordinal)
		f.live++
		x.count++
	}
	return nil
}

// insert gives the file's blocks numbers in the index.
func (x *Index) insert(f *File) {
	x.files = append(x.files, f)
	for _, b := range f.mapped {
		f.numbers = append(f.numbers, x.place(b))
	}
}

// known has the owner's number for each document of the file, or none.
func (f *File) known(number func(State) (uint32, bool)) []uint32 {
	documents := make([]uint32, f.header.documents)
	for n := range documents {
		documents[n] = none
		if document, ok := number(f.state(uint32(n))); ok {
			documents[n] = document
		}
	}
	return documents
}

// slot is where the index has the i-th vector of a file that is attached.
func (f *File) slot(i int) uint32 {
	return uint32(f.numbers[i/blockVectors]*blockVectors + i%blockVectors)
}

// Files are those that are attached.
func (x *Index) Files() []*File { return x.files }

// Damage is what was found wrong with the file since it was opened, nil when nothing
// was.
func (f *File) Damage() error { return f.damage.Err() }

// guard runs a function that reads the file. What cannot be read is an error.
func (f *File) guard(read func()) (err error) {
	defer faultAsError(debug.SetPanicOnFault(true), []*File{f}, &err)
	read()
	return nil
}

// faultAsError is deferred, with what debug.SetPanicOnFault has returned, where files are
// read. A fault in one, as when it was cut off under the mapping or the disk cannot read
// it, is an error.
func faultAsError(before bool, files []*File, err *error) {
	debug.SetPanicOnFault(before)
	fault := recover()
	if fault == nil {
		return
	}
	if wrong, ok := fault.(wrongCosine); ok {
		*err = wrong.damage.Note(fmt.Errorf("cosine of %v in a file of vectors: %w", wrong.value, ErrDamaged))
		return
	}
	if at, ok := mapped.Fault(fault); ok {
		for _, f := range files {
			if mapped.Holds(f.data, at) {
				*err = f.damage.Note(fmt.Errorf("file of vectors cannot be read where it is mapped: %w", ErrDamaged))
				return
			}
		}
	}
	panic(fault)
}

// Detach lets a file go without reading it, as a damaged one, and returns the documents
// that had vectors in it and now have none.
func (x *Index) Detach(f *File) (documents []uint32) {
	for i := range f.vectors {
		if document := x.slots[f.slot(i)].document; document != none {
			documents = append(documents, document)
			x.Delete(document)
		}
	}
	x.drop(f.numbers)
	x.files = slices.DeleteFunc(x.files, func(other *File) bool { return other == f })
	return documents
}
