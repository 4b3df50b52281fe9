package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/store"
)

// filled is a real store with pages of one layout.
type filled struct {
	t     *testing.T
	store *store.Store
	old   Layout
}

func newFilled(t *testing.T, pages int) *filled {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := &filled{t: t, store: s, old: Layout{Chunker: chunk.NewCounting(words{}, chunk.Options{MaxTokens: 40}), Embedder: new(fakeEmbedder)}}
	f.old.ID, err = s.EnsureLayout(t.Context(), pulse.DefaultCollection, store.LayoutSpec{MaxTokens: 40})
	if err != nil {
		t.Fatal(err)
	}
	for i := range pages {
		if err := f.commit(f.old, i, text(i)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// text is about forty words in three sections.
func text(i int) string {
	var b strings.Builder
	for section := range 3 {
		fmt.Fprintf(&b, "# Section %d\n\nThe words of page %d are these, in section %d of it.\n\n", section, i, section)
	}
	return strings.TrimSpace(b.String())
}

// commit is what a worker does with one page.
func (f *filled) commit(l Layout, page int, text string) error {
	key := fmt.Sprintf("https://example.org/%d", page)
	receipt, err := f.store.Accept(context.Background(), &pulse.Delivery{Source: "test", EventType: "page", Result: pulse.ResultQueued,
		Elements: []pulse.Element{{Kind: pulse.KindUpsert, Key: key, URL: key, Body: []byte("{}")}}})
	if err != nil {
		return err
	}
	w := &store.Write{Job: &receipt.Jobs[0], Layout: l.ID, Document: pulse.Document{Title: "Page", Text: text, ContentHash: text}}
	pieces, err := l.Chunker.Split(context.Background(), "Page", text)
	if err != nil {
		return err
	}
	texts := make([]string, len(pieces))
	for i := range pieces {
		w.Chunks, texts[i] = append(w.Chunks, pieces[i].Chunk), pieces[i].Embed
	}
	w.Vectors = vectorsOf(texts)
	_, err = f.store.Commit(context.Background(), w)
	return err
}

// next starts to fill a layout of other chunks.
func (f *filled) next(maxTokens int, e Embedder) Layout {
	f.t.Helper()
	id, err := f.store.StartFilling(f.t.Context(), store.LayoutSpec{MaxTokens: maxTokens})
	if err != nil {
		f.t.Fatal(err)
	}
	return Layout{ID: id, Chunker: chunk.NewCounting(words{}, chunk.Options{MaxTokens: maxTokens}), Embedder: e}
}

// check compares all documents with what the layout makes of their texts.
func (f *filled) check(l Layout, pages int) {
	f.t.Helper()
	commits, _, err := f.store.Commits(f.t.Context(), 0, 1<<30)
	if err != nil {
		f.t.Fatal(err)
	}
	if len(commits) != pages {
		f.t.Errorf("%d documents, want %d", len(commits), pages)
	}
	for i := range commits {
		c := &commits[i]
		pieces, err := l.Chunker.Split(f.t.Context(), c.Document.Title, c.Document.Text)
		if err != nil {
			f.t.Fatal(err)
		}
		if c.Document.Layout != l.ID || len(c.Chunks) != len(pieces) || len(c.Vectors) != len(pieces) {
			f.t.Fatalf("document %s has %d chunks, %d vectors of layout %d, want %d of %d", c.Document.Key, len(c.Chunks), len(c.Vectors), c.Document.Layout, len(pieces), l.ID)
		}
		for j := range pieces {
			if c.Chunks[j].Hash != pieces[j].Hash || c.Vectors[j] == nil || c.Vectors[j][0] != float32(len(pieces[j].Embed)) {
				f.t.Fatalf("chunk %d of %s is another one", j, c.Document.Key)
			}
		}
	}
}

// TestFillWhilePagesCome fills a layout while pages are committed by the old one, is
// stopped half-way and goes on, and loses no document.
func TestFillWhilePagesCome(t *testing.T) {
	const pages = 60
	f := newFilled(t, pages)
	l := f.next(12, new(fakeEmbedder))
	half, stop := context.WithCancel(t.Context())
	var seen atomic.Int64
	err := Fill(half, f.store, l, FillOptions{Workers: 2, OnFilled: func(int) {
		if seen.Add(1) == pages/2 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped fill: %v", err)
	}
	left, err := f.store.CountUnfilled(t.Context(), l.ID)
	if err != nil || left > pages/2 {
		t.Fatalf("%d are left, %v", left, err)
	}

	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := w; i < pages; i += 4 {
				if err := f.commit(f.old, i, text(i+1000)); err != nil {
					t.Errorf("commit while a layout is filled: %v", err)
				}
			}
		})
	}
	for range 2 { // beside the writers, then after them
		if err := Fill(t.Context(), f.store, l, FillOptions{}); err != nil {
			t.Fatal(err)
		}
		writers.Wait()
	}
	if err := f.store.SwitchLayout(t.Context(), l.ID); err != nil {
		t.Fatal(err)
	}
	f.check(l, pages)
	if err := f.commit(f.old, 0, "cut before the switch"); !errors.Is(err, store.ErrOtherLayout) {
		t.Errorf("a commit by the former layout: %v", err)
	}
	if err := f.commit(l, 0, text(0)); err != nil {
		t.Error(err)
	}
	f.check(l, pages)
}

// TestFillKeepsVectors counts what is embedded when chunks say what they said.
func TestFillKeepsVectors(t *testing.T) {
	f := newFilled(t, 10)
	var texts atomic.Int64
	e := &fakeEmbedder{answer: func(_ context.Context, in []string) ([]pulse.Vector, error) {
		texts.Add(int64(len(in)))
		return vectorsOf(in), nil
	}}
	l := f.next(41, e) // every section fits both: all chunks stay
	if err := Fill(t.Context(), f.store, l, FillOptions{SameModel: true}); err != nil {
		t.Fatal(err)
	}
	if n := texts.Load(); n != 0 {
		t.Errorf("%d texts were embedded again", n)
	}
	if err := f.store.SwitchLayout(t.Context(), l.ID); err != nil {
		t.Fatal(err)
	}
	f.check(l, 10)

	another := f.next(42, e)
	if err := Fill(t.Context(), f.store, another, FillOptions{}); err != nil {
		t.Fatal(err)
	}
	if texts.Load() == 0 {
		t.Error("another model's vectors were kept")
	}
}

// troubledStore holds one document.
type troubledStore struct {
	document pulse.Commit
	filled   []pulse.Vector
}

func (s *troubledStore) Unfilled(_ context.Context, _ pulse.LayoutID, after pulse.CommitSeq, _ int64) ([]pulse.Commit, error) {
	if after > 0 {
		return nil, nil
	}
	return []pulse.Commit{s.document}, nil
}

func (s *troubledStore) FillLayout(_ context.Context, _ pulse.DocumentID, _ pulse.CommitSeq, _ pulse.LayoutID, _ []pulse.Chunk, vectors []pulse.Vector) (bool, error) {
	s.filled = vectors
	return true, nil
}

func TestFillWaitsForTheEmbedder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &troubledStore{document: pulse.Commit{Seq: 1, Document: pulse.Document{ID: 1, CommitSeq: 1, Text: "some words"}}}
		began := time.Now()
		e := &fakeEmbedder{answer: func(_ context.Context, in []string) ([]pulse.Vector, error) {
			if time.Since(began) < 10*time.Minute {
				return nil, errors.New("no endpoint answers")
			}
			return vectorsOf(in), nil
		}}
		var troubles atomic.Int64
		l := Layout{ID: 2, Chunker: chunk.NewCounting(words{}, chunk.Options{}), Embedder: e}
		if err := Fill(t.Context(), s, l, FillOptions{OnTrouble: func(error) { troubles.Add(1) }}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); len(s.filled) != 1 || took > 11*time.Minute || troubles.Load() < 10 {
			t.Errorf("filled %v after %v and %d troubles", s.filled, took, troubles.Load())
		}
	})
}

func TestFillWithoutVectorsWhereAllAreRefused(t *testing.T) {
	s := &troubledStore{document: pulse.Commit{Seq: 1, Document: pulse.Document{ID: 1, CommitSeq: 1, Text: "some words"}}}
	e := &fakeEmbedder{answer: func(context.Context, []string) ([]pulse.Vector, error) {
		return nil, &pulse.InputError{Message: "too long"}
	}}
	if err := Fill(t.Context(), s, Layout{ID: 2, Chunker: chunk.NewCounting(words{}, chunk.Options{}), Embedder: e}, FillOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(s.filled) != 1 || s.filled[0] != nil {
		t.Errorf("filled %v", s.filled)
	}
}
