package vector

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pulse/internal/half"
)

// TestKernelsAgree compares every kernel of this processor with the portable one,
// bit by bit.
func TestKernelsAgree(t *testing.T) {
	r := newRand(t)
	widths := []int{64, 128, 192, 256, 384, 448, 768, 1024, 4096}
	if testing.Short() {
		widths = []int{64, 192, 448, 1024}
	}
	for _, k := range kernels() {
		t.Run(k.name, func(t *testing.T) {
			for _, width := range widths {
				compareBounds(t, r, k, width)
				compareDots(t, r, k, width)
			}
		})
	}
}

// compareBounds bounds 992 vectors, and masks them with a floor in the middle of the bounds
// and at the ends, and one that a bound meets exactly.
func compareBounds(t *testing.T, r *rand.Rand, k *kernel, width int) {
	t.Helper()
	const n = 992
	codes, query := randomCodes(r, n*width), randomCodes(r, width)
	factors := make([]float32, n)
	for i := range factors {
		factors[i] = r.Float32() * 0.01
	}
	signs, planes := randomWords(r, n*width/64), randomWords(r, queryPlanes*width/64)
	c0, c1, c2 := r.Float32(), r.Float32()*0.01, r.Float32()-0.5
	got, want := make([]float32, n+1), make([]float32, n+1)
	k.boundSigns(got[:n], signs, factors, planes, c0, -c1, c2)
	boundSigns(want[:n], signs, factors, planes, c0, -c1, c2)
	compareFloats(t, "signs", width, got, want)
	k.boundCodes(got[:n], codes, factors, query, sumOf(query), c0, c1, c2)
	boundCodes(want[:n], codes, factors, query, sumOf(query), c0, c1, c2)
	compareFloats(t, "codes", width, got, want)
	got[5] = float32(math.NaN())
	for _, floor := range []float32{float32(math.Inf(-1)), -1, 0, got[77], 0.1, 1, float32(math.Inf(1))} {
		is, should := randomWords(r, 16), make([]uint64, 16)
		k.above(is, got[:n], floor)
		above(should, got[:n], floor)
		compareWords(t, floor, is, should, n)
	}
}

func compareFloats(t *testing.T, what string, width int, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("bounds by %s, width %d: the one at %d is %v, want %v", what, width, i, got[i], want[i])
		}
	}
}

func compareWords(t *testing.T, floor float32, got, want []uint64, n int) {
	t.Helper()
	for i := range n {
		if got[i/64]>>(i%64)&1 != want[i/64]>>(i%64)&1 {
			t.Fatalf("mask by floor %v: bit %d differs", floor, i)
		}
	}
}

func compareDots(t *testing.T, r *rand.Rand, k *kernel, width int) {
	t.Helper()
	for range 20 {
		row, query := make([]uint16, width), make([]float32, width)
		for i := range row {
			row[i], query[i] = half.From(r.Float32()-0.5), r.Float32()-0.5
		}
		row[3], row[9] = half.From(1e-6), half.From(0)
		if got, want := k.dotHalf(row, query), dotHalf(row, query); got != want {
			t.Fatalf("width %d: product of float16 %v, want %v", width, got, want)
		}
	}
	extreme := slices.Repeat([]int8{127}, width)
	opposite := slices.Repeat([]int8{-127}, width)
	compareRows(t, k, slices.Concat(randomCodes(r, 9*width), extreme, opposite), extreme)
	for _, row := range [][]int8{extreme, opposite} {
		bounds := make([]float32, lanes)
		ones := slices.Repeat([]float32{1}, lanes)
		k.boundCodes(bounds, slices.Repeat(row, lanes), ones, extreme, sumOf(extreme), 0, 1, 0)
		for _, bound := range bounds {
			if bound != float32(dotCodes(row, extreme)) {
				t.Fatalf("width %d: bounds of extremes %v", width, bounds)
			}
		}
	}
}

func compareRows(t *testing.T, k *kernel, codes, query []int8) {
	t.Helper()
	for _, rows := range [][]uint16{{}, {10}, {3, 1, 9, 10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}} {
		got, want := make([]int32, len(rows)), make([]int32, len(rows))
		k.dotRows(got, rows, codes, query, sumOf(query))
		dotRows(want, rows, codes, query, sumOf(query))
		if !slices.Equal(got, want) {
			t.Fatalf("width %d: rows %d are %d, want %d", len(query), rows, got, want)
		}
	}
}

func sumOf(codes []int8) (sum int32) {
	for _, code := range codes {
		sum += int32(code)
	}
	return sum
}

func randomCodes(r *rand.Rand, n int) []int8 {
	codes := make([]int8, n)
	for i := range codes {
		codes[i] = int8(r.IntN(255) - 127)
	}
	return codes
}

func randomWords(r *rand.Rand, n int) []uint64 {
	words := make([]uint64, n)
	for i := range words {
		words[i] = r.Uint64()
	}
	return words
}

func BenchmarkKernels(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, width := range []int{256, 1024} {
		codes, query := randomCodes(r, blockVectors*width), randomCodes(r, width)
		factors := make([]float32, blockVectors)
		signs, planes := randomWords(r, blockVectors*width/64), randomWords(r, queryPlanes*width/64)
		row, wide := make([]uint16, width), make([]float32, width)
		mask, bounds := make([]uint64, blockVectors/64), make([]float32, blockVectors)
		for _, k := range kernels() {
			f := func(name string, run func()) {
				b.Run(name+"/"+k.name+"/width="+strconv.Itoa(width), func(b *testing.B) {
					for b.Loop() {
						run()
					}
				})
			}
			f("bound 1024 by codes", func() { k.boundCodes(bounds, codes, factors, query, 0, 0, 1, 1) })
			f("bound 1024 by signs", func() { k.boundSigns(bounds, signs, factors, planes, 0, 1, 1) })
			f("mask 1024", func() { k.above(mask, bounds, 1) })
			rows, dots := make([]uint16, 64), make([]int32, 64)
			for i := range rows {
				rows[i] = uint16(r.IntN(blockVectors))
			}
			f("64 rows of codes", func() { k.dotRows(dots, rows, codes, query, sumOf(query)) })
			f("product of float16", func() { k.dotHalf(row, wide) })
		}
	}
	v := make([]float32, 1024)
	b.Run("rotate/width=1024", func(b *testing.B) {
		for b.Loop() {
			rotationOf(1024).apply(v)
		}
	})
	v[3] = 1
	b.Run("encode/width=1024", func(b *testing.B) {
		for b.Loop() {
			_, _ = Encode(Cosine, 0, v)
		}
	})
}
