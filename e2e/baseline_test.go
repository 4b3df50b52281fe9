package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pulse"
	"pulse/internal/app"
	"pulse/internal/bench"
	"pulse/internal/bench/sample"
	"pulse/internal/chunk"
	"pulse/internal/clean"
	"pulse/internal/client"
	"pulse/internal/source/firecrawl"
	"pulse/internal/store"
)

var update = flag.Bool("update", false, "write testdata/baseline.tsv anew")

const baselineFile = "testdata/baseline.tsv"

// baseline holds what a page may cost, wherever it runs.
type baseline struct {
	t     *testing.T
	kept  map[string]float64
	names []string
	got   map[string]float64
}

// TestBaseline compares what does not depend on the machine, allocations, fsyncs,
// statements and requests a page, with a kept file. A tenth more fails; after a
// change that is meant, `go test ./e2e -run TestBaseline -update` keeps the new figures.
func TestBaseline(t *testing.T) {
	if raceDetector {
		t.Skip("skipped: allocations are counted without -race")
	}
	b := &baseline{t: t, kept: readBaseline(t), got: map[string]float64{}}
	b.stages()
	b.acceptance()
	b.pages()
	b.requests()
	if *update {
		b.write()
		return
	}
	for _, name := range b.names {
		kept, known := b.kept[name]
		switch got := b.got[name]; {
		case !known:
			t.Errorf("%s is not in %s", name, baselineFile)
		case got > kept*1.1+0.01:
			t.Errorf("%s: %s, kept were %s", name, number(got), number(kept))
		case got < kept*0.7:
			t.Logf("%s: %s, kept were %s: better; keep it by -update", name, number(got), number(kept))
		}
	}
}

func readBaseline(t *testing.T) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(baselineFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	kept := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if kept[name], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatal(err)
		}
	}
	return kept
}

func (b *baseline) write() {
	var text bytes.Buffer
	text.WriteString("# What one page costs at most, wherever it runs (make bench-check). Pages have 2 KB of markdown.\n")
	for _, name := range b.names {
		fmt.Fprintf(&text, "%s\t%s\n", name, number(b.got[name]))
	}
	if err := os.MkdirAll(filepath.Dir(baselineFile), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(baselineFile, text.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *baseline) note(name string, value float64) {
	b.t.Logf("%s: %s", name, number(value))
	b.names = append(b.names, name)
	b.got[name] = value
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// must is a value without its error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func delivered(number int) bench.Delivery {
	return bench.NewSender(secret, uint64(number)).Page(bench.NewWriter(1).Page(number, 2048))
}

// stages counts allocations of the pure stages.
func (b *baseline) stages() {
	d := delivered(1)
	now := time.Now()
	decoded := must(firecrawl.Decode(d.Body, now))
	change := must(firecrawl.Change(decoded.Elements[0].Body))
	page := must(clean.Clean(change))
	chunker := chunk.New(must(app.Tokenizer("")), chunk.Options{})
	allocs := func(name string, f func()) { b.note("allocations/"+name, testing.AllocsPerRun(200, f)) }
	allocs("verify", func() { must(0, firecrawl.Verify(secret, d.Signature, d.Body)) })
	allocs("decode", func() { must(firecrawl.Decode(d.Body, now)) })
	allocs("change", func() { must(firecrawl.Change(decoded.Elements[0].Body)) })
	allocs("clean", func() { must(clean.Clean(change)) })
	allocs("chunk", func() { must(chunker.Split(context.Background(), page.Title, page.Text)) })
}

// acceptance counts what the store does to keep deliveries.
func (b *baseline) acceptance() {
	var groups, statements atomic.Int64
	s, err := store.Open(context.Background(), store.Options{Dir: b.t.TempDir(), OnGroup: func(g store.GroupStats) {
		groups.Add(1)
		statements.Add(int64(g.Statements))
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	measure := func(name string, n int, make func(i int) *pulse.Delivery) {
		all := []*pulse.Delivery{}
		for i := range n {
			all = append(all, make(i))
		}
		elements := 0
		groups.Store(0)
		statements.Store(0)
		for _, d := range all {
			elements += len(d.Elements)
			must(s.Accept(context.Background(), d))
		}
		b.note("fsyncs/"+name, float64(groups.Load())/float64(elements))
		b.note("statements/"+name, float64(statements.Load())/float64(elements))
	}
	measure("accept-one", 50, func(i int) *pulse.Delivery {
		return must(firecrawl.Decode(delivered(100+i).Body, time.Now()))
	})
	measure("accept-hundred", 5, func(i int) *pulse.Delivery {
		d := &pulse.Delivery{Source: "file", EventType: "ingest", Result: pulse.ResultQueued, Priority: pulse.PriorityBulk}
		for j := range 100 {
			e := must(firecrawl.Decode(delivered(1000+100*i+j).Body, time.Now())).Elements[0]
			e.Index = j
			d.Elements = append(d.Elements, e)
		}
		return d
	})
}

// own starts a server in this process.
func (b *baseline) own() *app.App {
	cfg := app.DefaultConfig()
	cfg.Data, cfg.Listen, cfg.MinFree = b.t.TempDir(), "127.0.0.1:0", 1<<20
	cfg.APIKey, cfg.FirecrawlSecret = apiKey, secret
	cfg.Log = app.NewLog(b.t.Output(), "text", app.DefaultConfig().LogLevel.Level+8)
	a, err := app.Start(context.Background(), cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := a.Ready(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	return a
}

// pages counts what a page costs from its webhook until it can be found, one by one
// on an idle server, and what a search of the sample crawl allocates.
func (b *baseline) pages() {
	a := b.own()
	defer a.Stop()
	c := must(client.New(a.URL(), client.Options{Key: apiKey}))
	defer c.Close()
	one := func(n int) {
		l := bench.Load{Base: a.URL()}
		must(l.Run(context.Background(), []bench.Delivery{delivered(n)}))
		must(bench.WaitSettled(context.Background(), c, time.Millisecond, nil))
	}
	one(0) // what is done only once is done
	const pages = 100
	groups, statements := b.metric(a, "pulse_commit_group_size_count"), b.metric(a, "pulse_commit_group_statements_total")
	for n := range pages {
		one(1 + n)
	}
	b.note("fsyncs/page", (b.metric(a, "pulse_commit_group_size_count")-groups)/pages)
	b.note("statements/page", (b.metric(a, "pulse_commit_group_statements_total")-statements)/pages)

	var crawl []bench.Delivery
	sender := bench.NewSender(secret, 1)
	for _, p := range must(sample.Pages()) {
		crawl = append(crawl, sender.Page(bench.Page(p)))
	}
	l := bench.Load{Base: a.URL(), Connections: 4}
	must(l.Run(context.Background(), crawl))
	must(bench.WaitSettled(context.Background(), c, time.Millisecond, nil))
	query := pulse.Query{Text: "drain a node", Mode: pulse.ModeKeyword}
	b.note("allocations/search", testing.AllocsPerRun(50, func() {
		must(a.Services().Searcher.Search(context.Background(), query))
	}))
}

// metric reads one number of /metrics.
func (b *baseline) metric(a *app.App, name string) float64 {
	b.t.Helper()
	resp := must(http.Get(a.URL() + "/metrics"))
	defer resp.Body.Close()
	var body bytes.Buffer
	must(body.ReadFrom(resp.Body))
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(body.String())
	if m == nil {
		b.t.Fatalf("/metrics has no %s", name)
	}
	return must(strconv.ParseFloat(m[1], 64))
}

// requests counts the writing requests of an import into a running server.
func (b *baseline) requests() {
	a := b.own()
	defer a.Stop()
	proxy := httputil.NewSingleHostReverseProxy(must(url.Parse(a.URL())))
	var writes atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			writes.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	const pages = 1000
	var lines bytes.Buffer
	writer := bench.NewWriter(1)
	for n := range pages {
		p := writer.Page(n, 2048)
		fmt.Fprintf(&lines, "{\"url\":%q,\"title\":%q,\"markdown\":%q}\n", p.URL, p.Title, p.Markdown)
	}
	path := filepath.Join(b.t.TempDir(), "pages.jsonl")
	must(0, os.WriteFile(path, lines.Bytes(), 0o600))
	c := must(client.New(front.URL, client.Options{Key: apiKey}))
	defer c.Close()
	i := app.NewImport(app.ImportOptions{Paths: []string{path}})
	must(0, i.To(context.Background(), c))
	if r := i.Report(); r.Indexed != pages {
		b.t.Fatalf("imported %+v", r)
	}
	b.note("requests/imported-page", float64(writes.Load())/pages)
}
