//go:build !amd64

package static

// accumulate sums rows of codes, each times its weight. See accumulatePlain.
func accumulate(sum []float32, codes string, offsets []uint32, weights []float32) {
	accumulatePlain(sum, codes, offsets, weights)
}
