package vector

import (
	"math"
	"runtime/debug"
	"slices"
)

// The sample that Estimate looks at: so many vectors at most, this many of a block.
const (
	sampleVectors  = 2048
	sampleOfABlock = 32
)

// sampleWorth is how many times the wanted vectors there must be for a sample to pay.
const sampleWorth = 8

// Estimate is a score that somewhat more than so many documents reach, by the codes of a
// sample: a Search that begins with it as its floor need not find the floor by the scores
// of the first blocks. It may be too high: who finds fewer searches again. It is -Inf where
// a sample says nothing, as for small indexes, a rare filter, or a query that Search refuses.
func (x *Index) Estimate(query []float32, want int, accept func(document uint32) bool) float64 {
	if len(query) != x.dimension || x.count < sampleWorth*want || x.count < 2*sampleVectors {
		return math.Inf(-1)
	}
	s := x.newScan()
	defer x.idle.put(s)
	if err := s.prepare(query); err != nil {
		return math.Inf(-1)
	}
	s.accept = accept
	seen, err := s.sample()
	if err != nil {
		return math.Inf(-1)
	}
	return s.reachedBy(want, seen)
}

// sample scores vectors of blocks at even distances into s.sampled, those that are accepted,
// and says at how many it looked.
func (s *scan) sample() (seen int, err error) {
	defer faultAsError(debug.SetPanicOnFault(true), s.files, &err)
	s.sampled = s.sampled[:0]
	step := max(1, (len(s.blocks)*sampleOfABlock+sampleVectors-1)/sampleVectors)
	of := max(sampleOfABlock, sampleVectors/max(1, len(s.blocks)))
	for number := 0; number < len(s.blocks); number += step {
		if b := s.blocks[number]; b != nil {
			seen += s.sampleBlock(b, number*blockVectors, of)
		}
	}
	return seen, nil
}

func (s *scan) sampleBlock(b *block, first, of int) (seen int) {
	stride := max(1, blockVectors/of)
	for row := 0; row < b.used; {
		n := 0
		for ; row < b.used && n < rowsAtOnce; row += stride {
			document := s.slots[first+row].document
			if document == none {
				continue
			}
			if seen++; s.accept == nil || s.accept(document) {
				s.rows[n] = uint16(row)
				n++
			}
		}
		s.kernel.dotRows(s.dots[:], s.rows[:n], b.codes, s.codes, s.sum)
		for i, row := range s.rows[:n] {
			s.sampled = append(s.sampled, b.factors[row]*float32(s.factor*float32(s.dots[i])))
		}
	}
	return seen
}

// reachedBy is the score of the sampled vector that stands where the last of the wanted
// documents would: twice as far down, since a document has several chunks, and two standard
// deviations of the number that a sample has of the best.
func (s *scan) reachedBy(want, seen int) float64 {
	expected := 2 * float64(want) * float64(seen) / float64(s.count)
	place := int(expected+2*math.Sqrt(expected)) + 4
	if 2*place > len(s.sampled) {
		return math.Inf(-1)
	}
	slices.Sort(s.sampled)
	return s.score(s.sampled[len(s.sampled)-place])
}
