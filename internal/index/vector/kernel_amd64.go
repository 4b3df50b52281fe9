package vector

import "golang.org/x/sys/cpu"

// kernels are those that this processor runs, the fastest first.
func kernels() []*kernel { return available }

var available = func() (k []*kernel) {
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL &&
		cpu.X86.HasAVX512VNNI && cpu.X86.HasAVX512VPOPCNTDQ && hasAVX2 {
		k = append(k, &kernel{"avx512", boundCodesVNNI, boundSignsAVX512, aboveAVX512, dotRowsVNNI, dotHalfF16C, fetch})
	}
	if hasAVX2 {
		k = append(k, &kernel{"avx2", boundCodesAVX2, boundSigns, above, dotRowsAVX2, dotHalfF16C, fetch})
	}
	return append(k, &portable)
}()

// F16C came before AVX2, in every processor that has it.
var hasAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// Those of AVX-512 multiply signed codes, moved by 128 to be unsigned, with the query,
// and take 128 times its sum away.

//go:noescape
func dotRowsVNNI(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)

//go:noescape
func boundCodesVNNI(bounds []float32, codes []int8, factors []float32, query []int8, sum int32, c0, c1, c2 float32)

//go:noescape
func boundSignsAVX512(bounds []float32, signs []uint64, factors []float32, planes []uint64, c0, c1, c2 float32)

//go:noescape
func aboveAVX512(mask []uint64, bounds []float32, floor float32)

//go:noescape
func boundCodesAVX2(bounds []float32, codes []int8, factors []float32, query []int8, sum int32, c0, c1, c2 float32)

//go:noescape
func dotRowsAVX2(dots []int32, rows []uint16, codes []int8, query []int8, sum int32)

//go:noescape
func dotHalfF16C(half []uint16, query []float32) float32

//go:noescape
func fetch(half []uint16)
