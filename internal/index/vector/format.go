package vector

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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
//	header     magic, version, dimension, metric, vectors, documents (uint32 each),
//	           zeros, xxhash64 of what is before; padded to 4,096 bytes
//	blocks     of 1,024 vectors, the last of what is left up to a multiple of 32; each
//	           holds, by the layout, signs, spreads, centre, codes, factors, half and
//	           scales (see block), and is padded to 4,096 bytes
//	slots      for each vector: the number of its document in this file (none: it was
//	           deleted), its ordinal (uint32 each)
//	documents  for each: its id, the sequence of the commit that it is of (uint64 each)
//	footer     for each block: xxhash64, its longest (float32), zeros (uint32);
//	           xxhash64 of slots and documents; length of the file (uint64);
//	           xxhash64 of the footer so far; magic
const formatVersion = 1

const (
	headMagic = "PULSEVEC"
	footMagic = "PULSEEND"
	pageSize  = 4096
	headSize  = 64 // without padding

	slotSize      = 8
	documentSize  = 16
	blockFootSize = 16
	footSize      = 32 // without those of blocks
)

// header is what a file says about itself.
type header struct {
	dimension int
	metric    Metric
	vectors   int
	documents int
}

func (h *header) width() int  { return widthOf(h.dimension) }
func (h *header) blocks() int { return (h.vectors + blockVectors - 1) / blockVectors }

// rows is the number of places in a block of a file.
func (h *header) rows(block int) int {
	return min(blockVectors, (h.vectors-block*blockVectors+lanes-1)/lanes*lanes)
}

// length is of the whole file.
func (h *header) length() int64 {
	width, n := h.width(), int64(pageSize)
	if full := h.vectors / blockVectors; full > 0 {
		n += int64(full) * int64(layoutOf(width, blockVectors).size)
	}
	if h.vectors%blockVectors > 0 {
		n += int64(layoutOf(width, h.rows(h.blocks()-1)).size)
	}
	return n + int64(h.vectors)*slotSize + int64(h.documents)*documentSize + int64(h.blocks())*blockFootSize + footSize
}

func (h *header) append(to []byte) []byte {
	begin := len(to)
	to = append(to, headMagic...)
	for _, n := range []int{formatVersion, h.dimension, int(h.metric), h.vectors, h.documents} {
		to = binary.LittleEndian.AppendUint32(to, uint32(n))
	}
	to = append(to, make([]byte, headSize-8-(len(to)-begin))...)
	to = binary.LittleEndian.AppendUint64(to, xxhash.Sum64(to[begin:]))
	return append(to, make([]byte, pageSize-headSize)...)
}

func parseHeader(data []byte) (header, error) {
	if len(data) < pageSize {
		return header{}, fmt.Errorf("%d bytes, no header: %w", len(data), ErrDamaged)
	}
	if !bytes.Equal(data[:8], []byte(headMagic)) {
		return header{}, fmt.Errorf("not a file of vectors: %w", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v != formatVersion {
		return header{}, fmt.Errorf("version %d, this program knows %d: %w", v, formatVersion, ErrVersion)
	}
	if binary.LittleEndian.Uint64(data[headSize-8:]) != xxhash.Sum64(data[:headSize-8]) {
		return header{}, fmt.Errorf("header: %w", ErrDamaged)
	}
	field := func(i int) int { return int(binary.LittleEndian.Uint32(data[12+4*i:])) }
	h := header{dimension: field(0), metric: Metric(field(1)), vectors: field(2), documents: field(3)}
	if h.dimension < 1 || h.dimension > MaxDimension || h.metric > Dot || h.documents > h.vectors {
		return header{}, fmt.Errorf("header of %d numbers, metric %d, %d documents: %w", h.dimension, h.metric, h.documents, ErrDamaged)
	}
	return h, nil
}

// layout says where the parts of a block are, in bytes from its begin.
type layout struct {
	signs, spreads, centre, codes, factors, half, scales int
	size                                                 int
}

func layoutOf(width, rows int) layout {
	var l layout
	at := 0
	part := func(size int) int {
		begin := at
		at += (size + 63) / 64 * 64
		return begin
	}
	if width >= minSignsWidth {
		l.signs, l.spreads, l.centre = part(rows*width/8), part(4*rows), part(4*width)
	}
	l.codes, l.factors = part(rows*width), part(4*rows)
	l.half, l.scales = part(2*rows*width), part(4*rows)
	l.size = (at + pageSize - 1) / pageSize * pageSize
	return l
}

// blockOf is a block whose parts lie in data, which is of its layout's size.
func blockOf(data []byte, width, rows int) *block {
	l := layoutOf(width, rows)
	b := &block{
		width: width, sealed: true,
		codes:   view[int8](data[l.codes:], rows*width),
		factors: view[float32](data[l.factors:], rows),
		half:    view[uint16](data[l.half:], rows*width),
		scales:  view[float32](data[l.scales:], rows),
	}
	if width >= minSignsWidth {
		b.signs = view[uint64](data[l.signs:], rows*width/64)
		b.spreads = view[float32](data[l.spreads:], rows)
		b.centre = view[float32](data[l.centre:], width)
	}
	return b
}

// view takes memory of n numbers as what it is on a little-endian machine.
func view[T int8 | uint16 | uint64 | float32](data []byte, n int) []T {
	var one T
	data = data[: n*int(unsafe.Sizeof(one)) : n*int(unsafe.Sizeof(one))]
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&data[0])), n)
}

// littleEndian says whether this machine is what view needs.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// parseFile checks a file's length, header, footer, slots and documents. Blocks are
// checked by Scrub, and so before each merge: a damaged one makes wrong scores, not a crash.
func parseFile(data []byte) (*File, error) {
	if !littleEndian {
		return nil, errors.New("files of vectors need a little-endian processor")
	}
	f := &File{data: data}
	var wrong error
	if err := f.guard(func() { wrong = f.parse() }); err != nil {
		return nil, err
	}
	return f, wrong
}

func (f *File) parse() (err error) {
	data := f.data
	if f.header, err = parseHeader(data); err != nil {
		return err
	}
	if want := f.length(); int64(len(data)) != want {
		return fmt.Errorf("%d bytes, by its header %d: %w", len(data), want, ErrDamaged)
	}
	foot := data[len(data)-footSize-f.blocks()*blockFootSize:]
	end := foot[len(foot)-footSize:]
	if !bytes.Equal(end[24:], []byte(footMagic)) || binary.LittleEndian.Uint64(end[8:]) != uint64(len(data)) ||
		binary.LittleEndian.Uint64(end[16:]) != xxhash.Sum64(foot[:len(foot)-16]) {
		return fmt.Errorf("footer: %w", ErrDamaged)
	}
	f.placeBlocks(foot)
	table := data[f.tableAt : len(data)-len(foot)]
	if binary.LittleEndian.Uint64(end) != xxhash.Sum64(table) {
		return fmt.Errorf("slots and documents: %w", ErrDamaged)
	}
	f.slots, f.documents = table[:f.vectors*slotSize], table[f.vectors*slotSize:]
	return f.checkSlots()
}

// placeBlocks takes the blocks out of the data, and their checksums out of the foot.
func (f *File) placeBlocks(foot []byte) {
	at := pageSize
	for i := range f.blocks() {
		rows := f.rows(i)
		size := layoutOf(f.width(), rows).size
		b := blockOf(f.data[at:at+size], f.width(), rows)
		b.file, b.used = f, min(rows, f.vectors-i*blockVectors)
		b.longest = math.Float32frombits(binary.LittleEndian.Uint32(foot[i*blockFootSize+8:]))
		f.mapped = append(f.mapped, b)
		f.parts = append(f.parts, part{at, size, binary.LittleEndian.Uint64(foot[i*blockFootSize:])})
		at += size
	}
	f.tableAt = at
}

func (f *File) checkSlots() error {
	for i := range f.vectors {
		if n := f.documentAt(i); n != none && int(n) >= f.header.documents {
			return fmt.Errorf("vector %d is of document %d of %d: %w", i, n, f.header.documents, ErrDamaged)
		}
	}
	return nil
}
