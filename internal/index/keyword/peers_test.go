//go:build linux

package keyword

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPeers measures this index on the passages and queries in the folder PULSE_PEERS,
// for tools/peers/bm25.py, which measures others on the same. It writes pulse.json:
// times in seconds, with English analysis, and with words as they are, stop words too,
// which is what the others do.
func TestPeers(t *testing.T) {
	folder := os.Getenv("PULSE_PEERS")
	if folder == "" {
		t.Skip("PULSE_PEERS is not set: make bench-peers-keyword sets it")
	}
	var passages []string
	readJSON(t, filepath.Join(folder, "passages.json"), &passages)
	var queries map[string][]string
	readJSON(t, filepath.Join(folder, "queries.json"), &queries)
	results := map[string]any{
		"English": measurePeer(t, "en", passages, queries),
		"plain":   measurePeer(t, "sw", passages, queries), // a language without stemmer and stop words
	}
	out, err := json.Marshal(results)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "pulse.json"), out, 0o600); err != nil {
		t.Fatal(err)
	}
}

type measured struct {
	IndexCPU float64              `json:"index_cpu"`
	Times    map[string][]float64 `json:"times"`
}

func measurePeer(t *testing.T, language string, passages []string, queries map[string][]string) measured {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := cpuSeconds(t)
	x := filled(passages, language)
	m := measured{IndexCPU: cpuSeconds(t) - began, Times: make(map[string][]float64)}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%s: %.1f MB of heap", language, float64(after.HeapAlloc-before.HeapAlloc)/1e6)
	for name, set := range queries {
		for range 2 { // the first warms up
			m.Times[name] = timeQueries(t, x, set)
		}
		sorted := slices.Sorted(slices.Values(m.Times[name]))
		t.Logf("%s, %s: p50 %.3f ms, p99 %.3f ms", language, name, 1e3*sorted[len(sorted)/2], 1e3*sorted[len(sorted)*99/100])
	}
	return m
}

func filled(passages []string, language string) *Index {
	x, counter := New(Options{}), NewCounter()
	for i, text := range passages {
		x.Replace(uint32(i), Document{Language: language, Chunks: []Counts{counter.Count(text, language)}})
		if packing := x.Unpacked(); packing != nil {
			packing.Run()
			x.Pack(packing)
		}
	}
	return x
}

func timeQueries(t *testing.T, x *Index, queries []string) []float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	times := make([]float64, len(queries))
	for i, text := range queries {
		began := threadSeconds(t)
		searchBest(x, query(x, text), nil, 10)
		times[i] = threadSeconds(t) - began
	}
	return times
}

// cpuSeconds is the processor time of this process, threadSeconds of this thread: what
// else runs on the machine hardly counts.
func cpuSeconds(t testing.TB) float64    { return clock(t, unix.CLOCK_PROCESS_CPUTIME_ID) }
func threadSeconds(t testing.TB) float64 { return clock(t, unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(t testing.TB, id int32) float64 {
	var now unix.Timespec
	if err := unix.ClockGettime(id, &now); err != nil {
		t.Fatal(err)
	}
	return float64(now.Nano()) / 1e9
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}
