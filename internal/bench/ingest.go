package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"pulse/internal/client"
)

// IngestOptions say what Ingest measures. The zero value of each field is its default.
type IngestOptions struct {
	Start    Start
	Docs     []int  // pages of each row; 1, 10, 100, 1000
	PageSize int    // bytes of markdown; 2048
	TempDir  string // holds the data folders; the system's
	Seed     uint64
	Screen   *Screen
}

func (o *IngestOptions) setDefaults() {
	if len(o.Docs) == 0 {
		o.Docs = []int{1, 10, 100, 1000}
	}
	if o.PageSize == 0 {
		o.PageSize = 2048
	}
}

// Ingest measures, for each number of pages and on a fresh folder each, the time of
// initialisation and of the work from the first request until all can be found, and
// prints them as the old service's report did, with the stage that limits.
func Ingest(ctx context.Context, o IngestOptions) error {
	o.setDefaults()
	o.Screen.Line("%s", o.Screen.Bold("Pages by pulse ingest until they can be found, a fresh server a row"))
	var rows [][]string
	for _, n := range o.Docs {
		r, err := ingestOnce(ctx, &o, n)
		if err != nil {
			return fmt.Errorf("ingest %d pages: %w", n, err)
		}
		total := r.init + r.work
		rows = append(rows, []string{count(n), duration(r.init), duration(r.work), duration(total),
			percent(float64(r.work) / float64(total)), count(int64(float64(n)/r.work.Seconds() + 0.5)), r.stages.String()})
	}
	o.Screen.Line("")
	o.Screen.Table([]string{"pages", "init", "work", "total", "useful work", "pages/s", "<time of the jobs"}, rows)
	return machine(o.Screen, o.TempDir)
}

// machine prints what figures depend on.
func machine(s *Screen, dir string) error {
	sync, err := SyncTime(dir)
	if err != nil {
		return err
	}
	s.Line("")
	s.Line("%s", s.Dim(fmt.Sprintf("  write and fsync of 4 KB: %s (median); %d cores, shared with the client; %s %s/%s",
		duration(sync), runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH)))
	return nil
}

// ingested is one row.
type ingested struct {
	init, work time.Duration
	stages     stages
}

func ingestOnce(ctx context.Context, o *IngestOptions, n int) (*ingested, error) {
	dir, err := os.MkdirTemp(o.TempDir, "pulse-bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	pages := filepath.Join(dir, "pages.jsonl")
	if err := writeLines(pages, puts(NewWriter(o.Seed), 0, n, o.PageSize)); err != nil {
		return nil, err
	}
	r := new(ingested)
	start := time.Now()
	err = run(ctx, o.Start, dir, func(s *Server, c *client.Client) error {
		r.init = time.Since(start)
		start = time.Now()
		if err := s.Import(ctx, pages); err != nil {
			return err
		}
		r.work = time.Since(start)
		stats, err := c.Stats(ctx)
		if err != nil {
			return err
		}
		if stats.Documents != int64(n) || !stats.Settled() {
			return fmt.Errorf("%d of %d pages can be found", stats.Documents, n)
		}
		r.stages, err = readStages(ctx, s.Base)
		return err
	})
	return r, err
}

// writeLines makes a JSON Lines file of pages.
func writeLines(path string, pages []client.Put) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for i := range pages {
		if err := enc.Encode(&pages[i]); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// puts are the synthetic pages of the numbers from..from+n-1.
func puts(w *Writer, from, n, size int) []client.Put {
	pages := make([]client.Put, n)
	for i := range pages {
		p := w.Page(from+i, size)
		pages[i] = client.Put{URL: p.URL, Title: p.Title, Language: p.Language, Markdown: p.Markdown}
	}
	return pages
}

// putConnections send batches at once: while one is put on disk the next is on its way.
const putConnections = 4

// put hands over pages as a bulk import does.
func put(ctx context.Context, c *client.Client, pages []client.Put, batch int) error {
	batches := slices.Collect(slices.Chunk(pages, batch))
	work := make(chan []client.Put, len(batches))
	for _, b := range batches {
		work <- b
	}
	close(work)
	ends := make(chan error, putConnections)
	for range putConnections {
		go func() {
			for b := range work {
				if _, err := c.Put(ctx, b, client.PutOptions{Priority: "bulk"}); err != nil {
					ends <- err
					return
				}
			}
			ends <- nil
		}()
	}
	var first error
	for range putConnections {
		if err := <-ends; err != nil && first == nil {
			first = fmt.Errorf("put %d pages: %w", batch, err)
		}
	}
	return first
}

// stages sums the time of jobs by stage, in seconds. Jobs run side by side and share
// the disk, so the shares say where a job's time goes: the stage with the largest
// limits.
type stages map[string]float64

var stageSum = regexp.MustCompile(`(?m)^pulse_stage_duration_seconds_sum\{stage="(clean|chunk|embed|commit)"\} (\S+)$`)

// readStages reads what a server's metrics say of all its jobs so far.
func readStages(ctx context.Context, base string) (stages, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the stages of jobs: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the stages of jobs: %w", err)
	}
	s := stages{}
	for _, m := range stageSum.FindAllStringSubmatch(string(text), -1) {
		if s[m[1]], err = strconv.ParseFloat(m[2], 64); err != nil {
			return nil, fmt.Errorf("read the stages of jobs: %w", err)
		}
	}
	return s, nil
}

// String names the two largest shares, the limiting stage first.
func (s stages) String() string {
	names, total := slices.Collect(maps.Keys(s)), 0.0
	for _, seconds := range s {
		total += seconds
	}
	if total == 0 {
		return "–"
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(s[b], s[a]), cmp.Compare(a, b))
	})
	parts := make([]string, 0, 2)
	for _, name := range names[:min(2, len(names))] {
		parts = append(parts, fmt.Sprintf("%s %.0f %%", name, 100*s[name]/total))
	}
	return strings.Join(parts, ", ")
}
