package static

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/token/builtin"
)

// tableFile is a table in the built-in model's format, with rows of small numbers.
func tableFile(rows, dimension int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := []byte(magic)
	out = binary.LittleEndian.AppendUint32(out, uint32(rows))
	out = binary.LittleEndian.AppendUint32(out, uint32(dimension))
	for range rows {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(0.001+rng.Float32()))
	}
	for range rows * dimension / 8 {
		out = binary.LittleEndian.AppendUint64(out, rng.Uint64())
	}
	return string(out)
}

// smallModel is the built-in model with made-up rows.
func smallModel(t testing.TB, dimension int) *Embedder {
	t.Helper()
	tokenizer, _, err := builtin.For(builtin.MiniLM)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := readTable(tableFile(30522, dimension, 7), builtinUnknown)
	if err != nil {
		t.Fatal(err)
	}
	e := newEmbedder("small", tokenizer, rows)
	e.english = true
	return e
}

func TestAccumulateIsItsPlainTwin(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for _, dimension := range []int{64, 128, 256, 512} {
		rows, err := readTable(tableFile(50, dimension, seed), -1)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n < 300; n += 1 + n/3 {
			s := scratch{sum: make([]float32, dimension)}
			for range n {
				s.ids = append(s.ids, rng.Uint32N(50))
			}
			rows.gather(&s)
			want := make([]float32, dimension)
			accumulatePlain(want, rows.codes, s.offsets, s.weights)
			accumulate(s.sum, rows.codes, s.offsets, s.weights)
			for j := range want {
				if math.Float32bits(s.sum[j]) != math.Float32bits(want[j]) {
					t.Fatalf("%d rows of %d: value %d is %v, want %v", n, dimension, j, s.sum[j], want[j])
				}
			}
		}
	}
}

func TestVector(t *testing.T) {
	e := smallModel(t, 128)
	text := "Pods are restarted by the kubelet, unless 漢 ⵣ."
	want := make([]float64, 128)
	for _, id := range e.tokenizer.AppendIDs(nil, text) {
		if id == builtinUnknown {
			continue
		}
		for j := range want {
			want[j] += float64(e.table.weights[id]) * float64(int8(e.table.codes[int(id)*128+j]))
		}
	}
	norm := 0.0
	for _, x := range want {
		norm += x * x
	}
	got, err := e.EmbedQuery(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	for j := range want {
		if w := want[j] / math.Sqrt(norm); math.Abs(float64(got[j])-w) > 1e-6 {
			t.Fatalf("value %d is %v, want %v", j, got[j], w)
		}
	}
	if m := e.Model(); m != (embed.Model{Name: "small", Dimension: 128}) || e.Wait(embed.LaneBulk) != 0 {
		t.Errorf("model %+v", m)
	}
}

func TestEmbed(t *testing.T) {
	e := smallModel(t, 64)
	vectors, err := e.Embed(t.Context(), embed.Request{Texts: []string{"a pod", "ⵣⵣⵣ", "a node", " "}})
	if err != nil || len(vectors) != 4 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for i, known := range []bool{true, false, true, false} {
		if (vectors[i] != nil) != known {
			t.Errorf("text %d has a vector: %v, want %v", i, !known, known)
		}
	}
	again, err := e.EmbedQuery(t.Context(), "a node")
	if err != nil || !equal(again, vectors[2]) {
		t.Errorf("a text's vectors differ, or %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(ended, embed.Request{Texts: []string{"a pod"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := e.EmbedQuery(ended, "a pod"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func equal(a, b pulse.Vector) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// TestVectorsThatCancelOut: rows that sum to nothing have no direction.
func TestVectorsThatCancelOut(t *testing.T) {
	e := smallModel(t, 64)
	codes := []byte(e.table.codes)
	clear(codes)
	e.table.codes = string(codes)
	if v, err := e.EmbedQuery(t.Context(), "a pod"); v != nil || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestNothingIsAllocatedButTheResult(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget")
	}
	e := smallModel(t, 256)
	text := strings.Repeat("Pods are restarted by the kubelet when their probes fail. ", 20)
	if n := testing.AllocsPerRun(100, func() { e.vector(text) }); n > 1 {
		t.Errorf("%v allocations, want 1", n)
	}
	if n := testing.AllocsPerRun(100, func() { e.Weight(text) }); n > 0 {
		t.Errorf("Weight: %v allocations, want 0", n)
	}
}

func TestReadTableRefuses(t *testing.T) {
	f := func(data, want string) {
		t.Helper()
		if _, err := readTable(data, -1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	good := tableFile(3, 64, 1)
	if _, err := readTable(good, -1); err != nil {
		t.Fatal(err)
	}
	f("", "is no table")
	f("pulsetab", "is no table")
	f("PULSETAB"+good[8:], "is no table")
	f(good[:len(good)-1], "bytes for 3 rows of 64 values")
	f(good+"x", "bytes for 3 rows of 64 values")
	f("pulsetab\x00\x00\x00\x00\x40\x00\x00\x00", "has 0 rows")
	f("pulsetab\x01\x00\x00\x00\x30\x00\x00\x00", "multiple of 64")
	f("pulsetab\xff\xff\xff\xff\xc0\xff\xff\xff", "bytes for 4294967295 rows")
	f(good[:16]+"\x00\x00\xc0\x7f"+good[20:], "the weight of row 0 is NaN")
}

// FuzzReadTable: what is read can be summed.
func FuzzReadTable(f *testing.F) {
	f.Add(tableFile(3, 64, 1))
	f.Fuzz(func(t *testing.T, data string) {
		if rows, err := readTable(data, -1); err == nil {
			sumAll(rows)
		}
	})
}

// sumAll sums the rows of all tokens.
func sumAll(rows *table) {
	s := scratch{sum: make([]float32, rows.stride)}
	for i := range rows.offsets {
		s.ids = append(s.ids, uint32(i))
	}
	rows.gather(&s)
	if len(s.offsets) > 0 {
		accumulate(s.sum, rows.codes, s.offsets, s.weights)
		accumulatePlain(s.sum, rows.codes, s.offsets, s.weights)
	}
}
