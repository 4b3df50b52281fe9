package local

import (
	"math"
	"slices"
	"testing"

	"pulse"
	"pulse/internal/index"
)

func titled(title string) func(*pulse.Commit) {
	return func(c *pulse.Commit) { c.Document.Title = title }
}

func TestPageIsFoundByItsTitle(t *testing.T) {
	commits := []pulse.Commit{
		page(1, "pods pods pods and more about pods", titled("Everything about pods and nodes")),
		page(2, "a unit of containers", titled("Pods")),
		page(3, "no word of it", titled("Nodes")),
	}
	compose := func(title string, _ []string, span string) string { return title + ": " + span }
	f := func(weight float64, want ...int) {
		t.Helper()
		x := filled(t, Options{TitleWeight: weight, Compose: compose}, commits...)
		got := ids(retrieve(t, x, index.Request{Text: "pods"}).Keyword)
		if !slices.Equal(got, want) {
			t.Errorf("with weight %v: %v, want %v", weight, got, want)
		}
	}
	f(0, 2, 1)
	f(-1, 1, 2) // titles count as part of their chunks alone

	x := filled(t, Options{}, commits...)
	apply(t, x, page(2, "a unit of containers", func(c *pulse.Commit) { c.Seq, c.Document.Title = 9, "Renamed" }))
	if got := ids(retrieve(t, x, index.Request{Text: "pods"}).Keyword); len(got) != 1 || got[0] != 1 {
		t.Errorf("after a change of title: %v", got)
	}
}

func TestTitlePartsAreExplained(t *testing.T) {
	x := filled(t, Options{}, page(1, "pods run containers", titled("Pods")))
	c := retrieve(t, x, index.Request{Text: "pods", Explain: true}).Keyword.Candidates[0]
	if len(c.Terms) != 2 || c.Terms[0].Field != "" || c.Terms[1].Field != "title" {
		t.Fatalf("terms %+v", c.Terms)
	}
	if sum := c.Terms[0].Score + c.Terms[1].Score; math.Abs(sum-c.Score) > 1e-12 {
		t.Errorf("parts add up to %v, the score is %v", sum, c.Score)
	}
}
