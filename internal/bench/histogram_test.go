package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketHoldsItsNumbers(t *testing.T) {
	f := func(us uint64) {
		t.Helper()
		b := bucket(us)
		if us > upper(b) || b > 0 && us <= upper(b-1) {
			t.Errorf("%d is in bucket %d, which ends at %d", us, b, upper(b))
		}
	}
	for us := range uint64(10_000) {
		f(us)
	}
	f(1 << 32)
	f(1<<32 - 1)
	f(math.MaxInt64 / 1000)
}

// TestQuantiles compares with a sorted list.
func TestQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h, other Histogram
	var all []time.Duration
	for i := range 10_000 {
		d := time.Duration(math.Exp(r.Float64()*12)) * time.Microsecond
		all = append(all, d)
		if i%3 == 0 {
			other.Record(d)
		} else {
			h.Record(d)
		}
	}
	h.Add(&other)
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		want := all[int(q*float64(len(all))+0.5)-1]
		got := h.Quantile(q)
		if got < want || float64(got) > float64(want)*(1+1.0/64)+float64(time.Microsecond) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if h.Count() != 10_000 || h.Max() != all[len(all)-1] {
		t.Errorf("count %d, max %v; want 10000, %v", h.Count(), h.Max(), all[len(all)-1])
	}
}

func TestEmptyHistogram(t *testing.T) {
	var h Histogram
	if got := h.Quantile(0.99); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Record(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	b.ReportAllocs()
	var h Histogram
	for i := range b.N {
		h.Record(time.Duration(i) * time.Microsecond)
	}
}
