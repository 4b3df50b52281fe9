package vector

import (
	"math"
	"slices"
)

// What nearest begins with: so many vectors for each wanted document, which has several
// and whose order is not that of the bounds; guessed from the bounds of so many slots.
const (
	vectorsOfADocument = 3
	sampleSlots        = 2048
)

// fetchAhead is how many vectors before it is looked at one is fetched.
const fetchAhead = 4

// nearest looks at the vectors that are likely the nearest, the likeliest first, until the
// floor rises: then the wanted documents are found, or ones that score nearly as high, and
// few of the other vectors need be looked at.
func (s *scan) nearest(want int) {
	lowest := s.floor
	for n := vectorsOfADocument * want; 0 < n && n < s.count && s.floor == lowest; n *= 4 {
		least := s.reachedBy(n)
		if least <= s.floor {
			return
		}
		s.likely = s.likely[:0]
		for number, b := range s.blocks {
			if b != nil {
				first := number * blockVectors
				s.kernel.above(s.mask[:], s.bounds[first:first+b.padded()], least)
				s.marked(b, first, (*scan).gather)
			}
		}
		slices.Sort(s.likely)
		s.decideLikely()
	}
}

// reachedBy is a bound that about so many vectors reach; -Inf where a sample has too few.
func (s *scan) reachedBy(n int) float32 {
	s.sampled = s.sampled[:0]
	step := max(1, len(s.slots)/sampleSlots)
	for at := 0; at < len(s.slots); at += step {
		if s.open(s.slots[at].document) {
			s.sampled = append(s.sampled, s.bounds[at])
		}
	}
	place := n/step + 1
	if place > len(s.sampled) {
		return float32(math.Inf(-1))
	}
	slices.Sort(s.sampled)
	return s.sampled[len(s.sampled)-place]
}

// gather notes vectors of a block by what they score at most by their codes.
func (s *scan) gather(b *block, first int, rows []uint16) {
	if s.bySigns(b) {
		s.boundRows(b, first, rows)
	}
	for _, row := range rows {
		at := uint32(first + int(row))
		s.likely = append(s.likely, rank(s.bounds[at], at))
	}
}

// rank is lower the higher the bound is; its lower half is the slot.
func rank(bound float32, at uint32) uint64 {
	ascending := math.Float32bits(bound)
	if ascending>>31 == 1 {
		ascending = ^ascending
	} else {
		ascending |= 1 << 31
	}
	return uint64(^ascending)<<32 | uint64(at)
}

func (s *scan) decideLikely() {
	for i, r := range s.likely {
		at := uint32(r)
		if s.bounds[at] < s.floor {
			return
		}
		if i+fetchAhead < len(s.likely) {
			s.fetch(uint32(s.likely[i+fetchAhead]))
		}
		s.decide(at)
	}
}

func (s *scan) fetch(at uint32) {
	b, i := s.blocks[at/blockVectors], int(at%blockVectors)
	s.kernel.fetch(b.half[i*b.width : (i+1)*b.width])
}
