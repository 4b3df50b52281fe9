package vector

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
)

// TestPeers measures this index on the vectors in the folder PULSE_PEERS, for
// tools/peers/vectors.py, which measures others on the same: base.f32 and
// queries.f32 hold vectors of PULSE_DIMENSION numbers, one after the other. It
// writes pulse.json: times in seconds of the processor, and for each query the numbers of the ten
// nearest.
func TestPeers(t *testing.T) {
	folder := os.Getenv("PULSE_PEERS")
	if folder == "" {
		t.Skip("PULSE_PEERS is not set: make bench-peers-vectors sets it")
	}
	dimension, err := strconv.Atoi(os.Getenv("PULSE_DIMENSION"))
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Build   float64
		Bytes   uint64 // of memory that the index holds
		Queries []float64
		Found   [][]uint32
	}
	runtime.LockOSThread() // for threadTime
	defer runtime.UnlockOSThread()
	before := residentMB("RssAnon")
	began := threadTime()
	x := New(dimension, Cosine)
	readVectors(t, filepath.Join(folder, "base.f32"), dimension, func(i int, v []float32) {
		if err := x.Replace(uint32(i), []Chunk{mustEncode(t, Cosine, 0, v)}); err != nil {
			t.Fatal(err)
		}
	})
	result.Build = (threadTime() - began).Seconds()
	runtime.GC()
	debug.FreeOSMemory()
	result.Bytes = 1e6 * uint64(residentMB("RssAnon")-before)
	w := window{size: 10, list: make([]found, 0, 11)}
	for range 2 { // the first warms up
		result.Queries, result.Found = nil, nil
		readVectors(t, filepath.Join(folder, "queries.f32"), dimension, func(_ int, query []float32) {
			w.list = w.list[:0]
			began := threadTime()
			if err := x.Search(query, w.size, lowest, nil, w.add); err != nil {
				t.Fatal(err)
			}
			result.Queries = append(result.Queries, (threadTime() - began).Seconds())
			var numbers []uint32
			for _, f := range w.list {
				numbers = append(numbers, f.document)
			}
			result.Found = append(result.Found, numbers)
		})
	}
	sorted := slices.Sorted(slices.Values(result.Queries))
	t.Logf("%d chunks, p50 %.3f ms", x.Chunks(), 1e3*sorted[len(sorted)/2])
	out, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pulse.json"), out, 0o600); err != nil {
		t.Fatal(err)
	}
}

// readVectors reads one vector at a time.
func readVectors(t *testing.T, name string, dimension int, each func(i int, v []float32)) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	raw, v := make([]byte, 4*dimension), make([]float32, dimension)
	for i := range int(info.Size()) / len(raw) {
		if _, err := f.ReadAt(raw, int64(i*len(raw))); err != nil {
			t.Fatal(fmt.Errorf("vector %d: %w", i, err))
		}
		for j := range v {
			v[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))
		}
		each(i, v)
	}
}
