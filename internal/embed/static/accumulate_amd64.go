package static

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// accumulate sums rows of codes, each times its weight; len(sum) is a multiple of block
// and every row lies inside of codes. See accumulatePlain.
func accumulate(sum []float32, codes string, offsets []uint32, weights []float32) {
	if !cpu.X86.HasAVX2 {
		accumulatePlain(sum, codes, offsets, weights)
		return
	}
	accumulateAVX2(unsafe.SliceData(sum), len(sum), unsafe.StringData(codes), unsafe.SliceData(offsets), unsafe.SliceData(weights), len(offsets))
}

// accumulateAVX2 is accumulate; n is at least 1.
//
//go:noescape
func accumulateAVX2(sum *float32, length int, codes *byte, offsets *uint32, weights *float32, n int)
