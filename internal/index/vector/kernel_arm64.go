package vector

// kernels are those that this processor runs, the fastest first. All of arm64 have
// what this one needs.
func kernels() []*kernel { return available }

var available = []*kernel{{"neon", maskCodesNEON, maskSignsNEON, dotRowsNEON, dotHalfNEON}, &portable}

func maskCodesNEON(mask []uint64, codes []int8, factors []float32, query []int8, sum int32, c0, c1, floor float32) {
	clear(mask[:(len(factors)+63)/64])
	var dots [lanes]int32
	for i := 0; i < len(factors); i += lanes {
		dotRowsNEON(dots[:], inOrder[:], codes[i*len(query):], query, sum)
		for l, n := range dots {
			if factors[i+l]*(c0+float32(c1*float32(n))) >= floor {
				mask[i/64] |= 1 << ((i + l) % 64)
			}
		}
	}
}

var inOrder = func() (rows [lanes]uint16) {
	for i := range rows {
		rows[i] = uint16(i)
	}
	return rows
}()

func maskSignsNEON(mask []uint64, signs []uint64, factors []float32, planes []uint64, c0, c1, floor float32) {
	clear(mask[:(len(factors)+63)/64])
	group := len(planes) / queryPlanes * lanes
	var differ [lanes]int
	for i := 0; i < len(factors); i += lanes {
		differingNEON(&differ, signs[i/lanes*group:][:group], planes)
		for l, n := range differ {
			if factors[i+l]*(c0+float32(c1*float32(n))) >= floor {
				mask[i/64] |= 1 << ((i + l) % 64)
			}
		}
	}
}

//go:noescape
func differingNEON(sums *[lanes]int, signs, planes []uint64)

//go:noescape
func dotRowsNEON(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)

//go:noescape
func dotHalfNEON(half []uint16, query []float32) float32
