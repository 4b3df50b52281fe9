package bench

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets that are at most 1/64 wide, from 1 µs to
// hours, as HDR histograms do. Recording allocates nothing. The zero value is empty;
// it is for one goroutine, and Add joins those of several.
type Histogram struct {
	counts [(64 - subBits) << subBits]uint64
	n      uint64
	max    time.Duration
}

const subBits = 6 // a bucket is 1/64 of its power of two

// bucket is where a number of microseconds is counted.
func bucket(us uint64) int {
	if us < 1<<subBits {
		return int(us)
	}
	shift := bits.Len64(us) - 1 - subBits
	return (shift+1)<<subBits + int(us>>shift) - 1<<subBits
}

// upper is the largest number of microseconds that a bucket counts.
func upper(bucket int) uint64 {
	if bucket < 1<<subBits {
		return uint64(bucket)
	}
	shift := bucket>>subBits - 1
	low := uint64(bucket&(1<<subBits-1)|1<<subBits) << shift
	return low + 1<<shift - 1
}

// Record counts a duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)/time.Microsecond))]++
	h.n++
	h.max = max(h.max, d)
}

// Add counts what another histogram has counted.
func (h *Histogram) Add(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// Count is how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is the duration that the share q (0 to 1) of all does not exceed, at most
// 1/64 too large; 0 of an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	want := uint64(q*float64(h.n) + 0.5)
	var seen uint64
	for i, c := range h.counts {
		if seen += c; seen >= max(want, 1) {
			return min(time.Duration(upper(i))*time.Microsecond, h.max)
		}
	}
	return h.max
}
