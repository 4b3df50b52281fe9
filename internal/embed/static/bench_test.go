//go:build unix

package static

import (
	"syscall"
	"testing"
	"time"
)

// BenchmarkVector makes vectors of chunks of 256 tokens of real text, on one processor;
// tokens and sum are the two parts of it.
func BenchmarkVector(b *testing.B) {
	e := builtinModel(b)
	texts := sharedChunks(b, e)
	var ids []uint32
	benchmark(b, "whole", func(i int) { e.vector(texts[i%len(texts)]) })
	benchmark(b, "tokens", func(i int) { ids = e.tokenizer.AppendIDs(ids[:0], texts[i%len(texts)]) })
	all := make([]scratch, len(texts))
	for i := range all {
		all[i].ids = e.tokenizer.AppendIDs(nil, texts[i])
		all[i].sum = make([]float32, e.table.stride)
		e.table.gather(&all[i])
	}
	summing := func(sum func([]float32, string, []uint32, []float32)) func(int) {
		return func(i int) {
			s := &all[i%len(all)]
			sum(s.sum, e.table.codes, s.offsets, s.weights)
		}
	}
	benchmark(b, "sum", summing(accumulate))
	benchmark(b, "sum-plain", summing(accumulatePlain))
}

// BenchmarkPageWeight weighs texts of 256 tokens.
func BenchmarkPageWeight(b *testing.B) {
	e := builtinModel(b)
	texts := sharedChunks(b, e)
	benchmark(b, "page", func(i int) { e.PageWeight(texts[i%len(texts)]) })
}

// benchmark reports by processor time too: where others use the machine, the other says
// little.
func benchmark(b *testing.B, name string, f func(i int)) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		start := processorTime()
		for i := 0; b.Loop(); i++ {
			f(i)
		}
		b.ReportMetric(float64(b.N)/(processorTime()-start).Seconds(), "chunks/cpu-s")
	})
}

// processorTime is what the process has used so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
