package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func ranked(ids ...string) []Ranked {
	var all []Ranked
	for i, id := range ids {
		all = append(all, Ranked{id, 1 / float64(i+1)})
	}
	return all
}

func TestScoreOne(t *testing.T) {
	f := func(grades map[string]int, found []Ranked, want Scores) {
		t.Helper()
		got := scoreOne(grades, found)
		for _, p := range [][2]float64{{got.NDCG10, want.NDCG10}, {got.Recall100, want.Recall100}, {got.MRR10, want.MRR10}} {
			if math.Abs(p[0]-p[1]) > 1e-12 {
				t.Fatalf("%v: got %+v, want %+v", grades, got, want)
			}
		}
	}
	one := map[string]int{"a": 1}
	f(one, nil, Scores{})
	f(one, ranked("a"), Scores{1, 1, 1})
	f(one, ranked("x", "a"), Scores{1 / math.Log2(3), 1, 0.5})
	f(map[string]int{"a": 0}, ranked("a"), Scores{})                                       // judged, and not relevant
	f(map[string]int{"a": 1, "b": -1}, ranked("b", "a"), Scores{1 / math.Log2(3), 1, 0.5}) // spam counts as nothing
	f(map[string]int{"a": 1, "gone": 1}, ranked("a"), Scores{1 / (1 + 1/math.Log2(3)), 0.5, 1})
	// Worked by hand: grades 1, 3 at ranks 1 and 3; the ideal is 3, 2, 1.
	gain := 1 + 3/math.Log2(4)
	ideal := 3 + 2/math.Log2(3) + 1/math.Log2(4)
	f(map[string]int{"a": 3, "b": 2, "c": 1}, ranked("c", "x", "a"), Scores{gain / ideal, 2. / 3, 1})
	var late []string
	for i := range 10 {
		late = append(late, fmt.Sprint("x", i))
	}
	f(one, ranked(append(late, "a")...), Scores{0, 1, 0}) // rank 11
	for i := 10; i < 100; i++ {
		late = append(late, fmt.Sprint("x", i))
	}
	f(one, ranked(append(late, "a")...), Scores{}) // rank 101
}

func folder(corpus, queries, qrels string) fstest.MapFS {
	return fstest.MapFS{
		"corpus.jsonl": {Data: []byte(corpus)}, "queries.jsonl": {Data: []byte(queries)}, "qrels.tsv": {Data: []byte(qrels)},
	}
}

const (
	corpus  = `{"_id":"d1","title":"T","text":"one","other":3}` + "\n\n" + `{"_id":"d2","title":"","text":"two"}`
	queries = `{"_id":"q1","text":"uno"}` + "\n" + `{"_id":"q2","text":"due"}` + "\n" + `{"_id":"q3","text":"tre"}`
	qrels   = "query-id\tcorpus-id\tscore\nq1\td1\t2\r\nq3\td2\t1\nq3\td9\t1\nq9\td1\t1\n"
)

func TestRead(t *testing.T) {
	got, err := Read(folder(corpus, queries, qrels), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := &Collection{
		Name: "x", Documents: []Document{{"d1", "T", "one"}, {"d2", "", "two"}}, Queries: []Query{{"q1", "uno"}, {"q3", "tre"}},
		Grades: map[string]map[string]int{"q1": {"d1": 2}, "q3": {"d2": 1, "d9": 1}, "q9": {"d1": 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	f := func(in fstest.MapFS, want string) {
		t.Helper()
		_, err := Read(in, "x")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("error %v, want %q", err, want)
		}
	}
	f(fstest.MapFS{}, "corpus.jsonl")
	f(folder("{", queries, qrels), "corpus.jsonl, line 1")
	f(folder(corpus+"\n"+`{"_id":"d1"}`, queries, qrels), "line 4: the document d1 was there before")
	f(folder(corpus, `{"text":"x"}`, qrels), "queries.jsonl, line 1: _id is missing")
	f(folder(corpus, queries, "h\nq1 d1 1\n"), "qrels.tsv, line 2: has 1 fields")
	f(folder(corpus, queries, "h\nq1\td1\tx\n"), `line 2: the score "x" is no whole number`)
	f(folder(corpus, queries, "q1\td1\t1\n"), "no query has judgements") // the first line is the header
}

// shelf answers from a list.
type shelf map[string][]Ranked

func (s shelf) Search(_ context.Context, mode, query string, limit int) ([]Ranked, error) {
	if query == "bad" {
		return nil, errors.New("broken")
	}
	if mode != "keyword" || limit != 100 {
		return nil, fmt.Errorf("asked by %s for %d", mode, limit)
	}
	return s[query], nil
}

func TestRun(t *testing.T) {
	c, err := Read(folder(corpus, queries, qrels), "x")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := Run(t.Context(), c, shelf{"uno": ranked("d1")}, "keyword", 4)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Answer{{"q1", ranked("d1")}, {Query: "q3"}}, answers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := c.Score(answers), (Scores{0.5, 0.5, 0.5}); got != want {
		t.Errorf("a query without hits counts 0: got %+v, want %+v", got, want)
	}
	c.Queries = append(c.Queries, Query{"q4", "bad"})
	if _, err := Run(t.Context(), c, shelf{}, "keyword", 2); err == nil || !strings.Contains(err.Error(), "query q4 by keyword: broken") {
		t.Errorf("error %v", err)
	}
}

func TestWriteRun(t *testing.T) {
	var b bytes.Buffer
	answers := []Answer{{"q1", []Ranked{{"d1", 2}, {"d2", 2}, {"d3", 2}, {"d4", 0.5}}}, {Query: "q2"}}
	if err := WriteRun(&b, "hybrid", answers); err != nil {
		t.Fatal(err)
	}
	want := "q1 Q0 d1 1 2 hybrid\nq1 Q0 d2 2 1.99999988 hybrid\nq1 Q0 d3 3 1.99999976 hybrid\nq1 Q0 d4 4 0.5 hybrid\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Index refuses nothing but an empty collection.
func (s shelf) Index(_ context.Context, documents []Document) error {
	if len(documents) == 0 {
		return errors.New("nothing there")
	}
	return nil
}

func TestJudge(t *testing.T) {
	c, err := Read(folder(corpus, queries, qrels), "x")
	if err != nil {
		t.Fatal(err)
	}
	s, kept := shelf{"uno": ranked("d1"), "tre": ranked("d2", "d9")}, 0
	got, err := Judge(t.Context(), c, s, s, []string{"keyword"}, 1, func(mode string, answers []Answer) error {
		kept += len(answers)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &Report{Collection: "x", Queries: 2, Modes: map[string]Scores{"keyword": {1, 1, 1}}}
	if diff := cmp.Diff(want, got); diff != "" || kept != 2 {
		t.Errorf("%d answers kept (-want +got):\n%s", kept, diff)
	}
	if _, err := Judge(t.Context(), &Collection{}, s, s, nil, 1, nil); err == nil || !strings.Contains(err.Error(), "index 0 documents: nothing there") {
		t.Errorf("error %v", err)
	}
	if _, err := Judge(t.Context(), c, s, s, []string{"keyword", "vector"}, 1, nil); err == nil || !strings.Contains(err.Error(), "by vector") {
		t.Errorf("error %v", err)
	}
}
