package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/ingest"
)

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// jsonLines is n pages whose text holds a word.
func jsonLines(n int, word string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"url":"https://example.com/%d","title":"Page %d","markdown":"Page %d speaks of %s."}`+"\n", i, i, i, word)
	}
	return b.String()
}

var withoutTimes = cmpopts.IgnoreFields(ImportReport{}, "Seconds", "PerSecond", "Reasons", "Examples", "Files")

// runImport imports into an app or, by HTTP, into a server.
func runImport(t *testing.T, a *App, byHTTP bool, o ImportOptions, want ImportReport) *ImportReport {
	t.Helper()
	i := NewImport(o)
	run := func() error { return i.Into(t.Context(), a) }
	if byHTTP {
		run = func() error { return i.To(t.Context(), clientOf(t, a)) }
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	got := i.Report()
	if diff := cmp.Diff(want, got, withoutTimes); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	return &got
}

func hitsOf(t *testing.T, a *App, query string) int {
	t.Helper()
	answer, err := clientOf(t, a).Search(t.Context(), client.Query{Query: query, Mode: "keyword", Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Total
}

func TestImportTwice(t *testing.T) {
	a := startApp(t)
	path := writeFile(t, filepath.Join(t.TempDir(), "pages.jsonl"), jsonLines(600, "oranges"))
	o := ImportOptions{Paths: []string{path}}
	runImport(t, a, false, o, ImportReport{Read: 600, Queued: 600, Indexed: 600})
	if n := hitsOf(t, a, "oranges"); n != 600 {
		t.Errorf("%d hits, want 600", n)
	}
	head := a.Services().Store.Head()
	runImport(t, a, false, o, ImportReport{Read: 600, Repeated: 600})
	o.Again = true
	runImport(t, a, false, o, ImportReport{Read: 600, Queued: 600, Unchanged: 600})
	if now := a.Services().Store.Head(); now != head {
		t.Errorf("equal pages made %d commits", now-head)
	}
}

// TestImportSpelledOtherwise goes on with a file and a folder by other paths to them.
func TestImportSpelledOtherwise(t *testing.T) {
	dir := t.TempDir()
	pages := filepath.Join(dir, "pages")
	if err := os.Mkdir(pages, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(pages, "of.jsonl"), jsonLines(3, "quinces"))
	writeFile(t, filepath.Join(pages, "a.md"), "# Medlars\n\nRipe in November.")
	if err := os.Symlink(pages, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	a := startApp(t)
	f := func(name string, count int64, spellings ...string) {
		t.Helper()
		for n, spelled := range spellings {
			want := ImportReport{Read: count, Queued: count, Indexed: count}
			if n > 0 {
				want = ImportReport{Read: count, Repeated: count}
			}
			runImport(t, a, false, ImportOptions{Paths: []string{filepath.Join(spelled, name)}, BaseURL: "https://example.com/"}, want)
		}
	}
	t.Chdir(dir)
	f("of.jsonl", 3, "pages", "./link", pages)
	f("", 1, pages, "link", "pages/")
	t.Chdir(pages)
	runImport(t, a, false, ImportOptions{Paths: []string{"of.jsonl"}}, ImportReport{Read: 3, Repeated: 3})
}

// TestIdleAwaitsReports: an import counts what is reported, so a job counts as one that runs
// from the time that the queue let it go to the end of its report.
func TestIdleAwaitsReports(t *testing.T) {
	a := startApp(t)
	reporting, heard := make(chan struct{}), make(chan struct{})
	a.OnJob(func(ingest.JobReport) { close(reporting); <-heard })
	if _, err := clientOf(t, a).Put(t.Context(), []client.Put{page(1)}, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	<-reporting
	if n := a.Services().Queue.Counts().Leased; n != 0 {
		t.Errorf("the queue holds %d jobs while the last is reported", n)
	}
	if a.idle() {
		t.Error("idle before the report was heard")
	}
	close(heard)
	if err := a.settle(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestImportGoesWhereSearchAsks: without --data and --server it is the local server, whatever
// the folder that the command is run in.
func TestImportGoesWhereSearchAsks(t *testing.T) {
	a := startApp(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("pages.jsonl", []byte(`{"url":"https://example.com/1","markdown":"one"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	i := NewImport(ImportOptions{Paths: []string{"pages.jsonl"}})
	if err := i.Run(t.Context(), commandConfig(t, "--listen", a.Addr())); err != nil {
		t.Fatal(err)
	}
	stats, err := clientOf(t, a).Stats(t.Context())
	if err != nil || stats.Documents != 1 || i.Report().Into != a.URL() {
		t.Errorf("server: %+v, %v; into %s", stats, err, i.Report().Into)
	}
	if _, err := os.Stat("pulse-data"); !os.IsNotExist(err) {
		t.Errorf("a data folder was made: %v", err)
	}
}

// TestImportIntoAServerWithoutDisk ends with what to do, and does not wait for room.
func TestImportIntoAServerWithoutDisk(t *testing.T) {
	a := startApp(t, func(c *Config) { c.MinFree = 1 << 60 })
	path := filepath.Join(t.TempDir(), "pages.jsonl")
	if err := os.WriteFile(path, []byte(`{"url":"https://example.com/1","markdown":"one"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	err := NewImport(ImportOptions{Paths: []string{path}}).Run(t.Context(), commandConfig(t, "--server", a.URL()))
	if err == nil || !strings.Contains(err.Error(), "free some space there and run the same command again") {
		t.Errorf("the import ended with %v", err)
	}
}

// TestImportEndsAtTheLastFile imports A, B and A again by one path.
func TestImportEndsAtTheLastFile(t *testing.T) {
	for _, byHTTP := range []bool{false, true} {
		t.Run(fmt.Sprintf("http=%v", byHTTP), func(t *testing.T) {
			a := startApp(t)
			path := filepath.Join(t.TempDir(), "pages.jsonl")
			for _, word := range []string{"apples", "bananas", "apples"} {
				writeFile(t, path, jsonLines(10, word))
				runImport(t, a, byHTTP, ImportOptions{Paths: []string{path}}, ImportReport{Read: 10, Queued: 10, Indexed: 10})
			}
			if apples, bananas := hitsOf(t, a, "apples"), hitsOf(t, a, "bananas"); apples != 10 || bananas != 0 {
				t.Errorf("%d apples and %d bananas, want 10 and none", apples, bananas)
			}
		})
	}
}

// TestImportPageTwice has the last of a page's versions stand, in one batch and over
// batches, and a deletion at its place.
func TestImportPageTwice(t *testing.T) {
	for _, byHTTP := range []bool{false, true} {
		t.Run(fmt.Sprintf("http=%v", byHTTP), func(t *testing.T) {
			a := startApp(t)
			dir := t.TempDir()
			old := writeFile(t, filepath.Join(dir, "a.jsonl"), jsonLines(400, "oldish")+jsonLines(10, "middling"))
			result := writeFile(t, filepath.Join(dir, "b.json"), `{"data":[
				{"markdown":"x","metadata":{"url":"https://example.com/0","statusCode":404}},
				{"markdown":"Newish.","metadata":{"url":"https://example.com/0","statusCode":200}},
				{"markdown":"Newish.","metadata":{"url":"https://example.com/1","statusCode":200}},
				{"markdown":"x","metadata":{"url":"https://example.com/1","statusCode":410}}]}`)
			i := NewImport(ImportOptions{Paths: []string{old, result}})
			run := func() error { return i.Into(t.Context(), a) }
			if byHTTP {
				run = func() error { return i.To(t.Context(), clientOf(t, a)) }
			}
			if err := run(); err != nil {
				t.Fatal(err)
			}
			if r := i.Report(); r.Queued != 414 || !r.OK() {
				t.Errorf("report %+v", r)
			}
			if o, m, n := hitsOf(t, a, "oldish"), hitsOf(t, a, "middling"), hitsOf(t, a, "newish"); o != 390 || m != 8 || n != 1 {
				t.Errorf("%d old, %d middling and %d new pages, want 390, 8 and 1", o, m, n)
			}
		})
	}
}

// TestImportBadPages reads what is wrong and goes on.
func TestImportBadPages(t *testing.T) {
	for _, byHTTP := range []bool{false, true} {
		t.Run(fmt.Sprintf("http=%v", byHTTP), func(t *testing.T) {
			a := startApp(t)
			dir := t.TempDir()
			lines := writeFile(t, filepath.Join(dir, "pages.jsonl"),
				`{"url":"https://example.com/1","markdown":"One."}`+"\n"+`{"url":"ftp://example.com/2","markdown":"Two."}`+"\nnonsense\n"+
					`{"url":"https://example.com/3","html":"<p></p>"}`+"\n"+`{"url":"https://example.com/4","markdown":"Four."}`)
			result := writeFile(t, filepath.Join(dir, "crawl.json"), `{"success":true,"data":[
				{"markdown":"Five.","metadata":{"url":"https://example.com/5","statusCode":200}},
				{"markdown":"Gone.","metadata":{"url":"https://example.com/9","statusCode":404}},
				{"markdown":"Oops.","metadata":{"url":"https://example.com/6","statusCode":503}}]}`)
			broken := writeFile(t, filepath.Join(dir, "broken.json"), `{"data":[{"markdown":`)
			r := runImport(t, a, byHTTP, ImportOptions{Paths: []string{lines, broken, result, filepath.Join(dir, "missing.jsonl")}},
				ImportReport{Read: 8, Queued: 5, Indexed: 3, Deleted: 1, Refused: 4})
			if r.OK() || len(r.Files) != 2 {
				t.Errorf("files that could not be read: %q", r.Files)
			}
			examples := strings.Join(r.Examples, "\n")
			for _, want := range []string{"pages.jsonl:2: url", "pages.jsonl:3", "https://example.com/3: ", "https://example.com/6: origin answered 503"} {
				if !strings.Contains(examples, want) {
					t.Errorf("no example with %q in\n%s", want, examples)
				}
			}
			if n := hitsOf(t, a, "four five one gone"); n != 3 {
				t.Errorf("%d pages found, want 3", n)
			}
		})
	}
}

func TestImportFolderIntoCollection(t *testing.T) {
	a := startApp(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.md"), "# A\n\nLemons.")
	writeFile(t, filepath.Join(dir, "b.txt"), "Limes.")
	o := ImportOptions{Paths: []string{dir}, BaseURL: "https://docs.example.com/x", Collection: "fruit"}
	runImport(t, a, false, o, ImportReport{Read: 2, Queued: 2, Indexed: 2})
	runImport(t, a, false, o, ImportReport{Read: 2, Repeated: 2})
	writeFile(t, filepath.Join(dir, "b.txt"), "Limes and more.")
	runImport(t, a, false, o, ImportReport{Read: 2, Queued: 2, Indexed: 1, Unchanged: 1})
	answer, err := clientOf(t, a).Search(t.Context(), client.Query{Query: "limes", Collection: "fruit", Mode: "keyword"})
	if err != nil || len(answer.Hits) != 1 || answer.Hits[0].URL != "https://docs.example.com/x/b.txt" {
		t.Errorf("search: %+v, %v", answer, err)
	}
}

// TestImportInterrupted goes on where a cancelled run stopped, and no page is lost.
func TestImportInterrupted(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, filepath.Join(t.TempDir(), "pages.jsonl"), jsonLines(2000, "plums"))
	a := startApp(t, func(c *Config) { c.Data = dir })
	ctx, cancel := context.WithCancel(t.Context())
	i := NewImport(ImportOptions{Paths: []string{path}})
	i.ahead = 300
	go func() {
		for i.Progress().Ended < 200 {
			pause(ctx, 1)
		}
		cancel()
	}()
	if err := i.Into(ctx, a); !errors.Is(err, context.Canceled) {
		t.Fatalf("import: %v", err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	b := startApp(t, func(c *Config) { c.Data = dir })
	again := NewImport(ImportOptions{Paths: []string{path}})
	if err := again.Into(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if r := again.Report(); r.Queued+r.Repeated != 2000 || r.Failed != 0 || !r.OK() {
		t.Errorf("report: %+v", r)
	}
	stats, err := b.Services().Store.Stats(t.Context())
	if err != nil || stats.Documents != 2000 || stats.Jobs.Done != 2000 {
		t.Errorf("stats: %+v, %v", stats, err)
	}
}

// TestImportFullDisk ends where a server would wait for room: before a batch is kept, and
// when a job finds no room for its commit.
func TestImportFullDisk(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "pages.jsonl"), jsonLines(10, "sloes"))
	f := func(a *App, i *Import, queued int64) {
		t.Helper()
		err := i.Into(t.Context(), a)
		if !errors.Is(err, pulse.ErrDiskFull) || errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), "run the same command again to go on") {
			t.Errorf("import: %v", err)
		}
		if r := i.Report(); r.Queued != queued {
			t.Errorf("%d queued, want %d", r.Queued, queued)
		}
	}
	f(startApp(t, func(c *Config) { c.MinFree = 1 << 60 }), NewImport(ImportOptions{Paths: []string{path}}), 0)

	a, i := startApp(t, func(c *Config) { c.Workers = 0 }), NewImport(ImportOptions{Paths: []string{path}})
	go func() {
		for i.Progress().Queued == 0 {
			pause(t.Context(), 1)
		}
		a.jobEnded(ingest.JobReport{Job: &pulse.Job{State: pulse.JobAvailable}, Err: fmt.Errorf("commit: %w", pulse.ErrDiskFull)})
	}()
	f(a, i, 10)
}

func TestImportIntoAClosedStore(t *testing.T) {
	a := startApp(t)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "pages.jsonl"), jsonLines(10, "pears"))
	if err := NewImport(ImportOptions{Paths: []string{path}}).Into(t.Context(), a); !errors.Is(err, pulse.ErrClosed) {
		t.Errorf("import: %v", err)
	}
}
