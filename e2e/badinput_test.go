package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pulse/internal/bench"
)

// memoryBound is what a server may take at most, whatever it is sent: the budget of
// 256 MiB for bodies and running pages, as much again since the collector lets the
// heap double, and what the store and the index hold.
const memoryBound = 900 << 20

// victim is a server that is sent bad input. At its end it must be well, and small.
func victim(t *testing.T, args ...string) *server {
	t.Helper()
	s := newServer(t, args...)
	s.start()
	s.ready()
	t.Cleanup(func() {
		if !s.running() {
			t.Errorf("the server died:\n%s", s.log)
			return
		}
		s.well()
		u := readUsage(t, s.cmd.Process.Pid)
		t.Logf("memory at most %s", megabytes(u.peak))
		if u.peak > memoryBound {
			t.Errorf("memory was %s, more than %s", megabytes(u.peak), megabytes(memoryBound))
		}
		s.stop()
	})
	return s
}

// well sees that a page still goes from a webhook to a hit.
func (s *server) well() {
	s.t.Helper()
	p := bench.Page{URL: "https://example.com/well", Title: "Well", Language: "en", Markdown: "# Well\n\nThe server answers, " + word('w', 1) + ".\n"}
	if status := s.post(bench.NewSender(secret, uint64(time.Now().UnixNano())).Page(p)); status != http.StatusAccepted {
		s.t.Errorf("a good page is answered %d", status)
	}
	s.settled(time.Minute)
	if hits := s.hits(word('w', 1), 10); len(hits) != 1 {
		s.t.Errorf("a good page has %d hits", len(hits))
	}
}

// answers sends a signed body and compares status and words of the answer.
func (s *server) answers(body []byte, status int, words ...string) {
	s.t.Helper()
	d := bench.NewSender(secret, 1).Raw(body)
	c := bench.NewConn(s.addr)
	defer c.Close()
	got, answer, err := c.Post(context.Background(), &d)
	if err != nil {
		s.t.Errorf("no answer, want %d: %v", status, err)
		return
	}
	s.compare(got, string(answer), status, words)
}

func (s *server) compare(got int, answer string, status int, words []string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(answer, w) {
			s.t.Errorf("the answer does not say %q: %.300s", w, answer)
		}
	}
	if got != status {
		s.t.Errorf("answer %d, want %d: %.300s", got, status, answer)
	}
}

// envelope is a page event with the given elements.
func envelope(elements string) []byte {
	return []byte(`{"success":true,"type":"crawl.page","id":"bad","data":[` + elements + `],"metadata":{}}`)
}

func TestBadBodies(t *testing.T) {
	s := victim(t)
	many := func(element string, size int) string {
		return strings.Repeat(element+",", size/(len(element)+1)) + element
	}
	s.answers(envelope(many("{}", 32<<20-200)), http.StatusRequestEntityTooLarge, "data", "10000")
	s.answers(envelope(many("{}", 32<<20+200)), http.StatusRequestEntityTooLarge)
	s.answers([]byte(`{"type":"crawl.page","id":"bad","success":true,"data":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`), http.StatusBadRequest)
	s.answers([]byte(strings.Repeat(`{"a":`, 100_000)+"1"+strings.Repeat("}", 100_000)), http.StatusBadRequest)
	s.answers(envelope("{\"markdown\":\"a\xff\"}"), http.StatusBadRequest)
	s.answers(envelope(`{"markdown":"nul \u0000 inside","metadata":{"url":"https://example.com/nul","statusCode":200}}`), http.StatusAccepted, "queued")
	s.answers([]byte(`{"success":true,"type":7,"id":"bad","data":[]}`), http.StatusUnprocessableEntity, `"field":"type"`)
	s.answers([]byte(""), http.StatusBadRequest)
	s.answers([]byte("[]"), http.StatusBadRequest, "object")

	good := bench.NewSender(secret, 1).Started()
	for _, signature := range []string{"", "sha256=", "sha256=" + strings.Repeat("0", 64), strings.TrimPrefix(good.Signature, "sha256=")} {
		d := good
		d.Signature = signature
		if status := s.post(d); status != http.StatusUnauthorized {
			t.Errorf("signature %q is answered %d, want 401", signature, status)
		}
	}
}

// TestGzipBomb inflates to more than may come in.
func TestGzipBomb(t *testing.T) {
	s := victim(t)
	f := func(fill byte, size int64) {
		t.Helper()
		var bomb bytes.Buffer
		z, _ := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
		_, _ = io.WriteString(z, `{"documents":[{"url":"https://example.com/bomb","markdown":"`)
		_, _ = io.CopyN(z, repeated(fill), size)
		_ = z.Close()
		req, err := http.NewRequest(http.MethodPut, s.base()+"/v1/documents", &bomb)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Encoding", "gzip")
		req.Header.Set("Authorization", "Bearer "+apiKey)
		status, answer := s.request(req)
		s.compare(status, answer, http.StatusRequestEntityTooLarge, nil)
	}
	f(' ', 1<<30)
	f('a', 64<<20)
}

// repeated reads one byte for ever.
type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// TestForeignOrigin asks a server without a key as a web page would.
func TestForeignOrigin(t *testing.T) {
	s := newServer(t)
	s.env = nil
	s.start()
	f := func(header, value string, status int) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, s.base()+"/v1/stats", nil)
		if err != nil {
			t.Fatal(err)
		}
		if header == "Host" {
			req.Host = value
		} else {
			req.Header.Set(header, value)
		}
		got, answer := s.request(req)
		s.compare(got, answer, status, nil)
	}
	f("X-Nothing", "", http.StatusOK)
	f("Origin", "https://evil.example", http.StatusForbidden)
	f("Sec-Fetch-Site", "cross-site", http.StatusForbidden)
	f("Host", "evil.example", http.StatusForbidden)
	s.stop()
}

// TestSlowClients holds a thousand connections that send a little and then nothing,
// while others are served at once.
func TestSlowClients(t *testing.T) {
	s := victim(t)
	const clients = 1000
	conns := make([]net.Conn, 0, clients)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range clients {
		c, err := net.DialTimeout("tcp", s.addr, 10*time.Second)
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		conns = append(conns, c)
		begun := "POST " + bench.WebhookPath + " HTTP/1.1\r\nHost: " + s.addr + "\r\n"
		if i%2 == 0 { // half of them are slow with the body
			begun += "X-Firecrawl-Signature: sha256=" + strings.Repeat("0", 64) + "\r\nContent-Length: 33000000\r\n\r\n" + strings.Repeat(" ", 2000)
		}
		if _, err := io.WriteString(c, begun); err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	begin := time.Now()
	s.well()
	load := bench.Load{Base: s.base(), Connections: 8}
	sender, writer := bench.NewSender(secret, 1), bench.NewWriter(1)
	var deliveries []bench.Delivery
	for i := range 500 {
		deliveries = append(deliveries, sender.Page(writer.Page(i, 2048)))
	}
	r, err := load.Run(context.Background(), deliveries)
	if err != nil || r.Refused > 0 {
		t.Fatalf("%d of the others were turned away: %v", r.Refused, err)
	}
	t.Logf("the others took %v, at most %v for one", time.Since(begin), r.Latency.Max())
	if r.Latency.Max() > 5*time.Second {
		t.Errorf("one of the others took %v", r.Latency.Max())
	}
	// Those that are slow with their headers are cut off after 10 seconds.
	_ = conns[1].SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.Copy(io.Discard, conns[1]); err != nil {
		t.Errorf("a client that does not end its headers is kept: %v", err)
	}
}

// TestTiringPages are made to take more than linear time, end to end. They come to a third of
// a million chunks, whose vectors would only hide in memory what the text takes.
func TestTiringPages(t *testing.T) {
	s := victim(t, "--embedder", "none")
	sender := bench.NewSender(secret, 1)
	n := 0
	took := func(markdown string) time.Duration {
		t.Helper()
		n++
		d := sender.Page(bench.Page{URL: fmt.Sprintf("https://example.com/tiring/%d", n), Title: "Tiring", Language: "en", Markdown: markdown})
		begin := time.Now()
		if status := s.post(d); status/100 != 2 {
			t.Fatalf("answer %d", status)
		}
		s.settled(2 * time.Minute)
		return time.Since(begin)
	}
	const small, middle, large = 64 << 10, 1 << 20, 16<<20 - 1024
	for _, pattern := range []string{"> ", "[a](", "one line of words ", "*a **b ", "| a ", "- ", "`", "<div>", "&amp;", "![", "語"} {
		of := func(size int) string { return strings.Repeat(pattern, size/len(pattern)) }
		a, b, c := took(of(small)), took(of(middle)), took(of(large))
		t.Logf("%-20q 64 KB %v, 1 MB %v, 16 MB %v", pattern, a, b, c)
		// A quadratic one takes 256 times as long for 16 times as much.
		if floor := 100 * time.Millisecond; c > 64*max(b, floor) || b > 64*max(a, floor) {
			t.Errorf("%q is not linear: 64 KB %v, 1 MB %v, 16 MB %v", pattern, a, b, c)
		}
		if c > time.Minute {
			t.Errorf("%q: 16 MB take %v", pattern, c)
		}
	}
	stats := s.settled(time.Minute)
	t.Logf("%d chunks, %d without vectors", stats.Chunks, stats.VectorsPending)
	if stats.Jobs.Dead != 0 {
		t.Errorf("%d jobs are dead", stats.Jobs.Dead)
	}
}

// TestDeepHTML nests far past what a parser's stack takes.
func TestDeepHTML(t *testing.T) {
	s := victim(t)
	for i, tag := range []string{"div", "blockquote", "b", "table", "ul"} {
		html := strings.Repeat("<"+tag+">", 100_000) + "the words inside " + strings.Repeat("</"+tag+">", 100_000)
		body := envelope(fmt.Sprintf(`{"html":%q,"metadata":{"url":"https://example.com/deep/%d","statusCode":200}}`, html, i))
		s.answers(body, http.StatusAccepted, "queued")
		begin := time.Now()
		s.settled(time.Minute)
		t.Logf("%s: %v", tag, time.Since(begin))
	}
	if stats := s.settled(time.Minute); stats.Jobs.Dead != 0 || stats.Jobs.Done != 5 {
		t.Errorf("%d jobs are dead, %d done", stats.Jobs.Dead, stats.Jobs.Done)
	}
}

// TestTooLongPage is refused by name, and its neighbours are not.
func TestTooLongPage(t *testing.T) {
	s := victim(t)
	page := func(name string, size int) string {
		return fmt.Sprintf(`{"markdown":"%s","metadata":{"url":"https://example.com/%s","statusCode":200}}`, strings.Repeat("long ", size/5), name)
	}
	s.answers(envelope(page("long", 17<<20)+","+page("short", 100)), http.StatusAccepted, `"queued_jobs":1`, `"refused":[{"index":0`)
	s.settled(time.Minute)
}
