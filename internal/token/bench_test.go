//go:build unix

package token

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"pulse/internal/token/tokentest"
)

// benchTokenizers are the tokenizers of the shared data that benchmarks run.
var benchTokenizers = []string{"all-MiniLM-L6-v2", "bert-base-cased", "xlnet-base-cased", "qwen3-embedding", "gpt2", "modernbert", "llama2"}

// BenchmarkAppendIDs encodes documents of 2 to 64 KB that were encoded before.
func BenchmarkAppendIDs(b *testing.B) {
	benchmark(b, func(t *Tokenizer, ids []uint32, text string) []uint32 { return t.AppendIDs(ids[:0], text) })
}

// BenchmarkCount counts their tokens.
func BenchmarkCount(b *testing.B) {
	benchmark(b, func(t *Tokenizer, ids []uint32, text string) []uint32 { t.Count(text); return ids })
}

// BenchmarkAppendTokens encodes them with spans.
func BenchmarkAppendTokens(b *testing.B) {
	var tokens []Token
	benchmark(b, func(t *Tokenizer, ids []uint32, text string) []uint32 {
		tokens = t.AppendTokens(tokens[:0], text)
		return ids
	})
}

// BenchmarkMeasure measures them, which is what the chunker does.
func BenchmarkMeasure(b *testing.B) {
	var counts Counts
	benchmark(b, func(t *Tokenizer, ids []uint32, text string) []uint32 { t.Measure(&counts, text); return ids })
}

// BenchmarkTogether counts the tokens of documents by one tokenizer on all processors: with -cpu 1,2
// MB/s show what the second one adds.
func BenchmarkTogether(b *testing.B) {
	sets, err := tokentest.Documents(sharedData)
	if err != nil {
		b.Skip(err)
	}
	for _, name := range benchTokenizers {
		for set, documents := range eachSet(sets) {
			b.Run(fmt.Sprintf("%s/%s", name, set), func(b *testing.B) {
				tokenizer, size := loadTest(b, name), 0
				for _, text := range documents {
					tokenizer.Count(text)
					size += len(text)
				}
				b.SetBytes(int64(size) / int64(len(documents)))
				b.RunParallel(func(next *testing.PB) {
					for i := rand.IntN(len(documents)); next.Next(); i = (i + 1) % len(documents) {
						tokenizer.Count(documents[i])
					}
				})
			})
		}
	}
}

func benchmark(b *testing.B, encode func(*Tokenizer, []uint32, string) []uint32) {
	sets, err := tokentest.Documents(sharedData)
	if err != nil {
		b.Skip(err)
	}
	for _, name := range benchTokenizers {
		for set, documents := range eachSet(sets) {
			b.Run(fmt.Sprintf("%s/%s", name, set), func(b *testing.B) {
				tokenizer := loadTest(b, name)
				ids := make([]uint32, 0, 1<<17)
				size := 0
				for _, text := range documents {
					ids = encode(tokenizer, ids, text)
					size += len(text)
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				start := processorTime()
				for b.Loop() {
					for _, text := range documents {
						ids = encode(tokenizer, ids, text)
					}
				}
				// Where others use the machine too, MB/s says little.
				b.ReportMetric(float64(size)*float64(b.N)/1e6/(processorTime()-start).Seconds(), "MB/cpu-s")
			})
		}
	}
}

// processorTime is what the process has used so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func eachSet(sets []tokentest.Set) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, set := range sets {
			if !yield(set.Name, slices.Collect(set.Texts)) {
				return
			}
		}
	}
}
