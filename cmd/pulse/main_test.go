package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"pulse/internal/app"
	"pulse/internal/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// result is what a command printed, and its exit code.
type result struct {
	stdout, stderr string
	code           int
}

// command runs a command in this process, in an empty folder.
func command(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, []string{"PULSE_MIN_FREE=0", "PULSE_LOG_LEVEL=error"}, &stdout, &stderr)
	return result{stdout.String(), stderr.String(), code}
}

// check wants an exit code and texts in what was printed.
func (r result) check(t *testing.T, code int, want ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", r.code, code, r.stdout, r.stderr)
	}
	for _, w := range want {
		if !regexp.MustCompile(w).MatchString(r.stdout + r.stderr) {
			t.Errorf("no %q in\n%s%s", w, r.stdout, r.stderr)
		}
	}
	for line := range strings.Lines(r.stdout) {
		line = strings.TrimRight(line, "\n")
		if n := columns(line); n > maxColumns && !strings.Contains(line, `": "`) {
			t.Errorf("a line of %d columns: %s", n, line)
		}
		if strings.ContainsFunc(line, func(c rune) bool { return unicode.IsControl(c) && c != '\t' }) {
			t.Errorf("control characters: %q", line)
		}
	}
}

const pages = `{"url":"https://example.com/a","title":"Apples \u001b[31m and \u202epears","markdown":"# Apples\n\nApples grow on trees."}
{"url":"https://example.com/b","title":"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十","markdown":"Bananas grow on plants that look like trees."}
{"url":"https://example.com/c","markdown":""}
{"url":"https://other.example/d","title":"Dates","markdown":"Dates grow on palms."}
`

// withoutServer moves to an empty folder, from where a server that somebody runs on
// this machine is not asked.
func withoutServer(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("PULSE_LISTEN=127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCommandsWithoutServer(t *testing.T) {
	withoutServer(t)
	if err := os.WriteFile("pages.jsonl", []byte(pages), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "search", "apples", "--listen", "127.0.0.1:1").check(t, 1, "no server answers", "pulse serve")
	command(t, "ingest", "pages.jsonl").check(t, 0, `read +4\n`, `queued +3\n`, `indexed +3\n`, `refused +1\n`, `pages\.jsonl:3: markdown`)
	command(t, "ingest", "pages.jsonl").check(t, 0, `queued +0\n`, `repeated +3\n`, "--again")
	command(t, "ingest", "pages.jsonl", "--again").check(t, 0, `queued +3\n`, `unchanged +3\n`)
	command(t, "search", "apples", "--mode", "keyword").check(t, 0, `1\. Apples \[31m and pears\n   https://example.com/a\n   # Apples Apples grow on trees\.`, "1 of 1 documents")
	command(t, "search", "trees", "--mode", "keyword", "--explain").check(t, 0, "2 of 2 documents", `keyword: rank 1`, `tree.*: 1 times`)
	command(t, "search", "grow", "--domain", "other.example").check(t, 0, "Dates", "1 of 1")
	command(t, "search", "nowhere", "--mode", "keyword").check(t, 0, "0 of 0 documents")
	command(t, "search", "fruit of an orchard").check(t, 0, `1\. Apples`)
	command(t, "documents").check(t, 0, "Apples", "一二三", "3 of 3 documents")
	command(t, "documents", "--limit", "1").check(t, 0, "1 of 3 documents", "--after")
	command(t, "documents", "show", "https://example.com/a").check(t, 0, "live", "1 chunks", "indexed", "unchanged")
	command(t, "documents", "show", "https://example.com/never").check(t, 1, "no document")
	command(t, "jobs", "--state", "done").check(t, 0, "unchanged", "6 of 6 jobs")
	command(t, "jobs", "show", "1").check(t, 0, "https://example.com/a", "indexed")
	command(t, "jobs", "show", "99").check(t, 1, "pulse: job 99: not found")
	for _, args := range []string{"jobs --since garbage", "deliveries --since garbage", "crawls --since garbage", "jobs --url nonsense", "jobs --after x",
		"jobs retry --state leased", "search q --since garbage", "search q --offset -1", "documents --domain https://a.example/", "documents delete nonsense"} {
		r := command(t, strings.Fields(args)...)
		if r.check(t, 2); strings.Contains(r.stderr, "server") {
			t.Errorf("%s: no server was asked: %s", args, r.stderr)
		}
	}
	command(t, "jobs", "retry", "1").check(t, 0, "1 jobs run")
	command(t, "jobs", "retry", "--state", "done", "--dry-run").check(t, 0, "6 match")
	command(t, "jobs", "retry", "--all").check(t, 0, "0 matched")
	command(t, "deliveries").check(t, 0, "ingest", "2 of 2 deliveries")
	command(t, "deliveries", "show", "1").check(t, 0, "https://other.example/d", "queued")
	command(t, "deliveries", "replay", "1").check(t, 0, "3 jobs run")
	command(t, "deliveries", "replay", "--all", "--dry-run").check(t, 0, "2 match")
	command(t, "crawls").check(t, 0, "0 of 0 crawls")
	command(t, "crawls", "show", "x").check(t, 1, "pulse: crawl x: not found")
	command(t, "documents", "delete", "--domain", "other.example", "--dry-run").check(t, 0, "1 documents match")
	command(t, "documents", "delete", "--domain", "other.example").check(t, 0, "1 jobs run")
	command(t, "documents", "delete", "https://example.com/b").check(t, 0, "1 jobs run")
	command(t, "documents").check(t, 0, "1 of 1 documents")
	command(t, "documents", "--state", "gone").check(t, 0, "2 of 2 documents")
	command(t, "rebuild").check(t, 0, "1 documents were read")
	command(t, "doctor", "--listen", "127.0.0.1:0").check(t, 0, "ok", "fsync", "can be read")
}

// TestIngestInVain: who imports nothing has named the wrong file, and is told so.
func TestIngestInVain(t *testing.T) {
	withoutServer(t)
	if err := os.Mkdir("empty", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"refused.jsonl": "{}\n{\"url\":1}\nnothing\n", "empty.jsonl": "", "good.jsonl": pages} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // in an empty data folder, and in one that holds pages
		command(t, "ingest", "refused.jsonl").check(t, 1, `refused +3\n`, `pulse: refused\.jsonl: every page was refused`)
		command(t, "ingest", "empty").check(t, 1, `read +0\n`, "pulse: empty: no page was found")
		command(t, "ingest", "empty.jsonl", "--json").check(t, 1, `"read": 0`, "no page was found")
		command(t, "ingest", "refused.jsonl", "empty", "good.jsonl").check(t, 0, `read +7\n`)
	}
}

func TestJSON(t *testing.T) {
	withoutServer(t)
	if err := os.WriteFile("pages.jsonl", []byte(pages), 0o600); err != nil {
		t.Fatal(err)
	}
	decode := func(into any, args ...string) {
		t.Helper()
		r := command(t, append(args, "--json")...)
		r.check(t, 0)
		if err := json.Unmarshal([]byte(r.stdout), into); err != nil {
			t.Errorf("%q: %v in %s", args, err, r.stdout)
		}
	}
	var report app.ImportReport
	if decode(&report, "ingest", "pages.jsonl"); report.Indexed != 3 || report.Refused != 1 {
		t.Errorf("report %+v", report)
	}
	var answer client.Answer
	if decode(&answer, "search", "apples", "--mode", "keyword"); len(answer.Hits) != 1 || answer.Hits[0].URL != "https://example.com/a" {
		t.Errorf("answer %+v", answer)
	}
	var jobs client.JobList
	if decode(&jobs, "jobs"); jobs.Total != 3 || len(jobs.Jobs) != 3 {
		t.Errorf("jobs %+v", jobs)
	}
	var findings []app.Finding
	if decode(&findings, "doctor", "--listen", "127.0.0.1:0"); len(findings) < 5 {
		t.Errorf("findings %+v", findings)
	}
	var version app.Version
	if decode(&version, "version"); version.Go == "" {
		t.Errorf("version %+v", version)
	}
	var queued client.Queued
	if decode(&queued, "jobs", "retry", "1"); queued.QueuedJobs != 1 {
		t.Errorf("retry %+v", queued)
	}
}

func TestUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	command(t).check(t, 0, "Usage: pulse", "serve", "ingest", "PULSE_API_KEY")
	command(t, "--help").check(t, 0, "Usage: pulse")
	command(t, "search", "--help").check(t, 0, "--mode", "--server", "--data")
	command(t, "serve", "--help").check(t, 0, "--max-chunk-tokens", `\(256\)`)
	command(t, "bench", "ingest", "--help").check(t, 0, `--docs=N,…,\.\.\. +Numbers of pages, a row each. \(1,10,100,1000\)`)
	command(t, "nonsense").check(t, 2, "nonsense", "--help")
	command(t, "search").check(t, 2, "query")
	command(t, "search", "x", "--mode", "magic").check(t, 2, "--mode")
	command(t, "serve", "--workers", "many").check(t, 2, "--workers")
	command(t, "serve", "--data", "").check(t, 2, "--data must be a folder")
	command(t, "serve", "--queue", "redis://x").check(t, 2, "not built yet")
	command(t, "serve", "--listen", "0.0.0.0:0").check(t, 2, "PULSE_API_KEY")
	command(t, "ingest", "missing.jsonl").check(t, 2, "missing.jsonl")
	command(t, "ingest", ".", "--collection", "A B").check(t, 2, "--collection")
	command(t, "ingest", ".", "--base-url", "foo").check(t, 2, "--base-url")
	command(t, "search", "q", "--limit", "101").check(t, 2, "--limit must be 1 to 100, not 101")
	command(t, "search", "q", "--limit", "0").check(t, 2, "--limit must be 1 to 100, not 0")
	if r := command(t, "search", "q", "--server", "127.0.0.1:1"); r.code != 2 || !strings.Contains(r.stderr, "lacks its http://") || strings.Contains(r.stderr, "running") {
		t.Errorf("a server without its scheme: %d %s", r.code, r.stderr)
	}
	command(t, "search", "").check(t, 2, "the query is empty")
	command(t, "jobs", "--limit", "0").check(t, 2, "--limit must be 1 to 1000, not 0")
	command(t, "documents", "--limit", "1001").check(t, 2, "--limit must be 1 to 1000")
	command(t, "serve", "--listen", "127.0.0.1:99999").check(t, 2, "--listen 127.0.0.1:99999", "65535")
	if _, err := os.Stat("pulse-data"); err == nil {
		t.Error("a command of wrong usage has made a data folder")
	}
	command(t, "jobs", "retry").check(t, 2, "--all", "--dry-run")
	command(t, "jobs", "retry", "1", "--all").check(t, 2, "not both")
	command(t, "documents", "delete").check(t, 2, "--domain")
	command(t, "documents", "delete", "--domain", "a.example", "--collection", "").check(t, 2, "--collection is empty")
	command(t, "jobs", "retry", "--state", "done", "--crawl", "").check(t, 2, "--crawl is empty")
	command(t, "jobs", "--crawl=").check(t, 2, "--crawl is empty")
	command(t, "documents", "delete", "https://a.example", "--crawl", "x").check(t, 2, "one of")
	command(t, "serve", "--print-config", "--workers", "3").check(t, 0, `--workers +3 +flag`, `--min-free +0 +env PULSE_MIN_FREE`, `PULSE_API_KEY +- +default`)
	if err := os.WriteFile(".env", []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "version").check(t, 2, `\.env:1`)
}

// TestCommandsWithServer runs serve and talks to it.
func TestCommandsWithServer(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	file := filepath.Join(dir, "pages.jsonl")
	if err := os.WriteFile(file, []byte(pages), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(".env", []byte("export PULSE_LISTEN='"+address+"'\nPULSE_API_KEY=0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() {
		var stdout, stderr bytes.Buffer
		if code := run(ctx, []string{"serve"}, []string{"PULSE_MIN_FREE=0", "PULSE_LOG_LEVEL=error"}, &stdout, &stderr); code != 0 {
			t.Errorf("serve: exit code %d\n%s", code, stderr.String())
		}
	})
	waitFor(t, "http://"+address)
	command(t, "ingest", file).check(t, 0, `queued +3\n`, `indexed +3\n`, `refused +1\n`)
	command(t, "ingest", file).check(t, 0, `queued +3\n`, `unchanged +3\n`)
	command(t, "search", "apples", "--mode", "keyword").check(t, 0, "Apples", "1 of 1 documents")
	command(t, "jobs", "retry", "1").check(t, 0, "1 jobs queued")
	command(t, "rebuild").check(t, 0, "builds its index anew")
	command(t, "doctor").check(t, 0, "ready at http://"+address, "held by the server")
	command(t, "search", "apples", "--server", "http://127.0.0.1:1").check(t, 1, "is it running")
	t.Setenv("PULSE_API_KEY", "another key of 16 or more")
	var refused bytes.Buffer
	code := run(t.Context(), []string{"search", "apples"}, os.Environ(), &refused, &refused)
	result{stdout: refused.String(), code: code}.check(t, 1, "401", "set PULSE_API_KEY to the server's key")
	cancel()
	served.Wait()
	command(t, "search", "apples", "--mode", "keyword").check(t, 0, "1 of 1 documents")
}

// waitFor waits until a server's search is warm.
func waitFor(t *testing.T, base string) {
	t.Helper()
	c, err := client.New(base, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if r, err := c.Ready(ctx, false); err == nil && r.Ready {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s does not get ready", base)
		}
	}
}

func TestEvalCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join("set", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("set", 0o700); err != nil {
		t.Fatal(err)
	}
	write("corpus.jsonl", `{"_id":"a","title":"","text":"Apples grow on trees."}`+"\n"+`{"_id":"b","text":"Dates grow on palms."}`+"\n"+`{"_id":"c","text":""}`)
	write("queries.jsonl", `{"_id":"1","text":"palms"}`+"\n"+`{"_id":"2","text":"nowhere"}`+"\n"+`{"_id":"3","text":"not judged"}`)
	command(t, "eval", "set").check(t, 2, "qrels.tsv")
	write("qrels.tsv", "query-id\tcorpus-id\tscore\n1\tb\t1\n2\ta\t1\n")
	command(t, "eval", "nowhere").check(t, 2, "corpus.jsonl")
	command(t, "eval", "set", "--mode", "keyword", "--run", "run").check(t, 0, "set, 2 queries", `keyword +0\.5000 +0\.5000 +0\.5000`, "1 of 3 documents have no text")
	run, err := os.ReadFile("run")
	if err != nil || !regexp.MustCompile(`^1 Q0 b 1 [0-9.]+ keyword\n$`).Match(run) {
		t.Errorf("run file %q, %v", run, err)
	}
	command(t, "eval", "set", "--mode", "vector", "--embedder", "none").check(t, 2, "--mode vector needs an embedder")
	command(t, "eval", "set", "--mode", "best").check(t, 2, "mode")
	r := command(t, "eval", "set", "--json", "--embedder", "none", "--whole-documents", "--bm25-k1", "0.9", "--bm25-b", "0.4")
	r.check(t, 0, "by keyword alone")
	if want := "{\n  \"collection\": \"set\",\n  \"queries\": 2,\n  \"modes\": {\n    \"keyword\": {\n      \"ndcg@10\": 0.5,\n      \"recall@100\": 0.5,\n      \"mrr@10\": 0.5\n    }\n  }\n}\n"; r.stdout != want {
		t.Errorf("got %s", r.stdout)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 2 {
		t.Errorf("left in the working folder: %v, %v", entries, err)
	}
}
