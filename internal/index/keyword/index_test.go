package keyword

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes the time")

func newRand(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-seed %d repeats it)", n, n)
	return rand.New(rand.NewPCG(n, 0))
}

type result struct {
	Document, Ordinal uint32
	Score             float64
}

func search(x *Index, query string, accept func(uint32) bool) []result {
	var got []result
	x.Search(QueryTerms(query), accept, func(document, ordinal uint32, score float64) {
		got = append(got, result{document, ordinal, score})
	})
	slices.SortFunc(got, func(a, b result) int { return int(a.Document) - int(b.Document) })
	return got
}

func count(texts ...string) []Counts {
	var all []Counts
	for _, text := range texts {
		all = append(all, NewCounter().Count(text))
	}
	return all
}

func TestSearchByHand(t *testing.T) {
	x := New(Options{})
	x.Replace(0, count("red red green", "blue"))
	x.Replace(1, count("red"))
	x.Replace(2, count("green yellow black"))
	// 4 chunks of 3, 1, 1, 3 terms: mean length 2. "red" is in 2 of them:
	// idf = ln(1 + (4 - 2 + 0.5) / (2 + 0.5)) = ln 2.
	// Document 0: f 2, 1.2 · (0.25 + 0.75 · 3/2) = 1.65: 2 / 3.65.
	// Document 1: f 1, 1.2 · (0.25 + 0.75 · 1/2) = 0.75: 1 / 1.75.
	near := func(got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("score %v, want %v", got, want)
		}
	}
	got := search(x, "red", nil)
	if len(got) != 2 || got[0].Document != 0 || got[1].Document != 1 {
		t.Fatalf("found %+v", got)
	}
	near(got[0].Score, math.Ln2*2/3.65)
	near(got[1].Score, math.Ln2/1.75)

	// Said twice, it counts twice; green adds to document 0's first chunk.
	got = search(x, "red RED green", nil)
	near(got[0].Score, 2*math.Ln2*2/3.65+math.Ln2*1/2.65)
	near(got[2].Score, math.Ln2*1/2.65)

	if got := search(x, "purple", nil); got != nil {
		t.Errorf("a word of no chunk found %+v", got)
	}
	if got := search(x, "red blue", func(d uint32) bool { return d != 0 }); len(got) != 1 || got[0].Document != 1 {
		t.Errorf("with document 0 not accepted: %+v", got)
	}

	// A deletion lowers the number of chunks, the mean length and the frequency:
	// idf = ln(1 + (2 - 1 + 0.5) / (1 + 0.5)) = ln 2.
	x.Delete(0)
	got = search(x, "red", nil)
	near(got[0].Score, math.Ln2/(1+1.2*(0.25+0.75*1/2)))
}

func TestSearchOptions(t *testing.T) {
	f := func(o Options, want float64) {
		t.Helper()
		x := New(o)
		x.Replace(0, count("a a b b"))
		x.Replace(1, count("c c"))
		if got := search(x, "a", nil)[0].Score / math.Ln2; math.Abs(got-want) > 1e-12 {
			t.Errorf("%+v: score %v, want %v", o, got, want)
		}
	}
	f(Options{}, 2/(2+1.2*(0.25+0.75*4/3)))
	f(Options{K1: 0.9, B: 0.4}, 2/(2+0.9*(0.6+0.4*4/3)))
	f(Options{K1: -1}, 1)
	f(Options{B: -1}, 2/(2+1.2))
}

func TestBestChunkOfADocument(t *testing.T) {
	x := New(Options{})
	x.Replace(7, count("a b c", "a", "a"))
	want := []result{{7, 1, 0}}
	got := search(x, "a", nil)
	got[0].Score = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("best chunk, of equal ones the first (-want +got):\n%s", diff)
	}
}

// twin is the index as maps of maps: documents, chunks, terms.
type twin map[uint32][]map[string]int

func (tw twin) search(query string) []result {
	chunks, length := 0, 0
	frequency := make(map[string]int)
	for _, d := range tw {
		for _, c := range d {
			chunks++
			for term, n := range c {
				frequency[term]++
				length += n
			}
		}
	}
	mean := float64(length) / float64(chunks)
	var all []result
	for document, d := range tw {
		best := result{Document: document}
		for ordinal, c := range d {
			if score := tw.score(c, QueryTerms(query), chunks, mean, frequency); score > best.Score {
				best.Ordinal, best.Score = uint32(ordinal), score
			}
		}
		if best.Score > 0 {
			all = append(all, best)
		}
	}
	slices.SortFunc(all, func(a, b result) int { return int(a.Document) - int(b.Document) })
	return all
}

func (tw twin) score(c map[string]int, query []QueryTerm, chunks int, mean float64, frequency map[string]int) float64 {
	length := 0
	for _, n := range c {
		length += n
	}
	score := 0.0
	for _, q := range query {
		if c[q.Text] == 0 {
			continue
		}
		n, f := float64(frequency[q.Text]), float64(c[q.Text])
		idf := math.Log(1 + (float64(chunks)-n+0.5)/(n+0.5))
		ratio := float64(length) / mean
		part := 1.2 * (1 - 0.75 + float64(0.75*ratio))
		score += float64(float64(q.Frequency) * idf * (f / (f + part)))
	}
	return score
}

func TestRandomHistories(t *testing.T) {
	r := newRand(t)
	for range 20 {
		x, tw := New(Options{}), make(twin)
		words := 3 + r.IntN(60)
		for step := range 300 {
			document := uint32(r.IntN(12))
			if r.IntN(4) == 0 {
				x.Delete(document)
				delete(tw, document)
			} else {
				texts := randomTexts(r, words)
				x.Replace(document, count(texts...))
				tw[document] = countMaps(texts)
			}
			if step%7 == 0 {
				compareWithTwin(t, x, tw, randomText(r, words, 1+r.IntN(4)))
			}
		}
		checkStructure(t, x)
		for document := range tw {
			x.Delete(document)
		}
		if x.Chunks() != 0 || x.Terms() != 0 || len(x.unused) != len(x.slots) || len(x.free) != len(x.terms) {
			t.Fatalf("emptied index holds %d chunks, %d terms, %d of %d slots, %d of %d term numbers",
				x.Chunks(), x.Terms(), len(x.slots)-len(x.unused), len(x.slots), len(x.terms)-len(x.free), len(x.terms))
		}
	}
}

func randomTexts(r *rand.Rand, words int) []string {
	texts := make([]string, r.IntN(4))
	for i := range texts {
		texts[i] = randomText(r, words, r.IntN(20))
	}
	return texts
}

func randomText(r *rand.Rand, words, n int) string {
	var b strings.Builder
	for range n {
		// The square makes some words frequent and others rare.
		fmt.Fprintf(&b, "w%d ", r.IntN(1+r.IntN(words)))
	}
	return b.String()
}

func countMaps(texts []string) []map[string]int {
	var all []map[string]int
	for _, text := range texts {
		m := make(map[string]int)
		for _, term := range Analyze(text) {
			m[term.Text]++
		}
		all = append(all, m)
	}
	return all
}

func compareWithTwin(t *testing.T, x *Index, tw twin, query string) {
	t.Helper()
	got := search(x, query, nil)
	if diff := cmp.Diff(tw.search(query), got); diff != "" {
		t.Fatalf("search %q differs from the twin's, to the last bit (-twin +index):\n%s", query, diff)
	}
	for _, hit := range got {
		sum := 0.0
		for _, p := range x.Explain(QueryTerms(query), hit.Document, hit.Ordinal) {
			sum += p.Score
		}
		if sum != hit.Score {
			t.Fatalf("explained parts of %+v add up to %v", hit, sum)
		}
	}
}

// checkStructure recounts what the index keeps counted.
func checkStructure(t *testing.T, x *Index) {
	t.Helper()
	pending := make([]uint32, len(x.slots))
	for text, id := range x.ids {
		dead, all := uint32(0), uint32(0)
		x.terms[id].postings.each(func(slot, _ uint32) {
			all++
			if !x.slots[slot].live {
				dead++
				pending[slot]++
			}
		})
		if p := x.terms[id].postings; p.all != all || p.dead != dead || 2*dead >= all {
			t.Fatalf("list of %q says %d postings, %d dead; it has %d, %d dead", text, p.all, p.dead, all, dead)
		}
	}
	for at, n := range pending {
		if s := x.slots[at]; !s.live && s.pending != n {
			t.Fatalf("dead slot %d says %d lists hold it; %d do", at, s.pending, n)
		}
	}
}

// page is about 2 KB of words that are distributed as words of a language are.
func page(r *rand.Rand, zipf *rand.Zipf) string {
	var b strings.Builder
	for b.Len() < 2000 {
		fmt.Fprintf(&b, "w%dx ", zipf.Uint64())
		if r.IntN(12) == 0 {
			b.WriteString(". ")
		}
	}
	return b.String()
}

func BenchmarkReplace(b *testing.B) {
	for _, have := range []int{0, 10_000, 100_000} {
		if have > 10_000 && testing.Short() {
			continue
		}
		b.Run(fmt.Sprintf("documents=%d", have), func(b *testing.B) { benchmarkReplace(b, have) })
	}
}

func benchmarkReplace(b *testing.B, have int) {
	r := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(r, 1.1, 5, 200_000)
	pages := make([][]Counts, 512)
	for i := range pages {
		text := page(r, zipf)
		pages[i] = count(text[:1200], text[800:])
	}
	x := New(Options{})
	for i := range have {
		x.Replace(uint32(i), pages[i%len(pages)])
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		// New pages and updates by turns.
		document := have + n/2
		if n%2 == 1 && have > 0 {
			document = r.IntN(have)
		}
		x.Replace(uint32(document), pages[r.IntN(len(pages))])
		n++
	}
}

func BenchmarkSearch(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(r, 1.1, 5, 200_000)
	x := New(Options{})
	for i := range 10_000 {
		text := page(r, zipf)
		x.Replace(uint32(i), count(text[:1200], text[800:]))
	}
	b.ReportAllocs()
	for b.Loop() {
		query := fmt.Sprintf("w%dx w%dx w%dx", zipf.Uint64(), zipf.Uint64(), zipf.Uint64())
		x.Search(QueryTerms(query), nil, func(uint32, uint32, float64) {})
	}
}

// BenchmarkMemory reports the bytes that a chunk of 300 words costs.
func BenchmarkMemory(b *testing.B) {
	if testing.Short() {
		b.Skip("fills 50,000 chunks")
	}
	const chunks = 50_000
	for b.Loop() {
		before := heap()
		x := New(Options{})
		r := rand.New(rand.NewPCG(1, 1))
		zipf := rand.NewZipf(r, 1.1, 5, 200_000)
		counter := NewCounter()
		var words strings.Builder
		for i := range chunks {
			words.Reset()
			for range 300 {
				fmt.Fprintf(&words, "w%d ", zipf.Uint64())
			}
			x.Replace(uint32(i), []Counts{counter.Count(words.String())})
		}
		b.ReportMetric(float64(heap()-before)/chunks, "B/chunk")
		runtime.KeepAlive(x)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
