package vector

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"sync"
)

// rotation turns vectors of one width by a random orthogonal matrix, so that no
// number of the result is special: whatever the embedder, the rounding errors of
// codes are then those of random numbers, and a sign says as much as any other.
//
// It is four rounds of random signs and a Hadamard transform over the largest power
// of two that fits, at the beginning and at the end in turns; two rounds where all
// fits at once. It depends on the width alone and is part of the format of codes.
type rotation struct {
	width  int // a multiple of 64
	window int
	signs  [][]float32 // by round; scaled so that the round keeps lengths
}

// rotations are made when a width is first met, and shared.
var rotations [MaxDimension/widthStep + 1]struct {
	once  sync.Once
	ready *rotation
}

func rotationOf(width int) *rotation {
	r := &rotations[width/widthStep]
	r.once.Do(func() { r.ready = newRotation(width) })
	return r.ready
}

func newRotation(width int) *rotation {
	r := &rotation{width: width, window: 1 << (bits.Len(uint(width)) - 1)}
	rounds := 4
	if r.window == width {
		rounds = 2
	}
	random := rand.New(rand.NewPCG(0x70756c7365, uint64(width)))
	scale := float32(1 / math.Sqrt(float64(r.window)))
	for range rounds {
		signs := make([]float32, r.window)
		for i := range signs {
			signs[i] = scale
			if random.Uint64()&1 == 1 {
				signs[i] = -scale
			}
		}
		r.signs = append(r.signs, signs)
	}
	return r
}

// apply rotates v, of the rotation's width, in place.
func (r *rotation) apply(v []float32) {
	for round, signs := range r.signs {
		part := v[:r.window]
		if round%2 == 1 {
			part = v[r.width-r.window:]
		}
		for i, s := range signs {
			part[i] *= s
		}
		hadamard(part)
	}
}

// hadamard is the fast Walsh-Hadamard transform, unscaled, of a power of two of
// numbers, at least 4: two of its levels in each pass.
func hadamard(v []float32) {
	n := len(v)
	h := 1
	for ; h*4 <= n; h *= 4 {
		for begin := 0; begin < n; begin += 4 * h {
			a, b := v[begin:begin+h], v[begin+h:begin+2*h]
			c, d := v[begin+2*h:begin+3*h], v[begin+3*h:begin+4*h]
			for i := range a {
				ab, a_b, cd, c_d := a[i]+b[i], a[i]-b[i], c[i]+d[i], c[i]-d[i]
				a[i], b[i], c[i], d[i] = ab+cd, a_b+c_d, ab-cd, a_b-c_d
			}
		}
	}
	if h < n {
		a, b := v[:h], v[h:]
		for i := range a {
			a[i], b[i] = a[i]+b[i], a[i]-b[i]
		}
	}
}
