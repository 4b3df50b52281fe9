package main

import (
	"context"
	"fmt"
	"strings"

	"pulse/internal/app"
	"pulse/internal/client"
)

// crawlsCmd is about crawls.
type crawlsCmd struct {
	List crawlsListCmd `cmd:"" default:"withargs" help:"List crawls, newest first (what crawls does by itself)."`
	Show crawlsShowCmd `cmd:"" help:"Show one crawl."`
}

type crawlsListCmd struct {
	Source string `help:"As firecrawl."`
	State  string `enum:",running,completed,failed,cancelled" default:"" help:"running, completed, failed or cancelled."`
	Since  string `help:"Started at or after this time or date."`
	listFlags
}

// Run is pulse crawls.
func (c *crawlsListCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(); err != nil {
		return err
	}
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		list, err := conn.Crawls(ctx, client.CrawlFilter{Source: c.Source, State: c.State, Since: c.Since}, c.page())
		if err != nil {
			return err
		}
		if c.JSON {
			return out.json(list)
		}
		t := table{head: []string{"ID", "ORIGIN", "STATE", "PAGES", "INDEXED", "UNCHANGED", "REFUSED", "FAILED"}}
		for _, w := range list.Crawls {
			p := w.Pages
			_, host, _ := strings.Cut(w.Origin, "://")
			t.add(w.ID, host, w.State, fmt.Sprint(p.Received), fmt.Sprint(p.Indexed), fmt.Sprint(p.Unchanged), fmt.Sprint(p.Refused), fmt.Sprint(p.Failed))
		}
		t.print(out)
		c.more(out, len(list.Crawls), list.Total, "crawls", list.Next)
		return nil
	})
}

type crawlsShowCmd struct {
	ID   string `arg:"" help:"Id of the crawl."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run is pulse crawls show.
func (c *crawlsShowCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		w, err := conn.Crawl(ctx, c.ID)
		if err != nil {
			return fmt.Errorf("crawl %s: %w", c.ID, err)
		}
		if c.JSON {
			return out.json(w)
		}
		p := w.Pages
		var f fields
		f.add("crawl", w.ID)
		f.add("source", w.Source)
		f.add("origin", w.Origin)
		f.add("state", w.State)
		f.add("started", when(w.StartedAt))
		f.add("last seen", when(w.LastSeenAt))
		f.add("ended", when(w.EndedAt))
		f.add("pages", fmt.Sprintf("%d received, %d indexed, %d unchanged, %d refused, %d failed, %d missing", p.Received, p.Indexed, p.Unchanged, p.Refused, p.Failed, p.Missing))
		f.print(out)
		return nil
	})
}
