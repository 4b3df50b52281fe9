package search_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
)

// TestSigns: what a query demands of a page holds in every mode, on every page of the
// answer.
func TestSigns(t *testing.T) {
	w := newWorld(t)
	w.put(1, "Rolling updates of apples.", nil)
	w.put(2, "Updates that are rolling, with pears.", nil)
	w.put(3, "Something else.", nil)
	w.index()
	f := func(query string, mode pulse.Mode, want ...int) {
		t.Helper()
		if diff := cmp.Diff(want, ids(w.search(pulse.Query{Text: query, Mode: mode}))); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", mode, query, diff)
		}
	}
	for _, mode := range []pulse.Mode{pulse.ModeKeyword, pulse.ModeVector, pulse.ModeHybrid} {
		f(`"rolling updates" of`, mode, 1)
		f("updates -apples", mode, 2)
		f("rolling +apples", mode, 1)
		f("updates site:nowhere.example", mode)
	}
	f(`What are "rolling apples"?`, pulse.ModeKeyword, 1, 2)
}

// TestCorrections: a misspelled word finds what it was meant for, is marked there, and
// the answer says so, on its first page and by its snapshot.
func TestCorrections(t *testing.T) {
	w := newWorld(t)
	w.put(1, "The orchard of apples.", nil)
	w.index()
	want := []pulse.Correction{{Word: "orchrad", Words: []string{"orchard"}}}
	a := w.search(pulse.Query{Text: "orchrad", Mode: pulse.ModeKeyword})
	if diff := cmp.Diff(want, a.Corrections); diff != "" {
		t.Errorf("corrections (-want +got):\n%s", diff)
	}
	if len(a.Hits) != 1 || len(a.Hits[0].Marks) != 1 {
		t.Fatalf("hits %+v", a.Hits)
	}
	again := w.search(pulse.Query{Text: "orchrad", Mode: pulse.ModeKeyword, Snapshot: a.Snapshot})
	if diff := cmp.Diff(want, again.Corrections); diff != "" {
		t.Errorf("by snapshot (-want +got):\n%s", diff)
	}
	if a := w.search(pulse.Query{Text: "orchard", Mode: pulse.ModeKeyword}); a.Corrections != nil {
		t.Errorf("a word that is there is corrected: %+v", a.Corrections)
	}
}
