package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/store"
)

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const testKey = "0123456789abcdef"

// testConfig is a configuration on a folder of the test's own and a free port.
func testConfig(t testing.TB, change ...func(*Config)) *Config {
	t.Helper()
	c := DefaultConfig()
	c.Data, c.Listen, c.MinFree, c.Workers = t.TempDir(), "127.0.0.1:0", 0, 8
	c.APIKey, c.FirecrawlSecret, c.Log = testKey, testKey, slog.New(slog.DiscardHandler)
	for _, f := range change {
		f(c)
	}
	return c
}

// startApp starts an app that is ready and is stopped with the test.
func startApp(t testing.TB, change ...func(*Config)) *App {
	t.Helper()
	a, err := Start(context.Background(), testConfig(t, change...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := a.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	return a
}

func clientOf(t testing.TB, a *App) *client.Client {
	t.Helper()
	c, err := client.New(a.URL(), client.Options{Key: a.cfg.APIKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func page(i int) client.Put {
	return client.Put{URL: fmt.Sprintf("https://example.com/%d", i), Title: fmt.Sprintf("Page %d", i), Markdown: fmt.Sprintf("Page %d speaks of word%d.", i, i)}
}

// putPages puts n pages and waits until they can be found.
func putPages(t testing.TB, a *App, n int) {
	t.Helper()
	pages := make([]client.Put, n)
	for i := range pages {
		pages[i] = page(i)
	}
	q, err := clientOf(t, a).Put(context.Background(), pages, client.PutOptions{Wait: time.Minute})
	if err != nil || q.Status != "done" {
		t.Fatalf("put %d pages: %+v, %v", n, q, err)
	}
}

func TestFromPutToHitAndBack(t *testing.T) {
	dir := t.TempDir()
	log := new(logBuffer)
	a := startApp(t, func(c *Config) { c.Data, c.Log = dir, NewLog(log, "text", slog.LevelInfo) })
	putPages(t, a, 20)
	find := func(a *App) {
		t.Helper()
		answer, err := clientOf(t, a).Search(t.Context(), client.Query{Query: "word7", Mode: "keyword"})
		if err != nil || len(answer.Hits) != 1 || answer.Hits[0].URL != "https://example.com/7" {
			t.Fatalf("search: %+v, %v", answer, err)
		}
	}
	find(a)
	stats, err := clientOf(t, a).Stats(t.Context())
	if err != nil || stats.Documents != 20 || stats.Searchable.Keyword.P99 <= 0 || stats.Embedder.Name != "builtin" || !stats.Settled() {
		t.Errorf("stats: %+v, %v", stats, err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	lines := log.String()
	first, _, _ := strings.Cut(lines, "\n")
	if !strings.Contains(first, "data="+dir) || !strings.Contains(first, "documents=0") {
		t.Errorf("first line: %s", first)
	}
	pool, worker := strings.Index(lines, "Service pool ready for jobs"), strings.Index(lines, "Worker initialized, listening for jobs...")
	if pool < 0 || worker < pool {
		t.Errorf("the pool's line is at %d, the worker's at %d", pool, worker)
	}
	b := startApp(t, func(c *Config) { c.Data = dir })
	find(b)
}

// TestReceivesBeforeSearchIsWarm holds back what comes after the receiver.
func TestReceivesBeforeSearchIsWarm(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, func(c *Config) { c.Data = dir })
	putPages(t, a, 10)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, func(c *Config) { c.Data = dir })
	b := newApp(cfg)
	held := make(chan struct{})
	for i := range b.pool.parts {
		if b.pool.parts[i].name == "search" {
			build := b.pool.parts[i].build
			b.pool.parts[i].build = func(ctx context.Context) error { <-held; return build(ctx) }
		}
	}
	started := make(chan error, 1)
	go func() { started <- b.pool.Start(context.Background()) }()
	<-b.receiving
	r, err := clientOf(t, b).Ready(t.Context(), true)
	if err != nil || !r.Ready {
		t.Errorf("not receiving: %+v, %v", r, err)
	}
	q, err := clientOf(t, b).Put(t.Context(), []client.Put{page(11)}, client.PutOptions{})
	if err != nil || q.QueuedJobs != 1 {
		t.Errorf("put before the workers: %+v, %v", q, err)
	}
	close(held)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	if err := b.settle(t.Context()); err != nil {
		t.Error(err)
	}
	if n := b.Services().Index.Size().Documents; n != 11 {
		t.Errorf("%d documents in the index, want 11", n)
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
}

func TestUnknownCollection(t *testing.T) {
	a := startApp(t)
	c := clientOf(t, a)
	q, err := c.Put(t.Context(), []client.Put{page(1)}, client.PutOptions{Collection: "news", Wait: time.Minute})
	if err != nil || q.Status != "done" {
		t.Fatalf("put: %+v, %v", q, err)
	}
	answer, err := c.Search(t.Context(), client.Query{Query: "word1", Collection: "news"})
	if err != nil || len(answer.Hits) != 1 {
		t.Errorf("search: %+v, %v", answer, err)
	}
	id, spec, err := a.Services().Store.ActiveLayout(t.Context(), "news")
	if err != nil || id != a.Services().Layout() || spec != a.pool.layout.Load().identity.settledSpec() {
		t.Errorf("layout %d %+v, %v", id, spec, err)
	}
}

// TestStopAnswersWhoWaits holds a PUT that waits for a job that no worker will do.
func TestStopAnswersWhoWaits(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, func(c *Config) { c.Data, c.Workers = dir, 0 })
	answered := make(chan error, 1)
	go func() {
		q, err := clientOf(t, a).Put(context.Background(), []client.Put{page(1)}, client.PutOptions{Wait: time.Minute})
		if err == nil && q.Status != "queued" {
			err = fmt.Errorf("answer %+v", q)
		}
		answered <- err
	}()
	for a.Services().Queue.Counts().Waiting[pulse.PriorityWanted] == 0 {
		pause(t.Context(), time.Millisecond)
	}
	began := time.Now()
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("stopping took %v", took)
	}
	b := startApp(t, func(c *Config) { c.Data = dir })
	if err := b.settle(t.Context()); err != nil {
		t.Error(err)
	}
	if n := b.Services().Index.Size().Documents; n != 1 {
		t.Errorf("%d documents after a restart, want 1: an accepted page is done by the next process", n)
	}
}

func TestRunStopsCleanly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := new(logBuffer)
	ended := make(chan error, 1)
	cfg := testConfig(t, func(c *Config) { c.Log = NewLog(log, "json", slog.LevelInfo) })
	go func() { ended <- Run(ctx, cfg) }()
	for !strings.Contains(log.String(), "Worker initialized") {
		pause(t.Context(), time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), `"msg":"Stopped"`) {
		t.Errorf("log:\n%s", log)
	}
}

func TestRebuild(t *testing.T) {
	a := startApp(t)
	putPages(t, a, 50)
	c := clientOf(t, a)
	if err := c.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.rebuilds.Wait()
	if n := a.Services().Index.Size().Documents; n != 50 {
		t.Errorf("%d documents after a rebuild, want 50", n)
	}
	a.rebuilding.Lock()
	if err := c.Rebuild(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "409: a rebuild of the index runs already") {
		t.Errorf("a second rebuild: %v", err)
	}
	a.rebuilding.Unlock()
}

func TestDebugListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	a := startApp(t, func(c *Config) { c.DebugListen = address })
	get := func(url string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status := get("http://" + address + "/debug/pprof/goroutine?debug=1"); status != http.StatusOK {
		t.Errorf("pprof answers %d", status)
	}
	if status := get(a.URL() + "/debug/pprof/goroutine"); status != http.StatusNotFound {
		t.Errorf("pprof at the public address answers %d", status)
	}
}

func TestExpire(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	a := startApp(t, func(c *Config) { c.Now = clock })
	putPages(t, a, 3)
	record := func() *store.DeliveryRecord {
		t.Helper()
		d, err := a.Services().Store.Delivery(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	trouble := &outage{log: quiet, now: clock, what: "x"}
	a.expire(t.Context(), trouble)
	if !record().HasBody {
		t.Error("a fresh delivery has expired")
	}
	a.now = func() time.Time { return now.Add(a.cfg.KeepDeliveries + time.Hour) }
	a.expire(t.Context(), trouble)
	if record().HasBody {
		t.Error("an old delivery has not expired")
	}
}
