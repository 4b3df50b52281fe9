package half

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestThereAndBack goes through every binary16.
func TestThereAndBack(t *testing.T) {
	for h := range 1 << 16 {
		f := To(uint16(h))
		if math.IsNaN(float64(f)) {
			if back := To(From(f)); !math.IsNaN(float64(back)) {
				t.Fatalf("%04x is not a number and comes back as %v", h, back)
			}
			continue
		}
		if back := From(f); back != uint16(h) {
			t.Fatalf("%04x is %v and comes back as %04x", h, f, back)
		}
	}
}

// TestFromIsNearest holds rounding against both neighbours.
func TestFromIsNearest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1_000_000 {
		f := math.Float32frombits(rng.Uint32())
		if f != f || f > Max || f < -Max {
			continue
		}
		h := From(f)
		d := math.Abs(float64(f) - float64(To(h)))
		for _, n := range []uint16{h - 1, h + 1} {
			other := float64(To(n))
			if math.IsNaN(other) || math.IsInf(other, 0) || n&0x8000 != h&0x8000 {
				continue
			}
			if od := math.Abs(float64(f) - other); od < d || od == d && h&1 == 1 {
				t.Fatalf("%v is rounded to %v, %v is nearer or even", f, To(h), other)
			}
		}
	}
	if From(70000) != 0x7c00 || From(float32(math.Inf(-1))) != 0xfc00 {
		t.Error("past the largest number")
	}
}
