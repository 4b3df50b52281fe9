package vector

import (
	"fmt"
	"math"
	"math/bits"
	"runtime/debug"
	"slices"
)

// How many times its standard deviation an error of a code is feared to be. The
// share of a normal distribution beyond it (0.6 % for signs) is that of neighbours
// lost that score just the floor; of the nearer ones it is far less.
const (
	codesDeviations = 4
	signsDeviations = 2.5
)

// In a list of so many documents the last ones are feared for less: what is lost scores just
// the floor of a long list. Where the list does not fill, nothing is to be lost.
const (
	longList  = 100
	longFear  = 0.8
	wholeFear = codesDeviations / signsDeviations
)

// minSignsBytes is the size of codes from which on signs are scanned first.
const minSignsBytes = 4 << 20

// denseShare of a block's vectors is what signs must leave out: if more are left,
// reading all codes in their order is faster than some by themselves.
const denseShare = 2

// rowsAtOnce bounds the vectors whose codes are read ahead of looking at them.
const rowsAtOnce = 128

// Search finds the documents that accept takes (nil takes all) with a chunk that
// scores floor or more, and calls yield once for each, by its best chunk: of equal
// ones the first. The order is not defined. yield returns the new floor, which must
// not fall: what a full list of the best still needs. want is how many documents fill
// that list, and says no more than where to begin; 0 is of a list without an end.
//
// A document that does score the floor is missed where the error of a code is
// beyond what is feared. Scores are exact products of the vectors as float16. A
// query of another dimension, or one that Check refuses, is an error, and so is a
// file that cannot be read where it is mapped: what was yielded before stands.
func (x *Index) Search(query []float32, want int, floor float64, accept func(document uint32) bool, yield func(document, ordinal uint32, score float64) (floor float64)) error {
	if len(query) != x.dimension {
		return fmt.Errorf("query vector of %d numbers in an index of %d: %w", len(query), x.dimension, ErrDimension)
	}
	s := x.newScan()
	defer x.idle.put(s)
	if err := s.prepare(query); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	s.accept, s.yield, s.fear = accept, yield, x.deviations
	switch {
	case want == 0:
		s.fear = s.wholeFear()
	case want >= longList:
		s.fear *= longFear
	}
	s.raise(floor)
	if len(x.files) > 0 {
		return s.mapped(want)
	}
	s.all(want)
	return nil
}

// mapped searches where reading may fault.
func (s *scan) mapped(want int) (err error) {
	defer faultAsError(debug.SetPanicOnFault(true), s.files, &err)
	s.all(want)
	return nil
}

// all bounds every vector, looks at those that are likely the nearest, and then at what may
// still score the floor that they have raised. Where they have not, the floor is the
// caller's own, and all that reach it are wanted.
func (s *scan) all(want int) {
	s.bounds = slices.Grow(s.bounds[:0], len(s.slots))[:len(s.slots)]
	s.boundAll()
	lowest := s.floor
	if s.nearest(want); s.floor == lowest && s.fear < s.wholeFear() {
		s.fear = s.wholeFear()
		s.boundAll()
	}
	for number, b := range s.blocks {
		if b != nil {
			s.block(b, number*blockVectors)
		}
	}
}

func (s *scan) boundAll() {
	for number, b := range s.blocks {
		if b != nil {
			s.bound(b, number*blockVectors)
		}
	}
}

func (s *scan) wholeFear() float32 { return s.deviations * wholeFear }

// bound says what the vectors of a block score at most, by the code that is read first.
func (s *scan) bound(b *block, first int) {
	if !s.bySigns(b) {
		s.boundByCodes(b, first)
		return
	}
	n := b.padded()
	base := s.signsBase + s.fear*s.signsError
	s.kernel.boundSigns(s.bounds[first:first+n], b.signs, b.spreads[:n], s.planes, base, s.signsStep, dot(s.rotated, b.centre))
}

func (s *scan) boundByCodes(b *block, first int) {
	n := b.padded()
	base, missed := s.codesError(b)
	s.kernel.boundCodes(s.bounds[first:first+n], b.codes, b.factors[:n], s.codes, s.sum, base, s.factor, missed)
}

func (s *scan) bySigns(b *block) bool { return b.signs != nil && s.count*s.width >= s.signsFrom }

// Best scores the document by its best chunk; ok is false when it has none, or none
// that can be read.
func (x *Index) Best(query []float32, document uint32) (ordinal uint32, score float64, ok bool) {
	if len(query) != x.dimension || int(document) >= len(x.first) || x.first[document] == none {
		return 0, 0, false
	}
	s := x.newScan()
	defer x.idle.put(s)
	if err := s.prepare(query); err != nil {
		return 0, 0, false
	}
	ordinal, exact, err := s.named(document)
	return ordinal, s.score(exact), err == nil
}

func (s *scan) named(document uint32) (ordinal uint32, exact float32, err error) {
	defer faultAsError(debug.SetPanicOnFault(true), s.files, &err)
	s.bounds = s.bounds[:0] // no vector was looked at
	known := s.first[document]
	ordinal, exact = s.better(document, known, s.exact(known))
	return ordinal, exact, nil
}

// raise sets what is wanted from now on.
func (s *scan) raise(floor float64) {
	s.floor = math.Nextafter32(float32(floor/s.length), float32(math.Inf(-1)))
}

func (s *scan) score(exact float32) float64 { return float64(exact) * s.length }

// block looks at what is left of one block. The floor that the mask was made by may be
// lower than the one that stands when its bits are looked at.
func (s *scan) block(b *block, first int) {
	n := b.padded()
	bounds := s.bounds[first : first+n]
	s.kernel.above(s.mask[:], bounds, s.floor)
	look := (*scan).decideAll
	if s.bySigns(b) {
		look = (*scan).lookCloser
		if countBits(s.mask[:(n+63)/64]) > n/denseShare {
			s.boundByCodes(b, first)
			s.kernel.above(s.mask[:], bounds, s.floor)
			look = (*scan).decideAll
		}
	}
	s.marked(b, first, look)
}

// marked calls look with the places in a block that the mask has left, of vectors that may
// still be found.
func (s *scan) marked(b *block, first int, look func(s *scan, b *block, first int, rows []uint16)) {
	left := 0
	for w := range (b.used + 63) / 64 {
		word := s.mask[w]
		if over := b.used - w*64; over < 64 {
			word &= 1<<over - 1
		}
		for ; word != 0; word &= word - 1 {
			row := w*64 + bits.TrailingZeros64(word)
			if !s.open(s.slots[first+row].document) {
				continue
			}
			s.rows[left] = uint16(row)
			if left++; left == rowsAtOnce {
				look(s, b, first, s.rows[:left])
				left = 0
			}
		}
	}
	look(s, b, first, s.rows[:left])
}

// open says whether a document may still be found.
func (s *scan) open(document uint32) bool {
	if document == none || s.seen[document/64]>>(document%64)&1 == 1 {
		return false
	}
	if s.accept != nil && !s.accept(document) {
		s.close(document)
		return false
	}
	return true
}

func (s *scan) close(document uint32) { s.seen[document/64] |= 1 << (document % 64) }

// decideAll decides about vectors of a block.
func (s *scan) decideAll(_ *block, first int, rows []uint16) {
	for _, row := range rows {
		s.decide(uint32(first + int(row)))
	}
}

// lookCloser decides about those vectors of a block that may score the floor by their codes.
func (s *scan) lookCloser(b *block, first int, rows []uint16) {
	s.boundRows(b, first, rows)
	for _, row := range rows {
		if at := uint32(first + int(row)); s.bounds[at] >= s.floor {
			s.decide(at)
		}
	}
}

// boundRows makes the bounds of vectors of a block those of their codes.
func (s *scan) boundRows(b *block, first int, rows []uint16) {
	s.kernel.dotRows(s.dots[:], rows, b.codes, s.codes, s.sum)
	for i, row := range rows {
		s.bounds[first+int(row)] = s.boundOf(b, row, s.dots[i])
	}
}

// boundOf is what a vector of a block scores at most, by the product of its codes.
func (s *scan) boundOf(b *block, row uint16, product int32) float32 {
	base, missed := s.codesError(b)
	return float32(b.factors[row]*(base+float32(s.factor*float32(product)))) + missed
}

func countBits(mask []uint64) (n int) {
	for _, word := range mask {
		n += bits.OnesCount64(word)
	}
	return n
}

// codesError is what the product of codes is feared to err by: base times the
// vector's factor by the rounding of the vector, and missed by that of the query.
func (s *scan) codesError(b *block) (base, missed float32) {
	const deviation = codesDeviations / 3.4641016 // of an even distribution of width 1
	return deviation, deviation * s.factor * b.longest
}

// decide about the document of one slot, by the exact score.
func (s *scan) decide(at uint32) {
	document := s.slots[at].document
	if s.seen[document/64]>>(document%64)&1 == 1 {
		return // by another chunk of it, since it was open
	}
	exact := s.exact(at)
	if exact < s.floor {
		return
	}
	s.checkCosine(at, exact)
	s.close(document)
	ordinal, exact := s.better(document, at, exact)
	s.raise(s.yield(document, ordinal, s.score(exact)))
}

// checkCosine tells of a file that gives what no cosine is: its numbers are not those that
// were written. A NaN is not below any floor.
func (s *scan) checkCosine(at uint32, exact float32) {
	const most = 1.01 // float16 and rounding are within a thousandth
	if f := s.blocks[at/blockVectors].file; f != nil && s.metric == Cosine && !(exact <= most) {
		panic(wrongCosine{f, exact})
	}
}

// wrongCosine is what a search panics with that meets one.
type wrongCosine struct {
	*File
	value float32
}

// better is the best chunk of a document, of equal ones the first, given one of them
// and its score.
func (s *scan) better(document, known uint32, score float32) (ordinal uint32, best float32) {
	ordinal, best = s.slots[known].ordinal, score
	for at := s.first[document]; at != none; at = s.slots[at].next {
		if at == known || !s.mayReach(at, best) || !s.near(at, best) {
			continue
		}
		exact := s.exact(at)
		if n := s.slots[at].ordinal; exact > best || exact == best && n < ordinal {
			ordinal, best = n, exact
		}
	}
	return ordinal, best
}

// mayReach says whether a vector may score the floor by its bound, where there is one. A
// chunk that is not looked at loses its page some of its score, so it is feared for whole.
func (s *scan) mayReach(at uint32, floor float32) bool {
	if len(s.bounds) == 0 {
		return true
	}
	bound := s.bounds[at]
	if b := s.blocks[at/blockVectors]; s.bySigns(b) {
		bound += b.spreads[at%blockVectors] * ((s.wholeFear() - s.fear) * s.signsError)
	}
	return bound >= floor
}

// near says whether a vector may, by its codes, score the floor.
func (s *scan) near(at uint32, floor float32) bool {
	b, row := s.blocks[at/blockVectors], uint16(at%blockVectors)
	s.row[0] = row
	s.kernel.dotRows(s.dot[:], s.row[:], b.codes, s.codes, s.sum)
	return s.boundOf(b, row, s.dot[0]) >= floor
}

// exact is the product of the vector as float16 with the query of length 1.
func (s *scan) exact(at uint32) float32 {
	b, i := s.blocks[at/blockVectors], int(at%blockVectors)
	return b.scales[i] * s.kernel.dotHalf(b.half[i*b.width:(i+1)*b.width], s.query)
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
