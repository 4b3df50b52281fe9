package vector

// kernels are those that this processor runs, the fastest first. All of arm64 have
// what this one needs.
func kernels() []*kernel { return available }

var available = []*kernel{{"neon", boundCodesNEON, boundSignsNEON, above, dotRowsNEON, dotHalfNEON, fetch}, &portable}

func boundCodesNEON(bounds []float32, codes []int8, factors []float32, query []int8, sum int32, c0, c1, c2 float32) {
	var dots [lanes]int32
	for i := 0; i < len(factors); i += lanes {
		dotRowsNEON(dots[:], inOrder[:], codes[i*len(query):], query, sum)
		for l, n := range dots {
			bounds[i+l] = float32(factors[i+l]*(c0+float32(c1*float32(n)))) + c2
		}
	}
}

var inOrder = func() (rows [lanes]uint16) {
	for i := range rows {
		rows[i] = uint16(i)
	}
	return rows
}()

func boundSignsNEON(bounds []float32, signs []uint64, factors []float32, planes []uint64, c0, c1, c2 float32) {
	group := len(planes) / queryPlanes * lanes
	var differ [lanes]int
	for i := 0; i < len(factors); i += lanes {
		differingNEON(&differ, signs[i/lanes*group:][:group], planes)
		for l, n := range differ {
			bounds[i+l] = float32(factors[i+l]*(c0+float32(c1*float32(n)))) + c2
		}
	}
}

//go:noescape
func differingNEON(sums *[lanes]int, signs, planes []uint64)

//go:noescape
func dotRowsNEON(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)

//go:noescape
func dotHalfNEON(half []uint16, query []float32) float32

//go:noescape
func fetch(half []uint16)
