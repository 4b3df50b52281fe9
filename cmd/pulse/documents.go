package main

import (
	"context"
	"encoding/json"
	"fmt"

	"pulse/internal/app"
	"pulse/internal/client"
)

// documentsCmd is about documents.
type documentsCmd struct {
	List   documentsListCmd   `cmd:"" default:"withargs" help:"List documents, newest commit first (what documents does by itself)."`
	Show   documentsShowCmd   `cmd:"" help:"Show one document and its history."`
	Delete documentsDeleteCmd `cmd:"" help:"Delete one document, or those of a domain or crawl."`
}

type documentsListCmd struct {
	Collection string `help:"Name of a collection."`
	Domain     string `help:"A host and those below it."`
	Crawl      string `help:"Id of a crawl."`
	State      string `enum:",live,gone" default:"" help:"live or gone."`
	listFlags
}

// Run is pulse documents.
func (c *documentsListCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(); err != nil {
		return err
	}
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		list, err := conn.Documents(ctx, client.DocumentFilter{Collection: c.Collection, Domain: c.Domain, Crawl: c.Crawl, State: c.State}, c.page())
		if err != nil {
			return err
		}
		if c.JSON {
			return out.json(list)
		}
		t := table{head: []string{"COMMITTED", "STATE", "VERSION", "TITLE", "PAGE"}}
		for _, d := range list.Documents {
			t.add(when(d.CommittedAt), d.State, fmt.Sprint(d.Version), orDash(d.Title), d.URL)
		}
		t.print(out)
		c.more(out, len(list.Documents), list.Total, "documents", list.Next)
		return nil
	})
}

type documentsShowCmd struct {
	URL        string `arg:"" name:"url" help:"Address of the page."`
	Collection string `help:"Name of a collection."`
	JSON       bool   `name:"json" help:"As JSON, with its text and chunks."`
}

// Run is pulse documents show.
func (c *documentsShowCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		d, err := conn.Document(ctx, c.Collection, c.URL)
		if err != nil && (d == nil || len(d.History) == 0) {
			return err
		}
		if c.JSON {
			if printErr := out.json(d); printErr != nil {
				return printErr
			}
			return err
		}
		if err == nil {
			if err := out.document(d); err != nil {
				return err
			}
			out.line("")
		}
		out.history(d.History)
		return err
	})
}

func (o *output) document(a *client.DocumentAnswer) error {
	d := a.Document
	meta := ""
	if len(d.Metadata) > 0 {
		raw, err := json.Marshal(d.Metadata)
		if err != nil {
			return fmt.Errorf("encode metadata: %w", err)
		}
		meta = string(raw)
	}
	var f fields
	f.add("page", d.URL)
	f.add("key", d.Key)
	f.add("state", d.State)
	f.add("title", d.Title)
	f.add("description", d.Description)
	f.add("language", d.Language)
	f.add("collection", d.Collection)
	f.add("metadata", meta)
	f.add("version", fmt.Sprintf("%d, of delivery %s by %s", d.Version, d.Delivery, d.Source))
	f.add("received", when(d.ReceivedAt))
	f.add("committed", when(d.CommittedAt))
	f.add("searchable", when(d.SearchableAt))
	if d.State == "live" {
		f.add("text", fmt.Sprintf("%d bytes in %d chunks", len(d.Text), len(a.Chunks)))
	}
	f.print(o)
	return nil
}

func (o *output) history(entries []client.History) {
	t := table{head: []string{"AT", "VERSION", "SOURCE", "DELIVERY", "JOB", "OUTCOME", "WHY"}}
	for _, h := range entries {
		t.add(when(h.At), fmt.Sprint(h.Version), h.Source, h.Delivery, orDash(h.Job), h.Outcome, h.Reason)
	}
	t.print(o)
}

type documentsDeleteCmd struct {
	URL        string `arg:"" optional:"" name:"url" help:"Address of the page."`
	Domain     string `help:"Delete the documents of this host and of those below it."`
	Crawl      string `help:"Delete the documents that this crawl brought."`
	Collection string `help:"Name of a collection."`
	DryRun     bool   `help:"Only count."`
	JSON       bool   `name:"json" help:"As JSON."`
}

// Run is pulse documents delete.
func (c *documentsDeleteCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	given := 0
	for _, s := range []string{c.URL, c.Domain, c.Crawl} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return usage("give one of: the address of a page, --domain, --crawl")
	}
	return withConnection(ctx, cfg, !c.DryRun, func(conn *app.Connection) error {
		q, err := conn.Delete(ctx, client.Target{Collection: c.Collection, URL: c.URL, Domain: c.Domain, Crawl: c.Crawl}, c.DryRun)
		if err != nil {
			return err
		}
		if !c.DryRun {
			if err := conn.Settle(ctx); err != nil {
				return err
			}
		}
		switch {
		case c.JSON:
			return out.json(q)
		case c.DryRun:
			out.line("%d documents match", q.Documents)
		default:
			out.line("%d jobs %s", q.QueuedJobs, queuedOrDone(conn))
		}
		return nil
	})
}
