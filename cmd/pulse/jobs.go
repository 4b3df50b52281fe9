package main

import (
	"context"
	"errors"
	"fmt"

	"pulse/internal/app"
	"pulse/internal/client"
)

// jobsCmd is about jobs.
type jobsCmd struct {
	List  jobsListCmd  `cmd:"" default:"withargs" help:"List jobs, newest first (what jobs does by itself)."`
	Show  jobsShowCmd  `cmd:"" help:"Show one job."`
	Retry jobsRetryCmd `cmd:"" help:"Run jobs again, under their old versions."`
}

// jobFilter chooses jobs.
type jobFilter struct {
	State      string `enum:",available,leased,done,dead" default:"" help:"available, leased, done or dead."`
	Outcome    string `help:"As indexed, unchanged, refused or failed."`
	Source     string `help:"As firecrawl, api or file."`
	Crawl      string `help:"Id of a crawl."`
	Collection string `help:"Name of a collection."`
	URL        string `name:"url" help:"Address of a page."`
	Delivery   string `help:"Id of a delivery."`
	Since      string `help:"Accepted at or after this time or date."`
}

func (f jobFilter) filter() client.JobFilter { return client.JobFilter(f) }

// listFlags are those of every list.
type listFlags struct {
	Limit int    `default:"50" help:"Lines, at most 1000."`
	After string `help:"What a former list said comes next."`
	JSON  bool   `name:"json" help:"As JSON."`
}

// maxLines is the server's bound of a list's limit.
const maxLines = 1000

func (l listFlags) check() error {
	if l.Limit < 1 || l.Limit > maxLines {
		return usage(fmt.Sprintf("--limit must be 1 to %d, not %d", maxLines, l.Limit))
	}
	return nil
}

func (l listFlags) page() client.Page { return client.Page{Limit: l.Limit, After: l.After} }

// more tells how to see the rest of a list.
func (l listFlags) more(out *output, shown int, total int64, what, next string) {
	out.line("%s", out.paint(dim, fmt.Sprintf("%d of %d %s", shown, total, what)))
	if next != "" {
		out.note("the rest: --after %s", printable(next))
	}
}

type jobsListCmd struct {
	jobFilter
	listFlags
}

// Run is pulse jobs.
func (c *jobsListCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(); err != nil {
		return err
	}
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		list, err := conn.Jobs(ctx, c.filter(), c.page())
		if err != nil {
			return err
		}
		if c.JSON {
			return out.json(list)
		}
		t := table{head: []string{"ID", "STATE", "OUTCOME", "TRIES", "ACCEPTED", "PAGE", "WHY"}}
		for _, j := range list.Jobs {
			why := j.Reason
			if j.Error != "" {
				why = j.Error
			}
			t.add(j.ID, j.State, orDash(j.Outcome), fmt.Sprint(j.Attempt), when(j.AcceptedAt), j.URL, why)
		}
		t.print(out)
		c.more(out, len(list.Jobs), list.Total, "jobs", list.Next)
		return nil
	})
}

type jobsShowCmd struct {
	ID   string `arg:"" help:"Id of the job."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run is pulse jobs show.
func (c *jobsShowCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		j, err := conn.Job(ctx, c.ID)
		if err != nil {
			return fmt.Errorf("job %s: %w", c.ID, err)
		}
		if c.JSON {
			return out.json(j)
		}
		jobFields(j).print(out)
		return nil
	})
}

func jobFields(j *client.Job) fields {
	var f fields
	f.add("job", j.ID)
	f.add("page", j.URL)
	f.add("key", j.Key)
	f.add("kind", j.Kind)
	f.add("state", j.State)
	f.add("outcome", j.Outcome)
	f.add("reason", j.Reason)
	f.add("error", j.Error)
	f.add("delivery", fmt.Sprintf("%s, element %d, of %s", j.Delivery, j.Element, j.Source))
	f.add("crawl", j.Crawl)
	f.add("collection", j.Collection)
	f.add("priority", j.Priority)
	f.add("version", fmt.Sprint(j.Version))
	f.add("tries", fmt.Sprint(j.Attempt))
	if j.Deaths > 0 {
		f.add("deaths", fmt.Sprint(j.Deaths))
	}
	f.add("accepted", when(j.AcceptedAt))
	if j.RunAt != nil {
		f.add("runs at", when(j.RunAt))
	}
	f.add("ended", when(j.EndedAt))
	if s := j.Stages; s != nil {
		f.add("time", fmt.Sprintf("waited %.1f ms, clean %.1f, chunk %.1f, embed %.1f, commit %.1f", s.Wait, s.Clean, s.Chunk, s.Embed, s.Commit))
	}
	return f
}

type jobsRetryCmd struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Ids of jobs; else all that match are meant: dead ones, where no state is given."`
	jobFilter
	againFlags
}

// againFlags are those of retry and replay.
type againFlags struct {
	All    bool `help:"All, where no filter is given."`
	DryRun bool `help:"Only count."`
	Force  bool `help:"Under new versions: may turn pages back."`
	JSON   bool `name:"json" help:"As JSON."`
}

// Run is pulse jobs retry.
func (c *jobsRetryCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(c.IDs, c.jobFilter != (jobFilter{})); err != nil {
		return err
	}
	return withConnection(ctx, cfg, !c.DryRun, func(conn *app.Connection) error {
		if len(c.IDs) == 0 {
			q, err := conn.RetryAll(ctx, c.filter(), c.DryRun, c.Force)
			return c.done(ctx, conn, out, q, err)
		}
		return c.each(ctx, conn, out, c.IDs, func(id string) (*client.Queued, error) { return conn.Retry(ctx, id, c.Force) })
	})
}

// check wants ids or a filter, and not both.
func (c *againFlags) check(ids []string, filtered bool) error {
	switch {
	case len(ids) > 0 && (filtered || c.All):
		return usage("give ids or a filter, not both")
	case len(ids) > 0 && c.DryRun:
		return usage("--dry-run counts what a filter matches: leave the ids out")
	case len(ids) == 0 && !filtered && !c.All:
		return usage("give ids, a filter (as --crawl ID), or --all; --dry-run only counts")
	}
	return nil
}

func usage(text string) error { return app.Usage(errors.New(text)) }

// each puts single ones back and adds up the answers.
func (c *againFlags) each(ctx context.Context, conn *app.Connection, out *output, ids []string, one func(id string) (*client.Queued, error)) error {
	sum := &client.Queued{Status: "queued"}
	for _, id := range ids {
		q, err := one(id)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		sum.Matched++
		sum.QueuedJobs += q.QueuedJobs
		sum.Skipped += q.Skipped
		sum.JobIDs = append(sum.JobIDs, q.JobIDs...)
	}
	return c.done(ctx, conn, out, sum, nil)
}

// done tells what was queued and, without a server, does it.
func (c *againFlags) done(ctx context.Context, conn *app.Connection, out *output, q *client.Queued, err error) error {
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
		out.line("%d match", q.Matched)
	default:
		out.line("%d matched, %d jobs %s, %d skipped", q.Matched, q.QueuedJobs, queuedOrDone(conn), q.Skipped)
	}
	return nil
}

func queuedOrDone(conn *app.Connection) string {
	if conn.Own() {
		return "run"
	}
	return "queued"
}
