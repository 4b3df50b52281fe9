package keyword

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// passages makes texts of about 1,000 bytes whose words are as frequent as Zipf's law
// has them, out of a million.
type passages struct {
	zipf    *rand.Zipf
	r       *rand.Rand
	counter *Counter
	text    strings.Builder
}

func newPassages() *passages {
	r := rand.New(rand.NewPCG(1, 2))
	return &passages{zipf: rand.NewZipf(r, 1.1, 8, 1<<20), r: r, counter: NewCounter()}
}

func (p *passages) words(n int) string {
	p.text.Reset()
	for range n {
		p.text.WriteString(strconv.FormatUint(1e6+p.zipf.Uint64()*2654435761%(1<<32), 36))
		p.text.WriteByte(' ')
	}
	return p.text.String()
}

func (p *passages) document() Document {
	return Document{Language: "sw", Chunks: []Counts{p.counter.Count(p.words(100+p.r.IntN(100)), "sw")}}
}

func (p *passages) fill(x *Index, from, to int) {
	for n := from; n < to; n++ {
		x.Replace(uint32(n), p.document())
		if packing := x.Unpacked(); packing != nil {
			packing.Run()
			x.Pack(packing)
		}
	}
}

// BenchmarkSearch searches two full segments, in memory and as a file, for the best ten.
func BenchmarkSearch(b *testing.B) {
	p, x := newPassages(), New(Options{})
	p.fill(x, 0, 2*segmentSlots)
	x.segments = append(x.segments, newSegment())
	for packing := x.Unpacked(); packing != nil; packing = x.Unpacked() {
		packing.Run()
		x.Pack(packing)
	}
	var queries []*Query
	for range 256 {
		queries = append(queries, query(x, p.words(3+p.r.IntN(3))))
	}
	b.Run("memory", func(b *testing.B) { benchmarkQueries(b, x, queries) })
	sealed := x.Seal(plainState)
	path := filepath.Join(b.TempDir(), "terms")
	f := writeTo(b, path, sealed)
	defer f.Close()
	must(x.Adopt(sealed, f))
	b.Run("file", func(b *testing.B) { benchmarkQueries(b, x, queries) })
}

func benchmarkQueries(b *testing.B, x *Index, queries []*Query) {
	var best [10]float64
	yield := func(_, _ uint32, score float64) float64 {
		if score > best[0] {
			best[0] = score
			slices.Sort(best[:])
		}
		return best[0]
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		clear(best[:])
		must(x.Search(queries[n%len(queries)], nil, 0, yield))
	}
}

// BenchmarkCorrections is the worst query: misspelled words alone, against a million
// terms that look like words, or that are of few letters, so that their sets tell little.
func BenchmarkCorrections(b *testing.B) {
	for _, letters := range []string{"abcdefghijklmnopqrstuvwxyz", "abcdefghij"} {
		b.Run(strconv.Itoa(len(letters))+" letters", func(b *testing.B) {
			x, r := New(Options{}), rand.New(rand.NewPCG(1, 2))
			for n := range 2000 {
				x.Replace(uint32(n), inEnglish(nonsense(r, letters, 500)))
			}
			q := Parse(nonsense(r, letters, 560))
			for b.Loop() {
				_, _, err := x.Query(q)
				must(err)
			}
		})
	}
}

// nonsense is words of 7 to 10 letters, of which hardly two are alike.
func nonsense(r *rand.Rand, letters string, words int) string {
	var text strings.Builder
	for range words {
		for range 7 + r.IntN(4) {
			text.WriteByte(letters[r.IntN(len(letters))])
		}
		text.WriteByte(' ')
	}
	return text.String()
}

func writeTo(t testing.TB, path string, s *Sealed) *File {
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteTo(file); err != nil {
		t.Fatal(err)
	}
	must(file.Close())
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSizes measures files as they become more: PULSE_SIZES are the numbers of chunks,
// of about 1,000 bytes, to stop at. `make sizes-keyword` runs it.
func TestSizes(t *testing.T) {
	sizes := os.Getenv("PULSE_SIZES")
	if sizes == "" {
		t.Skip("PULSE_SIZES is not set: make sizes-keyword sets it")
	}
	p, folder := newPassages(), t.TempDir()
	var paths []string
	chunks, disk := 0, int64(0)
	t.Log("chunks | bytes per chunk on disk | open s | attach s | heap MB")
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		must(err)
		for ; chunks < n; chunks += segmentSlots {
			x := New(Options{})
			p.fill(x, chunks, chunks+segmentSlots)
			paths = append(paths, filepath.Join(folder, fmt.Sprint(chunks)))
			must(writeTo(t, paths[len(paths)-1], x.Seal(plainState)).Close())
			info, err := os.Stat(paths[len(paths)-1])
			must(err)
			disk += info.Size()
		}
		open, attach, heap := measureStart(t, paths)
		t.Logf("%d | %d | %.3f | %.3f | %.1f", chunks, disk/int64(chunks), open.Seconds(), attach.Seconds(), heap)
	}
}

func measureStart(t *testing.T, paths []string) (open, attach time.Duration, heap float64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := New(Options{})
	began := time.Now()
	var files []*File
	for _, path := range paths {
		f, err := Open(path)
		must(err)
		defer f.Close()
		files = append(files, f)
	}
	open = time.Since(began)
	began = time.Now()
	for _, f := range files {
		must(x.Attach(f, plainNumber))
	}
	attach = time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if x.Chunks() != len(paths)*segmentSlots {
		t.Errorf("%d chunks", x.Chunks())
	}
	return open, attach, float64(after.HeapAlloc-before.HeapAlloc) / 1e6
}
