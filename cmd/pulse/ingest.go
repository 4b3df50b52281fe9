package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"pulse/internal/app"
	"pulse/internal/source/file"
)

// ingestCmd is the bulk import.
type ingestCmd struct {
	Files      []string `arg:"" name:"file" help:"JSON Lines of pages (.jsonl), Firecrawl result files (.json), both also with .gz, or folders of markdown, HTML and text."`
	Collection string   `help:"Collection that the pages go to."`
	BaseURL    string   `name:"base-url" placeholder:"URL" help:"Put before the paths of a folder's files that name no url."`
	Again      bool     `help:"Queue pages too that an earlier run over the same file has queued."`
	JSON       bool     `name:"json" help:"The report as JSON."`
}

// Help is shown by pulse ingest --help.
func (ingestCmd) Help() string {
	return "Imports through the server that --server names, or without --data the local one if it runs; else straight into the data folder. " +
		"A line of JSON Lines has url, one of markdown, html and text, and if known title, description, language, country, is_mobile and metadata. " +
		"Interrupted, or stopped because less than --min-free of disk is free, it goes on where it stopped when it is run again: straight into a data folder, batches of the same untouched file are not queued twice. " +
		"A file that was changed is read anew, and pages whose content is the same make no commit."
}

// Run is pulse ingest.
func (c *ingestCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(); err != nil {
		return err
	}
	i := app.NewImport(app.ImportOptions{Paths: c.Files, Collection: c.Collection, BaseURL: c.BaseURL, Again: c.Again})
	done := out.progress(i)
	err := i.Run(ctx, cfg)
	done()
	r := i.Report()
	if r.Read > 0 || err == nil {
		if c.JSON {
			if printErr := out.json(r); printErr != nil {
				return printErr
			}
		} else {
			out.report(&r)
		}
	}
	switch {
	case err != nil && ctx.Err() != nil:
		out.note("pulse: interrupted: run the same command again to go on")
		return errReported
	case err != nil:
		return err
	case r.InVain() != "":
		return fmt.Errorf("%s: %s", strings.Join(c.Files, ", "), r.InVain())
	case !r.OK():
		return errReported
	}
	return nil
}

func (c *ingestCmd) check() error {
	if c.Collection != "" && !file.ValidCollection(c.Collection) {
		return usage("--collection must be 1 to 64 of a-z, 0-9, _ and -, and begin with a letter or digit")
	}
	if err := file.CheckBaseURL(c.BaseURL); err != nil {
		return app.Usage(err)
	}
	for _, path := range c.Files {
		if _, err := os.Stat(path); err != nil {
			return app.Usage(err)
		}
	}
	return nil
}

// report prints what became of the pages.
func (o *output) report(r *app.ImportReport) {
	count := func(name string, n int64, always bool) {
		if n > 0 || always {
			o.line("%s %d", pad(name, 12), n)
		}
	}
	o.line("%s %s", pad("into", 12), printable(r.Into))
	count("read", r.Read, true)
	count("queued", r.Queued, true)
	count("repeated", r.Repeated, false)
	count("indexed", r.Indexed, true)
	count("unchanged", r.Unchanged, true)
	count("superseded", r.Superseded, false)
	count("deleted", r.Deleted, false)
	count("refused", r.Refused, true)
	count("failed", r.Failed, true)
	count("retrying", r.Retrying, false)
	o.line("%s %.0f", pad("pages/s", 12), r.PerSecond)
	o.line("%s %.2f", pad("seconds", 12), r.Seconds)
	o.reasons(r.Reasons)
	for _, e := range r.Examples {
		o.note("%s", cut(printable(e), 2*o.across))
	}
	for _, f := range r.Files {
		o.note("not read to its end: %s", printable(f))
	}
	if r.Repeated > 0 {
		o.note("repeated: queued by an earlier run over the same file; --again queues them again")
	}
	if r.Retrying > 0 {
		o.note("retrying: pulse serve goes on with them, or the next run of this command")
	}
}

func (o *output) reasons(reasons map[string]int64) {
	var all []string
	for reason := range reasons {
		all = append(all, reason)
	}
	if len(all) == 0 {
		return
	}
	sort.Slice(all, func(i, j int) bool {
		if reasons[all[i]] != reasons[all[j]] {
			return reasons[all[i]] > reasons[all[j]]
		}
		return all[i] < all[j]
	})
	t := table{head: []string{"PAGES", "WHY"}}
	for _, reason := range all {
		t.add(fmt.Sprint(reasons[reason]), reason)
	}
	t.print(o)
}

const (
	drawEvery = 100 * time.Millisecond // on a terminal
	tellEvery = 5 * time.Second        // elsewhere
)

// progress shows how far an import is until done is called: a bar on a terminal,
// plain lines elsewhere.
func (o *output) progress(i *app.Import) (done func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	show, every, end := o.tell(i), tellEvery, func() {}
	if o.live {
		show, end = o.bar(i)
		every = drawEvery
	}
	go func() {
		defer close(stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				end()
				return
			case <-tick.C:
				show()
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

func (o *output) tell(i *app.Import) func() {
	return func() {
		p := i.Progress()
		o.note("ingest: read=%d queued=%d ended=%d pages_per_second=%.0f left=%s", p.Read, p.Queued, p.Ended,
			float64(p.Ended)/p.Elapsed.Seconds(), left(p))
	}
}

// left is the time that the rest will take at the rate so far.
func left(p app.ImportProgress) string {
	if p.Bytes == 0 || p.TotalBytes == 0 {
		return "unknown"
	}
	rest := float64(p.TotalBytes-p.Bytes) / float64(p.Bytes) * float64(p.Elapsed)
	return time.Duration(rest).Round(time.Second).String()
}

func (o *output) bar(i *app.Import) (show, end func()) {
	screen := mpb.New(mpb.WithOutput(o.errors), mpb.WithWidth(40), mpb.WithAutoRefresh())
	bar := screen.AddBar(0, mpb.BarRemoveOnComplete(), mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
		p := i.Progress()
		return fmt.Sprintf(" %d pages, %.0f/s, %s left", p.Ended, float64(p.Ended)/p.Elapsed.Seconds(), left(p))
	})))
	show = func() {
		p := i.Progress()
		bar.SetTotal(p.TotalBytes, false)
		bar.SetCurrent(p.Bytes)
	}
	end = func() {
		bar.Abort(true)
		screen.Wait()
	}
	return show, end
}
