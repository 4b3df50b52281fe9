package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pulse"
	"pulse/internal/app"
	"pulse/internal/eval"
)

// evalCmd measures how well judged queries are answered.
type evalCmd struct {
	Dir            string   `arg:"" help:"Folder in the layout of BEIR: corpus.jsonl, queries.jsonl, qrels.tsv with a header line."`
	Mode           []string `enum:"keyword,vector,hybrid" placeholder:"MODE" help:"keyword, vector or hybrid; all of them without it."`
	WholeDocuments bool     `help:"Do not cut documents into chunks."`
	RunFile        string   `name:"run" placeholder:"FILE" help:"Write the answers as a TREC run, with the mode as tag."`
	JSON           bool     `name:"json" help:"As JSON."`
}

// Help is shown by pulse eval --help.
func (evalCmd) Help() string {
	return "Takes the documents through the pipeline into a temporary folder and asks every query that has judgements, 100 documents deep. " +
		"nDCG@10, recall@100 and MRR@10 are those of trec_eval, averaged over these queries; one without hits counts 0."
}

// Run is pulse eval.
func (c *evalCmd) Run(ctx context.Context, cfg *app.Config, out *output) (err error) {
	collection, err := readCollection(c.Dir)
	if err != nil {
		return err
	}
	o := app.EvalOptions{WholeDocuments: c.WholeDocuments}
	if o.Modes, err = c.modes(cfg, out); err != nil {
		return err
	}
	if c.RunFile != "" {
		f, createErr := os.Create(c.RunFile)
		if createErr != nil {
			return app.Usage(createErr)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		o.Keep = func(mode string, answers []eval.Answer) error { return eval.WriteRun(f, mode, answers) }
	}
	report, refused, err := app.Eval(ctx, cfg, collection, o)
	if err != nil {
		return err
	}
	if refused > 0 {
		out.note("%d of %d documents have no text and are not indexed", refused, len(collection.Documents))
	}
	if c.JSON {
		return out.json(report)
	}
	out.scores(report, o.Modes)
	return nil
}

func readCollection(dir string) (*eval.Collection, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c, err := eval.Read(os.DirFS(abs), filepath.Base(abs))
	if err != nil {
		return nil, app.Usage(fmt.Errorf("%s: %w", dir, err))
	}
	return c, nil
}

// modes are those asked for, else those that there are, in a fixed order.
func (c *evalCmd) modes(cfg *app.Config, out *output) ([]pulse.Mode, error) {
	var modes []pulse.Mode
	for _, m := range []pulse.Mode{pulse.ModeKeyword, pulse.ModeVector, pulse.ModeHybrid} {
		switch {
		case len(c.Mode) > 0 && !slices.Contains(c.Mode, string(m)):
		case m == pulse.ModeKeyword || cfg.Embedder != "none":
			modes = append(modes, m)
		case len(c.Mode) > 0:
			return nil, usage(fmt.Sprintf("--mode %s needs an embedder, and --embedder is none", m))
		}
	}
	if len(c.Mode) == 0 && len(modes) == 1 {
		out.note("by keyword alone: --embedder is none")
	}
	return modes, nil
}

func (o *output) scores(r *eval.Report, modes []pulse.Mode) {
	o.line("%s, %d queries", printable(r.Collection), r.Queries)
	t := table{head: []string{"MODE", "NDCG@10", "RECALL@100", "MRR@10"}}
	for _, m := range modes {
		s := r.Modes[string(m)]
		t.add(string(m), fmt.Sprintf("%.4f", s.NDCG10), fmt.Sprintf("%.4f", s.Recall100), fmt.Sprintf("%.4f", s.MRR10))
	}
	t.print(o)
}
