package vector

import (
	"math/bits"

	"pulse/internal/half"
)

// queryPlanes is the number of bits that a query's numbers are rounded to when they
// meet signs.
const queryPlanes = 3

// kernel is the innermost loops, as one kind of processor runs them. All kinds give
// the same results to the last bit.
//
// A bound is, of each of factors, in float32,
//
//	factor × (c0 + c1×n) + c2
//
// n being the integer that the loop adds up. factors are a multiple of lanes, query and
// rows of codes a multiple of widthStep; no code is -128. sum is of query.
type kernel struct {
	name string
	// boundCodes adds up the products of a row of codes with query.
	boundCodes func(bounds []float32, codes []int8, factors []float32, query []int8, sum int32, c0, c1, c2 float32)
	// boundSigns adds up, by each plane of the query, the bits that differ from the
	// vector's signs, times 1, 2 and 4. planes has queryPlanes words for each word of
	// a vector.
	boundSigns func(bounds []float32, signs []uint64, factors []float32, planes []uint64, c0, c1, c2 float32)
	// above has a bit for each of bounds, a multiple of lanes, set where it reaches floor.
	above func(mask []uint64, bounds []float32, floor float32)
	// dotRows multiplies the named rows of codes with query.
	dotRows func(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)
	// dotHalf is the product of float16 with float32: 32 sums, then pairs of them.
	dotHalf func(half []uint16, query []float32) float32
	// fetch has the row, a multiple of widthStep, read into the processor's memory.
	fetch func(half []uint16)
}

var portable = kernel{
	name: "portable", boundCodes: boundCodes, boundSigns: boundSigns, above: above, dotRows: dotRows, dotHalf: dotHalf,
	fetch: func([]uint16) {},
}

func boundCodes(bounds []float32, codes []int8, factors []float32, query []int8, _ int32, c0, c1, c2 float32) {
	width := len(query)
	for i, factor := range factors {
		n := dotCodes(codes[i*width:(i+1)*width], query)
		bounds[i] = float32(factor*(c0+float32(c1*float32(n)))) + c2
	}
}

func above(mask []uint64, bounds []float32, floor float32) {
	clear(mask[:(len(bounds)+63)/64])
	for i, bound := range bounds {
		if bound >= floor {
			mask[i/64] |= 1 << (i % 64)
		}
	}
}

func dotRows(dots []int32, rows []uint16, codes []int8, query []int8, _ int32) {
	for i, row := range rows {
		dots[i] = dotCodes(codes[int(row)*len(query):][:len(query)], query)
	}
}

func dotCodes(a, b []int8) int32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 int32
	for i := 0; i+4 <= len(a); i += 4 {
		s0 += int32(a[i]) * int32(b[i])
		s1 += int32(a[i+1]) * int32(b[i+1])
		s2 += int32(a[i+2]) * int32(b[i+2])
		s3 += int32(a[i+3]) * int32(b[i+3])
	}
	return s0 + s1 + s2 + s3
}

func boundSigns(bounds []float32, signs []uint64, factors []float32, planes []uint64, c0, c1, c2 float32) {
	group := len(planes) / queryPlanes * lanes
	for i := 0; i < len(factors); i += lanes {
		differ := differing(signs[i/lanes*group:][:group], planes)
		for l, n := range differ {
			bounds[i+l] = float32(factors[i+l]*(c0+float32(c1*float32(n)))) + c2
		}
	}
}

func differing(signs, planes []uint64) (sums [lanes]int) {
	for len(signs) >= lanes && len(planes) >= queryPlanes {
		p0, p1, p2 := planes[0], planes[1], planes[2]
		for l, word := range (*[lanes]uint64)(signs) {
			sums[l] += bits.OnesCount64(word^p0) + 2*bits.OnesCount64(word^p1) + 4*bits.OnesCount64(word^p2)
		}
		signs, planes = signs[lanes:], planes[queryPlanes:]
	}
	return sums
}

func dotHalf(row []uint16, query []float32) float32 {
	var sums [32]float32
	for len(row) >= 32 && len(query) >= 32 {
		h, q := row[:32], query[:32]
		for l := range sums {
			sums[l] += float32(half.To(h[l]) * q[l])
		}
		row, query = row[32:], query[32:]
	}
	var eight [8]float32
	for l := range eight {
		eight[l] = (sums[l] + sums[l+8]) + (sums[l+16] + sums[l+24])
	}
	a, b := (eight[0]+eight[4])+(eight[2]+eight[6]), (eight[1]+eight[5])+(eight[3]+eight[7])
	return a + b
}
