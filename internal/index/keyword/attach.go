package keyword

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Attach adds what the file has of documents that are still in the states that it
// names: number is the owner's number of such a document. A document must not be in
// the index, or twice in what is attached. A file that cannot be read changes nothing
// and is an error.
func (x *Index) Attach(f *File, number func(State) (document uint32, ok bool)) error {
	var documents []uint32
	var wrong error
	if err := f.guard(func() {
		documents = f.known(number)
		for _, s := range f.segments {
			s.attach(documents)
		}
		wrong = f.checkLanguages()
	}); err != nil {
		return err
	}
	if wrong != nil {
		return wrong
	}
	x.insert(f)
	x.link(f, documents)
	return nil
}

// known has the owner's number for each document of the file, or none.
func (f *File) known(number func(State) (uint32, bool)) []uint32 {
	documents := make([]uint32, f.end.documents)
	for n := range documents {
		documents[n] = none
		record := f.record(n)
		state := State{binary.LittleEndian.Uint64(record), binary.LittleEndian.Uint64(record[8:])}
		if document, ok := number(state); ok {
			documents[n] = document
		}
	}
	return documents
}

func (f *File) record(document int) []byte {
	at := f.tailAt + document*documentSize
	return f.data[at : at+documentSize]
}

func (f *File) language(document uint32) uint32 {
	return binary.LittleEndian.Uint32(f.record(int(document))[16:])
}

func (f *File) titled(document uint32) bool {
	return binary.LittleEndian.Uint32(f.record(int(document))[20:]) != 0
}

func (f *File) checkLanguages() error {
	for n := range f.end.documents {
		if l := f.language(uint32(n)); int(l) >= len(f.languages) {
			return fmt.Errorf("document %d is in language %d of %d: %w", n, l, len(f.languages), ErrDamaged)
		}
	}
	return nil
}

// attach makes of the segment what lives, by the owner's numbers of the file's
// documents.
func (s *segment) attach(documents []uint32) {
	s.own(func(n uint32) uint32 { return documents[n] })
	for slot, document := range s.documents {
		at := location{in: s, first: uint32(slot), n: 1}
		if document == none {
			s.uncount(at)
			continue
		}
		s.alive[slot>>6] |= 1 << (slot & 63)
		s.numAlive++
		at.titled = s.ordinals[slot] == 0 && s.file.titled(s.file.documents[slot])
		size := s.size(at)
		for f := range numFields {
			s.totals[f].add(size[f], 1)
		}
	}
}

// own makes room for what of the segment lives: nothing yet. number is the owner's
// number of a document of the file.
func (s *segment) own(number func(n uint32) uint32) {
	s.alive = make([]uint64, (len(s.file.documents)+63)/64)
	s.documents = make([]uint32, len(s.file.documents))
	for slot, n := range s.file.documents {
		s.documents[slot] = none
		if n != none {
			s.documents[slot] = number(n)
		}
	}
}

// insert puts a file's segments before the head.
func (x *Index) insert(f *File) {
	x.files = append(x.files, f)
	x.segments = slices.Insert(x.segments, len(x.segments)-1, f.segments...)
	for _, s := range f.segments {
		f.live += s.numAlive
		for i := range numFields {
			x.totals[i].add(s.totals[i], 1)
		}
	}
}

// link adds the locations of what lives in a file.
func (x *Index) link(f *File, documents []uint32) {
	memory := make([]location, len(documents)) // one for each; few have more
	for _, s := range f.segments {
		for slot := 0; slot < len(s.documents); {
			l, document := s.run(slot)
			slot += int(l.n)
			if document == none {
				continue
			}
			x.reach(document)
			n := s.file.documents[l.first]
			if x.locations[document] == nil {
				l.titled = f.titled(n)
				x.tags[document] = f.languages[f.language(n)]
				x.languages[x.tags[document]]++
				x.locations[document] = memory[n : n : n+1]
			}
			x.locations[document] = append(x.locations[document], l)
		}
	}
}

// run is what the document of a slot has from there on.
func (s *segment) run(slot int) (l location, document uint32) {
	l, document = location{in: s, first: uint32(slot)}, s.documents[slot]
	for ; slot < len(s.documents) && s.documents[slot] == document; slot++ {
		l.n++
	}
	return l, document
}
