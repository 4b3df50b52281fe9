package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/embed"
	"pulse/internal/store"
)

// LayoutStore is what the store keeps of layouts while one is filled.
type LayoutStore interface {
	Unfilled(ctx context.Context, layout pulse.LayoutID, after pulse.CommitSeq, maxBytes int64) ([]pulse.Commit, error)
	FillLayout(ctx context.Context, id pulse.DocumentID, basedOn pulse.CommitSeq, layout pulse.LayoutID, chunks []pulse.Chunk, vectors []pulse.Vector) (bool, error)
}

var _ LayoutStore = (*store.Store)(nil)

// FillOptions tune Fill. The zero value is the default.
type FillOptions struct {
	Workers int // documents at once; 0 means 16
	// SameModel says that the vectors of the active layout are of the same model, so
	// that a chunk that says what it said keeps its vector.
	SameModel bool
	OnFilled  func(reused int) // after each document, with how many vectors it kept; by several goroutines
	OnTrouble func(error)      // what makes a document wait and be tried again
}

// fillBatch is how much text and how many vectors are read at once.
const fillBatch = 4 << 20

const (
	firstFillRetry = time.Second // doubling, to
	lastFillRetry  = 30 * time.Second
)

// Fill gives a layout all live documents that it lacks, from their stored text, beside
// the active layout. A document that moves meanwhile is met again at its new commit.
// An embedder that is away is waited for, and a store that takes no commits; what is
// filled stays filled, so that the next call goes on from there. It returns when
// nothing is lacking, or with ctx's error.
func Fill(ctx context.Context, st LayoutStore, l Layout, o FillOptions) error {
	if o.Workers <= 0 {
		o.Workers = 16
	}
	f := &filler{store: st, layout: l, opts: o}
	documents := make(chan *pulse.Commit)
	var workers sync.WaitGroup
	for range o.Workers {
		workers.Go(func() {
			for c := range documents {
				f.untilFilled(ctx, c)
			}
		})
	}
	err := f.feed(ctx, documents)
	close(documents)
	workers.Wait()
	return errors.Join(err, ctx.Err())
}

type filler struct {
	store  LayoutStore
	layout Layout
	opts   FillOptions
}

// feed hands out the documents that the layout lacks, in the order of their commits.
func (f *filler) feed(ctx context.Context, documents chan<- *pulse.Commit) error {
	for after := pulse.CommitSeq(0); ; {
		commits, err := f.store.Unfilled(ctx, f.layout.ID, after, fillBatch)
		if err != nil {
			return err
		}
		if len(commits) == 0 {
			return nil
		}
		for i := range commits {
			select {
			case documents <- &commits[i]:
			case <-ctx.Done():
				return nil
			}
		}
		after = commits[len(commits)-1].Seq
	}
}

// untilFilled tries a document until it is filled, has moved, or ctx ends.
func (f *filler) untilFilled(ctx context.Context, c *pulse.Commit) {
	for n := 0; ctx.Err() == nil; n++ {
		reused, err := f.fill(ctx, c)
		if err == nil {
			if f.opts.OnFilled != nil {
				f.opts.OnFilled(reused)
			}
			return
		}
		if f.opts.OnTrouble != nil && ctx.Err() == nil {
			f.opts.OnTrouble(err)
		}
		pause := time.NewTimer(backoff(firstFillRetry, lastFillRetry, 2, n))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}

func (f *filler) fill(ctx context.Context, c *pulse.Commit) (reused int, err error) {
	d := &c.Document
	pieces, err := f.layout.Chunker.Split(ctx, d.Title, d.Text)
	if err != nil {
		return 0, fmt.Errorf("cut %s: %w", d.Key, err)
	}
	vectors, reused, err := f.vectors(ctx, c, pieces)
	if err != nil {
		return 0, fmt.Errorf("fill %s: %w", d.Key, err)
	}
	_, err = f.store.FillLayout(ctx, d.ID, d.CommitSeq, f.layout.ID, chunksOf(pieces), vectors)
	return reused, err
}

// vectors reuses those of chunks that say what they said, and embeds the rest.
func (f *filler) vectors(ctx context.Context, c *pulse.Commit, pieces []chunk.Piece) (vectors []pulse.Vector, reused int, err error) {
	if f.layout.Embedder == nil || len(pieces) == 0 {
		return nil, 0, nil
	}
	var former map[uint64]pulse.Vector
	if f.opts.SameModel {
		former = vectorsByHash(c)
	}
	set := keepVectors(pieces, former)
	if len(set.lacking) == 0 {
		return set.vectors, set.kept(), nil
	}
	made, err := f.layout.Embedder.Embed(ctx, set.request(embed.LaneBulk, "reembed"))
	var input *pulse.InputError
	switch {
	case errors.As(err, &input): // it refused them all: they are without vectors
		return set.vectors, set.kept(), nil
	case err != nil:
		return nil, 0, fmt.Errorf("embed %d chunks: %w", len(set.lacking), err)
	case len(made) != len(set.lacking):
		return nil, 0, fmt.Errorf("embedder answered %d vectors for %d texts", len(made), len(set.lacking))
	}
	set.add(made)
	return set.vectors, set.kept(), nil
}
