// Package vector finds chunks by the cosine, or the dot product, of their vectors
// with a query's.
//
// A vector is kept three times: as one sign and as eight bits for each number, both
// of the vector turned by a random rotation, and as float16. A search scans signs
// (or, in a small index, bytes), block by block. What is too far away even at the
// far end of the code's error is out; the rest is looked at by the next finer form,
// and every score that comes out is that of float16. The bound that decides is what
// the caller still wants, so nothing is set by hand for a size, a dimension or an
// embedder: a scan looks closer where neighbours are dense.
//
// An Index is not safe for concurrent change: its owner holds the lock. Searches
// may run at once.
package vector

import (
	"fmt"
	"math"
)

// Metric is what a score is.
type Metric uint8

const (
	// Cosine is of the angle between vectors, whose lengths do not matter.
	Cosine Metric = iota
	// Dot is the sum of products.
	Dot
)

// none is the number of no document, and of no slot.
const none = math.MaxUint32

// Index holds the vectors of the chunks of documents, all of one dimension.
// Documents are small numbers that its owner gives.
type Index struct {
	dimension int
	width     int // of codes: the dimension, up to the next multiple of widthStep
	metric    Metric
	kernel    *kernel
	blocks    []*block // by number; nil where a merge has left a hole
	holes     []int    // their numbers
	head      *block   // that is being filled; nil when the next vector needs a new one
	headAt    int      // its number
	slots     []slot   // blockVectors for each block
	unused    []uint32 // slots of blocks in memory that lost their vector
	first     []uint32 // by document: the slot of one of its chunks
	files     []*File
	count     int

	signsFrom  int     // bytes of codes from which on signs are scanned first
	deviations float32 // that signs are feared to err by

	// Of the vectors that were put into the head: their mean is the centre of the next.
	sum    []float32
	summed int

	idle scans
}

type slot struct {
	document uint32 // none when there is no vector
	ordinal  uint32
	next     uint32 // slot of another chunk of the document
}

// New returns an empty index for vectors of one dimension, 1 to MaxDimension.
func New(dimension int, metric Metric) *Index {
	width := widthOf(dimension)
	return &Index{
		dimension: dimension, width: width, metric: metric, kernel: kernels()[0],
		signsFrom: minSignsBytes, deviations: signsDeviations, sum: make([]float32, width),
	}
}

// Dimension is the length of every vector in the index.
func (x *Index) Dimension() int { return x.dimension }

// Chunks is the number of vectors in the index.
func (x *Index) Chunks() int { return x.count }

// Has says whether the document has vectors here.
func (x *Index) Has(document uint32) bool {
	return int(document) < len(x.first) && x.first[document] != none
}

// Replace makes chunks, as Encode returns them, all that the document has here. A
// vector of another dimension or metric changes nothing and is an error.
func (x *Index) Replace(document uint32, chunks []Chunk) error {
	for i := range chunks {
		if err := x.check(&chunks[i]); err != nil {
			return err
		}
	}
	x.Delete(document)
	x.reach(document)
	for i := range chunks {
		x.add(document, &chunks[i])
	}
	return nil
}

func (x *Index) check(c *Chunk) error {
	if c.dimension != x.dimension {
		return fmt.Errorf("vector of %d numbers in an index of %d: %w", c.dimension, x.dimension, ErrDimension)
	}
	if c.metric != x.metric {
		return fmt.Errorf("vector encoded for another metric: %w", ErrMetric)
	}
	return nil
}

// Delete takes all vectors of the document out.
func (x *Index) Delete(document uint32) {
	if int(document) >= len(x.first) {
		return
	}
	for at := x.first[document]; at != none; at = x.slots[at].next {
		x.slots[at].document = none
		if b := x.blocks[at/blockVectors]; b.file != nil {
			b.file.live--
		} else if !b.sealed {
			x.unused = append(x.unused, at)
		}
		x.count--
	}
	x.first[document] = none
}

func (x *Index) add(document uint32, c *Chunk) {
	at := x.newSlot()
	x.link(at, document, c.Ordinal)
	b := x.blocks[at/blockVectors]
	b.put(int(at%blockVectors), c)
	if b == x.head {
		for i, f := range c.rotated {
			x.sum[i] += f
		}
		x.summed++
	}
	x.count++
}

// reach makes room for what the document has.
func (x *Index) reach(document uint32) {
	for int(document) >= len(x.first) {
		x.first = append(x.first, none)
	}
}

// link makes the slot one of the document's.
func (x *Index) link(at, document, ordinal uint32) {
	x.slots[at] = slot{document: document, ordinal: ordinal, next: x.first[document]}
	x.first[document] = at
}

func (x *Index) newSlot() uint32 {
	if n := len(x.unused); n > 0 {
		at := x.unused[n-1]
		x.unused = x.unused[:n-1]
		return at
	}
	if x.head == nil || x.head.used == blockVectors {
		x.head = newBlock(x.width, x.mean())
		x.headAt = x.place(x.head)
	}
	x.head.used++
	return uint32(x.headAt*blockVectors + x.head.used - 1)
}

// place gives a block a number, and empty slots.
func (x *Index) place(b *block) (number int) {
	if n := len(x.holes); n > 0 {
		number = x.holes[n-1]
		x.holes = x.holes[:n-1]
		x.blocks[number] = b
		return number
	}
	x.blocks = append(x.blocks, b)
	for range blockVectors {
		x.slots = append(x.slots, slot{document: none})
	}
	return len(x.blocks) - 1
}

// mean is of the rotated vectors of the head, whose sum it clears. Pages of
// one crawl come together, so that it is near the vectors that follow.
func (x *Index) mean() []float32 {
	mean := make([]float32, x.width)
	if x.summed > 0 {
		for i, f := range x.sum {
			mean[i] = f / float32(x.summed)
		}
	}
	clear(x.sum)
	x.summed = 0
	return mean
}
