package local

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/indextest"
	"pulse/internal/index/vector"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var seed = flag.Uint64("seed", 0, "seed of the random tests; 0 takes the time")

func TestConformance(t *testing.T) {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	indextest.Exercise(t, n, func(*testing.T) indextest.Target { return New(Options{}) })
}

// page is a live document of one chunk.
func page(id int, text string, change func(*pulse.Commit)) pulse.Commit {
	c := pulse.Commit{
		Seq: pulse.CommitSeq(id),
		Document: pulse.Document{
			ID: pulse.DocumentID(id), Key: fmt.Sprintf("https://h%d.example.com/%d", id, id),
			State: pulse.StateLive, Text: text,
		},
		Chunks: []pulse.Chunk{{End: len(text)}},
	}
	if change != nil {
		change(&c)
	}
	return c
}

func filled(t testing.TB, o Options, commits ...pulse.Commit) *Index {
	t.Helper()
	x := New(o)
	apply(t, x, commits...)
	return x
}

func apply(t testing.TB, x *Index, commits ...pulse.Commit) {
	t.Helper()
	if err := x.Apply(context.Background(), commits, index.Position{}); err != nil {
		t.Fatal(err)
	}
}

func retrieve(t testing.TB, x *Index, r index.Request) *index.Result {
	t.Helper()
	result, err := x.Retrieve(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// ids are the documents of a list, in its order.
func ids(list index.List) []int {
	var all []int
	for _, c := range list.Candidates {
		all = append(all, int(c.Document))
	}
	return all
}

func TestFilter(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2024, 5, n, 12, 0, 0, 0, time.UTC) }
	yes, no := true, false
	x := filled(t, Options{},
		page(1, "word", func(c *pulse.Commit) {
			c.Document.Key = "https://docs.example.com:8080/a"
			c.Document.Language, c.Document.Country = "en-US", "US"
			c.Document.ReceivedAt = day(1)
			c.Document.Metadata = pulse.Metadata{"tags": []any{"a", "b"}, "n": 3.0, "draft": true, "author": "Ann"}
		}),
		page(2, "word", func(c *pulse.Commit) {
			c.Document.Key = "https://example.com/b"
			c.Document.Language, c.Document.Country, c.Document.IsMobile = "de", "DE", true
			c.Document.ReceivedAt = day(3)
			c.Document.Metadata = pulse.Metadata{"tags": []string{"b"}, "n": 0.5}
		}),
		page(3, "word", func(c *pulse.Commit) { c.Document.Key = "https://notexample.com/c" }),
	)
	f := func(filter pulse.Filter, want ...int) {
		t.Helper()
		got := retrieve(t, x, index.Request{Text: "word", Filter: filter}).Keyword
		seen := make(map[int]bool)
		for _, id := range ids(got) {
			seen[id] = true
		}
		wanted := make(map[int]bool)
		for _, id := range want {
			wanted[id] = true
		}
		if diff := cmp.Diff(wanted, seen); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", filter, diff)
		}
	}
	f(pulse.Filter{}, 1, 2, 3)
	f(pulse.Filter{Domain: "example.com"}, 1, 2)
	f(pulse.Filter{Domain: "docs.example.com"}, 1)
	f(pulse.Filter{Domain: "com"}, 1, 2, 3)
	f(pulse.Filter{Language: "en"}, 1)
	f(pulse.Filter{Language: "EN-us"}, 1)
	f(pulse.Filter{Language: "e"})
	f(pulse.Filter{Country: "de"}, 2)
	f(pulse.Filter{IsMobile: &yes}, 2)
	f(pulse.Filter{IsMobile: &no}, 1, 3)
	f(pulse.Filter{Since: day(1)}, 1, 2)
	f(pulse.Filter{Since: day(2)}, 2)
	f(pulse.Filter{Until: day(1)}, 1, 3)
	f(pulse.Filter{Until: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, 1, 2, 3)
	f(pulse.Filter{Metadata: map[string]string{"tags": "b"}}, 1, 2)
	f(pulse.Filter{Metadata: map[string]string{"tags": "a", "n": "3"}}, 1)
	f(pulse.Filter{Metadata: map[string]string{"n": "0.5"}}, 2)
	f(pulse.Filter{Metadata: map[string]string{"draft": "true"}}, 1)
	f(pulse.Filter{Metadata: map[string]string{"author": "ann"}})
	f(pulse.Filter{Metadata: map[string]string{"missing": ""}})
}

func TestFilterAsksForEachHostOnce(t *testing.T) {
	asked := 0
	x := filled(t, Options{InDomain: func(host, domain string) bool {
		asked++
		return host == "h" && domain == "d"
	}, Host: func(string) string { return "h" }}, page(1, "word", nil), page(2, "word", nil))
	got := retrieve(t, x, index.Request{Text: "word", Filter: pulse.Filter{Domain: "d"}})
	if len(got.Keyword.Candidates) != 2 || asked != 1 {
		t.Errorf("found %v, asked %d times", ids(got.Keyword), asked)
	}
}

func TestWindowCountsDocuments(t *testing.T) {
	x := New(Options{})
	for i := 1; i <= 20; i++ {
		apply(t, x, page(i, strings.Repeat("word ", 1+i%5)+"and some other words", func(c *pulse.Commit) {
			c.Chunks = []pulse.Chunk{{End: 4}, {Ordinal: 1, End: len(c.Document.Text)}}
		}))
	}
	all := retrieve(t, x, index.Request{Text: "word"})
	if len(all.Keyword.Candidates) != 20 || all.Keyword.More {
		t.Fatalf("found %d documents, more %v", len(all.Keyword.Candidates), all.Keyword.More)
	}
	for window := 1; window <= 21; window++ {
		some := retrieve(t, x, index.Request{Text: "word", Window: window}).Keyword
		want := ids(all.Keyword)[:min(window, 20)]
		if diff := cmp.Diff(want, ids(some)); diff != "" || some.More != (window < 20) {
			t.Fatalf("window %d, more %v (-want +got):\n%s", window, some.More, diff)
		}
	}
	for i := range all.Keyword.Candidates[:19] {
		a, b := all.Keyword.Candidates[i], all.Keyword.Candidates[i+1]
		if a.Score < b.Score || a.Score == b.Score && a.Key >= b.Key {
			t.Errorf("%s with %v stands before %s with %v", a.Key, a.Score, b.Key, b.Score)
		}
	}
}

func TestComposeDecidesWhatIsSearched(t *testing.T) {
	x := filled(t, Options{Compose: func(title string, headings []string, span string) string {
		return title + "\n" + strings.Join(headings, "\n") + "\n" + span
	}}, page(1, "text", func(c *pulse.Commit) {
		c.Document.Title, c.Chunks[0].Headings = "Titled", []string{"Top", "Below"}
	}))
	for _, word := range []string{"titled", "below", "text"} {
		if got := ids(retrieve(t, x, index.Request{Text: word}).Keyword); len(got) != 1 {
			t.Errorf("%q found %v", word, got)
		}
	}
}

func TestVectors(t *testing.T) {
	near, far, back := pulse.Vector{2, 0, 0}, pulse.Vector{1, 1, 0}, pulse.Vector{-1, 0, 0}
	with := func(vectors ...pulse.Vector) func(*pulse.Commit) {
		return func(c *pulse.Commit) {
			c.Vectors = vectors
			c.Chunks = make([]pulse.Chunk, len(vectors))
			for i := range c.Chunks {
				c.Chunks[i] = pulse.Chunk{Ordinal: i, End: len(c.Document.Text)}
			}
		}
	}
	x := filled(t, Options{},
		page(1, "a", with(back, nil, far)), page(2, "b", with(near)), page(3, "c", with(back)),
		page(4, "d", func(c *pulse.Commit) { with(nil, nil)(c); c.VectorsPending = true }),
		page(5, "e", func(c *pulse.Commit) { with(pulse.Vector{3, 4, 0}, nil)(c); c.VectorsPending = true }),
	)
	f := func(r index.Request, want ...int) *index.Result {
		t.Helper()
		got := retrieve(t, x, r)
		if diff := cmp.Diff(want, ids(got.Vector)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", r, diff)
		}
		return got
	}
	got := f(index.Request{Vector: near}, 2, 1, 5) // of a page that is pending, what is known
	if c := got.Vector.Candidates[1]; c.Chunk.Ordinal != 2 || math.Abs(c.Score-math.Sqrt2/2) > 1e-6 {
		t.Errorf("document 1 by chunk %d with %v", c.Chunk.Ordinal, c.Score)
	}
	f(index.Request{Vector: near, MinVectorScore: 0.8}, 2)
	f(index.Request{Vector: pulse.Vector{0, 0, 9}})
	if got := f(index.Request{Vector: pulse.Vector{1, 0}}); got.VectorRefused == "" {
		t.Error("a query of another dimension was not refused")
	}
	if got := f(index.Request{Vector: pulse.Vector{0, 0, 0}}); got.VectorRefused == "" {
		t.Error("a query without direction was not refused")
	}

	// The vectors of documents 4 and 5 follow; those of 2 change their dimension; 1 goes.
	apply(t, x, page(4, "d", with(near)), page(5, "e", with(pulse.Vector{3, 4, 0}, far)), page(2, "b", with(pulse.Vector{1, 0})),
		page(1, "", func(c *pulse.Commit) { c.Document.State = pulse.StateGone }))
	f(index.Request{Vector: near}, 4, 5)
	f(index.Request{Vector: pulse.Vector{1, 0}}, 2)
	if got := x.Size(); got.Documents != 4 || got.Vectors != 5 {
		t.Errorf("size %+v", got)
	}
}

func TestRefusedParts(t *testing.T) {
	var refused []error
	nan := float32(math.NaN())
	x := filled(t, Options{OnRefused: func(_ pulse.DocumentID, _ int, err error) { refused = append(refused, err) }},
		page(1, "word", func(c *pulse.Commit) {
			c.Chunks = []pulse.Chunk{{End: 4}, {End: 99}, {End: 4}, {End: 4}}
			c.Vectors = []pulse.Vector{{1, 0}, {nan, 1}, {1, 0, 0}, {0, 0}}
		}))
	if len(refused) != 4 || !errors.Is(refused[1], vector.ErrNotFinite) ||
		!errors.Is(refused[2], vector.ErrDimension) || !errors.Is(refused[3], vector.ErrZero) {
		t.Errorf("refused %v", refused)
	}
	got := retrieve(t, x, index.Request{Text: "word", Vector: pulse.Vector{1, 0}})
	if len(got.Keyword.Candidates) != 1 || len(got.Vector.Candidates) != 1 {
		t.Errorf("the rest is not found: %+v", got)
	}
}

func TestOlderCommitChangesNothing(t *testing.T) {
	x := filled(t, Options{}, page(1, "new", func(c *pulse.Commit) { c.Seq = 9 }))
	apply(t, x, page(1, "old", func(c *pulse.Commit) { c.Seq = 4 }))
	if got := ids(retrieve(t, x, index.Request{Text: "new"}).Keyword); len(got) != 1 {
		t.Error("an older commit replaced a newer one")
	}
}

func TestStanding(t *testing.T) {
	x := New(Options{})
	for i := 1; i <= 5; i++ {
		apply(t, x, page(i, strings.Repeat("word ", i), func(c *pulse.Commit) {
			c.Document.Language = "de"
			if i < 5 {
				c.Vectors = []pulse.Vector{{1, float32(i)}}
			}
		}))
	}
	apply(t, x, page(6, "nothing", nil))
	f := func(id int, filter pulse.Filter, want index.Standing) {
		t.Helper()
		got := retrieve(t, x, index.Request{
			Text: "word", Vector: pulse.Vector{1, 0}, Window: 1, MinVectorScore: 0.3, Filter: filter, Explain: true,
			Key: fmt.Sprintf("https://h%d.example.com/%d", id, id),
		}).Standing
		for _, p := range []*index.Place{&got.Keyword, &got.Vector} {
			if (p.Rank > 0) != (p.Score > 0) || p == &got.Keyword && (p.Rank > 0) != (len(p.Terms) > 0) {
				t.Errorf("document %d: place %+v", id, *p)
			}
			p.Score, p.Terms = 0, nil
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("document %d (-want +got):\n%s", id, diff)
		}
	}
	known := func(keyword, vector index.Place) index.Standing {
		return index.Standing{Known: true, Keyword: keyword, Vector: vector}
	}
	f(9, pulse.Filter{}, index.Standing{})
	f(1, pulse.Filter{Language: "en"}, index.Standing{Known: true, Filtered: `filter.language: the document has "de"`})
	f(1, pulse.Filter{}, known(index.Place{Rank: 5}, index.Place{Rank: 1}))
	f(3, pulse.Filter{}, known(index.Place{Rank: 3}, index.Place{Rank: 3}))
	f(4, pulse.Filter{}, known(index.Place{Rank: 2}, index.Place{Why: "its vector is not near enough: 0.2425"}))
	f(5, pulse.Filter{}, known(index.Place{Rank: 1}, index.Place{Why: "it has no vector"}))
	f(6, pulse.Filter{}, known(index.Place{Why: "it holds no word of the query"}, index.Place{Why: "it has no vector"}))
}

func TestRebuildKeepsServing(t *testing.T) {
	x := filled(t, Options{}, page(1, "old", nil))
	fresh := x.Fresh()
	to := index.Position{Store: "s", History: "h", Seq: 7}
	if err := fresh.Apply(context.Background(), []pulse.Commit{page(2, "new", nil)}, to); err != nil {
		t.Fatal(err)
	}
	if got := ids(retrieve(t, x, index.Request{Text: "old new"}).Keyword); len(got) != 1 || got[0] != 1 {
		t.Errorf("before the swap found %v", got)
	}
	x.Replace(fresh)
	if got := ids(retrieve(t, x, index.Request{Text: "old new"}).Keyword); len(got) != 1 || got[0] != 2 {
		t.Errorf("after the swap found %v", got)
	}
	if got := x.Position(); got != to {
		t.Errorf("position %+v, want %+v", got, to)
	}
}

// TestApplyWhileSearching changes documents whose two chunks always hold the same
// word, and looks for one that was seen half.
func TestApplyWhileSearching(t *testing.T) {
	x := New(Options{})
	ctx, cancel := context.WithCancel(context.Background())
	var searching sync.WaitGroup
	for range 3 {
		searching.Go(func() {
			for ctx.Err() == nil {
				even, err := x.Retrieve(ctx, index.Request{Text: "even", Vector: pulse.Vector{1, 0}, MinVectorScore: 0.5})
				if err != nil {
					return
				}
				for i := range even.Keyword.Candidates {
					if even.Keyword.Candidates[i].CommitSeq%2 != 0 {
						t.Error("an odd state is found by the word of even ones")
					}
				}
				for i := range even.Vector.Candidates {
					if even.Vector.Candidates[i].CommitSeq%2 != 0 {
						t.Error("an odd state is found by the vector of even ones")
					}
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(1, 2))
	for seq := 1; seq <= 2000; seq += 40 {
		var batch []pulse.Commit
		for i := range 40 {
			word, v := "even even", pulse.Vector{1, 0}
			if (seq+i)%2 != 0 {
				word, v = "odd odd", pulse.Vector{0, 1}
			}
			batch = append(batch, page(1+r.IntN(30), word, func(c *pulse.Commit) {
				c.Seq = pulse.CommitSeq(seq + i)
				c.Chunks = []pulse.Chunk{{End: 4}, {Ordinal: 1, Start: 4, End: len(word)}}
				c.Vectors = []pulse.Vector{v, v}
			}))
		}
		apply(t, x, batch...)
	}
	cancel()
	searching.Wait()
}
