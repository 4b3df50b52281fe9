package indextest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/index"
)

// Target is a target of the commit log that can be searched by keyword.
type Target interface {
	index.Applier
	Retrieve(ctx context.Context, r index.Request) (*index.Result, error)
}

// Exercise runs the suite that every target must pass. open returns an empty one.
func Exercise(t *testing.T, seed uint64, open func(t *testing.T) Target) {
	t.Logf("seed %d", seed)
	t.Run("random commits", func(t *testing.T) {
		exerciseCommits(t, rand.New(rand.NewPCG(seed, 0)), open(t))
	})
	t.Run("reset", func(t *testing.T) { exerciseReset(t, open(t)) })
}

// model is what a target must hold: the word of each document, by collection and key.
type model map[string]map[string]string

// exerciseCommits applies random commits, in batches, some of them twice, and
// compares what is found by each word with a plain map.
func exerciseCommits(t *testing.T, r *rand.Rand, target Target) {
	ctx := context.Background()
	log, want := NewLog("one"), make(model)
	position := index.Position{Store: "test", History: "one"}
	if err := target.Reset(ctx, position); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		for range r.IntN(12) {
			c := randomCommit(r)
			log.Add(c)
			want.apply(&c)
		}
		commits, next, err := log.Commits(ctx, position.Seq, 200)
		if err != nil {
			t.Fatal(err)
		}
		for next > position.Seq {
			position.Seq = next
			for range 1 + r.IntN(2) {
				if err := target.Apply(ctx, commits, position); err != nil {
					t.Fatal(err)
				}
			}
			if got := target.Position(); got != position {
				t.Fatalf("position %+v, want %+v", got, position)
			}
			commits, next, _ = log.Commits(ctx, position.Seq, 200)
		}
		compareWithModel(t, target, want)
	}
}

var words = []string{"apple", "pear", "plum", "cherry"}

// randomCommit changes one of a few documents: two chunks that hold one word and
// the document's own, or a tombstone.
func randomCommit(r *rand.Rand) pulse.Commit {
	n := r.IntN(15)
	collection := []string{"", "other"}[n%2]
	key := fmt.Sprintf("https://example.com/%d", n)
	d := pulse.Document{ID: pulse.DocumentID(n + 1), Collection: collection, Key: key, State: pulse.StateGone}
	if r.IntN(4) == 0 {
		return pulse.Commit{Document: d}
	}
	d.State, d.Title = pulse.StateLive, "title"
	d.Text = words[r.IntN(len(words))] + " and more"
	half := len(d.Text) - 8
	return pulse.Commit{Document: d, Chunks: []pulse.Chunk{
		{Ordinal: 0, Start: 0, End: half}, {Ordinal: 1, Start: half, End: len(d.Text)},
	}}
}

func (m model) apply(c *pulse.Commit) {
	d := &c.Document
	if m[d.Collection] == nil {
		m[d.Collection] = make(map[string]string)
	}
	delete(m[d.Collection], d.Key)
	if d.State == pulse.StateLive {
		m[d.Collection][d.Key] = d.Text[:len(d.Text)-len(" and more")]
	}
}

func compareWithModel(t *testing.T, target Target, want model) {
	t.Helper()
	for collection, documents := range want {
		for _, word := range words {
			var keys []string
			for key, has := range documents {
				if has == word {
					keys = append(keys, key)
				}
			}
			sort.Strings(keys)
			if diff := cmp.Diff(keys, find(t, target, collection, word)); diff != "" {
				t.Fatalf("%s in collection %q (-want +got):\n%s", word, collection, diff)
			}
		}
	}
}

func find(t *testing.T, target Target, collection, word string) []string {
	t.Helper()
	result, err := target.Retrieve(context.Background(), index.Request{Collection: collection, Text: word})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, c := range result.Keyword.Candidates {
		keys = append(keys, c.Key)
	}
	sort.Strings(keys)
	return keys
}

func exerciseReset(t *testing.T, target Target) {
	ctx := context.Background()
	c := randomCommit(rand.New(rand.NewPCG(1, 3)))
	c.Seq = 5
	if err := target.Apply(ctx, []pulse.Commit{c}, index.Position{Store: "test", History: "one", Seq: 5}); err != nil {
		t.Fatal(err)
	}
	to := index.Position{Store: "test", History: "two"}
	if err := target.Reset(ctx, to); err != nil {
		t.Fatal(err)
	}
	if got := target.Position(); got != to {
		t.Errorf("position after reset %+v, want %+v", got, to)
	}
	for _, word := range words {
		for _, collection := range []string{"", "other"} {
			if got := find(t, target, collection, word); got != nil {
				t.Errorf("after reset, %s is found in %v", word, got)
			}
		}
	}
}
