package keyword

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes the time")

func newRand(t testing.TB) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-seed %d repeats it)", n, n)
	return rand.New(rand.NewPCG(n, 0))
}

// searchAll gives every document that is found, in the order of the twin.
func searchAll(x *Index, q *Query, accept Set) []result {
	var got []result
	must(x.Search(q, accept, 0, func(document, ordinal uint32, score float64) float64 {
		got = append(got, result{document, ordinal, score})
		return 0
	}))
	slices.SortFunc(got, compareResults)
	return got
}

// searchBest gives the best n, as a caller with a full list asks for them.
func searchBest(x *Index, q *Query, accept Set, n int) []result {
	var best []result
	must(x.Search(q, accept, 0, func(document, ordinal uint32, score float64) float64 {
		r := result{document, ordinal, score}
		at, _ := slices.BinarySearchFunc(best, r, compareResults)
		if best = slices.Insert(best, at, r); len(best) < n {
			return 0
		}
		best = best[:n]
		return best[n-1].Score
	}))
	return best
}

func query(x *Index, text string) *Query {
	q, _, err := x.Query(Parse(text))
	must(err)
	return q
}

// must is for what can only fail with a damaged file.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// inEnglish is a document of English texts.
func inEnglish(texts ...string) Document { return document("en", "", texts...) }

func document(language, title string, texts ...string) Document {
	d := Document{Language: language}
	counter := NewCounter()
	for _, text := range texts {
		d.Chunks = append(d.Chunks, counter.Count(text, language))
	}
	if title != "" {
		c := counter.Count(title, language)
		d.Title = &c
	}
	return d
}

func TestSearchByHand(t *testing.T) {
	x := New(Options{})
	x.Replace(0, inEnglish("red red green", "blue"))
	x.Replace(1, inEnglish("red"))
	x.Replace(2, inEnglish("green yellow black"))
	// 4 chunks of 3, 1, 1, 3 words: mean length 2. "red" is in 2 of them:
	// idf = ln(1 + (4 - 2 + 0.5) / (2 + 0.5)) = ln 2.
	// Document 0: f 2, 1.2 · (0.25 + 0.75 · 3/2) = 1.65: 2 / 3.65.
	// Document 1: f 1, 1.2 · (0.25 + 0.75 · 1/2) = 0.75: 1 / 1.75.
	near := func(got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("score %v, want %v", got, want)
		}
	}
	got := searchAll(x, query(x, "red"), nil)
	if len(got) != 2 || got[0].Document != 1 || got[1].Document != 0 {
		t.Fatalf("found %+v", got)
	}
	near(got[1].Score, math.Ln2*2/3.65)
	near(got[0].Score, math.Ln2/1.75)
	// Said twice, it counts twice; green adds to document 0's first chunk.
	got = searchAll(x, query(x, "red RED green"), nil)
	near(got[0].Score, 2*math.Ln2*2/3.65+math.Ln2*1/2.65)
	if got := searchAll(x, query(x, "purple"), nil); got != nil {
		t.Errorf("a word of no chunk found %+v", got)
	}
	if got := searchAll(x, query(x, "red blue"), Set{2}); len(got) != 1 || got[0].Document != 1 {
		t.Errorf("with document 0 not in the set: %+v", got)
	}
	// A deletion lowers the number of chunks, the mean length and the frequency:
	// idf = ln(1 + (2 - 1 + 0.5) / (1 + 0.5)) = ln 2.
	x.Delete(0)
	got = searchAll(x, query(x, "red"), nil)
	near(got[0].Score, math.Ln2/(1+1.2*(0.25+0.75*1/2)))
}

func TestSearchOptions(t *testing.T) {
	f := func(o Options, want float64) {
		t.Helper()
		x := New(o)
		x.Replace(0, inEnglish("x1 x1 y1 y1"))
		x.Replace(1, inEnglish("z1 z1"))
		if got := searchAll(x, query(x, "x1"), nil)[0].Score / math.Ln2; math.Abs(got-want) > 1e-12 {
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
	x.Replace(7, inEnglish("red green blue", "red", "red"))
	got := searchAll(x, query(x, "red"), nil)
	if len(got) != 1 || got[0].Document != 7 || got[0].Ordinal != 1 {
		t.Errorf("best chunk, of equal ones the first: got %+v", got)
	}
}

func TestTitlesCountForThemselves(t *testing.T) {
	x := New(Options{TitleWeight: 1})
	x.Replace(0, document("en", "", "pods run containers", "a deployment keeps pods"))
	x.Replace(1, document("en", "Deployment", "controllers", "a deployment keeps pods"))
	x.Replace(2, document("en", "Deployment", "nothing of it"))
	got := searchAll(x, query(x, "deployments"), nil)
	if len(got) != 3 || got[0].Document != 1 || got[0].Ordinal != 1 || got[2].Document != 2 || got[2].Ordinal != 0 {
		t.Errorf("found %+v", got)
	}
	parts, err := x.Explain(query(x, "deployments"), 1, 1)
	if err != nil || len(parts) != 2 || parts[0].Title || !parts[1].Title || parts[1].Chunks != 2 || parts[0].Chunks != 2 {
		t.Errorf("parts %+v", parts)
	}
}

// world is an index and its twin with the same documents.
type world struct {
	*testing.T
	r     *rand.Rand
	x     *Index
	tw    *twin
	words []string
	seqs  map[uint32]uint64 // by document: its last change
	next  uint64
}

func newWorld(t *testing.T, r *rand.Rand) *world {
	o := Options{TitleWeight: float64(r.IntN(3)), K1: r.Float64() * 3, B: r.Float64()}
	w := &world{T: t, r: r, x: New(o), tw: newTwin(o), seqs: make(map[uint32]uint64)}
	for i := range 3 + r.IntN(60) {
		w.words = append(w.words, fmt.Sprintf("word%c%c", 'a'+i%26, 'a'+i/26))
	}
	w.words = append(w.words, "the", "die", "and", "kube-apiserver", "camelCase", "snake_case", "files", "filing", "Häuser", "東京都")
	return w
}

func (w *world) text(n int) string {
	var words []string
	for range n {
		// Some words are frequent, most are rare.
		words = append(words, w.words[w.r.IntN(1+w.r.IntN(len(w.words)))])
	}
	return strings.Join(words, " ")
}

func (w *world) document() Document {
	languages := []string{"en", "de", "", "fr", "zh"}
	var texts []string
	for range w.r.IntN(4) {
		texts = append(texts, w.text(1+w.r.IntN(40)))
	}
	if w.r.IntN(50) == 0 {
		texts = append(texts, strings.Repeat("files ", 200+w.r.IntN(400)))
	}
	title := ""
	if w.r.IntN(2) == 0 {
		title = w.text(1 + w.r.IntN(4))
	}
	return document(languages[w.r.IntN(len(languages))], title, texts...)
}

func (w *world) change(documents int) {
	n := uint32(w.r.IntN(documents))
	w.next++
	w.seqs[n] = w.next
	if w.r.IntN(4) == 0 {
		w.x.Delete(n)
		w.tw.Delete(n)
	} else {
		d := w.document()
		w.x.Replace(n, d)
		w.tw.Replace(n, d)
	}
	if w.r.IntN(8) == 0 {
		w.split()
	}
	if w.r.IntN(4) == 0 {
		w.x.Tidy(w.r.IntN(20))
	}
}

// split ends the head early, as a full one, and packs a segment or leaves it.
func (w *world) split() {
	if w.x.segments[len(w.x.segments)-1].slots() > 0 {
		w.x.segments = append(w.x.segments, newSegment())
	}
	if packing := w.x.Unpacked(); packing != nil && w.r.IntN(2) == 0 {
		packing.Run()
		w.x.Pack(packing)
	}
}

func (w *world) query() string {
	text := w.text(1 + w.r.IntN(5))
	switch w.r.IntN(5) {
	case 0:
		text += " +" + w.text(1)
	case 1:
		text += " -" + w.text(1)
	case 2:
		text = `"` + w.text(2) + `" ` + text
	}
	return text
}

func (w *world) compare() {
	w.Helper()
	text := w.query()
	q := query(w.x, text)
	var accept Set
	set := Set(make([]uint64, 64))
	for i := range set {
		set[i] = w.r.Uint64() | w.r.Uint64()
	}
	if w.r.IntN(2) == 0 {
		accept = slices.Clone(set)
	}
	want := w.tw.search(q, accept.Has)
	if q.Constrained() {
		if accept == nil {
			accept = slices.Repeat(Set{math.MaxUint64}, 64)
		}
		must(w.x.Constrain(accept, q))
	}
	if diff := cmp.Diff(want, searchAll(w.x, q, accept)); diff != "" {
		w.Fatalf("%q: all (-twin +index):\n%s", text, diff)
	}
	n := 1 + w.r.IntN(12)
	if diff := cmp.Diff(want[:min(n, len(want))], searchBest(w.x, q, accept, n)); diff != "" && len(want) > 0 {
		w.Fatalf("%q: best %d (-twin +index):\n%s", text, n, diff)
	}
}

// TestRandomHistories: any order of changes, any segments, any query: the scores of the
// twin, to the last bit.
func TestRandomHistories(t *testing.T) {
	r := newRand(t)
	for range 20 {
		w := newWorld(t, r)
		documents := 10 + r.IntN(200)
		for step := range 400 {
			w.change(documents)
			if step%9 == 0 {
				w.compare()
			}
		}
		for number := range uint32(documents) {
			w.x.Delete(number)
		}
		w.x.Tidy(0)
		if w.x.totals != [numFields]total{} || len(w.x.segments) != 1 || len(w.x.languages) != 0 {
			t.Errorf("emptied, it still has %+v in %d segments", w.x.totals, len(w.x.segments))
		}
	}
}

// TestManyChunks has lists of many blocks, and a document in two segments.
func TestManyChunks(t *testing.T) {
	w := newWorld(t, newRand(t))
	var texts []string
	for range 700 {
		texts = append(texts, w.text(1+w.r.IntN(20)))
	}
	whole := document("en", "files", texts...)
	w.tw.Replace(0, whole)
	for ordinal := range whole.Chunks {
		if ordinal == 0 {
			w.x.locations, w.x.tags = append(w.x.locations, nil), append(w.x.tags, "en")
			w.x.languages["en"]++
		}
		if ordinal == 300 {
			w.x.segments = append(w.x.segments, newSegment())
		}
		w.x.add(0, uint32(ordinal), &whole.Chunks[ordinal], whole.Title)
	}
	for n := range uint32(3000) {
		d := document("en", "", w.text(1+w.r.IntN(30)))
		w.x.Replace(n+1, d)
		w.tw.Replace(n+1, d)
	}
	for range 60 {
		w.compare()
	}
	w.x.Delete(0)
	w.tw.Delete(0)
	w.compare()
}

// TestSearchAllocatesNothing: a search of an index that has been searched before takes
// no memory of its own.
func TestSearchAllocatesNothing(t *testing.T) {
	w := newWorld(t, newRand(t))
	for n := range uint32(500) {
		w.x.Replace(n, w.document())
	}
	q := query(w.x, "files wordaa wordba the")
	yield := func(uint32, uint32, float64) float64 { return 0 }
	if n := testing.AllocsPerRun(100, func() { must(w.x.Search(q, nil, 0, yield)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
