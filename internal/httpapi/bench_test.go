package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"pulse"
	"pulse/internal/store"
)

// fakeAccept keeps nothing, so that only the receiver is measured.
func fakeAccept(seq *atomic.Int64) func(context.Context, *pulse.Delivery) (*pulse.Receipt, error) {
	return func(_ context.Context, d *pulse.Delivery) (*pulse.Receipt, error) {
		n := seq.Add(1)
		return &pulse.Receipt{Seq: pulse.DeliverySeq(n), Result: d.Result, JobIDs: []pulse.JobID{pulse.JobID(n)}}, nil
	}
}

// BenchmarkWebhook is one signed 2-KB delivery from the parsed request to the written
// answer, without network and store.
func BenchmarkWebhook(b *testing.B) {
	f := newFixture(b, withSecret)
	f.accept = fakeAccept(new(atomic.Int64))
	body := page(1, strings.Repeat("some words of a page ", 80))
	signature := sign(body)
	w := &discard{header: http.Header{}}
	reader := strings.NewReader(body)
	req := httptest.NewRequest("POST", "http://localhost"+hook, nil)
	req.Header.Set("X-Firecrawl-Signature", signature)
	req.ContentLength = int64(len(body))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		req.Body = io.NopCloser(reader)
		f.ServeHTTP(w, req)
	}
	if w.status != http.StatusAccepted {
		b.Fatalf("status %d", w.status)
	}
}

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkWebhookByNetwork is the same over 64 connections, the client's work included.
func BenchmarkWebhookByNetwork(b *testing.B) {
	f := newFixture(b, withSecret)
	f.accept = fakeAccept(new(atomic.Int64))
	web := httptest.NewServer(f.server)
	defer web.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	body := page(1, strings.Repeat("some words of a page ", 80))
	signature := sign(body)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest("POST", web.URL+hook, strings.NewReader(body))
			req.Header.Set("X-Firecrawl-Signature", signature)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
}

// BenchmarkSearchRoute is a query of ten hits through the typed route, without search.
func BenchmarkSearchRoute(b *testing.B) {
	f := newFixture(b)
	answer := preparedAnswer()
	for len(answer.Hits) < 10 {
		answer.Hits = append(answer.Hits, answer.Hits[0])
	}
	f.search.answer = answer
	w := &discard{header: http.Header{}}
	req := httptest.NewRequest("GET", "http://localhost/v1/search?q=pods&limit=10", nil)
	b.ReportAllocs()
	for b.Loop() {
		f.ServeHTTP(w, req)
	}
}

// TestWebhookAllocations holds the receiver's own cost against a bound that does not
// depend on the machine.
func TestWebhookAllocations(t *testing.T) {
	f := newFixture(t, withSecret, func(d *Deps, _ *Options) { d.Store = func() *store.Store { return nil } })
	f.accept = fakeAccept(new(atomic.Int64))
	body := page(1, "text")
	signature := sign(body)
	w := &discard{header: http.Header{}}
	req := httptest.NewRequest("POST", "http://localhost"+hook, nil)
	req.Header.Set("X-Firecrawl-Signature", signature)
	got := testing.AllocsPerRun(200, func() {
		req.Body = io.NopCloser(strings.NewReader(body))
		f.ServeHTTP(w, req)
	})
	if w.status != http.StatusAccepted || got > 60 {
		t.Errorf("status %d, %.0f allocations a delivery", w.status, got)
	}
	t.Logf("%.0f allocations a delivery", got)
}
