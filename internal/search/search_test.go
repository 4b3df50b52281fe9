package search_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulse"
	"pulse/internal/search"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQueryRules(t *testing.T) {
	w := newWorld(t)
	f := func(q pulse.Query, field string) {
		t.Helper()
		_, err := w.ask(q)
		var input *pulse.InputError
		if !errors.As(err, &input) || input.Field != field {
			t.Errorf("%+v: error %v, want one about %s", q, err, field)
		}
	}
	f(pulse.Query{}, "query")
	f(pulse.Query{Text: " \t\u00a0\n"}, "query")
	f(pulse.Query{Text: strings.Repeat("x", search.MaxQueryBytes+1)}, "query")
	f(pulse.Query{Text: "x", Mode: "semantic"}, "mode")
	f(pulse.Query{Text: "x", Limit: -1}, "limit")
	f(pulse.Query{Text: "x", Limit: 101}, "limit")
	f(pulse.Query{Text: "x", Offset: -1}, "offset")
	f(pulse.Query{Text: "x", MinVectorScore: math.NaN()}, "min_vector_score")
	f(pulse.Query{Text: "x", MinVectorScore: 1.1}, "min_vector_score")
	f(pulse.Query{Text: "x", ExplainURL: "nowhere"}, "explain_url")
	if _, err := w.ask(pulse.Query{Text: "x", Snapshot: "nothing"}); !errors.Is(err, pulse.ErrGone) {
		t.Errorf("unknown snapshot: %v", err)
	}
	if a := w.search(pulse.Query{Text: "x"}); len(a.Hits) != 0 || a.Snapshot == "" || a.TotalRelation != "eq" {
		t.Errorf("answer of an empty index: %+v", a)
	}
}

func TestModes(t *testing.T) {
	w := newWorld(t)
	w.put(1, "apples and pears", nil)
	w.put(2, "apples apples apples", nil)
	w.put(3, "something else", nil)
	w.put(4, "apples", func(d *pulse.Document) { d.Collection = "other" })
	w.index()
	f := func(q pulse.Query, want ...int) *pulse.Answer {
		t.Helper()
		a := w.search(q)
		if diff := cmp.Diff(want, ids(a)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", q, diff)
		}
		if a.Total != len(want) || a.TotalRelation != "eq" {
			t.Errorf("%+v: total %d %s", q, a.Total, a.TotalRelation)
		}
		for i, h := range a.Hits {
			if h.Score <= 0 || i > 0 && h.Score > a.Hits[i-1].Score {
				t.Errorf("%+v: scores do not fall: %v", q, h.Score)
			}
		}
		return a
	}
	f(pulse.Query{Text: "apples pears", Mode: pulse.ModeKeyword}, 1, 2)
	f(pulse.Query{Text: "apples", Mode: pulse.ModeVector}, 2, 1)
	f(pulse.Query{Text: "apples", Mode: pulse.ModeVector, MinVectorScore: 0.9}, 2)
	f(pulse.Query{Text: "apples", Collection: "other"}, 4)
	f(pulse.Query{Text: "apples", Collection: "unknown"})
	f(pulse.Query{Text: "zebra", Mode: pulse.ModeKeyword})
	f(pulse.Query{Text: "!?", Mode: pulse.ModeKeyword})
	a := f(pulse.Query{Text: "apples"}, 2, 1)
	if a.Mode != pulse.ModeHybrid || a.Degraded != nil {
		t.Errorf("mode %q, degraded %v", a.Mode, a.Degraded)
	}
	for _, h := range a.Hits {
		if h.Scores["keyword"] <= 0 || h.Scores["vector"] <= 0 {
			t.Errorf("document %d: raw scores %v", h.Document.ID, h.Scores)
		}
	}
}

// TestVectorWeight: a query's vector counts as much as it is worth, down to nothing.
func TestVectorWeight(t *testing.T) {
	for _, fusion := range []string{search.FusionMinMax, search.FusionRRF} {
		ask := func(weight float64, mode pulse.Mode) *pulse.Answer {
			t.Helper()
			w := newWorld(t)
			w.options = search.Options{Fusion: fusion}
			w.traits = func(string) search.VectorTraits { return search.VectorTraits{Weight: weight, Alpha: 0.35} }
			w.put(1, "apples apples apples and a long text of other things that nobody asked for, here and there", nil)
			w.put(2, "pears", nil)
			w.index()
			a := w.search(pulse.Query{Text: "apples", Mode: mode, Explain: true})
			if len(a.Degraded) > 0 {
				t.Errorf("%s, weight %v: degraded %v", fusion, weight, a.Degraded)
			}
			return a
		}
		full, half, none := ask(1, ""), ask(0.5, ""), ask(0, "")
		part := func(a *pulse.Answer) float64 { return a.Hits[0].Explain.Retrievers[1].Weight }
		if f, h := part(full), part(half); !(f > h && h > 0) {
			t.Errorf("%s: the vector adds %v with its whole weight, %v with half of it", fusion, f, h)
		}
		if diff := cmp.Diff([]int{1}, ids(none)); diff != "" || none.Hits[0].Scores["vector"] != 0 {
			t.Errorf("%s: without weight the vector found %v (-want +got):\n%s", fusion, none.Hits[0].Scores, diff)
		}
		if a := ask(0, pulse.ModeVector); len(a.Hits) != 1 || a.Hits[0].Scores["vector"] <= 0 {
			t.Errorf("%s: asked by vector alone: %v", fusion, ids(a))
		}
	}
}

// TestPageWeight: what vectors are not worth in a page, its words are, and a page that only
// worthless vectors find is no hit.
func TestPageWeight(t *testing.T) {
	for _, fusion := range []string{search.FusionMinMax, search.FusionRRF} {
		w := newWorld(t)
		w.options = search.Options{Fusion: fusion}
		w.put(1, "apples grow here whole", nil)
		w.put(2, "apples grow here halfworth", nil)
		w.put(3, "apples grow here unworth", nil)
		w.put(4, "grow unworth", nil)
		w.index()
		parts := map[int][2]float64{}
		for _, h := range w.search(pulse.Query{Text: "apples", Explain: true}).Hits {
			parts[int(h.Document.ID)] = [2]float64{h.Explain.Retrievers[0].Weight, h.Explain.Retrievers[1].Weight}
		}
		if len(parts) != 3 || parts[1][1] <= parts[2][1] || parts[2][1] <= 0 || parts[3][1] != 0 {
			t.Errorf("%s: parts by words and vectors %v", fusion, parts)
		}
		if fusion == search.FusionMinMax && !(parts[1][0] < parts[2][0] && parts[2][0] < parts[3][0] && parts[3][0] == 1) {
			t.Errorf("words did not get what vectors are not worth: %v", parts)
		}
		if a := w.search(pulse.Query{Text: "grow", Mode: pulse.ModeVector}); len(a.Hits) != 4 {
			t.Errorf("%s: by vector alone %v", fusion, ids(a))
		}
	}
}

func TestNoPassages(t *testing.T) {
	w := newWorld(t)
	w.put(1, "apples grow here", nil)
	w.index()
	for without, want := range map[bool]string{false: "apples grow here", true: ""} {
		if h := w.search(pulse.Query{Text: "apples", NoPassages: without}).Hits; len(h) != 1 || h[0].Passage != want {
			t.Errorf("without passages %v: %+v", without, h)
		}
	}
}

// TestFromZero: vectors are scaled from zero where the model says so, from the least of their
// list where not.
func TestFromZero(t *testing.T) {
	f := func(traits search.VectorTraits, alpha, want float64) {
		t.Helper()
		w := newWorld(t)
		w.traits = func(string) search.VectorTraits { return traits }
		w.options.Alpha = alpha
		w.put(1, "pear", nil)
		w.put(2, "pear fig fig fig", nil)
		w.index()
		a := w.search(pulse.Query{Text: "pear", Explain: true})
		got := a.Hits[1].Explain.Retrievers[1].Weight
		if math.Abs(got-want) > 1e-4 { // vectors are kept as float16
			t.Errorf("%+v: the farther vector adds %v, want %v", traits, got, want)
		}
	}
	cosine := 1 / math.Sqrt(10)
	zero := search.VectorTraits{Weight: 1, Alpha: 0.4, FromZero: true}
	f(zero, 0, 0.4*(0.001+0.999*cosine))
	f(zero, 0.2, 0.2*(0.001+0.999*cosine))
	f(zero, -1, 0)
	f(search.VectorTraits{Weight: 1, Alpha: 0.4}, 0, 0.4*0.001)
	f(search.VectorTraits{Weight: 9, Alpha: 9}, 0, 0.001)
}

func TestFilterReachesRetrievers(t *testing.T) {
	w := newWorld(t)
	w.put(1, "word", func(d *pulse.Document) { d.Language = "de" })
	w.put(2, "word", func(d *pulse.Document) { d.Language = "en-GB" })
	w.index()
	a := w.search(pulse.Query{Text: "word", Filter: pulse.Filter{Language: "en"}})
	if diff := cmp.Diff([]int{2}, ids(a)); diff != "" || a.Total != 1 {
		t.Errorf("total %d (-want +got):\n%s", a.Total, diff)
	}
}

func TestDocumentAppearsOnceByItsBestChunk(t *testing.T) {
	w := newWorld(t)
	text := "Nothing here at all.\n\nThe zebra, a zebra.\n\nOne zebra among many other animals."
	w.put(1, text, nil)
	w.index()
	for _, mode := range []pulse.Mode{pulse.ModeKeyword, pulse.ModeVector, pulse.ModeHybrid} {
		a := w.search(pulse.Query{Text: "zebra", Mode: mode})
		if len(a.Hits) != 1 || a.Total != 1 {
			t.Fatalf("%s: %d hits of %d", mode, len(a.Hits), a.Total)
		}
		h := a.Hits[0]
		if h.Chunk.Ordinal != 1 || h.Passage != "The zebra, a zebra." || h.Document.Text != "" {
			t.Errorf("%s: chunk %d, passage %q", mode, h.Chunk.Ordinal, h.Passage)
		}
	}
}

func TestPagesAreStable(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.put(i, "word "+strings.Repeat("filler ", i%3), nil)
	}
	w.index()
	all := w.search(pulse.Query{Text: "word", Limit: 100})
	var paged []int
	for offset := 0; offset < 40; offset += 7 {
		a := w.search(pulse.Query{Text: "word", Limit: 7, Offset: offset})
		if a.Total != 30 {
			t.Errorf("total %d at offset %d", a.Total, offset)
		}
		paged = append(paged, ids(a)...)
	}
	if diff := cmp.Diff(ids(all), paged); diff != "" {
		t.Errorf("pages differ from the whole (-whole +pages):\n%s", diff)
	}
	for i := 1; i < len(all.Hits); i++ {
		a, b := all.Hits[i-1], all.Hits[i]
		if a.Score == b.Score && a.Document.Key >= b.Document.Key {
			t.Errorf("equal scores out of order: %s, %s", a.Document.Key, b.Document.Key)
		}
	}
}

func TestWindow(t *testing.T) {
	w := newWorld(t)
	w.options = search.Options{Window: 5}
	for i := range 8 {
		w.put(i, "word", nil)
	}
	w.index()
	f := func(offset, hits int) {
		t.Helper()
		a := w.search(pulse.Query{Text: "word", Offset: offset, Limit: 4})
		if len(a.Hits) != hits || a.Total != 5 || a.TotalRelation != "gte" {
			t.Errorf("offset %d: %d hits, total %s %d", offset, len(a.Hits), a.TotalRelation, a.Total)
		}
	}
	f(0, 4)
	f(4, 1)
	f(5, 0)
	f(1_000_000, 0)
}

func TestSnapshot(t *testing.T) {
	w := newWorld(t)
	now := &clock{time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.options = search.Options{Now: now.Now}
	for i := 1; i <= 6; i++ {
		w.put(i, "word "+strings.Repeat("filler ", i), nil)
	}
	w.index()
	first := w.search(pulse.Query{Text: "word", Limit: 2})

	// New, changed and deleted pages leave the list as it was ranked.
	w.put(7, "word", nil)
	w.put(3, "entirely changed", func(d *pulse.Document) { d.Title = "changed" })
	w.remove(4)
	w.index()
	again := pulse.Query{Text: "word", Limit: 2, Offset: 2, Snapshot: first.Snapshot}
	second := w.search(again)
	if diff := cmp.Diff([]int{3}, ids(second)); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}
	if second.Total != 6 || second.Snapshot != first.Snapshot {
		t.Errorf("total %d, snapshot %q of %q", second.Total, second.Snapshot, first.Snapshot)
	}
	if h := second.Hits[0]; h.Passage != "" || h.Document.Title != "changed" {
		t.Errorf("changed page is shown with %q, title %q", h.Passage, h.Document.Title)
	}
	if got := ids(w.search(pulse.Query{Text: "word", Limit: 1})); got[0] != 7 {
		t.Errorf("without the snapshot the first is %v", got)
	}

	other := again
	other.Text = "filler"
	var input *pulse.InputError
	if _, err := w.ask(other); !errors.As(err, &input) || input.Field != "snapshot" {
		t.Errorf("snapshot of another query: %v", err)
	}
	now.now = now.now.Add(2 * time.Minute)
	w.search(again)
	now.now = now.now.Add(time.Second)
	if _, err := w.ask(again); !errors.Is(err, pulse.ErrGone) {
		t.Errorf("after two minutes: %v", err)
	}
}

func TestSnapshotsAreBounded(t *testing.T) {
	f := func(name string, o search.Options) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.options = o
			for i := range 10 {
				w.put(i, "word", nil)
			}
			w.index()
			first := w.search(pulse.Query{Text: "word"})
			second := w.search(pulse.Query{Text: "word"})
			w.search(pulse.Query{Text: "word", Snapshot: first.Snapshot}) // used again: the second goes first
			w.search(pulse.Query{Text: "word"})
			w.search(pulse.Query{Text: "word", Snapshot: first.Snapshot})
			if _, err := w.ask(pulse.Query{Text: "word", Snapshot: second.Snapshot}); !errors.Is(err, pulse.ErrGone) {
				t.Errorf("the list used least recently is still there: %v", err)
			}
			if len(first.Snapshot) < 26 || first.Snapshot == second.Snapshot {
				t.Errorf("ids %q, %q", first.Snapshot, second.Snapshot)
			}
		})
	}
	f("number", search.Options{SnapshotLists: 2})
	f("bytes", search.Options{SnapshotBytes: 3000})
}

func TestCollapse(t *testing.T) {
	w := newWorld(t)
	same := func(d *pulse.Document) { d.ContentHash = "same" }
	w.put(1, "word filler", same)
	w.put(2, "word filler", same)
	w.put(3, "word filler", func(d *pulse.Document) { d.ContentHash = "own" })
	w.put(4, "word filler", same)
	w.put(5, "word filler", nil)
	w.put(6, "word filler", nil) // no hash: nothing to be equal by
	w.index()
	a := w.search(pulse.Query{Text: "word"})
	if diff := cmp.Diff([]int{1, 3, 5, 6}, ids(a)); diff != "" || a.Total != 4 || a.Hits[0].Copies != 2 || a.Hits[1].Copies != 0 {
		t.Errorf("total %d, copies %d (-want +got):\n%s", a.Total, a.Hits[0].Copies, diff)
	}
	if a := w.search(pulse.Query{Text: "word", NoCollapse: true}); a.Total != 6 || a.Hits[0].Copies != 0 {
		t.Errorf("without collapse: total %d", a.Total)
	}
}

func TestDegraded(t *testing.T) {
	away := embedFunc(func(context.Context, string) (pulse.Vector, error) { return nil, errors.New("connection refused") })
	refuses := embedFunc(func(context.Context, string) (pulse.Vector, error) { return nil, nil })
	wrong := embedFunc(func(context.Context, string) (pulse.Vector, error) { return pulse.Vector{1}, nil })
	hangs := embedFunc(func(ctx context.Context, _ string) (pulse.Vector, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	f := func(name string, e search.QueryEmbedder, want string) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.embedder = e
			w.put(1, "word", nil)
			w.index()
			a := w.search(pulse.Query{Text: "word"})
			if diff := cmp.Diff([]string{want}, a.Degraded); diff != "" || len(a.Hits) != 1 || a.Mode != pulse.ModeHybrid {
				t.Errorf("hybrid: %d hits, mode %s (-want +got):\n%s", len(a.Hits), a.Mode, diff)
			}
			if _, there := a.Hits[0].Scores["vector"]; there || a.Hits[0].Score != a.Hits[0].Scores["keyword"] {
				t.Errorf("hybrid without a vector has score %v of %v", a.Hits[0].Score, a.Hits[0].Scores)
			}
			a = w.search(pulse.Query{Text: "word", Mode: pulse.ModeVector})
			if diff := cmp.Diff([]string{want}, a.Degraded); diff != "" || len(a.Hits) != 0 {
				t.Errorf("vector: %d hits (-want +got):\n%s", len(a.Hits), diff)
			}
			if a = w.search(pulse.Query{Text: "word", Mode: pulse.ModeKeyword}); a.Degraded != nil {
				t.Errorf("keyword: degraded %v", a.Degraded)
			}
		})
	}
	f("none", nil, "vector: no embedder is configured")
	f("away", away, "vector: embed query: connection refused")
	f("refuses", refuses, "vector: the embedder refused the query")
	f("other model", wrong, "vector: the query's vector has 1 numbers, the index holds vectors of 64")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f("hangs", hangs, "vector: the embedder did not answer within 300ms")
		if took := time.Since(began); took != 0 && took != 600*time.Millisecond {
			t.Errorf("two searches took %v", took)
		}
	})
}

func TestAnswerWhileTheStoreMoves(t *testing.T) {
	t.Run("the index follows", func(t *testing.T) {
		w := newWorld(t)
		w.put(1, "word one", nil)
		w.put(2, "word", nil)
		w.index()
		w.mu.Lock()
		w.onRead = func() { w.put(1, "word, changed", nil); w.index() }
		w.onPassage = func() { w.put(2, "word, changed too", nil); w.index() }
		w.mu.Unlock()
		a := w.search(pulse.Query{Text: "word", Mode: pulse.ModeKeyword})
		if got := fmt.Sprint(a.Hits[0].Passage, "|", a.Hits[1].Passage); got != "word, changed|word, changed too" {
			t.Errorf("passages %s", got)
		}
	})
	t.Run("the index stands still", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.put(1, "word one", nil)
			w.put(2, "word two", nil)
			w.put(3, "word three", nil)
			w.index()
			w.put(1, "changed", nil)
			w.remove(2)
			began := time.Now()
			a := w.search(pulse.Query{Text: "word", Mode: pulse.ModeKeyword})
			if diff := cmp.Diff([]int{1, 3}, ids(a)); diff != "" {
				t.Errorf("hits (-want +got):\n%s", diff)
			}
			if a.Hits[0].Passage != "" || a.Hits[1].Passage != "word three" {
				t.Errorf("passages %q, %q", a.Hits[0].Passage, a.Hits[1].Passage)
			}
			if took := time.Since(began); took != 400*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	})
}

func TestProgress(t *testing.T) {
	w := newWorld(t)
	w.put(1, "word", nil)
	w.search(pulse.Query{Text: "word"})
	if ready, reasons := w.searcher.Ready(); ready || len(reasons) == 0 {
		t.Errorf("ready %v before the follower ran: %v", ready, reasons)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.follower.Run(ctx) }()
	if err := w.searcher.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if ready, reasons := w.searcher.Ready(); !ready || reasons != nil {
		t.Errorf("ready %v: %v", ready, reasons)
	}
	if head, applied := w.searcher.Progress(); head != 1 || applied != 1 {
		t.Errorf("head %d, applied %d", head, applied)
	}
	cancel()
	<-ended
}

// TestQueryOfTheFormerModel fills the index anew by another model between the embedding of
// a query and the search by it: the query is embedded again, and never compared with what
// its vector says nothing of.
func TestQueryOfTheFormerModel(t *testing.T) {
	w := newWorld(t)
	w.put(1, "apples and pears", nil)
	w.put(2, "something else", nil)
	w.index()
	asked := 0
	history := "one"
	w.embedder = historicEmbedder(func(text string) (pulse.Vector, string) {
		asked++
		of := history
		if asked == 1 {
			w.log.Restart("two", 2)
			w.index()
			history = "two"
			return hashing{64}.vector("something else"), of // as another model would have it
		}
		return hashing{64}.vector(text), of
	})
	a := w.search(pulse.Query{Text: "apples", Mode: pulse.ModeVector})
	if diff := cmp.Diff([]int{1}, ids(a)); diff != "" || asked != 2 || len(a.Degraded) > 0 {
		t.Errorf("asked %d times, degraded %v, hits (-want +got):\n%s", asked, a.Degraded, diff)
	}
	history = "one" // for good
	a = w.search(pulse.Query{Text: "pears", Mode: pulse.ModeHybrid})
	if diff := cmp.Diff([]int{1}, ids(a)); diff != "" || len(a.Degraded) != 1 || len(a.Hits[0].Scores) != 1 {
		t.Errorf("degraded %v, hits %+v", a.Degraded, a.Hits)
	}
}

// historicEmbedder says of which history its vectors are.
type historicEmbedder func(text string) (pulse.Vector, string)

func (f historicEmbedder) EmbedQuery(_ context.Context, text string) (pulse.Vector, string, error) {
	v, history := f(text)
	return v, history, nil
}
