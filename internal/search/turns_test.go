package search_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/search"
)

// gated is an index whose searches wait to be let go.
type gated struct {
	search.Retriever
	gate  chan struct{}
	begun int
}

func (g *gated) Retrieve(ctx context.Context, r index.Request) (*index.Result, error) {
	g.begun++
	<-g.gate
	return g.Retriever.Retrieve(ctx, r)
}

// TestSearchesTakeTurns: no more are ranked at once than are allowed, and one that is given up
// waits no longer.
func TestSearchesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.put(1, "a word", nil)
		w.index()
		g := &gated{Retriever: w.local, gate: make(chan struct{})}
		s := search.New(search.Deps{Index: g, Follower: w.follower, Store: w}, search.Options{AtOnce: 1})
		done := make(chan error, 2)
		ask := func(ctx context.Context) {
			_, err := s.Search(ctx, pulse.Query{Text: "word", Mode: pulse.ModeKeyword})
			done <- err
		}
		go ask(t.Context())
		synctest.Wait()
		ctx, giveUp := context.WithCancel(t.Context())
		go ask(ctx)
		synctest.Wait()
		if g.begun != 1 {
			t.Errorf("%d searches at once", g.begun)
		}
		giveUp()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		go ask(t.Context())
		close(g.gate)
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
