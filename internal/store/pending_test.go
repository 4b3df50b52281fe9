package store

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

// pendingPage is a page of two chunks of which one has its vector and the other is pending.
func pendingPage(t *testing.T, s *Store) (embed pulse.Job) {
	t.Helper()
	w := write(accept(t, s, page("https://example.com/a", "{}")).Jobs[0], "one two")
	w.Chunks = []pulse.Chunk{{End: 3, Tokens: 1, Hash: 1}, {Ordinal: 1, Start: 4, End: 7, Tokens: 1, Hash: 2}}
	w.Vectors, w.VectorsPending = []pulse.Vector{{1, 2}, nil}, true
	done, err := s.Commit(t.Context(), w)
	if err != nil || len(done.Jobs) != 1 || done.Jobs[0].Kind != pulse.KindEmbed {
		t.Fatalf("committed %+v, %v", done, err)
	}
	return done.Jobs[0]
}

// commitsOf reads the log from memory and from disk, which must tell the same vectors.
func commitsOf(t *testing.T, s *Store) pulse.Commit {
	t.Helper()
	told, _, err := s.Commits(t.Context(), s.Head()-1, 1<<20)
	if err != nil || len(told) != 1 {
		t.Fatalf("commits %+v, %v", told, err)
	}
	kept, err := s.Former(t.Context(), pulse.DefaultCollection, told[0].Document.Key)
	if err != nil || kept.Seq != told[0].Seq || kept.VectorsPending != told[0].VectorsPending {
		t.Fatalf("kept %+v, told %+v, %v", kept, told[0], err)
	}
	if diff := cmp.Diff(told[0].Vectors, kept.Vectors); diff != "" {
		t.Errorf("vectors that are told (-) and kept (+):\n%s", diff)
	}
	return *kept
}

// partial is how many of all chunks have been refused, and left how many vectors there are.
func partial(t *testing.T, s *Store) (refused, vectors int) {
	t.Helper()
	if err := s.read.QueryRow(`SELECT sum(partial), (SELECT count(*) FROM bodies) - count(*) FROM documents`).Scan(&refused, &vectors); err != nil {
		t.Fatal(err)
	}
	return refused, vectors
}

// A page that is committed with vectors pending keeps those that are known, and none of the
// others counts as refused; the embed job's take the place of all.
func TestPendingPageKeepsKnownVectors(t *testing.T) {
	s := open(t, Options{})
	job := pendingPage(t, s)
	c := commitsOf(t, s)
	if diff := cmp.Diff([]pulse.Vector{{1, 2}, nil}, c.Vectors); diff != "" || !c.VectorsPending {
		t.Errorf("pending %v, vectors (-want +got):\n%s", c.VectorsPending, diff)
	}
	if refused, vectors := partial(t, s); refused != 0 || vectors != 1 {
		t.Errorf("%d chunks are refused, %d bodies of vectors", refused, vectors)
	}
	all := []pulse.Vector{{1, 2}, {3, 4}}
	if _, err := s.CommitVectors(t.Context(), &job, c.Seq, 1, nil, slices.Clone(all)); err != nil {
		t.Fatal(err)
	}
	c = commitsOf(t, s)
	if diff := cmp.Diff(all, c.Vectors); diff != "" || c.VectorsPending {
		t.Errorf("pending %v, vectors (-want +got):\n%s", c.VectorsPending, diff)
	}
	if refused, vectors := partial(t, s); refused != 0 || vectors != 1 {
		t.Errorf("%d chunks are refused, %d bodies of vectors", refused, vectors)
	}
}

// TestPendingPageInALayoutThatComesBack leaves a layout while a page's vectors are pending and
// comes back to it: the page is not filled there before it has them.
func TestPendingPageInALayoutThatComesBack(t *testing.T) {
	s := open(t, Options{})
	first, err := s.EnsureLayout(t.Context(), pulse.DefaultCollection, LayoutSpec{Model: "first"})
	if err != nil {
		t.Fatal(err)
	}
	pendingPage(t, s) // by the first layout
	c := commitsOf(t, s)
	other, err := s.StartFilling(t.Context(), LayoutSpec{Model: "other"})
	if err != nil {
		t.Fatal(err)
	}
	fill := func(layout pulse.LayoutID, vectors ...pulse.Vector) {
		t.Helper()
		if n, err := s.CountUnfilled(t.Context(), layout); err != nil || n != 1 {
			t.Errorf("%d documents lack layout %d, want 1; %v", n, layout, err)
		}
		if ok, err := s.FillLayout(t.Context(), c.Document.ID, c.Seq, layout, c.Chunks, vectors); err != nil || !ok {
			t.Fatalf("fill: %v, %v", ok, err)
		}
		if err := s.SwitchLayout(t.Context(), layout); err != nil {
			t.Fatal(err)
		}
	}
	fill(other, pulse.Vector{5, 6}, pulse.Vector{7, 8})
	fill(first, pulse.Vector{1, 2}, pulse.Vector{3, 4})
	now, err := s.Former(t.Context(), pulse.DefaultCollection, c.Document.Key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]pulse.Vector{{1, 2}, {3, 4}}, now.Vectors); diff != "" || now.VectorsPending {
		t.Errorf("pending %v, vectors (-want +got):\n%s", now.VectorsPending, diff)
	}
}
