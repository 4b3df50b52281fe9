package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pulse"
	"pulse/internal/queue"
)

// zeros is an endless body.
type zeros struct{ read int64 }

func (z *zeros) Read(p []byte) (int, error) {
	clear(p)
	z.read += int64(len(p))
	return len(p), nil
}

func TestBodyOverTheLimit(t *testing.T) {
	f := newFixture(t)
	for _, target := range []string{"POST " + hook, "PUT /v1/documents"} {
		method, path, _ := strings.Cut(target, " ")
		t.Run(method+" announced", func(t *testing.T) {
			body := &zeros{}
			req := httptest.NewRequest(method, "http://localhost"+path, body)
			req.ContentLength = pulse.MaxBodyBytes + 1
			rec := httptest.NewRecorder()
			f.ServeHTTP(rec, req)
			wantProblem(t, rec, 413, "too_large", "")
			if body.read != 0 {
				t.Errorf("%d bytes were read of a body that was known to be too large", body.read)
			}
		})
		t.Run(method+" chunked", func(t *testing.T) {
			body := &zeros{}
			req := httptest.NewRequest(method, "http://localhost"+path, body)
			req.ContentLength = -1
			rec := httptest.NewRecorder()
			f.ServeHTTP(rec, req)
			wantProblem(t, rec, 413, "too_large", "")
			if body.read > pulse.MaxBodyBytes+spoolAfter {
				t.Errorf("%d bytes were read", body.read)
			}
		})
	}
	for _, path := range []string{"/v1/search", "/v1/reembed"} {
		req := httptest.NewRequest("POST", "http://localhost"+path, &zeros{})
		req.ContentLength = -1
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, req)
		wantProblem(t, rec, 413, "too_large", "")
		if !strings.Contains(rec.Body.String(), "larger than 1 MiB") {
			t.Errorf("%s names another limit than its own: %s", path, rec.Body)
		}
	}
	f.wantIdle(t)
}

// wantIdle checks that nothing is held by requests that are over.
func (f *fixture) wantIdle(t *testing.T) {
	t.Helper()
	if used := f.deps.Budget.Used(); used != 0 {
		t.Errorf("%d bytes of the budget are held", used)
	}
	left, err := os.ReadDir(f.opts.SpoolDir)
	if err != nil || len(left) != 0 {
		t.Errorf("spool folder: %v %v", left, err)
	}
}

func TestChunkedBodyOverTheLimitByNetwork(t *testing.T) {
	f := newFixture(t)
	web := httptest.NewServer(f.server)
	defer web.Close()
	req, err := http.NewRequest("POST", web.URL+hook, io.LimitReader(&zeros{}, pulse.MaxBodyBytes+5<<20))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := web.Client().Do(req)
	if err != nil {
		t.Skipf("the client saw the connection end before the answer: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestLargeBodySpools sends more than stays in memory and finds it whole behind its signature.
func TestLargeBodySpools(t *testing.T) {
	f := newFixture(t, withSecret)
	text := strings.Repeat("words and words ", 200_000) // 3.2 MB
	body := page(1, text)
	if rec := f.ask("POST", hook, body, "X-Firecrawl-Signature", sign("other")); rec.Code != 401 {
		t.Errorf("wrong signature: %d", rec.Code)
	}
	got := decode[webhookAnswer](t, f.ask("POST", hook, body, "X-Firecrawl-Signature", sign(body)), 202)
	part, err := f.st.Part(context.Background(), 1, 0)
	if err != nil || !bytes.Contains(part, []byte(text)) {
		t.Errorf("the part of job %v has %d bytes, error %v", got.JobIDs, len(part), err)
	}
	f.wantIdle(t)
}

func TestSpoolThatCannotBeWritten(t *testing.T) {
	f := newFixture(t, func(_ *Deps, o *Options) { o.SpoolDir = "/nowhere/at/all" })
	rec := f.ask("POST", hook, page(1, strings.Repeat("x", 2<<20)))
	wantProblem(t, rec, 500, "internal", "")
	if rec := f.ask("POST", hook, page(2, "small")); rec.Code != 202 {
		t.Errorf("a small body: %d", rec.Code)
	}
	if used := f.deps.Budget.Used(); used != 0 {
		t.Errorf("%d bytes of the budget are held", used)
	}
}

func TestNestingAndEncoding(t *testing.T) {
	f := newFixture(t)
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	at := func(n int) string {
		return `{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	check := func(method, path, body string, status int, code string) {
		t.Helper()
		rec := f.ask(method, path, body)
		if rec.Code != status || !strings.Contains(rec.Body.String(), `"code":"`+code+`"`) {
			t.Errorf("%s %s %.30q: %d %.200s, want %d %s", method, path, body, rec.Code, rec.Body, status, code)
		}
	}
	for _, r := range []string{"POST " + hook, "PUT /v1/documents", "POST /v1/search", "POST /v1/jobs/retry"} {
		method, path, _ := strings.Cut(r, " ")
		check(method, path, deep, 400, "bad_json")
		check(method, path, at(101), 400, "bad_json")
		check(method, path, at(100), 422, "invalid") // deep enough, but names are missing or unknown
		check(method, path, "[1]", 400, "bad_json")
		check(method, path, `"text"`, 400, "bad_json")
		check(method, path, `{"query":"a","markdown":"`+"\xff\xfe"+`"}`, 400, "bad_json")
		check(method, path, `{"query":"a"} more`, 400, "bad_json")
		check(method, path, `{"query":`, 400, "bad_json")
	}
	for _, r := range []string{"POST " + hook, "PUT /v1/documents", "POST /v1/search"} {
		method, path, _ := strings.Cut(r, " ")
		check(method, path, "", 400, "bad_json")
	}
	f.wantIdle(t)
}

func zip(t testing.TB, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGzip(t *testing.T) {
	f := newFixture(t)
	put := func(body, encoding string) *httptest.ResponseRecorder {
		return f.ask("PUT", "/v1/documents", body, "Content-Encoding", encoding)
	}
	good := `{"documents":[{"url":"https://example.com/1","markdown":"# One"}]}`
	decode[putAnswer](t, put(zip(t, []byte(good)), "gzip"), 202)
	bomb := zip(t, make([]byte, pulse.MaxBodyBytes+8<<20))
	wantProblem(t, put(bomb, "gzip"), 413, "too_large", "")
	wantProblem(t, put(good, "gzip"), 400, "bad_json", "")
	wantProblem(t, put(zip(t, []byte(good))[:40], "gzip"), 400, "bad_json", "")
	wantProblem(t, put(good, "br"), 415, "unsupported_encoding", "")
	wantProblem(t, put(zip(t, []byte("{nothing")), "gzip"), 400, "bad_json", "")
	f.wantIdle(t)
}

// TestGzipBombTakesLittle bounds what a bomb may make the server hold: by its ratio
// long before the limit.
func TestGzipBombTakesLittle(t *testing.T) {
	f := newFixture(t, func(d *Deps, _ *Options) { d.Budget = queue.NewBudget(4 << 20) })
	wantProblem(t, f.ask("PUT", "/v1/documents", zip(t, make([]byte, 30<<20)), "Content-Encoding", "gzip"), 413, "too_large", "")
	incompressible := func() string { // no bomb, but too large for what is left
		b := make([]byte, 6<<20)
		for i, x := 0, uint32(1); i < len(b); i++ {
			x = x*1664525 + 1013904223
			b[i] = byte(x >> 24)
		}
		return zip(t, b)
	}()
	wantProblem(t, f.ask("PUT", "/v1/documents", incompressible, "Content-Encoding", "gzip"), 503, "overloaded", "")
	f.wantIdle(t)
}

// pipeListener hands out in-memory connections, so that slow clients cost no real time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 52100} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// TestSlowClients has a thousand clients that announce a body and send a few bytes of
// it. A good delivery between them is taken at once; each slow one is told 408 after
// the time for bodies, and those that do not even send headers are cut.
func TestSlowClients(t *testing.T) {
	f := newFixture(t) // outside the bubble: the store has goroutines of its own
	f.accept = func(context.Context, *pulse.Delivery) (*pulse.Receipt, error) {
		return &pulse.Receipt{Seq: 1, Result: pulse.ResultAcknowledged}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		listener := newPipeListener()
		web := NewServer(f.server, f.opts.Log)
		served := make(chan error, 1)
		go func() { served <- web.Serve(listener) }()
		const slow = 1000
		answers := make(chan string, slow)
		for range slow {
			conn := listener.dial()
			go func() {
				defer conn.Close()
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{", hook)
				line, _ := bufio.NewReader(conn).ReadString('\n')
				answers <- strings.TrimSpace(line)
			}()
		}
		headless := listener.dial()
		go fmt.Fprint(headless, "POST /v1/webhooks/fire")
		synctest.Wait()
		if used := f.deps.Budget.Used(); used > 10*slow {
			t.Errorf("slow clients hold %d bytes of the budget", used)
		}
		start := time.Now()
		if got := exchange(t, listener.dial(), page(1, "text")); !strings.Contains(got, "200 OK") {
			t.Errorf("a good client between slow ones: %q", got)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("a good client waited %v", d)
		}
		if _, err := io.Copy(io.Discard, headless); err != nil || time.Since(start) > headerTimeout+time.Second {
			t.Errorf("a client without headers: %v after %v", err, time.Since(start))
		}
		_ = headless.Close()
		for range slow {
			if got := <-answers; got != "HTTP/1.1 408 Request Timeout" {
				t.Errorf("slow client: %q", got)
			}
		}
		if d := time.Since(start); d < defaultBodyTimeout || d > defaultBodyTimeout+time.Second {
			t.Errorf("slow clients were told after %v", d)
		}
		_ = web.Close()
		<-served
		<-time.After(time.Second) // the server lingers half a second on a connection whose body it did not read
	})
	f.wantIdle(t)
}

// TestUnreadBody has a client that is refused by its headers and never sends the body
// that it announced: its connection ends all the same.
func TestUnreadBody(t *testing.T) {
	f := newFixture(t, withSecret)
	synctest.Test(t, func(t *testing.T) {
		listener := newPipeListener()
		web := NewServer(f.server, f.opts.Log)
		served := make(chan error, 1)
		go func() { served <- web.Serve(listener) }()
		start := time.Now()
		conn := listener.dial()
		go fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", hook)
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401") {
			t.Errorf("answer %q, error %v", answer, err)
		}
		if d := time.Since(start); d > headerTimeout+defaultBodyTimeout+time.Second {
			t.Errorf("the connection ended after %v", d)
		}
		_ = conn.Close()
		_ = web.Close()
		<-served
		<-time.After(time.Second)
	})
}

func exchange(t testing.TB, conn net.Conn, body string) string {
	t.Helper()
	defer conn.Close()
	go fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", hook, len(body), body)
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	return string(answer)
}

func TestBodyThatEndsEarly(t *testing.T) {
	f := newFixture(t)
	req := httptest.NewRequest("POST", "http://localhost"+hook, io.MultiReader(strings.NewReader("{"), brokenReader{}))
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, req)
	wantProblem(t, rec, 400, "bad_body", "")
	f.wantIdle(t)
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestEmptyElements sends 32 MiB of empty elements: refused by their number, in bounded memory.
func TestEmptyElements(t *testing.T) {
	f := newFixture(t)
	var b strings.Builder
	b.WriteString(`{"success":true,"type":"crawl.page","id":"a","data":[{}`)
	for b.Len() < pulse.MaxBodyBytes-8 {
		b.WriteString(",{}")
	}
	b.WriteString("]}")
	rec := f.ask("POST", hook, b.String())
	if rec.Code != 413 {
		t.Errorf("status %d: %.200s", rec.Code, rec.Body)
	}
	f.wantIdle(t)
}

func TestMinFreeIsLookedAtOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := diskGuard{min: 100}
		looks, free := 0, int64(1000)
		look := func() (int64, error) { looks++; return free, nil }
		for range 5 {
			if err := d.check(look); err != nil {
				t.Error(err)
			}
		}
		free = 99
		if err := d.check(look); err != nil || looks != 1 {
			t.Errorf("%d looks, error %v", looks, err)
		}
		<-time.After(time.Second + 1) // of the bubble's clock
		if err := d.check(look); err != errLowDisk || looks != 2 {
			t.Errorf("%d looks, error %v", looks, err)
		}
	})
}
