package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/eval"
)

func judgedCollection() *eval.Collection {
	return &eval.Collection{
		Name: "pages",
		Documents: []eval.Document{
			{ID: "tea", Title: "Tea", Text: "# Leaves\n\nSteep the leaves.\n\n# Water\n\n" + strings.Repeat("Boil the water for a while. ", 100)},
			{ID: "title only", Title: "Coffee beans"},
			{ID: "nothing", Title: "", Text: " \n"},
			{ID: "beans", Title: "", Text: "Beans are roasted."},
		},
		Queries: []eval.Query{{ID: "1", Text: "leaves"}, {ID: "2", Text: "coffee"}, {ID: "3", Text: "zebra"}},
		Grades:  map[string]map[string]int{"1": {"tea": 1}, "2": {"title only": 1}, "3": {"tea": 1}},
	}
}

func TestEval(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f := func(whole bool) {
		t.Helper()
		var kept []eval.Answer
		report, refused, err := Eval(t.Context(), testConfig(t), judgedCollection(), EvalOptions{
			Modes: []pulse.Mode{pulse.ModeKeyword}, WholeDocuments: whole,
			Keep: func(_ string, answers []eval.Answer) error { kept = answers; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		want := &eval.Report{Collection: "pages", Queries: 3, Modes: map[string]eval.Scores{"keyword": {NDCG10: 2. / 3, Recall100: 2. / 3, MRR10: 2. / 3}}}
		if diff := cmp.Diff(want, report); diff != "" || refused != 1 {
			t.Errorf("%d refused (-want +got):\n%s", refused, diff)
		}
		if len(kept) != 3 || kept[0].Found[0].Document != "tea" || len(kept[2].Found) != 0 {
			t.Errorf("answers %+v", kept)
		}
		if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	f(false)
	f(true)
}

// TestEvalWholeTitle: title and text are one field of a whole document.
func TestEvalWholeTitle(t *testing.T) {
	dir := t.TempDir()
	e := newEvaluation(startApp(t), dir, EvalOptions{WholeDocuments: true})
	path := filepath.Join(dir, "pages.jsonl")
	if err := e.write(path, []eval.Document{{ID: "tea", Title: "Tea", Text: "# Leaves"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want := `{"url":"https://eval.invalid/0","text":"Tea # Leaves"}` + "\n"; err != nil || string(got) != want {
		t.Errorf("got %s, want %s, %v", got, want, err)
	}
}

// TestEvalWholeDocuments: one chunk a document, however it looks.
func TestEvalWholeDocuments(t *testing.T) {
	chunks := func(whole bool) int {
		t.Helper()
		dir := t.TempDir()
		o := EvalOptions{WholeDocuments: whole}
		a, err := StartOwn(t.Context(), evalConfig(testConfig(t), filepath.Join(dir, "data"), o), true)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Stop()
		e := newEvaluation(a, dir, o)
		if err := e.Index(t.Context(), judgedCollection().Documents); err != nil {
			t.Fatal(err)
		}
		found, err := a.Services().Store.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(found.Chunks)
	}
	if n := chunks(true); n != 3 {
		t.Errorf("%d chunks of whole documents, want 3", n)
	}
	if n := chunks(false); n <= 3 {
		t.Errorf("%d chunks, want more than 3", n)
	}
}

// TestEvalRefusedQuery: what the model cannot read finds nothing by vector.
func TestEvalRefusedQuery(t *testing.T) {
	c := judgedCollection()
	c.Queries = append(c.Queries, eval.Query{ID: "4", Text: "ⵣⵣ"})
	report, _, err := Eval(t.Context(), testConfig(t), c, EvalOptions{Modes: []pulse.Mode{pulse.ModeVector, pulse.ModeHybrid}})
	if err != nil || report.Modes["vector"].MRR10 <= 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestEvalDegraded: an answer that something is missing from is not measured.
func TestEvalDegraded(t *testing.T) {
	c := testConfig(t)
	c.Embedder = "none"
	_, _, err := Eval(t.Context(), c, judgedCollection(), EvalOptions{Modes: []pulse.Mode{pulse.ModeHybrid}})
	if err == nil || !strings.Contains(err.Error(), "no embedder is configured") {
		t.Errorf("error %v", err)
	}
}
