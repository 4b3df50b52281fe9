package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pulse"
	"pulse/internal/index"
)

// sample makes pages of about 2 KB and two chunks, of words that are distributed
// as those of a language are.
type sample struct {
	r     *rand.Rand
	words *rand.Zipf
	texts []string
}

func newSample() *sample {
	r := rand.New(rand.NewPCG(1, 1))
	s := &sample{r: r, words: rand.NewZipf(r, 1.1, 5, 200_000)}
	for range 512 {
		var b strings.Builder
		for b.Len() < 2000 {
			b.WriteString(s.word())
			b.WriteByte(' ')
		}
		s.texts = append(s.texts, b.String())
	}
	return s
}

// word is a made-up word of letters.
func (s *sample) word() string {
	n := s.words.Uint64()
	word := []byte{byte('a' + n%7)}
	for ; n > 0; n /= 20 {
		word = append(word, "bcdfghjklmnprstvwxz"[n%19], "aeiou"[n%5])
	}
	return string(word)
}

func (s *sample) commit(id, seq int) pulse.Commit {
	text := s.texts[s.r.IntN(len(s.texts))]
	return page(id, text, func(c *pulse.Commit) {
		c.Seq = pulse.CommitSeq(seq)
		c.Chunks = []pulse.Chunk{{Start: 0, End: 1200}, {Ordinal: 1, Start: 800, End: len(text)}}
	})
}

func (s *sample) fill(b *testing.B, x *Index, documents int) {
	b.Helper()
	for from := 1; from <= documents; from += 1000 {
		var batch []pulse.Commit
		for id := from; id < from+1000 && id <= documents; id++ {
			batch = append(batch, s.commit(id, id))
		}
		apply(b, x, batch...)
	}
}

// BenchmarkApply puts pages of 2 KB in by batches of 64, half of them updates; the
// cost of one must not grow with what is there.
func BenchmarkApply(b *testing.B) {
	for _, have := range []int{0, 10_000, 100_000} {
		b.Run(fmt.Sprintf("documents=%d", have), func(b *testing.B) {
			if have > 10_000 && testing.Short() {
				b.Skip("fills 100,000 documents")
			}
			s, x := newSample(), New(Options{})
			s.fill(b, x, have)
			b.ReportAllocs()
			next, seq := have, have
			for b.Loop() {
				batch := make([]pulse.Commit, 64)
				for i := range batch {
					seq++
					id := 1 + s.r.IntN(next+1)
					if i%2 == 0 {
						next++
						id = next
					}
					batch[i] = s.commit(id, seq)
				}
				apply(b, x, batch...)
			}
			b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "pages/s")
		})
	}
}

func BenchmarkRetrieve(b *testing.B) {
	s, x := newSample(), New(Options{})
	s.fill(b, x, 10_000)
	queries := make([]string, 64)
	for i := range queries {
		queries[i] = s.word() + " " + s.word() + " " + s.word()
	}
	for _, filter := range []pulse.Filter{{}, {Domain: "example.com"}} {
		b.Run(fmt.Sprintf("chunks=20000/filtered=%v", filter.Domain != ""), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				request := index.Request{Text: queries[n%len(queries)], Window: 1000, Filter: filter}
				if _, err := x.Retrieve(context.Background(), request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad starts from the files of 50,000 pages of two chunks.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	newSample().fill(b, x, 50_000)
	if err := errors.Join(x.end(), x.Close()); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for b.Loop() {
		x, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(x.Load(b.Context()), x.Close()); err != nil {
			b.Fatal(err)
		}
	}
}
