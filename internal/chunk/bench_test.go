//go:build unix

package chunk

import (
	"syscall"
	"testing"
	"time"

	"pulse/internal/token"
)

// BenchmarkSplit cuts real pages, and says what cutting adds to one pass of counting
// over the same texts, in processor time; the two take turns.
func BenchmarkSplit(b *testing.B) {
	for _, name := range []string{"all-MiniLM-L6-v2", "qwen3-embedding"} {
		for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz"} {
			b.Run(name+"/"+file, func(b *testing.B) {
				tok, pages := loadTokenizer(b, name), samplePages(b, file, 300)
				benchmarkSplit(b, tok, pages)
			})
		}
	}
}

func benchmarkSplit(b *testing.B, tok *token.Tokenizer, pages []samplePage) {
	chunker := New(tok, Options{})
	var counts token.Counts
	var spent [3]time.Duration
	size, chunks := 0, 0
	work := [3]func(p *samplePage){
		func(p *samplePage) { tok.Count(p.Markdown) },
		func(p *samplePage) { tok.Measure(&counts, p.Markdown) },
		func(p *samplePage) {
			pieces, err := chunker.Split(b.Context(), p.Title, p.Markdown)
			if err != nil {
				b.Fatal(err)
			}
			chunks += len(pieces)
		},
	}
	round := func() {
		for kind, f := range work {
			start := processorTime()
			for i := range pages {
				f(&pages[i])
			}
			spent[kind] += processorTime() - start
		}
	}
	round() // caches are warm
	spent, chunks = [3]time.Duration{}, 0
	for i := range pages {
		size += len(pages[i].Markdown)
	}
	b.ReportAllocs()
	for b.Loop() {
		round()
	}
	rate := func(d time.Duration) float64 { return float64(size) * float64(b.N) / 1e6 / d.Seconds() }
	b.ReportMetric(rate(spent[0]), "count-MB/cpu-s")
	b.ReportMetric(rate(spent[1]), "measure-MB/cpu-s")
	b.ReportMetric(rate(spent[2]), "split-MB/cpu-s")
	b.ReportMetric(100*(spent[2].Seconds()/spent[0].Seconds()-1), "%-added")
	b.ReportMetric(float64(chunks)/float64(b.N)/float64(len(pages)), "chunks/page")
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
