package main

import (
	"context"
	"fmt"
	"time"

	"pulse/internal/app"
	"pulse/internal/bench"
)

// benchCmd says how much this machine takes.
type benchCmd struct {
	Ingest     benchIngestCmd     `cmd:"" help:"Pages in bulk until they can be found: initialisation, work, share of useful work."`
	Deliveries benchDeliveriesCmd `cmd:"" help:"Signed webhooks: acknowledged a second, and the time until their pages can be found."`
	Growth     benchGrowthCmd     `cmd:"" help:"Whether a page and a start cost more the more pages there are."`
	Search     benchSearchCmd     `cmd:"" help:"Searches over HTTP: idle in each mode, at a rate, and while pages are committed."`
	Embed      benchEmbedCmd      `cmd:"" help:"Embedding endpoints: a grid of batch sizes and concurrency, and the coalescer beside it."`
	Pool       benchPoolCmd       `cmd:"" help:"Parts built for each job against parts built once and shared."`
}

// benchFolder is what all benches share.
type benchFolder struct {
	Dir  string `placeholder:"DIR" help:"Where the temporary data folders are made: the disk that is measured."`
	Seed uint64 `help:"Seed of the synthetic pages; 0 draws one."`
}

type benchIngestCmd struct {
	benchFolder
	Docs       []int `default:"1,10,100,1000" placeholder:"N,…" help:"Numbers of pages, a row each."`
	Deliveries int   `placeholder:"N" help:"Measure this many signed webhooks instead, as bench deliveries does."`
}

// Run is pulse bench ingest.
func (c *benchIngestCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	if c.Deliveries > 0 {
		d := benchDeliveriesCmd{benchFolder: c.benchFolder, Deliveries: c.Deliveries, Connections: 64, Size: 2048}
		return d.Run(ctx, cfg, out)
	}
	return bench.Ingest(ctx, bench.IngestOptions{Start: ownServer(cfg), Docs: c.Docs, TempDir: c.Dir, Seed: seedOr(c.Seed), Screen: out.screen()})
}

type benchDeliveriesCmd struct {
	benchFolder
	Deliveries  int    `default:"50000" placeholder:"N" help:"Deliveries that are sent."`
	Connections int    `default:"64" placeholder:"N" help:"Connections that send them."`
	Size        int    `default:"2048" placeholder:"BYTES" help:"Size of a delivery's body."`
	At          string `placeholder:"URL" help:"A running server instead of one of its own; it keeps the pages. Its secrets: PULSE_API_KEY and PULSE_FIRECRAWL_SECRET."`
}

// Run is pulse bench deliveries.
func (c *benchDeliveriesCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	o := bench.DeliveriesOptions{Start: ownServer(cfg), Deliveries: c.Deliveries, Connections: c.Connections, BodySize: c.Size,
		TempDir: c.Dir, Seed: seedOr(c.Seed), Screen: out.screen()}
	if c.At != "" {
		o.Server = &bench.Server{Base: c.At, Key: cfg.APIKey, Secret: cfg.FirecrawlSecret}
	}
	return bench.Deliveries(ctx, o)
}

type benchGrowthCmd struct {
	benchFolder
	Sizes []int `default:"0,10000,100000" placeholder:"N,…" help:"Numbers of pages that are there, a row each, ascending."`
}

// Run is pulse bench growth.
func (c *benchGrowthCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	return bench.Growth(ctx, bench.GrowthOptions{Start: ownServer(cfg), Sizes: c.Sizes, TempDir: c.Dir, Seed: seedOr(c.Seed), Screen: out.screen()})
}

type benchSearchCmd struct {
	benchFolder
	Chunks int           `default:"100000" placeholder:"N" help:"Chunks that are there before the first search."`
	Rate   int           `default:"200" placeholder:"N" help:"Searches a second, under load."`
	Pages  int           `default:"500" placeholder:"N" help:"Pages a second that are committed meanwhile."`
	Time   time.Duration `default:"10s" placeholder:"TIME" help:"Time of each row."`
	At     string        `placeholder:"URL" help:"A running server instead of one of its own; it keeps the pages. Its key: PULSE_API_KEY."`
}

// Run is pulse bench search.
func (c *benchSearchCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	o := bench.SearchOptions{Start: ownServer(cfg), Chunks: c.Chunks, Rate: c.Rate, Pages: c.Pages, Time: c.Time,
		TempDir: c.Dir, Seed: seedOr(c.Seed), Screen: out.screen()}
	if c.At != "" {
		o.Server = &bench.Server{Base: c.At, Key: cfg.APIKey}
	}
	return bench.Search(ctx, o)
}

type benchEmbedCmd struct {
	Tokens  int           `default:"256" placeholder:"N" help:"Tokens of a text, about."`
	Callers int           `default:"64" placeholder:"N" help:"Callers of one text each, for the coalescer."`
	Time    time.Duration `default:"2s" placeholder:"TIME" help:"Time of each point."`
}

// Run is pulse bench embed.
func (c *benchEmbedCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	endpoints, closeAll, err := cfg.Endpoints()
	if err != nil {
		return err
	}
	defer closeAll()
	for _, e := range endpoints {
		if err := bench.Embed(ctx, bench.EmbedOptions{Endpoint: e, Tokens: c.Tokens, Callers: c.Callers, Time: c.Time, Screen: out.screen()}); err != nil {
			return err
		}
	}
	return nil
}

type benchPoolCmd struct {
	benchFolder
	Jobs int `default:"100" placeholder:"N" help:"Jobs of each kind."`
}

// Run is pulse bench pool.
func (c *benchPoolCmd) Run(ctx context.Context, cfg *app.Config, out *output) error {
	return bench.Pool(ctx, bench.PoolOptions{Start: ownServer(cfg), Jobs: c.Jobs, TempDir: c.Dir, Seed: seedOr(c.Seed), Screen: out.screen()})
}

// ownServer starts a server in this process, with the embedder of the configuration.
func ownServer(of *app.Config) bench.Start {
	return func(ctx context.Context, dir string) (*bench.Server, error) {
		a, cfg, err := startOwn(ctx, dir, "127.0.0.1:0", of.Embedder)
		if err != nil {
			return nil, fmt.Errorf("start a server on %s: %w", dir, err)
		}
		return &bench.Server{Base: a.URL(), Key: cfg.APIKey, Secret: cfg.FirecrawlSecret, Stop: a.Stop, Import: importInto(a)}, nil
	}
}

// importInto reads files as pulse ingest does, in the server's own process.
func importInto(a *app.App) func(ctx context.Context, path string) error {
	return func(ctx context.Context, path string) error {
		i := app.NewImport(app.ImportOptions{Paths: []string{path}})
		if err := i.Into(ctx, a); err != nil {
			return err
		}
		if r := i.Report(); !r.OK() {
			return fmt.Errorf("import %s: %d pages failed, %d wait for another try: %q", path, r.Failed, r.Retrying, r.Files)
		}
		return nil
	}
}

// screen is where a report goes.
func (o *output) screen() *bench.Screen {
	return &bench.Screen{W: o, Width: o.across, Live: terminal(o.Writer), Color: o.colour}
}
