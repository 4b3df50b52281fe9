package keyword

import "encoding/binary"

// postings is the posting list of one term: pairs of (chunk's slot, frequency) in
// the order in which they were added, as varints; slots as differences, since
// most are added in ascending order. A posting of a dead slot stays until half of
// the list is dead.
type postings struct {
	data []byte
	last uint32 // slot of the last posting
	all  uint32 // postings in data
	dead uint32 // of them, those whose chunk is gone
}

// live is the number of chunks that hold the term.
func (p *postings) live() int { return int(p.all - p.dead) }

func (p *postings) add(slot, frequency uint32) {
	p.data = binary.AppendVarint(p.data, int64(slot)-int64(p.last))
	p.data = binary.AppendUvarint(p.data, uint64(frequency))
	p.last = slot
	p.all++
}

// each calls f for every posting, dead ones included.
func (p *postings) each(f func(slot, frequency uint32)) {
	slot := int64(0)
	for data := p.data; len(data) > 0; {
		var frequency uint64
		slot, frequency, data = next(slot, data)
		f(uint32(slot), uint32(frequency))
	}
}

// next decodes one posting. The list is made by add alone, so that it cannot end
// inside a number. One byte each is by far the most frequent case.
func next(slot int64, data []byte) (int64, uint64, []byte) {
	if len(data) >= 2 && data[0] < 0x80 && data[1] < 0x80 {
		return slot + unzigzag(uint64(data[0])), uint64(data[1]), data[2:]
	}
	difference, n := binary.Uvarint(data)
	frequency, m := binary.Uvarint(data[n:])
	return slot + unzigzag(difference), frequency, data[n+m:]
}

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// compact drops the postings of dead slots and calls dropped for each.
func (p *postings) compact(isLive func(slot uint32) bool, dropped func(slot uint32)) {
	kept := postings{data: make([]byte, 0, len(p.data)/2+8)}
	p.each(func(slot, frequency uint32) {
		if isLive(slot) {
			kept.add(slot, frequency)
		} else {
			dropped(slot)
		}
	})
	*p = kept
}

// termCount is one entry of a chunk's own list of terms.
type termCount struct {
	term      uint32
	frequency uint32
}

// packTerms packs a chunk's list of terms, which ascends by term.
func packTerms(terms []termCount) []byte {
	data := make([]byte, 0, 3*len(terms)+8)
	last := uint32(0)
	for _, t := range terms {
		data = binary.AppendUvarint(data, uint64(t.term-last))
		data = binary.AppendUvarint(data, uint64(t.frequency))
		last = t.term
	}
	return append(make([]byte, 0, len(data)), data...)
}

// eachTerm unpacks what packTerms packed, until f is false.
func eachTerm(data []byte, f func(term, frequency uint32) bool) {
	term := uint64(0)
	for len(data) > 0 {
		difference, n := binary.Uvarint(data)
		frequency, m := binary.Uvarint(data[n:])
		term += difference
		data = data[n+m:]
		if !f(uint32(term), uint32(frequency)) {
			return
		}
	}
}
