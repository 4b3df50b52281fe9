package app

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/store"
	"pulse/internal/token"
)

// layoutSpec is how this configuration cuts and embeds.
func (c *Config) layoutSpec(t *token.Tokenizer) store.LayoutSpec {
	return store.LayoutSpec{
		Tokenizer: t.Hash(), MaxTokens: c.MaxChunkTokens, OverlapTokens: c.ChunkOverlapTokens, Chunker: chunk.Version,
	}
}

// ensureLayout makes the layout of the default collection, or refuses to go on with
// settings that its documents were not cut by.
func ensureLayout(ctx context.Context, st *store.Store, want store.LayoutSpec) (pulse.LayoutID, error) {
	id, have, err := st.ActiveLayout(ctx, pulse.DefaultCollection)
	if err != nil {
		return 0, err
	}
	if id != 0 && have != want {
		return 0, usagef("the data folder was filled with other settings: %s: start with the old ones, or with another --data folder", layoutDifferences(have, want))
	}
	if id != 0 {
		return id, nil
	}
	return st.EnsureLayout(ctx, pulse.DefaultCollection, want)
}

// layoutDifferences names each setting that differs, with both values.
func layoutDifferences(have, want store.LayoutSpec) string {
	var all []string
	differs := func(name string, have, want any) {
		if have != want {
			all = append(all, fmt.Sprintf("%s was %v and is %v now", name, have, want))
		}
	}
	differs("--max-chunk-tokens", have.MaxTokens, want.MaxTokens)
	differs("--chunk-overlap-tokens", have.OverlapTokens, want.OverlapTokens)
	differs("the tokenizer", have.Tokenizer, want.Tokenizer)
	differs("the chunker's version", have.Chunker, want.Chunker)
	differs("the embedder's model", orNone(have.Model), orNone(want.Model))
	differs("the dimension of vectors", have.Dimension, want.Dimension)
	differs("the embedder's prefixes", orNone(have.Prefixes), orNone(want.Prefixes))
	return strings.Join(all, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// workerStore is the store as workers see it: the first commit into a collection
// that is new gives it its layout. All collections have the layout of the default
// one, which is checked at the start.
type workerStore struct {
	*store.Store
	spec  store.LayoutSpec
	known sync.Map // collection → struct{}
}

// Commit commits a page.
func (w *workerStore) Commit(ctx context.Context, write *store.Write) (store.Committed, error) {
	name := write.Job.Collection
	if _, known := w.known.Load(name); !known {
		if _, err := w.EnsureLayout(ctx, name, w.spec); err != nil {
			return store.Committed{}, err
		}
		w.known.Store(name, struct{}{})
	}
	return w.Store.Commit(ctx, write)
}
