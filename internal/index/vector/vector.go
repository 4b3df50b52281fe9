// Package vector finds chunks by the cosine of their vectors with a query's.
//
// It is the exact, plain scan over float32: it stays as the reference that faster
// scans are tested against, so its order of arithmetic is part of what it promises.
//
// An Index is not safe for concurrent change: its owner holds the lock.
package vector

import (
	"errors"
	"fmt"
	"math"
)

// MaxDimension bounds the numbers of one vector.
const MaxDimension = 4096

// Why a vector is refused. The error that wraps one says which number it is about.
var (
	ErrDimension = errors.New("wrong dimension")
	ErrNotFinite = errors.New("not a finite number")
	ErrZero      = errors.New("all zero")
)

// Normalise returns the vector at length 1, as a copy. Its error says what is
// wrong with a vector that has no direction.
func Normalise(v []float32) ([]float32, error) {
	if len(v) == 0 || len(v) > MaxDimension {
		return nil, fmt.Errorf("vector of %d numbers: %w", len(v), ErrDimension)
	}
	sum := 0.0
	for i, f := range v {
		wide := float64(f)
		if math.IsNaN(wide) || math.IsInf(wide, 0) {
			return nil, fmt.Errorf("number %d of the vector is %v: %w", i, f, ErrNotFinite)
		}
		sum += float64(wide * wide)
	}
	if sum == 0 {
		return nil, fmt.Errorf("vector of %d numbers: %w", len(v), ErrZero)
	}
	length := math.Sqrt(sum)
	unit := make([]float32, len(v))
	for i, f := range v {
		unit[i] = float32(float64(f) / length)
	}
	return unit, nil
}

// blockVectors is the number of vectors that are kept in one piece of memory, so
// that a growing index never copies what it holds.
const blockVectors = 1024

// Index holds the vectors of the chunks of documents, all of one dimension.
// Documents are small numbers that its owner gives.
type Index struct {
	dimension int
	blocks    [][]float32
	slots     []slot
	unused    []uint32   // slots without a vector
	chunks    [][]uint32 // by document: the slots of its chunks
	count     int
}

type slot struct {
	document uint32
	ordinal  uint32
	live     bool
}

// Chunk is the vector of one chunk, as Normalise returns it.
type Chunk struct {
	Ordinal uint32
	Unit    []float32
}

// New returns an empty index for vectors of one dimension.
func New(dimension int) *Index { return &Index{dimension: dimension} }

// Dimension is the length of every vector in the index.
func (x *Index) Dimension() int { return x.dimension }

// Chunks is the number of vectors in the index.
func (x *Index) Chunks() int { return x.count }

// Replace makes chunks all that the document has here. A vector of another
// dimension changes nothing and is an error.
func (x *Index) Replace(document uint32, chunks []Chunk) error {
	for _, c := range chunks {
		if len(c.Unit) != x.dimension {
			return fmt.Errorf("vector of %d numbers in an index of %d: %w", len(c.Unit), x.dimension, ErrDimension)
		}
	}
	x.Delete(document)
	for int(document) >= len(x.chunks) {
		x.chunks = append(x.chunks, nil)
	}
	slots := make([]uint32, 0, len(chunks))
	for _, c := range chunks {
		slots = append(slots, x.add(document, c))
	}
	x.chunks[document] = slots
	return nil
}

// Delete takes all vectors of the document out.
func (x *Index) Delete(document uint32) {
	if int(document) >= len(x.chunks) {
		return
	}
	for _, at := range x.chunks[document] {
		x.slots[at].live = false
		x.unused = append(x.unused, at)
		x.count--
	}
	x.chunks[document] = nil
}

func (x *Index) add(document uint32, c Chunk) uint32 {
	at := x.newSlot()
	x.slots[at] = slot{document: document, ordinal: c.Ordinal, live: true}
	copy(x.vector(at), c.Unit)
	x.count++
	return at
}

func (x *Index) newSlot() uint32 {
	if n := len(x.unused); n > 0 {
		at := x.unused[n-1]
		x.unused = x.unused[:n-1]
		return at
	}
	if len(x.slots)%blockVectors == 0 {
		x.blocks = append(x.blocks, make([]float32, blockVectors*x.dimension))
	}
	x.slots = append(x.slots, slot{})
	return uint32(len(x.slots) - 1)
}

func (x *Index) vector(at uint32) []float32 {
	begin := int(at%blockVectors) * x.dimension
	return x.blocks[at/blockVectors][begin : begin+x.dimension]
}

// Search compares the query, as Normalise returns it, with every vector of the
// documents that accept takes (nil takes all), and calls yield once for each
// document by its best chunk: of equal ones the first. Scores are cosines. The
// order is not defined. A query of another dimension is an error.
func (x *Index) Search(query []float32, accept func(document uint32) bool, yield func(document, ordinal uint32, score float64)) error {
	if len(query) != x.dimension {
		return fmt.Errorf("query vector of %d numbers in an index of %d: %w", len(query), x.dimension, ErrDimension)
	}
	for document, slots := range x.chunks {
		if len(slots) == 0 || accept != nil && !accept(uint32(document)) {
			continue
		}
		ordinal, score := x.best(query, slots)
		yield(uint32(document), ordinal, score)
	}
	return nil
}

func (x *Index) best(query []float32, slots []uint32) (ordinal uint32, score float64) {
	found := false
	for _, at := range slots {
		s := float64(dot(query, x.vector(at)))
		if n := x.slots[at].ordinal; !found || s > score || s == score && n < ordinal {
			ordinal, score, found = n, s, true
		}
	}
	return ordinal, score
}

// dot adds up in four lanes, which lets the processor work on them side by side.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float32(a[i] * b[i])
		s1 += float32(a[i+1] * b[i+1])
		s2 += float32(a[i+2] * b[i+2])
		s3 += float32(a[i+3] * b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}
