package search_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"testing"
	"time"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/indextest"
	"pulse/internal/index/local"
	"pulse/internal/search"
)

// world is a store in memory with an index beside it. A page is one document; its
// paragraphs are its chunks. The index follows only when index is called, so that
// a test can let the store move past it.
type world struct {
	t        *testing.T
	log      *indextest.Log
	local    *local.Index
	follower *index.Follower
	embedder search.QueryEmbedder
	traits   func(string) search.VectorTraits
	options  search.Options

	mu        sync.Mutex
	documents map[pulse.DocumentID]pulse.Document // with text
	texts     map[pulse.CommitSeq]string
	onRead    func() // called once, before the next DocumentsByID reads
	onPassage func() // called once, before the next Passage reads
	searcher  *search.Searcher
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, log: indextest.NewLog("one"), embedder: hashing{64},
		local: local.New(local.Options{VectorWeight: pageWeight, Compose: func(title string, headings []string, span string) string {
			return title + "\n" + strings.Join(headings, "\n") + "\n" + span
		}}),
		documents: make(map[pulse.DocumentID]pulse.Document), texts: make(map[pulse.CommitSeq]string),
	}
	w.follower = index.New("local", w.log, w.local, index.Options{})
	return w
}

// pageWeight is what the vectors of a page are worth: half where it says so, and nothing.
func pageWeight(text string) float64 {
	switch {
	case strings.Contains(text, "halfworth"):
		return 0.5
	case strings.Contains(text, "unworth"):
		return 0
	}
	return 1
}

// put commits a page to the store. Its key is its URL in lower case.
func (w *world) put(id int, text string, change func(*pulse.Document)) pulse.CommitSeq {
	d := pulse.Document{
		ID: pulse.DocumentID(id), Collection: pulse.DefaultCollection, State: pulse.StateLive, Text: text,
		URL: fmt.Sprintf("https://Example.com/%02d", id), Key: fmt.Sprintf("https://example.com/%02d", id),
	}
	if change != nil {
		change(&d)
	}
	c := pulse.Commit{Document: d}
	start := 0
	for paragraph := range strings.SplitAfterSeq(d.Text, "\n\n") {
		if d.State == pulse.StateGone {
			break
		}
		end := start + len(paragraph)
		c.Chunks = append(c.Chunks, pulse.Chunk{Ordinal: len(c.Chunks), Start: start, End: end})
		c.Vectors = append(c.Vectors, hashing{64}.vector(d.Title+" "+paragraph))
		start = end
	}
	d.CommitSeq = w.log.Add(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.documents[d.ID], w.texts[d.CommitSeq] = d, d.Text
	return d.CommitSeq
}

func (w *world) remove(id int) {
	w.put(id, "", func(d *pulse.Document) { d.State = pulse.StateGone })
}

// index lets the index reach the store.
func (w *world) index() {
	w.t.Helper()
	if _, err := w.follower.Rebuild(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// search asks for what must be answered.
func (w *world) search(q pulse.Query) *pulse.Answer {
	w.t.Helper()
	answer, err := w.ask(q)
	if err != nil {
		w.t.Fatalf("search %+v: %v", q, err)
	}
	return answer
}

func (w *world) ask(q pulse.Query) (*pulse.Answer, error) {
	if w.searcher == nil {
		w.searcher = search.New(search.Deps{
			Index: w.local, Follower: w.follower, Store: w, Embedder: w.embedder, Vectors: w.traits,
			Key: func(url string) (string, error) {
				if !strings.HasPrefix(url, "http") {
					return "", errors.New("not a URL")
				}
				return strings.ToLower(url), nil
			},
		}, w.options)
	}
	return w.searcher.Search(context.Background(), q)
}

// ids are the documents of an answer, in its order.
func ids(a *pulse.Answer) []int {
	var all []int
	for _, h := range a.Hits {
		all = append(all, int(h.Document.ID))
	}
	return all
}

func (w *world) DocumentsByID(_ context.Context, wanted []pulse.DocumentID) (map[pulse.DocumentID]pulse.Document, error) {
	w.once(&w.onRead)
	w.mu.Lock()
	defer w.mu.Unlock()
	got := make(map[pulse.DocumentID]pulse.Document)
	for _, id := range wanted {
		if d, found := w.documents[id]; found {
			d.Text = ""
			got[id] = d
		}
	}
	return got, nil
}

func (w *world) Passage(_ context.Context, id pulse.DocumentID, seq pulse.CommitSeq, start, end int) (string, error) {
	w.once(&w.onPassage)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.documents[id].CommitSeq != seq {
		return "", fmt.Errorf("read passage: %w", pulse.ErrConflict)
	}
	return w.texts[seq][start:end], nil
}

// once calls the hook the first time that it is met.
func (w *world) once(hook *func()) {
	w.mu.Lock()
	f := *hook
	*hook = nil
	w.mu.Unlock()
	if f != nil {
		f()
	}
}

// hashing embeds a text as the counts of its words by their hash.
type hashing struct{ dimension int }

func (h hashing) vector(text string) pulse.Vector {
	v := make(pulse.Vector, h.dimension)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		sum := fnv.New32a()
		sum.Write([]byte(strings.Trim(word, ".,;:!?")))
		v[sum.Sum32()%uint32(h.dimension)]++
	}
	return v
}

func (h hashing) EmbedQuery(_ context.Context, text string) (pulse.Vector, string, error) {
	return h.vector(text), "", nil
}

// embedFunc is an embedder made of a function.
type embedFunc func(ctx context.Context, text string) (pulse.Vector, error)

func (f embedFunc) EmbedQuery(ctx context.Context, text string) (pulse.Vector, string, error) {
	v, err := f(ctx, text)
	return v, "", err
}

// clock is a time that stands until it is moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }
