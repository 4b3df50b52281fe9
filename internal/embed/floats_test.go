package embed

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"pulse"
)

func FuzzScanVectors(f *testing.F) {
	for _, s := range []string{"[[0.1,-0.2],[1e-3,2E+4]]", "[]", "[[]]", " [ [ 1 ] ] ", "[[1.00000017881393432617187499]]", "[[16777217,3.4028235e38]]",
		"[[01]]", "[[.5]]", "[[1.]]", "[[-0]]", "[[1e400]]", "[[1e-400]]", "[[1,]]", "[[1]", "[[null]]", "[[1]]x", "[[1.17549435e-38, 1e-45]]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want [][]float32
		wantErr := json.Unmarshal(data, &want)
		got, err := ScanVectors(data, 1<<20)
		if wantErr == nil && strings.Contains(string(data), "null") { // encoding/json takes null for anything
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, encoding/json says %v", data, err, wantErr)
		}
		if err == nil {
			sameBits(t, got, want)
		}
	})
}

func sameBits(t *testing.T, got []pulse.Vector, want [][]float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d vectors, want %d", len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("vector %d has %d numbers, want %d", i, len(got[i]), len(want[i]))
		}
		for j, x := range want[i] {
			if math.Float32bits(got[i][j]) != math.Float32bits(x) {
				t.Fatalf("number %d of vector %d is %v, want %v", j, i, got[i][j], x)
			}
		}
	}
}

// TestScanVectorsRoundsAsStrconv reads numbers in every format of floats, and the middles
// between neighbours, where rounding twice would go wrong.
func TestScanVectorsRoundsAsStrconv(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for range 100_000 {
		x := math.Float32frombits(rng.Uint32())
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			continue
		}
		next := math.Nextafter32(x, math.MaxFloat32)
		middle := (float64(x) + float64(next)) / 2
		texts = append(texts, strconv.FormatFloat(float64(x), 'g', -1, 32), strconv.FormatFloat(float64(x), 'e', 7, 32),
			strconv.FormatFloat(middle, 'g', -1, 64), strconv.FormatFloat(middle, 'e', 14, 64), strconv.FormatFloat(rng.NormFloat64()/20, 'f', 9, 64))
	}
	data := []byte("[[" + strings.Join(texts, ",") + "]]")
	data = []byte(strings.ReplaceAll(string(data), "+Inf", "1"))
	s := floatScanner{data: data[1 : len(data)-1]}
	at := 0
	if err := s.list(func() error {
		x, err := s.float()
		want, wantErr := strconv.ParseFloat(texts[at], 32)
		if (err == nil) != (wantErr == nil) || err == nil && math.Float32bits(x) != math.Float32bits(float32(want)) {
			t.Fatalf("%s is read as %v (%v), want %v (%v)", texts[at], x, err, want, wantErr)
		}
		at++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestScanVectorsBounds(t *testing.T) {
	if _, err := ScanVectors([]byte("[[1],[2],[3]]"), 2); err == nil {
		t.Error("a third vector passed")
	}
	if _, err := ScanVector([]byte("[1,2] ")); err != nil {
		t.Error(err)
	}
	if _, err := ScanVector([]byte("[1,2]]")); err == nil {
		t.Error("what follows a vector passed")
	}
}

func answerOf(texts, dim int) []byte {
	rng := rand.New(rand.NewPCG(3, 4))
	vectors := make([][]float32, texts)
	for i := range vectors {
		vectors[i] = make([]float32, dim)
		for j := range vectors[i] {
			vectors[i][j] = float32(rng.NormFloat64() / math.Sqrt(float64(dim)))
		}
	}
	data, err := json.Marshal(vectors)
	if err != nil {
		panic(err)
	}
	return data
}

func BenchmarkScanVectors(b *testing.B) {
	data := answerOf(32, 1024)
	b.Run("scanner", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ScanVectors(data, 32); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var v [][]float32
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func ExampleScanVectors() {
	v, err := ScanVectors([]byte(`[[0.5,-0.25],[1e-1,2]]`), 2)
	fmt.Println(v, err)
	// Output: [[0.5 -0.25] [0.1 2]] <nil>
}
