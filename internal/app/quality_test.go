package app

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pulse/internal/eval"
	"pulse/internal/search"
)

var update = flag.Bool("update", false, "write testdata/quality.tsv anew, of the sets that are judged")

const qualityFile = "testdata/quality.tsv"

// qualitySets are the judged sets, English first. The quick ones are judged by every full
// test; make eval judges all.
var qualitySets = []qualitySet{
	{"scifact", true, false, 0.678}, {"cranfield", true, true, 0.411}, {"cisi", true, false, 0.361}, {"cacm", true, false, 0.484}, {"npl", true, false, 0.437},
	{"cookbook-code", true, false, 0.603}, {"cookbook-docs", true, true, 0.625}, {"xquad-en", false, false, 0.965}, {"xquad-de", false, true, 0.929},
	{"xquad-ru", false, false, 0.871}, {"xquad-ar", false, false, 0.887}, {"xquad-zh", false, false, 0.966}, {"xquad-th", false, false, 0.918}, {"jsquad-ja", false, false, 0.941},
}

type qualitySet struct {
	name          string
	english, fast bool
	// plain is nDCG@10 of a plain exact BM25, k1 0.9 and b 0.4, over whole documents.
	plain float64
}

// qualityKey names one line of the table.
type qualityKey struct{ set, documents, ranking string }

// TestQuality compares how well each kind of search ranks the judged sets with a kept
// table. A change of a figure fails: it is meant, and kept by -update, or a defect.
func TestQuality(t *testing.T) {
	all := os.Getenv("PULSE_EVAL") == "all"
	if testing.Short() && !all {
		t.Skip("skipped: it takes half a minute")
	}
	shared := filepath.Join("..", "..", "..", "shared", "data", "ir")
	if _, err := os.Stat(shared); err != nil {
		t.Skipf("skipped: the judged sets are not here: %v", err)
	}
	kept := readQuality(t)
	for _, s := range qualitySets {
		if !s.fast && !all {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			c, err := eval.Read(os.DirFS(filepath.Join(shared, s.name)), s.name)
			if err != nil {
				t.Fatal(err)
			}
			for key, got := range judgeQuality(t, c) {
				if steady(kept[key], got) {
					continue
				}
				if !*update {
					t.Errorf("%v: nDCG@10, recall@100, MRR@10 are %s, kept were %s", key, got, kept[key])
				}
				kept[key] = got
			}
		})
	}
	if *update {
		writeQuality(t, kept)
	}
}

// judgeQuality judges documents in chunks and whole, and words by the k1 and b of the
// figures that others publish.
func judgeQuality(t *testing.T, c *eval.Collection) map[qualityKey]string {
	figures := map[qualityKey]string{}
	judge := func(documents string, o EvalOptions, cfg *Config, rankings ...string) {
		t.Helper()
		dir := t.TempDir()
		a, err := StartOwn(t.Context(), evalConfig(cfg, filepath.Join(dir, "data"), o), true)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Stop()
		e := newEvaluation(a, dir, o)
		if err := e.Index(t.Context(), c.Documents); err != nil {
			t.Fatal(err)
		}
		for _, ranking := range rankings {
			mode, fusion, _ := strings.Cut(ranking, " ")
			if fusion == search.FusionRRF {
				other := *a.cfg
				other.Fusion = fusion
				e.searcher = a.newSearcher(&other)
			}
			answers, err := eval.Run(t.Context(), c, e, mode, 2)
			if err != nil {
				t.Fatal(err)
			}
			s := c.Score(answers)
			figures[qualityKey{c.Name, documents, ranking}] = fmt.Sprintf("%.4f\t%.4f\t%.4f", s.NDCG10, s.Recall100, s.MRR10)
		}
	}
	rankings := []string{"keyword", "vector", "hybrid", "hybrid " + search.FusionRRF}
	judge("chunks", EvalOptions{}, testConfig(t), rankings...)
	judge("whole", EvalOptions{WholeDocuments: true}, testConfig(t), rankings...)
	others := testConfig(t, func(c *Config) { c.BM25K1, c.BM25B, c.Embedder = 0.9, 0.4, embedderNone })
	judge("whole", EvalOptions{WholeDocuments: true}, others, "keyword 0.9 0.4")
	return figures
}

// unsteady is how much figures differ between runs: documents are indexed in another order
// each time, and which of the farthest vectors a scan leaves out depends on it, which moves
// one query of xquad-de by reciprocal ranks.
const unsteady = 0.0005

// steady says whether two lines of figures are the same but for that.
func steady(a, b string) bool {
	x, y := strings.Split(a, "\t"), strings.Split(b, "\t")
	return slices.EqualFunc(x, y, func(a, b string) bool {
		v, errA := strconv.ParseFloat(a, 64)
		w, errB := strconv.ParseFloat(b, 64)
		return errA == nil && errB == nil && math.Abs(v-w) < unsteady
	})
}

// TestQualityTargets holds the kept table to what the figures must be: hybrid search is on
// every set nearly as good as the better of words and vectors or better, also where the model
// does not know the language, and words alone are as good as a plain exact scorer's.
func TestQualityTargets(t *testing.T) {
	kept := readQuality(t)
	ndcg := func(set, documents, ranking string) float64 {
		t.Helper()
		first, _, _ := strings.Cut(kept[qualityKey{set, documents, ranking}], "\t")
		figure, err := strconv.ParseFloat(first, 64)
		if err != nil {
			t.Fatalf("%s of %s: %v", ranking, set, err)
		}
		return figure
	}
	var fused, english float64
	for _, s := range qualitySets {
		hybrid, words, vectors := ndcg(s.name, "chunks", "hybrid"), ndcg(s.name, "chunks", "keyword"), ndcg(s.name, "chunks", "vector")
		if hybrid < max(words, vectors)-0.003 {
			t.Errorf("%s: hybrid %.4f, keyword %.4f, vector %.4f", s.name, hybrid, words, vectors)
		}
		if words := ndcg(s.name, "whole", "keyword 0.9 0.4"); words < s.plain {
			t.Errorf("%s: words alone %.4f, a plain scorer %v", s.name, words, s.plain)
		}
		if s.english {
			fused, english = fused+hybrid, english+1
		}
	}
	if mean := fused / english; mean < wantFused {
		t.Errorf("hybrid search has a mean of %.4f on the English sets, want %v", mean, wantFused)
	}
}

// wantFused is the mean nDCG@10 that hybrid search keeps at least on the English sets.
const wantFused = 0.57

func readQuality(t *testing.T) map[qualityKey]string {
	t.Helper()
	text, err := os.ReadFile(qualityFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	kept := map[qualityKey]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), "\t", 4)
		if len(fields) == 4 && !strings.HasPrefix(line, "#") {
			kept[qualityKey{fields[0], fields[1], fields[2]}] = fields[3]
		}
	}
	return kept
}

func writeQuality(t *testing.T, kept map[qualityKey]string) {
	t.Helper()
	var lines []string
	place := func(set string) int {
		return slices.IndexFunc(qualitySets, func(s qualitySet) bool {
			return s.name == set
		})
	}
	for key, figures := range kept {
		lines = append(lines, fmt.Sprintf("%02d\t%s\t%s\t%s\t%s", place(key.set), key.set, key.documents, key.ranking, figures))
	}
	slices.Sort(lines)
	text := "# How the built-in model and words rank the judged sets (make eval).\n# set\tdocuments\tranking\tnDCG@10\trecall@100\tMRR@10\n"
	for _, line := range lines {
		text += line[3:] + "\n"
	}
	if err := os.WriteFile(qualityFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
