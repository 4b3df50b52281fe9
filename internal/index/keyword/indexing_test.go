//go:build linux

package keyword

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// benchPassages are those of make bench-peers-keyword: each a page of one chunk.
func benchPassages(b *testing.B) (all []chunked) {
	folder := os.Getenv("PULSE_PEERS")
	if folder == "" {
		b.Skip("PULSE_PEERS is not set: it names a folder with passages.json, as tools/peers/bm25.py writes it")
	}
	data, err := os.ReadFile(filepath.Join(folder, "passages.json"))
	must(err)
	var passages []string
	must(json.Unmarshal(data, &passages))
	for _, text := range passages {
		all = append(all, chunked{"en", []string{strings.Clone(text)}})
	}
	return all
}

// BenchmarkIndexing makes texts searchable, by megabytes a second of processor time: of
// their analysis, of adding what it gives to an index, and of writing that as a file.
func BenchmarkIndexing(b *testing.B) {
	b.Run("passages", func(b *testing.B) { benchmarkIndexing(b, benchPassages(b)) })
	b.Run("english", func(b *testing.B) { benchmarkIndexing(b, sharedPages(b, "k8s-en.jsonl.gz")) })
	b.Run("chinese japanese korean", func(b *testing.B) { benchmarkIndexing(b, sharedPages(b, "k8s-zh-ja-ko.jsonl.gz")) })
	b.Run("mixed", func(b *testing.B) {
		benchmarkIndexing(b, []chunked{{"", cut(strings.Repeat(readSample(b, "mixed.txt"), 100))}})
	})
}

func benchmarkIndexing(b *testing.B, pages []chunked) {
	var s stages
	for b.Loop() {
		s.index(b, pages)
	}
	megabytes := 0.0
	for _, page := range pages {
		for _, text := range page.chunks {
			megabytes += float64(len(text)) / 1e6
		}
	}
	megabytes *= float64(b.N)
	b.ReportMetric(megabytes/s.analysis, "analysis-MB/s")
	b.ReportMetric(megabytes/s.adding, "adding-MB/s")
	b.ReportMetric(megabytes/(s.analysis+s.adding), "searchable-MB/s")
	b.ReportMetric(megabytes/s.flush, "flush-MB/s")
	b.ReportMetric(s.heap/1e6/megabytes, "heap-bytes/byte")
	b.ReportMetric(0, "ns/op")
}

// stages are the seconds of processor time that the stages of indexing took.
type stages struct{ analysis, adding, flush, heap float64 }

// index goes as the owner of an index does: the analysis of a batch first, then its
// adding.
func (s *stages) index(tb testing.TB, pages []chunked) {
	texts := liveHeap()
	x, counter := New(Options{}), NewCounter()
	const batch = 64
	for from := 0; from < len(pages); from += batch {
		began := cpuSeconds(tb)
		var documents []Document
		for _, page := range pages[from:min(from+batch, len(pages))] {
			documents = append(documents, countPage(counter, &page))
		}
		analysed := cpuSeconds(tb)
		for i, d := range documents {
			x.Replace(uint32(from+i), d)
		}
		if packing := x.Unpacked(); packing != nil {
			packing.Run()
			x.Pack(packing)
		}
		s.analysis, s.adding = s.analysis+analysed-began, s.adding+cpuSeconds(tb)-analysed
	}
	s.heap += liveHeap() - texts // of the index and the counter
	runtime.KeepAlive(counter)
	began := cpuSeconds(tb)
	if _, err := x.Seal(plainState).WriteTo(io.Discard); err != nil {
		tb.Fatal(err)
	}
	s.flush += cpuSeconds(tb) - began
}

func liveHeap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
