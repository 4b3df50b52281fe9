package vector

import (
	"math/bits"

	"pulse/internal/half"
)

// queryPlanes is the number of bits that a query's numbers are rounded to when they
// meet signs.
const queryPlanes = 2

// kernel is the innermost loops, as one kind of processor runs them. All kinds give
// the same results to the last bit.
//
// The masks have a bit for each of factors, set where
//
//	factor × (c0 + c1×n) >= floor
//
// in float32, n being the integer that the loop adds up. factors are a multiple of
// lanes, query and rows of codes a multiple of widthStep; no code is -128. sum is of
// query.
type kernel struct {
	name string
	// maskCodes adds up the products of a row of codes with query.
	maskCodes func(mask []uint64, codes []int8, factors []float32, query []int8, sum int32, c0, c1, floor float32)
	// maskSigns adds up, by each plane of the query, the bits that differ from the
	// vector's signs, times 1 and 2. planes has queryPlanes words for each word of
	// a vector.
	maskSigns func(mask []uint64, signs []uint64, factors []float32, planes []uint64, c0, c1, floor float32)
	// dotRows multiplies the named rows of codes with query.
	dotRows func(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)
	// dotHalf is the product of float16 with float32: 32 sums, then pairs of them.
	dotHalf func(half []uint16, query []float32) float32
}

var portable = kernel{name: "portable", maskCodes: maskCodes, maskSigns: maskSigns, dotRows: dotRows, dotHalf: dotHalf}

func maskCodes(mask []uint64, codes []int8, factors []float32, query []int8, _ int32, c0, c1, floor float32) {
	clear(mask[:(len(factors)+63)/64])
	width := len(query)
	for i, factor := range factors {
		n := dotCodes(codes[i*width:(i+1)*width], query)
		if factor*(c0+float32(c1*float32(n))) >= floor {
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

func maskSigns(mask []uint64, signs []uint64, factors []float32, planes []uint64, c0, c1, floor float32) {
	clear(mask[:(len(factors)+63)/64])
	group := len(planes) / queryPlanes * lanes
	for i := 0; i < len(factors); i += lanes {
		differ := differing(signs[i/lanes*group:][:group], planes)
		for l, n := range differ {
			if factors[i+l]*(c0+float32(c1*float32(n))) >= floor {
				mask[i/64] |= 1 << ((i + l) % 64)
			}
		}
	}
}

func differing(signs, planes []uint64) (sums [lanes]int) {
	for len(signs) >= lanes && len(planes) >= queryPlanes {
		p0, p1 := planes[0], planes[1]
		for l, word := range (*[lanes]uint64)(signs) {
			sums[l] += bits.OnesCount64(word^p0) + 2*bits.OnesCount64(word^p1)
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
