package vector

import (
	"math"
	"runtime"

	"pulse/internal/mapped"
)

// blockVectors is the number of vectors that are kept, and scanned, in one piece.
const blockVectors = 1024

// lanes is the number of vectors whose signs are interleaved: word i of each, then
// word i+1 of each, so that registers hold one word of several vectors.
const lanes = 32

// minSignsWidth is the width from which on signs are kept: those of fewer numbers
// say too little.
const minSignsWidth = 128

// block is a fixed number of vectors in all their forms. A place that holds no
// vector, or one that was deleted, holds any: the owner knows.
type block struct {
	width   int
	used    int       // places that may hold a vector: the first ones
	sealed  bool      // no place is given again
	file    *File     // that it is mapped from; nil for one in memory
	codes   []int8    // by vector
	factors []float32 // of codes
	longest float32   // the largest of scales
	half    []uint16  // by vector
	scales  []float32 // of half

	// Signs of what is left of a rotated vector without the centre; nil when the
	// width is small.
	signs   []uint64 // by lanes
	spreads []float32
	centre  []float32 // rotated
}

// newBlock is in memory of its own, which is the system's: the garbage collector has
// nothing to find in it, and must not let as much again be wasted because of it.
func newBlock(width int, centre []float32) *block {
	data, free := mapped.Allocate(layoutOf(width, blockVectors).size)
	b := blockOf(data, width, blockVectors)
	b.sealed = false
	copy(b.centre, centre)
	runtime.AddCleanup(b, func(free func()) { free() }, free)
	return b
}

// padded is the number of places that kernels look at.
func (b *block) padded() int { return (b.used + lanes - 1) / lanes * lanes }

func (b *block) put(at int, c *Chunk) {
	copy(b.codes[at*b.width:], c.codes)
	b.factors[at] = c.factor
	b.longest = max(b.longest, c.scale)
	copy(b.half[at*b.width:], c.half)
	b.scales[at] = c.scale
	if b.signs != nil {
		b.putSigns(at, c.rotated)
	}
}

// putSigns keeps the signs of r = rotated - centre, and its spread |r|²/Σ|r_i|: the
// product of r with a unit vector q is about spread times that of the signs with q,
// with an error that is known (Gao and Long, "RaBitQ", SIGMOD 2024, section 3).
func (b *block) putSigns(at int, rotated []float32) {
	words := b.width / 64
	first := at/lanes*lanes*words + at%lanes
	var squares, sum float64
	for w := range words {
		var word uint64
		centre := b.centre[w*64 : w*64+64]
		for i, f := range rotated[w*64 : w*64+64] {
			r := f - centre[i]
			// The sign bit of r, turned: 1 for what is not negative.
			word |= uint64(^math.Float32bits(r)>>31) << i
			squares += float64(float64(r) * float64(r))
			sum += math.Abs(float64(r))
		}
		b.signs[first+w*lanes] = word
	}
	b.spreads[at] = 0
	if sum > 0 {
		b.spreads[at] = float32(squares / sum)
	}
}
