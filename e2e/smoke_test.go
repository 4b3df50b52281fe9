package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"pulse/internal/bench"
)

// TestSmoke takes one page from a webhook to a hit, through a restart.
func TestSmoke(t *testing.T) {
	s := newServer(t)
	s.start()
	sender := bench.NewSender(secret, 1)
	page := bench.Page{URL: "https://example.com/smoke", Title: "Where there is smoke", Language: "en",
		Markdown: "# Where there is smoke\n\nA page about chimneys and fireplaces, and nothing else.\n"}
	d := sender.Page(page)
	if status := s.post(d); status != http.StatusAccepted {
		t.Fatalf("answer %d, want 202", status)
	}
	stats := s.settled(10 * time.Second)
	if stats.Documents != 1 || stats.Jobs.Done != 1 || stats.Chunks != 1 {
		t.Errorf("counts %+v", stats)
	}
	found := func() {
		t.Helper()
		hits := s.hits("chimneys", 10)
		if len(hits) != 1 || hits[0].URL != page.URL || hits[0].Title != page.Title || !strings.Contains(hits[0].Passage, "fireplaces") {
			t.Errorf("hits %+v", hits)
		}
	}
	found()
	s.stop()
	s.start()
	s.ready()
	found()
	if status := s.post(d); status != http.StatusAccepted {
		t.Errorf("a repeat after a restart is answered %d", status)
	}
	if stats := s.settled(10 * time.Second); stats.Jobs.Done != 1 {
		t.Errorf("a repeat after a restart made a job: %+v", stats)
	}
	s.stop()
	for _, line := range []string{"Service pool ready for jobs", "Worker initialized, listening for jobs...",
		"Starting indexing job", "Indexing job completed", "operation_type=chunking", "operation_name=chunk_text"} {
		if !s.log.contains(line) {
			t.Errorf("the log has no %q", line)
		}
	}
}

// TestSecondSignalEndsAtOnce holds a request open, so that a clean stop would wait.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	s := newServer(t)
	s.start()
	s.ready()
	body, release := neverEnding()
	defer release()
	req, err := http.NewRequest(http.MethodPost, s.base()+bench.WebhookPath, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 1 << 20
	req.Header.Set(bench.SignatureHeader, "sha256="+strings.Repeat("0", 64))
	answered := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	<-body.reading
	s.signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = bench.Until(ctx, time.Millisecond, func() (bool, error) { return s.log.contains("Stopping") || !s.running(), nil })
	if err != nil || !s.running() {
		t.Fatalf("no stop that waits: %v\n%s", err, s.log)
	}
	s.signal(syscall.SIGTERM)
	if code := s.exitCode(20 * time.Second); code == 0 {
		t.Error("ended at once, and yet with code 0")
	}
	release()
	<-answered
}

// holdBody is a request body that gives a few bytes and then none until released.
type holdBody struct {
	reading  chan struct{} // closed when more is asked for
	released chan struct{}
	sent     bool
}

func neverEnding() (*holdBody, func()) {
	b := &holdBody{reading: make(chan struct{}), released: make(chan struct{})}
	done := false
	return b, func() {
		if !done {
			done = true
			close(b.released)
		}
	}
}

func (b *holdBody) Read(p []byte) (int, error) {
	if !b.sent {
		b.sent = true
		return copy(p, "{"), nil
	}
	close(b.reading)
	<-b.released
	return 0, os.ErrClosed
}

// command runs pulse with arguments to its end.
func command(t *testing.T, env []string, args ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = environ(env...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("pulse %s does not end:\n%s", strings.Join(args, " "), out)
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestTry reads what a new user sees first.
func TestTry(t *testing.T) {
	out, code := command(t, nil, "try", "--exit", "--port", "0")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	for _, want := range []string{
		`pages delivered +181 `, `searchable +181 +each exactly once`, `by keyword and vector +181 +vectors by builtin`, `refused +2 +origin answered 503 \(2\)`,
		`failed at the sender +3`, `repeats +12 +12 answered as known`, `time to searchable, p50 +[0-9.]+ (ms|µs|s)`, `time to searchable, p99 +[0-9.]+ (ms|µs|s)`,
		`(?s)“rotate the kubelet client certificate”  hybrid, [0-9.]+ (ms|µs).*1\. Configure Certificate Rotation for the Kubelet\n +https://kubernetes\.io/docs/tasks/tls/certificate-rotation/\n +\S`,
		`The server ends now`, `CC BY 4\.0`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("the output does not match %s", want)
		}
	}
	if strings.Contains(out, "Pulse is at") || strings.Contains(out, "curl") {
		t.Error("a server that has ended is to be asked")
	}
	if n := strings.Count(out, "“"); n != 5 {
		t.Errorf("%d queries, want 5", n)
	}
	narrow(t, out)
	if folder := regexp.MustCompile(`\S+pulse-try-\d+`).FindString(out); folder == "" {
		t.Error("the folder is not told")
	} else if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", folder, err)
	}
	if t.Failed() {
		t.Log(out)
	}
}

// TestTryStaysUntilTold asks the server that try leaves up, by the line that it prints.
func TestTryStaysUntilTold(t *testing.T) {
	out := &logs{}
	cmd := exec.Command(binary, "try", "--port", "0")
	cmd.Env = environ()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := bench.Until(ctx, 5*time.Millisecond, func() (bool, error) { return out.contains("Ctrl-C"), nil }); err != nil {
		_ = cmd.Process.Kill()
		t.Fatalf("try does not come to its end: %v\n%s", err, out)
	}
	line := regexp.MustCompile(`curl -H '(Authorization): (Bearer \w+)' '(\S+)'`).FindStringSubmatch(out.String())
	if line == nil {
		t.Errorf("no line to copy:\n%s", out)
	} else if req, err := http.NewRequest(http.MethodGet, "http://"+line[3], nil); err != nil {
		t.Error(err)
	} else {
		req.Header.Set(line[1], line[2])
		if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("the line does not work: %v, %+v", err, resp)
		} else {
			resp.Body.Close()
		}
	}
	_ = cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after Ctrl-C: %v\n%s", err, out)
		}
	case <-time.After(40 * time.Second):
		_ = cmd.Process.Kill()
		t.Error("try runs on after Ctrl-C")
	}
}

// TestRefusedAtStart sees that open doors and wrong folders are refused in words.
func TestRefusedAtStart(t *testing.T) {
	f := func(env []string, args []string, wantCode int, want ...string) {
		t.Helper()
		out, code := command(t, env, append([]string{"serve"}, args...)...)
		if code != wantCode {
			t.Errorf("serve %q: exit code %d, want %d:\n%s", args, code, wantCode, out)
		}
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("serve %q does not say %q:\n%s", args, w, out)
			}
		}
	}
	public := []string{"--listen", "0.0.0.0:0"}
	f(nil, public, 2, "PULSE_API_KEY", "PULSE_FIRECRAWL_SECRET", "--insecure")
	f([]string{"PULSE_API_KEY=" + apiKey}, public, 2, "PULSE_FIRECRAWL_SECRET", "--allow-unsigned")
	f([]string{"PULSE_API_KEY=short", "PULSE_FIRECRAWL_SECRET=" + secret}, public, 2, "PULSE_API_KEY", "16")
	f(nil, []string{"--no-such-flag"}, 2, "no-such-flag")

	s := newServer(t)
	s.start()
	f(nil, []string{"--data", s.data, "--listen", "127.0.0.1:0"}, 1, s.data)
	s.stop()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(nil, []string{"--data", file, "--listen", "127.0.0.1:0"}, 1, file)
}

// TestSamples sends every sample of the receiver's contract to the binary.
func TestSamples(t *testing.T) {
	const folder = "../internal/source/firecrawl/testdata/firecrawl"
	table, err := os.ReadFile(filepath.Join(folder, "OUTCOMES.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	s.start()
	sender, conn := bench.NewSender(secret, 1), bench.NewConn(s.addr)
	defer conn.Close()
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")[1:]
	for _, line := range lines {
		fields := strings.Split(line, "\t")
		body, err := os.ReadFile(filepath.Join(folder, fields[0]))
		if err != nil {
			t.Fatal(err)
		}
		d := sender.Raw(body)
		status, answer, err := conn.Post(context.Background(), &d)
		if err != nil {
			t.Fatalf("%s: %v\n%s", fields[0], err, s.log)
		}
		want := fmt.Sprintf(`"status":"%s"`, fields[2])
		if fields[2] == "error" {
			want = `"error":`
		}
		if fmt.Sprint(status) != fields[1] || !strings.Contains(string(answer), want) {
			t.Errorf("%s: answer %d %s, want %s %s", fields[0], status, answer, fields[1], want)
		}
	}
	if stats := s.settled(30 * time.Second); stats.Jobs.Dead != 0 {
		t.Errorf("%d dead jobs of %d samples", stats.Jobs.Dead, len(lines))
	}
	s.stop()
}

// TestBench runs each bench small, and reads its table.
func TestBench(t *testing.T) {
	f := func(args string, rows ...string) {
		t.Helper()
		out, code := command(t, nil, append([]string{"bench"}, strings.Fields(args)...)...)
		if code != 0 {
			t.Errorf("bench %s: exit code %d:\n%s", args, code, out)
		}
		for _, row := range append(rows, `write and fsync of 4 KB: [0-9.]+ (µs|ms)`) {
			if !regexp.MustCompile(`(?m)` + row).MatchString(out) {
				t.Errorf("bench %s: no line matches %s:\n%s", args, row, out)
			}
		}
		narrow(t, out)
	}
	const took = ` +[0-9.]+ (µs|ms|s)`
	f("ingest --docs 1,20", `^ +1`+took+took+took+` +[0-9.]+ %`, `^ +20`+took+took+took+` +[0-9.]+ % +[0-9,]+  (commit|clean|chunk) \d+ %`)
	f("ingest --deliveries 300", `^ +1 connection, idle +200`, `^ +64 connections +300 +[0-9,]+`+took+took, `time of the jobs: \w+ \d+ %`)
	f("deliveries --deliveries 100 --connections 2 --size 4096", `^ +2 connections +100 `, `Signed webhooks of 4,096 bytes`)
	f("growth --sizes 0,50", `^ +0 +0 `, `^ +1,000 +[0-9,]+ +[0-9,]+ +[0-9,]+`+took+took)
	f("pool --jobs 3", `built for each job +3`+took, `built once, shared +1`+took, `times as fast over 3 jobs`)
}

// narrow sees that no line is wider than a terminal.
func narrow(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}
