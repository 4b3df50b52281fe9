package e2e

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pulse/internal/bench"
	"pulse/internal/client"
)

const (
	apiKey = "e2e-key-0123456789"
	secret = "e2e-secret-0123456789"
)

// server is `pulse serve` on a folder and an address that outlive its processes.
type server struct {
	t      *testing.T
	data   string
	addr   string
	args   []string
	env    []string // beside the secrets
	client *client.Client

	cmd    *exec.Cmd
	log    *logs
	exited chan struct{} // closed when the process has ended
}

// newServer makes a server that is not started yet. Its folder is fresh.
func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, data: filepath.Join(t.TempDir(), "data"), addr: freeAddress(t), args: args, log: &logs{},
		env: []string{"PULSE_API_KEY=" + apiKey, "PULSE_FIRECRAWL_SECRET=" + secret}}
	c, err := client.New(s.base(), client.Options{Key: apiKey})
	if err != nil {
		t.Fatal(err)
	}
	s.client = c
	t.Cleanup(func() {
		c.Close()
		if s.running() {
			s.kill()
		}
		if t.Failed() {
			t.Logf("the server's last lines:\n%s", s.log)
		}
	})
	return s
}

func (s *server) base() string { return "http://" + s.addr }

// freeAddress is a local address that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// environ is an environment without the tester's own options.
func environ(more ...string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "NO_COLOR=1"}
	return append(env, more...)
}

// start runs the process and waits until it receives.
func (s *server) start(env ...string) {
	s.t.Helper()
	s.launch(env...)
	if err := s.receiving(20 * time.Second); err != nil {
		s.t.Fatalf("the server does not receive: %v\n%s", err, s.log)
	}
}

// launch runs the process.
func (s *server) launch(env ...string) {
	s.t.Helper()
	args := append([]string{"serve", "--data", s.data, "--listen", s.addr, "--min-free", "1MiB"}, s.args...)
	s.cmd = exec.Command(binary, args...)
	s.cmd.Dir = filepath.Dir(s.data) // where no .env lies
	s.cmd.Env = environ(append(s.env, env...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // ProcessState tells
		close(exited)
	}(s.cmd)
}

var errDied = errors.New("the process has ended")

// receiving waits until the store is open.
func (s *server) receiving(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return bench.Until(ctx, time.Millisecond, func() (bool, error) {
		if !s.running() {
			return false, errDied
		}
		r, err := s.client.Ready(ctx, true)
		return err == nil && r.Ready, nil
	})
}

func (s *server) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// ready waits until search is warm.
func (s *server) ready() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := bench.WaitReady(ctx, s.client); err != nil {
		s.t.Fatalf("search does not get ready: %v", err)
	}
}

// kill ends the process at once.
func (s *server) kill() {
	s.signal(syscall.SIGKILL)
	<-s.exited
}

// stop ends the process by SIGTERM; it must say that all is well.
func (s *server) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if code := s.exitCode(40 * time.Second); code != 0 {
		s.t.Errorf("exit code %d after SIGTERM\n%s", code, s.log)
	}
}

func (s *server) signal(sig os.Signal) { _ = s.cmd.Process.Signal(sig) }

// exitCode waits for the end of the process; -1 is a death by signal.
func (s *server) exitCode(patience time.Duration) int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatalf("the process runs on after %v\n%s", patience, s.log)
	}
	return s.cmd.ProcessState.ExitCode()
}

// settled waits until all that was accepted can be found, and returns the counts.
func (s *server) settled(patience time.Duration) *client.Stats {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stats, err := bench.WaitSettled(ctx, s.client, 5*time.Millisecond, nil)
	if err != nil {
		s.t.Fatalf("%v; counts %+v\n%s", err, stats, s.log)
	}
	return stats
}

// post sends one delivery.
func (s *server) post(d bench.Delivery) int {
	s.t.Helper()
	c := bench.NewConn(s.addr)
	defer c.Close()
	status, _, err := c.Post(context.Background(), &d)
	if err != nil {
		s.t.Fatalf("send a delivery: %v\n%s", err, s.log)
	}
	return status
}

// hits asks a keyword query.
func (s *server) hits(query string, limit int) []client.Hit {
	s.t.Helper()
	answer, err := s.client.Search(context.Background(), client.Query{Query: query, Mode: "keyword", Limit: limit})
	if err != nil {
		s.t.Fatalf("search %q: %v", query, err)
	}
	return answer.Hits
}

// request sends an HTTP request with the key and returns the answer, its body read.
func (s *server) request(req *http.Request) (int, string) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", req.Method, req.URL.Path, err, s.log)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		s.t.Fatalf("read the answer of %s: %v", req.URL.Path, err)
	}
	return resp.StatusCode, body.String()
}

// logs keeps the end of what a process prints.
type logs struct {
	mu   sync.Mutex
	text []byte
}

const keptLog = 64 << 10

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if len(l.text) > 2*keptLog {
		l.text = append(l.text[:0], l.text[len(l.text)-keptLog:]...)
	}
	return len(p), nil
}

// String is the last lines.
func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(l.text)), "\n")
	if len(lines) > 40 {
		lines = lines[len(lines)-40:]
	}
	return strings.Join(lines, "\n")
}

// contains says whether a text was printed lately.
func (l *logs) contains(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.text, []byte(text))
}
