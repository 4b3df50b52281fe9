// Command bleve measures bleve on the passages and queries in the folder PULSE_PEERS,
// for tools/peers/bm25.py. It writes bleve.json: times in seconds.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"github.com/blevesearch/bleve/v2"
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/simple"
	_ "github.com/blevesearch/bleve/v2/analysis/analyzer/standard"
	"golang.org/x/sys/unix"
)

type measured struct {
	IndexCPU float64              `json:"index_cpu"`
	Times    map[string][]float64 `json:"times"`
}

func main() {
	folder := os.Getenv("PULSE_PEERS")
	var passages []string
	read(filepath.Join(folder, "passages.json"), &passages)
	var queries map[string][]string
	read(filepath.Join(folder, "queries.json"), &queries)
	results := make(map[string]measured)
	for _, analyzer := range []string{"simple", "standard"} {
		results[analyzer] = measure(filepath.Join(folder, analyzer), analyzer, passages, queries)
	}
	out, err := json.Marshal(results)
	check(err)
	check(os.WriteFile(filepath.Join(folder, "bleve.json"), out, 0o600))
}

func measure(path, analyzer string, passages []string, queries map[string][]string) measured {
	mapping := bleve.NewIndexMapping()
	mapping.DefaultAnalyzer = analyzer
	mapping.ScoringModel = "bm25"
	text := bleve.NewTextFieldMapping()
	text.Store, text.IncludeInAll, text.DocValues, text.IncludeTermVectors = false, false, false, false
	mapping.DefaultMapping.AddFieldMappingsAt("text", text)
	index, err := bleve.New(path, mapping)
	check(err)
	began := cpu()
	const batchSize = 1000
	for from := 0; from < len(passages); from += batchSize {
		batch := index.NewBatch()
		for i := from; i < min(from+batchSize, len(passages)); i++ {
			check(batch.Index(strconv.Itoa(i), map[string]any{"text": passages[i]}))
		}
		check(index.Batch(batch))
	}
	m := measured{IndexCPU: cpu() - began, Times: make(map[string][]float64)}
	for name, set := range queries {
		for range 2 { // the first warms up
			m.Times[name] = search(index, set)
		}
	}
	check(index.Close())
	return m
}

func search(index bleve.Index, queries []string) []float64 {
	// bleve searches a query's segments by goroutines of its own: with GOMAXPROCS=1 the
	// time of the process is theirs together.
	times := make([]float64, len(queries))
	for i, q := range queries {
		began := cpu()
		query := bleve.NewMatchQuery(q)
		query.SetField("text")
		_, err := index.Search(bleve.NewSearchRequestOptions(query, 10, 0, false))
		check(err)
		times[i] = cpu() - began
	}
	return times
}

// cpu is the processor time of this process, in seconds.
func cpu() float64 {
	var now unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now))
	return float64(now.Nano()) / 1e9
}

func read(path string, into any) {
	data, err := os.ReadFile(path)
	check(err)
	check(json.Unmarshal(data, into))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
