package keyword

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"pulse/internal/mapped"
)

// Why a file cannot be used. The error that wraps one says which part it is about.
var (
	ErrVersion = mapped.ErrVersion
	ErrDamaged = mapped.ErrDamaged
)

// formatVersion is of files. Its history:
//
//	1: the first.
//
// A file is, all little-endian:
//
//	header     magic, version (uint32), zeros, xxhash64 of what is before; padded to a page
//	segments   each as its image lays it out, padded to a page
//	documents  for each: its id, the sequence of the commit that it is of (uint64 each),
//	           its language, by number, and whether it has a title (uint32 each)
//	languages  each as its length (a uvarint) and its tag
//	images     for each segment: its counts (uint32 each), in the order of image
//	sums       xxhash64 of each page of 4,096 bytes before documents
//	end        segments, documents, bytes of languages, zeros (uint32 each); where
//	           documents begins, xxhash64 from there to sums, length of the file, zeros
//	           (uint64 each); xxhash64 of the end so far; magic
const formatVersion = 1

const (
	headMagic = "PULSEKEY"
	footMagic = "PULSEEND"
	pageSize  = 4096
	headSize  = 32 // without padding

	documentSize = 24
	imageSize    = 4 * imageCounts
	sumSize      = 8
	endSize      = 64

	largeSize = 16
	denseBits = segmentSlots / 64 // words of a dense list
)

// none is the number of no document.
const none = 1<<32 - 1

// image counts what a segment in a file has. Where its parts are follows.
type image struct {
	slots, terms      int
	dictionary, table int
	shaped            int
	large             int
	postings, blocks  [numFields]int
	dense, sequences  [numFields]int
}

const imageCounts = 6 + 4*numFields

func (m *image) counts() [imageCounts]*int {
	return [imageCounts]*int{
		&m.slots, &m.terms, &m.dictionary, &m.table, &m.shaped, &m.large,
		&m.postings[0], &m.postings[1], &m.blocks[0], &m.blocks[1],
		&m.dense[0], &m.dense[1], &m.sequences[0], &m.sequences[1],
	}
}

// listed is how many terms a field has lists for: all, or none when it holds nothing.
func (m *image) listed(field int) int {
	if m.postings[field] == 0 {
		return 0
	}
	return m.terms
}

// layout says where the parts of a segment are, in bytes from its begin. Those up to
// columns are checked when the file is opened, the others where they are touched.
type layout struct {
	documents, ordinals, large, shapeStarts       int
	lengths, ends, denseIDs                       [numFields]int
	columns                                       int
	offsets, table, dictionary, shapeSets, shaped int
	held, starts, blocks, bounds                  [numFields]int
	slots, frequencies, bits, sequences           [numFields]int
	size                                          int
}

func (m *image) layout() layout {
	var l layout
	at := 0
	part := func(begin *int, size int) {
		*begin = at
		at += (size + 63) / 64 * 64
	}
	part(&l.documents, 4*m.slots)
	part(&l.ordinals, 4*m.slots)
	part(&l.large, largeSize*m.large)
	part(&l.shapeStarts, 4*(maxShape+2))
	for f := range numFields {
		part(&l.lengths[f], 4*m.slots)
		part(&l.ends[f], 4*m.slots)
		part(&l.denseIDs[f], 4*m.dense[f])
	}
	l.columns = at
	part(&l.offsets, 4*(m.terms+1))
	part(&l.table, 4*m.table)
	part(&l.dictionary, m.dictionary)
	part(&l.shapeSets, 8*m.shaped)
	part(&l.shaped, 4*m.shaped)
	for f := range numFields {
		part(&l.held[f], 4*m.listed(f))
		part(&l.starts[f], 4*(m.listed(f)+1))
		part(&l.blocks[f], 4*(m.listed(f)+1))
		part(&l.bounds[f], 4*m.blocks[f])
		part(&l.slots[f], 2*m.postings[f])
		part(&l.frequencies[f], m.postings[f])
		part(&l.bits[f], 8*denseBits*m.dense[f])
		part(&l.sequences[f], m.sequences[f])
	}
	l.size = (at + pageSize - 1) / pageSize * pageSize
	return l
}

// check says whether such a segment can be.
func (m *image) check() bool {
	ok := m.slots <= segmentSlots && m.table > m.terms && m.table&(m.table-1) == 0 && m.shaped <= m.terms
	for f := range numFields {
		ok = ok && m.blocks[f] <= m.postings[f] && m.dense[f] <= m.terms
	}
	return ok
}

func (m *image) append(to []byte) []byte {
	for _, n := range m.counts() {
		to = binary.LittleEndian.AppendUint32(to, uint32(*n))
	}
	return to
}

func parseImage(data []byte) (image, bool) {
	var m image
	for i, n := range m.counts() {
		*n = int(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return m, m.check()
}

func appendHeader(to []byte) []byte {
	to = append(to, headMagic...)
	to = binary.LittleEndian.AppendUint32(to, formatVersion)
	to = append(to, make([]byte, headSize-8-len(to))...)
	to = binary.LittleEndian.AppendUint64(to, xxhash.Sum64(to))
	return append(to, make([]byte, pageSize-headSize)...)
}

func checkHeader(data []byte) error {
	if len(data) < pageSize+endSize {
		return fmt.Errorf("%d bytes, no header: %w", len(data), ErrDamaged)
	}
	if !bytes.Equal(data[:8], []byte(headMagic)) {
		return fmt.Errorf("not a file of terms: %w", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != formatVersion {
		return fmt.Errorf("version %d, this program knows %d: %w", v, formatVersion, ErrVersion)
	}
	if binary.LittleEndian.Uint64(data[headSize-8:]) != xxhash.Sum64(data[:headSize-8]) {
		return fmt.Errorf("header: %w", ErrDamaged)
	}
	return nil
}

// end is what a file says about itself.
type end struct {
	segments, documents, languages int
	tailAt                         int    // where documents begins
	sum                            uint64 // of the tail: from there to the end
}

func (e *end) append(to []byte) []byte {
	begin := len(to)
	for _, n := range []int{e.segments, e.documents, e.languages, 0} {
		to = binary.LittleEndian.AppendUint32(to, uint32(n))
	}
	for _, n := range []uint64{uint64(e.tailAt), e.sum, uint64(e.tailAt + e.tailSize() + endSize), 0} {
		to = binary.LittleEndian.AppendUint64(to, n)
	}
	to = binary.LittleEndian.AppendUint64(to, xxhash.Sum64(to[begin:]))
	return append(to, footMagic...)
}

func (e *end) pages() int { return e.tailAt / pageSize }

func (e *end) tailSize() int {
	return e.documents*documentSize + e.languages + e.segments*imageSize + e.pages()*sumSize
}

func parseEnd(data []byte) (end, error) {
	last := data[len(data)-endSize:]
	if !bytes.Equal(last[56:], []byte(footMagic)) || binary.LittleEndian.Uint64(last[48:]) != xxhash.Sum64(last[:48]) {
		return end{}, fmt.Errorf("end: %w", ErrDamaged)
	}
	field := func(i int) int { return int(binary.LittleEndian.Uint32(last[4*i:])) }
	e := end{segments: field(0), documents: field(1), languages: field(2), sum: binary.LittleEndian.Uint64(last[24:])}
	length, tailAt := binary.LittleEndian.Uint64(last[32:]), binary.LittleEndian.Uint64(last[16:])
	if length != uint64(len(data)) || tailAt > length || tailAt%pageSize != 0 {
		return end{}, fmt.Errorf("%d bytes, by its end %d: %w", len(data), length, ErrDamaged)
	}
	e.tailAt = int(tailAt)
	if e.tailAt < pageSize || e.tailAt+e.tailSize()+endSize != len(data) {
		return end{}, fmt.Errorf("end: %w", ErrDamaged)
	}
	if e.sum != xxhash.Sum64(data[e.tailAt:len(data)-endSize]) {
		return end{}, fmt.Errorf("documents and sums: %w", ErrDamaged)
	}
	return e, nil
}

// numeric is what lies in a file as it does in memory.
type numeric interface {
	uint8 | uint16 | uint32 | uint64 | corner
}

// view takes data as n of what it is on a little-endian machine.
func view[T numeric](data []byte, n int) []T {
	var one T
	data = data[: n*int(unsafe.Sizeof(one)) : n*int(unsafe.Sizeof(one))]
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), n)
}

// raw is what view takes.
func raw[T numeric](of []T) []byte {
	if len(of) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&of[0])), len(of)*int(unsafe.Sizeof(of[0])))
}

// littleEndian says whether this machine is what view needs.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1
