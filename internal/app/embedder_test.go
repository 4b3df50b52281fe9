package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
	"pulse/internal/store"
)

// near is a server whose vectors of texts with common words are near each other.
func near(t *testing.T, model string, dim int) *embedtest.TEI {
	h := embedtest.Hashing{Dim: dim}
	return &embedtest.TEI{Model: model, AutoTruncate: true, APIKey: "the key of the endpoint", Embed: func(text string) pulse.Vector {
		v, err := h.Embed(context.Background(), embed.Request{Texts: []string{model + " " + text}})
		if err != nil {
			t.Error(err)
			return nil
		}
		return v[0]
	}}
}

// unlike is a server that knows a text by the word with a number in it, and whose vectors
// say nothing beside those of another model's.
func unlike(t *testing.T, model string) *embedtest.TEI {
	s := near(t, model, 64)
	word := regexp.MustCompile(`word\d+`)
	s.Embed = func(text string) pulse.Vector { return embedtest.Fingerprint(model+word.FindString(text), 64) }
	return s
}

func withTEI(url string) func(*Config) {
	return func(c *Config) { c.Embedder, c.EmbedderAPIKey = "tei+"+url, "the key of the endpoint" }
}

// vectorHits are the pages that a query finds by vector.
func vectorHits(t *testing.T, a *App, query string) (urls []string, degraded []string) {
	t.Helper()
	answer, err := clientOf(t, a).Search(context.Background(), client.Query{Query: query, Mode: "vector"})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range answer.Hits {
		urls = append(urls, h.URL)
	}
	return urls, answer.Degraded
}

// untilNoVectorsPend waits until all pages are searchable by vector.
func untilNoVectorsPend(t *testing.T, a *App) {
	t.Helper()
	began := time.Now()
	for {
		s, err := clientOf(t, a).Stats(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if s.VectorsPending == 0 && s.Jobs.Available == 0 && s.Jobs.Leased == 0 && s.Index.Behind == 0 {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("still pending: %+v", s)
		}
		pause(t.Context(), 20*time.Millisecond)
	}
}

func TestEmbedderFromPutToHit(t *testing.T) {
	s := near(t, "near-1", 64)
	logs := new(logBuffer)
	a := startApp(t, withTEI(s.Start()), func(c *Config) { c.Log = NewLog(logs, "text", slog.LevelInfo) })
	defer s.Close()
	putPages(t, a, 20)
	untilNoVectorsPend(t, a)
	if hits, degraded := vectorHits(t, a, "Page 7 speaks of word7"); len(degraded) > 0 || len(hits) == 0 || hits[0] != "https://example.com/7" {
		t.Errorf("hits %v, degraded %v", hits, degraded)
	}
	stats, err := clientOf(t, a).Stats(t.Context())
	if err != nil || stats.Embedder.Model != "near-1" || stats.Embedder.Dimension != 64 || stats.Embedder.State != "ready" {
		t.Errorf("stats %+v, %v", stats.Embedder, err)
	}
	shown := get(t, a.URL()+"/metrics")
	for _, want := range []string{"pulse_embed_texts_total", "pulse_embed_batch_fill_ratio", `pulse_embed_endpoint_state{endpoint="tei+`, `pulse_outgoing_connections{peer="127.0.0.1:`} {
		if !strings.Contains(shown, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if strings.Contains(shown+logs.String(), "the key of the endpoint") {
		t.Error("the endpoint's key is shown")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(b)
}

// TestEmbedderAbsentFromTheStart knows nothing of its model, and keeps every page all the
// same; the layout learns the model when the endpoint comes.
func TestEmbedderAbsentFromTheStart(t *testing.T) {
	s := near(t, "near-1", 64)
	proxy := newSwitchboard(t, s.Start())
	defer s.Close()
	a := startApp(t, withTEI(proxy.url))
	putPages(t, a, 30)
	if n := hitsOf(t, a, "word7"); n != 1 {
		t.Errorf("%d hits by keyword", n)
	}
	if _, degraded := vectorHits(t, a, "word7"); len(degraded) != 1 || !strings.Contains(degraded[0], "no embedding endpoint answers") {
		t.Errorf("degraded %v", degraded)
	}
	proxy.open()
	untilNoVectorsPend(t, a)
	if hits, _ := vectorHits(t, a, "Page 7 speaks of word7"); len(hits) == 0 || hits[0] != "https://example.com/7" {
		t.Errorf("hits %v", hits)
	}
	if _, spec, err := a.Services().Store.ActiveLayout(t.Context(), pulse.DefaultCollection); err != nil || spec.Model != "near-1" || spec.Dimension != 64 {
		t.Errorf("layout %+v, %v", spec, err)
	}
}

// switchboard lets connections through to a server once it is open.
type switchboard struct {
	url  string
	gate chan struct{}
}

func newSwitchboard(t *testing.T, to string) *switchboard {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &switchboard{url: "http://" + l.Addr().String(), gate: make(chan struct{})}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case <-b.gate:
			default:
				from.Close()
				continue
			}
			there, err := net.Dial("tcp", strings.TrimPrefix(to, "http://"))
			if err != nil {
				from.Close()
				continue
			}
			go func() { _, _ = io.Copy(there, from); there.Close() }()
			go func() { _, _ = io.Copy(from, there); from.Close() }()
		}
	}()
	return b
}

func (b *switchboard) open() { close(b.gate) }

// reembedded begins a change and waits for its end.
func reembedded(t *testing.T, a *App, change client.ReembedChange) *client.ReembedStatus {
	t.Helper()
	c := clientOf(t, a)
	if _, err := c.Reembed(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	for {
		s, err := c.ReembedStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.State != "running" {
			return s
		}
		pause(t.Context(), 10*time.Millisecond)
	}
}

// TestReembed changes the model and the chunks of a running server, page by page beside
// new ones, and starts again with what it has become.
func TestReembed(t *testing.T) {
	first, second := near(t, "near-1", 64), near(t, "near-2", 96)
	one, two := first.Start(), second.Start()
	defer first.Close()
	defer second.Close()
	cfg := testConfig(t, withTEI(one))
	start := func(change ...func(*Config)) (*App, error) {
		again := *cfg
		for _, f := range change {
			f(&again)
		}
		a, err := Start(t.Context(), &again)
		if err == nil {
			err = a.Ready(t.Context())
		}
		return a, err
	}
	a, err := start()
	if err != nil {
		t.Fatal(err)
	}
	putPages(t, a, 50)
	untilNoVectorsPend(t, a)

	before := first.Requests("/embed")
	chunks := 64
	if s := reembedded(t, a, client.ReembedChange{MaxChunkTokens: &chunks}); s.State != "done" || s.Filled != 50 {
		t.Fatalf("change of chunks: %+v", s)
	}
	if n := first.Requests("/embed") - before; n > 3 {
		t.Errorf("chunks that say what they said were embedded in %d requests", n)
	}
	if shown := get(t, a.URL()+"/metrics"); !strings.Contains(shown, `pulse_embed_reused_total{from="page"} 50`) {
		t.Error("no metric says that their vectors were kept")
	}

	to := "tei+" + two
	stop := make(chan struct{})
	added := make(chan int)
	go func() {
		n := 50
		for ; ; n++ {
			select {
			case <-stop:
				added <- n
				return
			default:
			}
			if _, err := clientOf(t, a).Put(context.Background(), []client.Put{page(n)}, client.PutOptions{Wait: time.Minute}); err != nil {
				t.Error(err)
			}
		}
	}()
	if s := reembedded(t, a, client.ReembedChange{Embedder: &to}); s.State != "done" || s.Filled < 50 {
		t.Fatalf("change of model: %+v", s)
	}
	close(stop)
	pages := <-added
	untilNoVectorsPend(t, a)
	for _, i := range []int{7, pages - 1} { // words of a hashed vector may fall together
		if hits, degraded := vectorHits(t, a, fmt.Sprintf("Page %d speaks of word%d", i, i)); len(degraded) > 0 || !slices.Contains(hits[:min(3, len(hits))], fmt.Sprintf("https://example.com/%d", i)) {
			t.Errorf("page %d of %d: hits %v, degraded %v", i, pages, hits, degraded)
		}
	}
	if size := a.Services().Index.Size(); size.Documents != pages || size.Vectors != size.Chunks {
		t.Errorf("the index holds %+v of %d pages", size, pages)
	}
	if _, err := clientOf(t, a).Reembed(t.Context(), client.ReembedChange{Embedder: &to}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}

	var usage *UsageError
	if _, err := start(); !errors.As(err, &usage) || !strings.Contains(err.Error(), "pulse reembed") || !strings.Contains(err.Error(), "--max-chunk-tokens was 64 and is 256 now") {
		t.Errorf("a start with the old settings: %v", err)
	}
	if a, err = start(withTEI(two), func(c *Config) { c.MaxChunkTokens = 64 }); err != nil {
		t.Fatal(err)
	}
	if hits, _ := vectorHits(t, a, "Page 7 speaks of word7"); len(hits) == 0 || hits[0] != "https://example.com/7" {
		t.Errorf("after a restart: hits %v", hits)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
}

// TestQueriesWhileTheModelChanges asks without a pause while the model changes to another of
// the same dimension: no query's vector is compared with those of the other model.
func TestQueriesWhileTheModelChanges(t *testing.T) {
	const pages, switches = 60, 4
	one, two := unlike(t, "near-1"), unlike(t, "near-2")
	one.PerText, two.PerText = 5*time.Millisecond, 5*time.Millisecond // so that a query is always on its way
	urls := []string{one.Start(), two.Start()}
	defer one.Close()
	defer two.Close()
	a := startApp(t, withTEI(urls[0]), func(c *Config) { c.QueryEmbedTimeout = time.Minute })
	putPages(t, a, pages)
	untilNoVectorsPend(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var asked atomic.Int64
	for w := range 3 {
		c := clientOf(t, a)
		asking.Go(func() {
			for i := w; ctx.Err() == nil; i++ {
				text := fmt.Sprintf("Page %d speaks of word%d, question %d", i%pages, i%pages, i) // none is asked twice
				answer, err := c.Search(ctx, client.Query{Query: text, Mode: "vector"})
				if ctx.Err() != nil {
					return
				}
				if err != nil || len(answer.Degraded) > 0 || len(answer.Hits) == 0 || answer.Hits[0].URL != fmt.Sprintf("https://example.com/%d", i%pages) {
					t.Errorf("%q: %+v, %v", text, answer, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range switches {
		to := "tei+" + urls[(i+1)%2]
		if s := reembedded(t, a, client.ReembedChange{Embedder: &to}); s.State != "done" {
			t.Errorf("switch %d: %+v", i, s)
		}
	}
	cancel()
	asking.Wait()
	t.Logf("%d queries over %d switches", asked.Load(), switches)
}

// TestStrangerIsSetAside starts with an endpoint that serves another model under the same
// dimension, and uses no vector of it.
func TestStrangerIsSetAside(t *testing.T) {
	first, other := near(t, "near-1", 64), near(t, "other", 64)
	cfg := testConfig(t, withTEI(first.Start()))
	defer first.Close()
	a, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	putPages(t, a, 5)
	untilNoVectorsPend(t, a)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	other.Change(func(s *embedtest.TEI) { s.Model = "near-1" }) // the name of the one, the vectors of another
	again := *cfg
	logs := new(logBuffer)
	withTEI(other.Start())(&again)
	defer other.Close()
	again.Log = NewLog(logs, "text", slog.LevelInfo)
	if a, err = Start(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	if err := a.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	putPages(t, a, 10)
	stats, err := clientOf(t, a).Stats(t.Context())
	if err != nil || stats.VectorsPending != 5 || !strings.Contains(stats.Embedder.State, "stranger") {
		t.Errorf("stats %+v, %v", stats, err)
	}
	if n := strings.Count(logs.String(), "set aside"); n != 1 {
		t.Errorf("said %d times: %s", n, logs)
	}
	if !strings.Contains(get(t, a.URL()+"/metrics"), `state="stranger"} 1`) {
		t.Error("no metric says so")
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorEmbeds(t *testing.T) {
	s := near(t, "near-1", 64)
	url := s.Start()
	defer s.Close()
	f := func(level, found string, change ...func(*Config)) {
		t.Helper()
		for _, finding := range Doctor(t.Context(), testConfig(t, change...)) {
			if finding.Name == "embedder" {
				if finding.Level != level || !strings.Contains(finding.Found, found) {
					t.Errorf("found %+v", finding)
				}
				return
			}
		}
		t.Error("nothing is said of the embedder")
	}
	f(LevelOK, "near-1, 64 numbers", withTEI(url))
	f(LevelFail, "401", withTEI(url), func(c *Config) { c.EmbedderAPIKey = "wrong" })
	f(LevelFail, "connection refused", withTEI("http://127.0.0.1:1"))
	s.Change(func(s *embedtest.TEI) { s.MaxTokens = 128 })
	if all := Doctor(t.Context(), testConfig(t, withTEI(url))); !slices.ContainsFunc(all, func(f Finding) bool {
		return f.Name == "chunks" && f.Level == LevelFail && f.Next == "--max-chunk-tokens 128"
	}) {
		t.Errorf("chunks that are too long for the model are not found: %+v", all)
	}
}

// TestEmbedderSlow crawls faster than the endpoint embeds: pages are found by keyword
// while most of their vectors are still to come, and by vector in the end.
func TestEmbedderSlow(t *testing.T) {
	const pages = 400
	s := near(t, "near-1", 64)
	s.PerText = 50 * time.Millisecond // twenty seconds for all
	a := startApp(t, withTEI(s.Start()), func(c *Config) { c.VectorsWait = time.Second })
	defer s.Close()
	untilUp(t, a)
	for i := 0; i < pages; i += 50 {
		batch := make([]client.Put, 50)
		for j := range batch {
			batch[j] = page(i + j)
		}
		if _, err := clientOf(t, a).Put(t.Context(), batch, client.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for a.Services().Index.Size().Documents < pages {
		pause(t.Context(), 10*time.Millisecond)
	}
	if n := hitsOf(t, a, fmt.Sprintf("word%d", pages-1)); n != 1 {
		t.Errorf("the last page has %d hits by keyword", n)
	}
	stats, err := clientOf(t, a).Stats(t.Context())
	if err != nil || stats.VectorsPending < pages/2 {
		t.Errorf("all pages are found when %d of %d vectors are pending: keyword search waited for them (%v)", stats.VectorsPending, pages, err)
	}
	s.Change(func(s *embedtest.TEI) { s.PerText = 0 })
	untilNoVectorsPend(t, a)
	if size := a.Services().Index.Size(); size.Vectors != pages {
		t.Errorf("%d vectors of %d pages", size.Vectors, pages)
	}
}

func untilUp(t *testing.T, a *App) {
	t.Helper()
	for a.embedderStats().State != "ready" {
		pause(t.Context(), time.Millisecond)
	}
}

func withoutVectors(c *Config) {
	c.Embedder, c.origins = embedderNone, map[string]string{"embedder": "flag"}
}

// TestDataWithoutVectors: pages that were kept without vectors stay so under the default
// embedder, with words, until somebody makes them; a named one is refused.
func TestDataWithoutVectors(t *testing.T) {
	dir := t.TempDir()
	run := func(do func(a *App), change ...func(*Config)) string {
		t.Helper()
		log := new(logBuffer)
		a := startApp(t, append(change, func(c *Config) { c.Data, c.Log = dir, NewLog(log, "text", slog.LevelInfo) })...)
		do(a)
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
		return log.String()
	}
	embedder := func(want string) func(*App) {
		return func(a *App) {
			t.Helper()
			if got := a.embedderStats().Name; got != want {
				t.Errorf("the embedder is %s, want %s", got, want)
			}
		}
	}
	const way = "pulse reembed --embedder builtin"
	if log := run(func(a *App) { putPages(t, a, 5) }, withoutVectors); strings.Contains(log, way) {
		t.Errorf("what was meant is warned of: %s", log)
	}
	if log := run(embedder("none")); !strings.Contains(log, way) {
		t.Errorf("the log names no way on: %s", log)
	}
	_, err := Start(t.Context(), testConfig(t, func(c *Config) { c.Data, c.origins = dir, map[string]string{"embedder": "flag"} }))
	if err == nil || !strings.Contains(err.Error(), way) {
		t.Errorf("a named embedder: %v", err)
	}
	run(func(a *App) {
		to := embedderBuiltin
		if s := reembedded(t, a, client.ReembedChange{Embedder: &to}); s.State != "done" || s.Filled != 5 {
			t.Errorf("%+v", s)
		}
	})
	if log := run(embedder("builtin")); strings.Contains(log, way) {
		t.Errorf("it is warned of what is done: %s", log)
	}
}

// TestWayOn: data of another model says what to do about it.
func TestWayOn(t *testing.T) {
	f := func(had, want string) {
		t.Helper()
		c := DefaultConfig()
		tokens, err := c.tokenizer()
		if err != nil {
			t.Fatal(err)
		}
		have := c.layoutSpec(tokens)
		have.Model = had
		if got := c.wayOn(have, c.layoutSpec(tokens)); !strings.Contains(got, want) {
			t.Errorf("after %q: %q", had, got)
		}
	}
	f("bge-m3", "name the old embedder with --embedder")
	f("minilm-static-000000000000", "built-in model is another one: run `pulse reembed --embedder builtin`")
	c := DefaultConfig()
	c.Embedder = "tei+http://x"
	if got := c.wayOn(store.LayoutSpec{Model: "a"}, store.LayoutSpec{Model: "b"}); !strings.Contains(got, "start with the old ones") {
		t.Error(got)
	}
}

// TestBuiltinEmbedder finds pages by meaning without a server, reembeds to it from
// nothing, and lets words alone answer what the model cannot read.
func TestBuiltinEmbedder(t *testing.T) {
	a := startApp(t, withoutVectors)
	put := func(i int, text string) client.Put {
		return client.Put{URL: fmt.Sprintf("https://a.example/%d", i), Markdown: text}
	}
	if _, err := clientOf(t, a).Put(t.Context(), []client.Put{put(1, "Boil the eggs in a pan of hot water."),
		put(2, "The ministry raised taxes on imported steel."), put(3, "Лимон кислый.")}, client.PutOptions{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	to := embedderBuiltin
	if s := reembedded(t, a, client.ReembedChange{Embedder: &to}); s.State != "done" {
		t.Fatalf("%+v", s)
	}
	if hits, degraded := vectorHits(t, a, "how to cook breakfast"); len(degraded) > 0 || len(hits) == 0 || hits[0] != "https://a.example/1" {
		t.Errorf("hits %v, degraded %v", hits, degraded)
	}
	answer, err := clientOf(t, a).Search(t.Context(), client.Query{Query: "столица"})
	if err != nil || len(answer.Hits) != 0 {
		t.Errorf("vectors answered what the model cannot read: %+v, %v", answer, err)
	}
}

func TestStaticFolder(t *testing.T) {
	_, err := Start(t.Context(), testConfig(t, func(c *Config) { c.Embedder = "static:" + t.TempDir() }))
	var usage *UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--embedder static:") {
		t.Errorf("error %v", err)
	}
}
