package app

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/embed/embedtest"
	"pulse/internal/source/firecrawl"
)

var orderSeed = flag.Uint64("seed", 0, "seed of the random histories; 0 draws one")

const orderSecret = "a secret of sixteen or more"

// world drives one Pulse through random histories over HTTP, with a plain map of
// what the newest change of each page was.
type world struct {
	t   *testing.T
	rng *rand.Rand
	cfg *Config
	app *App
	api *client.Client
	tei *embedtest.TEI // nil where the built-in model embeds

	mu      sync.Mutex
	changes map[string]change // by key: the newest
	bodies  [][]byte          // sent, for repeats
	jobs    []string          // ids, for replays
	erased  []erasure
}

// change is one version of a page.
type change struct {
	version, job int64
	text         string // "" for a deletion
	crawl        string
}

type erasure struct {
	version int64
	crawl   string // "" for the domain
	domain  string
}

func (c change) after(o change) bool {
	return c.version > o.version || c.version == o.version && c.job >= o.job
}

func (w *world) start() {
	w.t.Helper()
	a, err := Start(w.t.Context(), w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	api, err := client.New(a.URL(), client.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.app, w.api = a, api
}

func (w *world) stop() {
	w.api.Close()
	if err := w.app.Stop(); err != nil {
		w.t.Error(err)
	}
}

// page is the webhook of one page, and what it says.
func (w *world) page() ([]byte, change) {
	key := fmt.Sprintf("https://h%d.example/%d", w.rng.IntN(2), w.rng.IntN(5))
	c := change{crawl: fmt.Sprintf("crawl-%d", w.rng.IntN(2)), text: fmt.Sprintf("content%d of page", w.rng.IntN(3))}
	meta := map[string]any{"url": key, "sourceURL": key, "title": "Page", "statusCode": 200}
	if w.rng.IntN(5) == 0 {
		meta["statusCode"], c.text = 404, ""
	}
	if w.rng.IntN(6) == 0 {
		meta["cacheState"], meta["cachedAt"] = "hit", time.Now().Add(-time.Duration(w.rng.IntN(300))*time.Millisecond).UTC().Format(time.RFC3339Nano)
	}
	body, err := json.Marshal(map[string]any{
		"success": true, "type": "crawl.page", "id": c.crawl, "webhookId": strconv.FormatUint(w.rng.Uint64(), 36),
		"data": []any{map[string]any{"markdown": "# Page\n\n" + c.text + " " + wordOf(key) + orderTail, "metadata": meta}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return body, c
}

// wordOf is a word that stands on one page alone.
func wordOf(key string) string {
	return strings.NewReplacer(":", "", "/", "", ".", "").Replace(key)
}

// deliver sends a webhook and notes what it changed.
func (w *world) deliver(body []byte, c change) {
	if id := w.send(body); id != "" {
		w.note(id, c, body)
	}
}

// send posts a webhook of one page and returns its job; "" after an error.
func (w *world) send(body []byte) string {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.app.URL()+"/v1/webhooks/firecrawl", bytes.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return ""
	}
	req.Header.Set("X-Firecrawl-Signature", firecrawl.Sign(orderSecret, body))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Error(err)
		return ""
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	var answer client.Queued
	if err := json.Unmarshal(text, &answer); err != nil || res.StatusCode != http.StatusAccepted || len(answer.JobIDs) != 1 {
		w.t.Errorf("delivery: %d %s, %v", res.StatusCode, text, err)
		return ""
	}
	return answer.JobIDs[0]
}

// note adds what a job stands for to the map; its version is as the ledger has it.
func (w *world) note(id string, c change, body []byte) {
	job, err := w.api.Job(context.Background(), id)
	if err != nil {
		w.t.Error(err)
		return
	}
	c.version = job.Version
	c.job, _ = strconv.ParseInt(id, 10, 64)
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, ok := w.changes[job.Key]; !ok || c.after(old) {
		w.changes[job.Key] = c
	}
	if body != nil {
		w.bodies = append(w.bodies, body)
		w.jobs = append(w.jobs, id)
	}
}

func (w *world) step() {
	switch n := w.rng.IntN(22); {
	case n < 12:
		w.burst()
	case n < 14:
		w.repeat()
	case n < 16:
		w.replay()
	case n < 17:
		w.erase()
	case n < 18:
		if err := w.api.Rebuild(w.t.Context()); err != nil && !strings.Contains(err.Error(), "409") {
			w.t.Error(err)
		}
	case n < 20:
		w.turnEmbedder()
	default:
		w.stop()
		w.start()
	}
}

// burst sends a few pages at once.
func (w *world) burst() {
	var wg sync.WaitGroup
	for range 1 + w.rng.IntN(8) {
		body, c := w.page()
		wg.Go(func() { w.deliver(body, c) })
	}
	wg.Wait()
}

// repeat sends the same bytes again: nothing may come of it.
func (w *world) repeat() {
	if len(w.bodies) == 0 {
		return
	}
	i := w.rng.IntN(len(w.bodies))
	if id := w.send(w.bodies[i]); id != w.jobs[i] {
		w.t.Errorf("a repeat of what made job %s got job %s", w.jobs[i], id)
	}
}

// replay runs an ended job again, under its old version or a new one.
func (w *world) replay() {
	if len(w.jobs) == 0 {
		return
	}
	id := w.jobs[w.rng.IntN(len(w.jobs))]
	force := w.rng.IntN(2) == 0
	// One that still waits or runs is a conflict: as good as any answer here.
	if _, err := w.api.Retry(w.t.Context(), id, force); err != nil || !force {
		return
	}
	job, err := w.api.Job(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	w.note(id, w.content(job), nil)
}

// content is what the delivery of a job said.
func (w *world) content(job *client.Job) change {
	seq, _ := strconv.ParseInt(job.Delivery, 10, 64)
	part, err := w.app.Services().Store.Part(w.t.Context(), pulse.DeliverySeq(seq), job.Element)
	if err != nil {
		w.t.Fatal(err)
	}
	c := change{crawl: job.Crawl}
	if job.Kind == "upsert" {
		page, err := firecrawl.Change(part)
		if err != nil {
			w.t.Fatal(err)
		}
		c.text = strings.TrimSuffix(strings.TrimPrefix(page.Markdown, "# Page\n\n"), " "+wordOf(job.Key)+orderTail)
	}
	return c
}

// erase deletes all of one domain or one crawl.
func (w *world) erase() {
	e := erasure{domain: "h1.example"}
	target := client.Target{Domain: e.domain}
	if w.rng.IntN(2) == 0 {
		e = erasure{crawl: "crawl-0"}
		target = client.Target{Crawl: e.crawl}
	}
	queued, err := w.api.Delete(w.t.Context(), target, false)
	if err != nil || len(queued.JobIDs) != 1 {
		w.t.Fatalf("mass deletion: %+v, %v", queued, err)
	}
	job, err := w.api.Job(w.t.Context(), queued.JobIDs[0])
	if err != nil {
		w.t.Fatal(err)
	}
	e.version = job.Version
	w.erased = append(w.erased, e)
}

// live is what is to be found in the end: by key, the text of its newest change.
func (w *world) live() map[string]string {
	live := map[string]string{}
	for key, c := range w.changes {
		gone := c.text == ""
		for _, e := range w.erased {
			gone = gone || c.version <= e.version && (e.crawl != "" && c.crawl == e.crawl || e.domain != "" && strings.Contains(key, "//"+e.domain))
		}
		if !gone {
			live[key] = c.text
		}
	}
	return live
}

// settle waits until all that was accepted is searchable, by vector too.
func (w *world) settle() {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		stats, err := w.api.Stats(ctx)
		if err == nil && stats.Settled() && stats.VectorsPending == 0 {
			if stats.Jobs.Dead != 0 {
				w.t.Fatalf("%d jobs are dead", stats.Jobs.Dead)
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
	w.t.Fatal("not settled within a minute")
}

func (w *world) check() {
	if w.tei != nil {
		w.tei.Change(func(s *embedtest.TEI) { s.Fail = nil })
	}
	w.settle()
	want := w.live()
	list, err := w.api.Documents(w.t.Context(), client.DocumentFilter{}, client.Page{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]int64{}
	for _, d := range list.Documents {
		got[d.Key] = d.Version
	}
	for key, c := range w.changes {
		text, live := want[key]
		if version, there := got[key]; there != live || live && version != c.version {
			w.t.Errorf("%s is listed: %v in version %d, want %v %+v", key, there, version, live, c)
		}
		w.find(key, text, live)
	}
	if len(got) != len(want) {
		w.t.Errorf("%d documents are listed, want %d: %v, %v", len(got), len(want), slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	w.checkVectors(want)
}

// find searches a page by its own word: it is there once with its newest text, or not at all.
func (w *world) find(key, text string, live bool) {
	answer, err := w.api.Search(w.t.Context(), client.Query{Query: wordOf(key), Mode: "keyword"})
	if err != nil {
		w.t.Fatal(err)
	}
	if !live {
		if len(answer.Hits) != 0 {
			w.t.Errorf("%s is found though it is gone: %+v", key, answer.Hits[0])
		}
		return
	}
	if len(answer.Hits) != 1 || answer.Hits[0].Document.Key != key || !strings.Contains(answer.Hits[0].Passage, text) {
		w.t.Errorf("%s is found as %+v, want %q", key, answer.Hits, text)
	}
}

// TestOrderDoesNotMatter sends random histories through the whole of Pulse, restarts and an
// endpoint that comes and goes included, and compares documents, vectors and search results
// with a plain map.
func TestOrderDoesNotMatter(t *testing.T) {
	n := *orderSeed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (run again with -seed=%d)", n, n)
	rng := rand.New(rand.NewPCG(n, 1))
	rounds := 6
	if testing.Short() {
		rounds = 1
	}
	for i := range rounds {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			cfg, err := LoadConfig([]string{"--data", t.TempDir(), "--listen", "127.0.0.1:0", "--workers", strconv.Itoa(1 + rng.IntN(8)), "--min-free", "0"},
				[]string{"PULSE_FIRECRAWL_SECRET=" + orderSecret}, "")
			if err != nil {
				t.Fatal(err)
			}
			cfg.Log, cfg.MaxChunkTokens, cfg.ChunkOverlapTokens = slog.New(slog.DiscardHandler), 32, 4
			w := &world{t: t, rng: rng, cfg: cfg, changes: map[string]change{}}
			if rng.IntN(2) == 0 {
				w.tei = orderServer()
				cfg.Embedder = "tei+" + w.tei.Start()
				defer w.tei.Close()
			}
			w.start()
			for range 40 {
				w.step()
			}
			w.check()
			w.stop()
		})
	}
}
