package main

import (
	"context"
	"fmt"

	"pulse/internal/app"
	"pulse/internal/client"
)

// deliveriesCmd is about deliveries.
type deliveriesCmd struct {
	List   deliveriesListCmd   `cmd:"" default:"withargs" help:"List deliveries, newest first (what deliveries does by itself)."`
	Show   deliveriesShowCmd   `cmd:"" help:"Show one delivery and its jobs."`
	Replay deliveriesReplayCmd `cmd:"" help:"Run the jobs of deliveries again, under their old versions."`
}

// deliveryFilter chooses deliveries.
type deliveryFilter struct {
	Source string `help:"As firecrawl, api or file."`
	Result string `enum:",queued,acknowledged,ignored" default:"" help:"queued, acknowledged or ignored."`
	Crawl  string `help:"Id of a crawl."`
	Since  string `help:"Received at or after this time or date."`
}

func (f deliveryFilter) filter() client.DeliveryFilter { return client.DeliveryFilter(f) }

type deliveriesListCmd struct {
	deliveryFilter
	listFlags
}

// Run is pulse deliveries.
func (c *deliveriesListCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(); err != nil {
		return err
	}
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		list, err := conn.Deliveries(ctx, c.filter(), c.page())
		if err != nil {
			return err
		}
		if c.JSON {
			return out.json(list)
		}
		t := table{head: []string{"ID", "RECEIVED", "SOURCE", "EVENT", "RESULT", "JOBS", "BYTES", "CRAWL"}}
		for _, d := range list.Deliveries {
			t.add(d.ID, when(d.ReceivedAt), d.Source, d.EventType, d.Result, fmt.Sprint(d.QueuedJobs), fmt.Sprint(d.Bytes), orDash(d.Crawl))
		}
		t.print(out)
		c.more(out, len(list.Deliveries), list.Total, "deliveries", list.Next)
		return nil
	})
}

type deliveriesShowCmd struct {
	ID   string `arg:"" help:"Id of the delivery."`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run is pulse deliveries show.
func (c *deliveriesShowCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	return withConnection(ctx, cfg, false, func(conn *app.Connection) error {
		d, err := conn.Delivery(ctx, c.ID)
		if err != nil {
			return fmt.Errorf("delivery %s: %w", c.ID, err)
		}
		if c.JSON {
			return out.json(d)
		}
		var f fields
		f.add("delivery", d.ID)
		f.add("received", when(d.ReceivedAt))
		f.add("source", d.Source)
		f.add("event", d.EventType)
		f.add("key", d.Key)
		f.add("result", d.Result)
		f.add("collection", d.Collection)
		f.add("crawl", d.Crawl)
		f.add("bytes", fmt.Sprint(d.Bytes))
		if !d.CanReplay {
			f.add("replay", "no: its body has expired, or it never had one")
		}
		f.print(out)
		out.elements(d)
		return nil
	})
}

// elements prints what became of a delivery's pages.
func (o *output) elements(d *client.Delivery) {
	if len(d.Jobs)+len(d.Refused) == 0 {
		return
	}
	t := table{head: []string{"ELEMENT", "JOB", "STATE", "OUTCOME", "PAGE", "WHY"}}
	for _, j := range d.Jobs {
		t.add(fmt.Sprint(j.Element), j.ID, j.State, orDash(j.Outcome), j.URL, j.Reason+j.Error)
	}
	for _, r := range d.Refused {
		t.add(fmt.Sprint(r.Index), "-", "-", "refused", "-", r.Reason)
	}
	o.line("")
	t.print(o)
}

type deliveriesReplayCmd struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Ids of deliveries; else all that match are meant."`
	deliveryFilter
	againFlags
}

// Run is pulse deliveries replay.
func (c *deliveriesReplayCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if err := c.check(c.IDs, c.deliveryFilter != (deliveryFilter{})); err != nil {
		return err
	}
	return withConnection(ctx, cfg, !c.DryRun, func(conn *app.Connection) error {
		if len(c.IDs) > 0 {
			return c.each(ctx, conn, out, c.IDs, func(id string) (*client.Queued, error) { return conn.Replay(ctx, id, c.Force) })
		}
		f := c.filter()
		if c.All {
			f.Result = "queued" // a filter is needed, and only these have jobs
		}
		q, err := conn.ReplayAll(ctx, f, c.DryRun, c.Force)
		return c.done(ctx, conn, out, q, err)
	})
}
