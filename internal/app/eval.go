package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"pulse"
	"pulse/internal/eval"
	"pulse/internal/search"
)

// EvalOptions say how a judged collection is asked.
type EvalOptions struct {
	Modes          []pulse.Mode
	WholeDocuments bool // each document is one chunk
	// Keep, unless nil, is given the answers of each mode.
	Keep func(mode string, answers []eval.Answer) error
}

// Eval takes a judged collection through the real pipeline, in a folder of its own
// that is gone afterwards, and measures the answers. Refused counts the documents that
// cannot be kept, for want of any text.
func Eval(ctx context.Context, cfg *Config, c *eval.Collection, o EvalOptions) (report *eval.Report, refused int64, err error) {
	dir, err := os.MkdirTemp("", "pulse-eval-")
	if err != nil {
		return nil, 0, fmt.Errorf("make a folder for the collection: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a, err := StartOwn(ctx, evalConfig(cfg, dir, o), true)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	e := newEvaluation(a, dir, o)
	modes := make([]string, len(o.Modes))
	for i, m := range o.Modes {
		modes[i] = string(m)
	}
	report, err = eval.Judge(ctx, c, e, e, modes, runtime.GOMAXPROCS(0), o.Keep)
	return report, e.refused, err
}

// evalPatience is what a page's and a query's vectors are waited for: an answer
// without them would be measured as one with.
const evalPatience = time.Minute

func evalConfig(cfg *Config, dir string, o EvalOptions) *Config {
	own := *cfg
	own.Data, own.Store, own.Queue, own.Index = dir, "sqlite", "store", "local"
	own.QueryEmbedTimeout, own.VectorsWait = evalPatience, evalPatience
	if o.WholeDocuments {
		own.MaxChunkTokens, own.ChunkOverlapTokens = maxChunkTokens, 0
	}
	return &own
}

// evaluation is an app as eval sees it.
type evaluation struct {
	app      *App
	searcher *search.Searcher
	dir      string
	whole    bool
	ids      map[string]string // of documents, by URL
	refused  int64
}

func newEvaluation(a *App, dir string, o EvalOptions) *evaluation {
	return &evaluation{app: a, searcher: a.Services().Searcher, dir: dir, whole: o.WholeDocuments}
}

// Index imports the documents as pages of plain text. One without text has its
// title as text.
func (e *evaluation) Index(ctx context.Context, documents []eval.Document) error {
	path := filepath.Join(e.dir, "pages.jsonl")
	if err := e.write(path, documents); err != nil {
		return err
	}
	i := NewImport(ImportOptions{Paths: []string{path}})
	if err := i.Into(ctx, e.app); err != nil {
		return err
	}
	// Not the import's report: it counts a moment behind the queue.
	found, err := e.app.Services().Store.Stats(ctx)
	if err != nil {
		return err
	}
	if left := found.Jobs.Dead + found.Jobs.Available; left > 0 {
		return fmt.Errorf("%d jobs did not end well: %s", left, strings.Join(i.Report().Examples, "; "))
	}
	e.refused = int64(len(documents)) - int64(found.Documents)
	return nil
}

// evalPage is a page as JSON Lines have it.
type evalPage struct {
	URL   string `json:"url"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text"`
}

func (e *evaluation) write(path string, documents []eval.Document) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	e.ids = make(map[string]string, len(documents))
	buffered := bufio.NewWriter(f)
	out := json.NewEncoder(buffered)
	for i, d := range documents {
		p := evalPage{URL: fmt.Sprintf("https://eval.invalid/%d", i), Title: d.Title, Text: d.Text}
		e.ids[p.URL] = d.ID
		if strings.TrimSpace(p.Text) == "" {
			p.Title, p.Text = "", d.Title
		}
		if e.whole { // one field, as others publish their figures
			p.Title, p.Text = "", oneParagraph(p.Title+"\n"+p.Text)
		}
		if err := out.Encode(&p); err != nil {
			return err
		}
	}
	return errors.Join(buffered.Flush(), f.Close())
}

// oneParagraph puts a text on one line that opens no heading, list or quote, so that
// nothing in it begins a chunk.
func oneParagraph(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if strings.HasPrefix(text, "#") {
		text = `\` + text
	}
	return text
}

// Search asks the searcher that answers /v1/search. What was left out of an answer is
// an error: it would be measured as if it had taken part. A query that the model knows nothing
// of is not: that vectors find nothing for it is what they are worth.
func (e *evaluation) Search(ctx context.Context, mode, query string, limit int) ([]eval.Ranked, error) {
	answer, err := e.searcher.Search(ctx, pulse.Query{Text: query, Mode: pulse.Mode(mode), Limit: limit, NoCollapse: true, NoPassages: true})
	if err != nil {
		return nil, err
	}
	if len(answer.Degraded) > 0 && answer.Degraded[0] != search.QueryRefused {
		return nil, errors.New(strings.Join(answer.Degraded, "; "))
	}
	found := make([]eval.Ranked, len(answer.Hits))
	before := math.Inf(1)
	for i, h := range answer.Hits {
		id, ours := e.ids[h.Document.URL]
		if !ours || h.Score > before {
			return nil, fmt.Errorf("hit %d is %s with score %v after %v", i+1, h.Document.URL, h.Score, before)
		}
		found[i], before = eval.Ranked{Document: id, Score: h.Score}, h.Score
	}
	return found, nil
}
