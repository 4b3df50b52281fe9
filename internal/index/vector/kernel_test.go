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
				compareMasks(t, r, k, width)
				compareDots(t, r, k, width)
			}
		})
	}
}

// compareMasks scans 1,016 vectors with a floor in the middle of the scores and at
// the ends, and one that a score meets exactly.
func compareMasks(t *testing.T, r *rand.Rand, k *kernel, width int) {
	t.Helper()
	const n = 992
	codes, query := randomCodes(r, n*width), randomCodes(r, width)
	factors := make([]float32, n)
	for i := range factors {
		factors[i] = r.Float32() * 0.01
	}
	signs, planes := randomWords(r, n*width/64), randomWords(r, queryPlanes*width/64)
	c0, c1 := r.Float32(), r.Float32()*0.01
	exact := factors[77] * (c0 + float32(c1*float32(dotCodes(codes[77*width:78*width], query))))
	for _, floor := range []float32{float32(math.Inf(-1)), -1, 0, exact, 0.1, 1, float32(math.Inf(1))} {
		got, want := randomWords(r, 16), make([]uint64, 16)
		k.maskCodes(got, codes, factors, query, sumOf(query), c0, c1, floor)
		maskCodes(want, codes, factors, query, sumOf(query), c0, c1, floor)
		compareWords(t, "codes", width, floor, got, want, n)
		k.maskSigns(got, signs, factors, planes, c0, -c1, floor)
		maskSigns(want, signs, factors, planes, c0, -c1, floor)
		compareWords(t, "signs", width, floor, got, want, n)
	}
}

func compareWords(t *testing.T, what string, width int, floor float32, got, want []uint64, n int) {
	t.Helper()
	for i := range n {
		if got[i/64]>>(i%64)&1 != want[i/64]>>(i%64)&1 {
			t.Fatalf("mask by %s, width %d, floor %v: bit %d differs", what, width, floor, i)
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
	// n cancels c0 exactly when it is right.
	for _, sign := range []float32{1, -1} {
		row := map[float32][]int8{1: extreme, -1: opposite}[sign]
		mask := []uint64{0}
		all := slices.Repeat(row, lanes)
		n := 127 * 127 * float32(width)
		k.maskCodes(mask, all, slices.Repeat([]float32{1}, lanes), extreme, sumOf(extreme), 0, 1, sign*n)
		if mask[0]&0xff != 0xff {
			t.Fatalf("width %d: mask of extremes %x", width, mask[0])
		}
		k.maskCodes(mask, all, slices.Repeat([]float32{1}, lanes), extreme, sumOf(extreme), 0, 1, sign*n+2048)
		if mask[0]&0xff != 0 {
			t.Fatalf("width %d: mask above extremes %x", width, mask[0])
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
		mask := make([]uint64, blockVectors/64)
		for _, k := range kernels() {
			f := func(name string, run func()) {
				b.Run(name+"/"+k.name+"/width="+strconv.Itoa(width), func(b *testing.B) {
					for b.Loop() {
						run()
					}
				})
			}
			f("mask 1024 by codes", func() { k.maskCodes(mask, codes, factors, query, 0, 0, 1, 1) })
			f("mask 1024 by signs", func() { k.maskSigns(mask, signs, factors, planes, 0, 1, 1) })
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
