package tei_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
	"pulse/internal/embed/tei"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, s *embedtest.TEI, key string) *tei.Endpoint {
	t.Helper()
	u, err := url.Parse(s.Start())
	if err != nil {
		t.Fatal(err)
	}
	transport := embed.NewTransport(embed.TransportOptions{})
	t.Cleanup(func() { transport.Close(); s.Close() })
	return tei.New("tei+"+u.String(), embed.Caller{Transport: transport, Base: u, Key: key})
}

func TestDescribe(t *testing.T) {
	e := start(t, &embedtest.TEI{Model: "Qwen/Qwen3-Embedding-0.6B", AutoTruncate: true}, "")
	d, err := e.Describe(t.Context())
	if err != nil || d.Model != "Qwen/Qwen3-Embedding-0.6B" || d.BatchTexts != 32 || d.BatchTokens != 8192 || d.Permits != 512 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestDescribeWithoutGPU takes no more texts than are computed at once.
func TestDescribeWithoutGPU(t *testing.T) {
	e := start(t, &embedtest.TEI{AtOnce: 4}, "")
	d, err := e.Describe(t.Context())
	if err != nil || d.BatchTexts != 4 || d.TextTokens != 512 || d.Cuts {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestBothRoutes makes the same vectors by either route, which the server's auto_truncate
// decides.
func TestBothRoutes(t *testing.T) {
	for _, auto := range []bool{true, false} {
		s := &embedtest.TEI{AutoTruncate: auto}
		e := start(t, s, "")
		if _, err := e.Describe(t.Context()); err != nil {
			t.Fatal(err)
		}
		texts := []string{"one", "zwei", "三 <b>&amp;</b>", "quoted \"four\"\n"}
		vectors, err := e.Embed(t.Context(), texts)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			if !slices.Equal(vectors[i], embedtest.Fingerprint(text, 8)) {
				t.Errorf("auto_truncate %v: %q has another vector", auto, text)
			}
		}
		if plain := s.Requests("/embed"); (plain == 1) != auto || s.Requests("/v1/embeddings") != 1-plain {
			t.Errorf("auto_truncate %v: %d requests to /embed", auto, plain)
		}
	}
}

// TestFailures is what each answer of the server means.
func TestFailures(t *testing.T) {
	s := &embedtest.TEI{APIKey: "a key", AutoTruncate: true, PayloadBytes: 20_000}
	e := start(t, s, "a key")
	if _, err := e.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := func(name string, kind embed.FailureKind, status int, embedding func() error) {
		t.Helper()
		var f *embed.Failure
		if err := embedding(); !errors.As(err, &f) || f.Kind != kind || f.Status != status {
			t.Errorf("%s: %v, want %v with %d", name, err, kind, status)
		}
	}
	send := func(texts ...string) func() error {
		return func() error { _, err := e.Embed(t.Context(), texts); return err }
	}
	f("batch too large", embed.TooLarge, 422, send(slices.Repeat([]string{"x"}, 33)...))
	f("text too long", embed.Refused, 422, send("x", strings.Repeat("word ", 1000)))
	f("empty text", embed.Refused, 400, send("x", ""))
	f("payload", embed.TooLarge, 413, send(slices.Repeat([]string{strings.Repeat("word ", 300)}, 20)...))
	answer := func(status int, body string, header ...string) {
		s.Change(func(s *embedtest.TEI) {
			s.Fail = func(w http.ResponseWriter, _ *http.Request) bool {
				if len(header) == 2 {
					w.Header().Set(header[0], header[1])
				}
				w.WriteHeader(status)
				fmt.Fprint(w, body)
				return true
			}
		})
	}
	answer(429, `{"error":"Model is overloaded","error_type":"Overloaded"}`)
	f("overloaded", embed.Overloaded, 429, send("x"))
	answer(424, `{"error":"Inference failed","error_type":"Backend"}`)
	f("backend", embed.Broken, 424, send("x"))
	answer(424, `{"error":"model is not a text embedding model","error_type":"Backend"}`)
	f("wrong kind of model", embed.Denied, 424, send("x"))
	answer(503, `{"error":"unhealthy","error_type":"Unhealthy"}`)
	f("unhealthy", embed.Unavailable, 503, send("x"))
	answer(502, "<html>bad gateway</html>")
	f("gateway", embed.Unavailable, 502, send("x"))
	answer(307, "", "Location", "http://127.0.0.1:1/")
	f("redirect", embed.Denied, 307, send("x"))
	answer(200, "[[0.1")
	if _, err := e.Embed(t.Context(), []string{"x"}); err == nil {
		t.Error("half an answer passed")
	}
	s.Change(func(s *embedtest.TEI) { s.Fail, s.APIKey = nil, "another key" })
	f("key", embed.Denied, 401, send("x"))
}

// TestConnections opens no more connections than the pool, whatever is asked at once.
func TestConnections(t *testing.T) {
	s := &embedtest.TEI{AutoTruncate: true, Permits: 1 << 20}
	u, err := url.Parse(s.Start())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	transport := embed.NewTransport(embed.TransportOptions{PerHost: 5})
	defer transport.Close()
	c := embed.New([]embed.Endpoint{tei.New("tei", embed.Caller{Transport: transport, Base: u})}, embed.Options{CacheVectors: -1})
	defer c.Close()
	var all sync.WaitGroup
	for w := range 100 {
		all.Go(func() {
			for i := range 100 { // 10,000 jobs
				text := fmt.Sprintf("job %d of worker %d", i, w)
				v, err := c.Embed(context.Background(), embed.Request{Lane: embed.LaneCrawl, Texts: []string{text}})
				if err != nil || !slices.Equal(v[0], embedtest.Fingerprint(text, 8)) {
					t.Errorf("%s: %v", text, err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := transport.Connections()[u.Host]; n.Open > 5 || n.Active != 0 || s.PeakConnections() > 5 {
		t.Errorf("connections %+v, %d at once", n, s.PeakConnections())
	}
}

// TestStormOverTheWire is 30 % 429, 10 % 500, connections that are cut before an answer and
// in the middle of one, and a restart with a smaller limit.
func TestStormOverTheWire(t *testing.T) {
	const documents = 60
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	s := &embedtest.TEI{Fail: func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			return false // what a server says of itself takes no permit
		}
		mu.Lock()
		n := rng.IntN(100)
		mu.Unlock()
		switch {
		case n < 30:
			w.WriteHeader(http.StatusTooManyRequests)
		case n < 40:
			w.WriteHeader(http.StatusInternalServerError)
		case n < 42:
			panic(http.ErrAbortHandler)
		case n < 44:
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "[[0.1,")
		default:
			return false
		}
		return true
	}}
	e := start(t, s, "")
	c := embed.New([]embed.Endpoint{e}, embed.Options{CacheVectors: -1})
	t.Cleanup(c.Close)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := next.Add(1); i <= documents; i = next.Add(1) {
				if i == documents/2 {
					s.Change(func(s *embedtest.TEI) { s.BatchTexts = 5 })
				}
				text := fmt.Sprintf("document %d", i)
				if v, err := untilThere(t.Context(), c, text); err != nil || !slices.Equal(v, embedtest.Fingerprint(text, 8)) {
					t.Errorf("%s: %v, %v", text, v, err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d requests to embed", s.Requests("/v1/embeddings"))
}

// untilThere embeds as a worker does: when nobody answers it comes again.
func untilThere(ctx context.Context, c *embed.Coalescer, text string) (pulse.Vector, error) {
	for {
		v, err := c.Embed(ctx, embed.Request{Lane: embed.LaneCrawl, Texts: []string{text}})
		var away *embed.AwayError
		if errors.As(err, &away) {
			again := time.NewTimer(time.Until(away.Until))
			<-again.C
			continue
		}
		if err != nil {
			return nil, err
		}
		return v[0], nil
	}
}

// TestRestartedWithAnotherModel starts the server anew between two requests, so that no
// request ever fails: its vectors, of the same dimension, are not used all the same.
func TestRestartedWithAnotherModel(t *testing.T) {
	s := &embedtest.TEI{}
	e := start(t, s, "")
	c := embed.New([]embed.Endpoint{e}, embed.Options{CacheVectors: -1})
	t.Cleanup(c.Close)
	embedText := func(text string) (pulse.Vector, error) {
		v, err := c.Embed(t.Context(), embed.Request{Texts: []string{text}})
		if err != nil {
			return nil, err
		}
		return v[0], nil
	}
	right := func(text string) {
		t.Helper()
		if v, err := embedText(text); err != nil || !slices.Equal(v, embedtest.Fingerprint(text, 8)) {
			t.Errorf("%s: %v, %v", text, v, err)
		}
	}
	restart := func(change func(*embedtest.TEI)) {
		t.Helper()
		if err := s.Restart(change); err != nil {
			t.Fatal(err)
		}
	}
	right("before")
	restart(func(s *embedtest.TEI) { s.BatchTexts = 4 })
	right("the same model")
	restart(func(s *embedtest.TEI) {
		s.Embed = func(text string) pulse.Vector { return embedtest.Fingerprint("another "+text, 8) }
	})
	var away *embed.AwayError
	if v, err := embedText("after"); !errors.As(err, &away) || c.Endpoints()[0].State != "stranger" {
		t.Errorf("vector %v, error %v, endpoint %+v", v, err, c.Endpoints()[0])
	}
}

// TestRestartedAndCuts starts the server anew with texts that are too long cut in silence:
// what came by the route that cannot ask otherwise is sent again by the one that can.
func TestRestartedAndCuts(t *testing.T) {
	s := &embedtest.TEI{}
	e := start(t, s, "")
	c := embed.New([]embed.Endpoint{e}, embed.Options{CacheVectors: -1})
	t.Cleanup(c.Close)
	long := strings.Repeat("word ", 1000)
	for _, restarted := range []bool{false, true} {
		if restarted {
			if err := s.Restart(func(s *embedtest.TEI) { s.AutoTruncate = true }); err != nil {
				t.Fatal(err)
			}
		}
		v, err := c.Embed(t.Context(), embed.Request{Texts: []string{"short", long}})
		if err != nil || v[0] == nil || v[1] != nil {
			t.Errorf("restarted %v: %v, %v", restarted, v, err)
		}
	}
}

// BenchmarkClient is what a request of 32 texts of 256 tokens with 1,024 numbers each costs
// here; the server's part of it is to write an answer that is ready.
func BenchmarkClient(b *testing.B) {
	for _, auto := range []bool{true, false} {
		name := map[bool]string{true: "embed", false: "base64"}[auto]
		b.Run(name, func(b *testing.B) {
			texts := make([]string, 32)
			vectors := make([]pulse.Vector, 32)
			for i := range texts {
				texts[i] = strings.Repeat("some more words ", 64)
				vectors[i] = embedtest.Fingerprint(fmt.Sprint(i), 1024)
			}
			answer := embedtest.Answer(vectors, !auto)
			s := &embedtest.TEI{AutoTruncate: auto}
			u, err := url.Parse(s.Start())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			transport := embed.NewTransport(embed.TransportOptions{})
			defer transport.Close()
			e := tei.New("tei", embed.Caller{Transport: transport, Base: u})
			if _, err := e.Describe(b.Context()); err != nil {
				b.Fatal(err)
			}
			s.Change(func(s *embedtest.TEI) {
				s.Fail = func(w http.ResponseWriter, r *http.Request) bool {
					_, _ = io.Copy(io.Discard, r.Body)
					w.Header().Set("Content-Length", strconv.Itoa(len(answer))) // as the real one does
					_, _ = w.Write(answer)
					return true
				}
			})
			b.ReportAllocs()
			cpu := processorTime(b)
			for b.Loop() {
				if _, err := e.Embed(b.Context(), texts); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processorTime(b)-cpu).Microseconds())/float64(b.N)/32, "cpu-µs/text")
		})
	}
}

// processorTime is what this process has used, the server's part with it.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
