package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"pulse"
	"pulse/internal/queue"
	"pulse/internal/search"
	"pulse/internal/source/file"
	"pulse/internal/source/firecrawl"
	"pulse/internal/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// fixture is a server on a store of its own. Its worker is small: it commits text as it is.
type fixture struct {
	*server
	t      testing.TB
	st     *store.Store
	search *fakeSearch
	log    lockedBuffer
	layout pulse.LayoutID

	mu         sync.Mutex
	deliveries []string // source result status
	failures   int
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newFixture(t testing.TB, change ...func(*Deps, *Options)) *fixture {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{t: t, st: st, search: &fakeSearch{}}
	deps, opts := f.parts()
	for _, c := range change {
		c(&deps, &opts)
	}
	f.server = newServer(deps, opts)
	f.layout, err = st.EnsureLayout(context.Background(), pulse.DefaultCollection, store.LayoutSpec{Tokenizer: "words-1", MaxTokens: 256})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) parts() (Deps, Options) {
	deps := Deps{
		Store:  func() *store.Store { return f.st },
		Queue:  queue.New(queue.Options{}),
		Budget: queue.NewBudget(256 << 20),
		Search: func() Searcher { return f.search },
		Ends:   NewEnds(),
	}
	opts := Options{
		MinFree:  -1,
		SpoolDir: f.t.TempDir(),
		Log:      slog.New(slog.NewTextHandler(&f.log, nil)),
		OnDelivery: func(source, result string, status int) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.deliveries = append(f.deliveries, fmt.Sprint(source, " ", result, " ", status))
		},
		OnSignatureFailure: func(string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.failures++
		},
	}
	return deps, opts
}

func (f *fixture) signatureFailures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failures
}

func (f *fixture) lastDelivery() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.deliveries) == 0 {
		return ""
	}
	return f.deliveries[len(f.deliveries)-1]
}

// ask sends a request as a local program does. headers are pairs.
func (f *fixture) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, "http://127.0.0.1:52100"+target, r)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, req)
	return rec
}

// wantProblem checks an error's whole shape.
func wantProblem(t testing.TB, rec *httptest.ResponseRecorder, status int, code, field string) {
	t.Helper()
	var got struct {
		Error *problemDetail `json:"error"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || got.Error == nil {
		t.Fatalf("answer %d %q is no error", rec.Code, rec.Body)
	}
	if rec.Code != status || got.Error.Code != code || got.Error.Field != field || got.Error.Message == "" {
		t.Errorf("answer %d %+v, want %d %s field %q", rec.Code, *got.Error, status, code, field)
	}
	if ct := rec.Header().Get("Content-Type"); ct != "application/json" {
		t.Errorf("content type %q", ct)
	}
}

// decode reads an answer of the wanted status.
func decode[T any](t testing.TB, rec *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if rec.Code != status {
		t.Fatalf("status %d, want %d: %s", rec.Code, status, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("decode %q: %v", rec.Body, err)
	}
	return v
}

// work runs jobs until n have ended.
func (f *fixture) work(n int) {
	f.t.Helper()
	for range n {
		if err := f.workOne(context.Background()); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fixture) workOne(ctx context.Context) error {
	j, err := f.deps.Queue.Take(ctx)
	if err != nil {
		return err
	}
	defer f.deps.Queue.Done(j.ID)
	w := &store.Write{Job: j, Gone: j.Kind == pulse.KindDelete, Layout: f.layout}
	if !w.Gone {
		if err := f.fill(ctx, w); err != nil {
			return err
		}
	}
	committed, err := f.st.Commit(ctx, w)
	if err != nil {
		return err
	}
	j.State, j.Outcome, j.CommitSeq = pulse.JobDone, committed.Outcome, committed.Seq
	f.st.NoteApplied(store.LocalFollower, committed.Seq, j.AcceptedAt)
	f.deps.Ends.Ended(*j)
	return nil
}

func (f *fixture) fill(ctx context.Context, w *store.Write) error {
	part, err := f.st.Part(ctx, w.Job.Delivery, w.Job.Element)
	if err != nil {
		return err
	}
	change := firecrawl.Change
	if w.Job.Source == file.SourceAPI {
		change = file.Change
	}
	c, err := change(part)
	if err != nil {
		return err
	}
	text := c.Markdown + c.HTML + c.Text
	w.Document = pulse.Document{URL: c.URL, Title: c.Title, Language: c.Language, Metadata: c.Metadata, Text: text, ContentHash: fmt.Sprintf("%x", len(text))}
	w.Chunks = []pulse.Chunk{{Start: 0, End: len(text), Tokens: 1, Headings: []string{c.Title}, Hash: uint64(len(text))}}
	return nil
}

// fakeSearch answers with what a test put there.
type fakeSearch struct {
	mu     sync.Mutex
	query  pulse.Query
	answer *pulse.Answer
	err    error
	waited pulse.CommitSeq
	head   pulse.CommitSeq
	behind chan struct{} // the index never catches up; closed when somebody waits for it
}

func (s *fakeSearch) Search(_ context.Context, q pulse.Query) (*pulse.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.query = q
	if s.answer == nil && s.err == nil {
		return nil, errors.New("no answer prepared: secret-detail")
	}
	return s.answer, s.err
}

func (s *fakeSearch) Progress() (head, applied pulse.CommitSeq) { return s.head, s.head }

func (s *fakeSearch) Wait(ctx context.Context, seq pulse.CommitSeq) error {
	s.mu.Lock()
	s.waited = seq
	s.mu.Unlock()
	if s.behind != nil {
		close(s.behind)
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (s *fakeSearch) waitedFor() pulse.CommitSeq {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waited
}

const (
	testSecret = "0123456789abcdef0123456789abcdef"
	testToken  = "token-of-sixteen-characters"
	testKey    = "key-of-sixteen-characters"
)

func withSecret(_ *Deps, o *Options) { o.FirecrawlSecret = testSecret }
func withToken(_ *Deps, o *Options)  { o.FirecrawlToken = testToken }
func withKey(_ *Deps, o *Options)    { o.APIKey = testKey }

const hook = "/v1/webhooks/firecrawl"

// page is one crawl.page webhook.
func page(n int, text string) string {
	return fmt.Sprintf(`{"success":true,"type":"crawl.page","id":"0198d1f2-6a3b-7c44-9e10-3f5a7b2c8d01","webhookId":"5f0c1a02-9b7e-4d21-8c35-%012d",`+
		`"data":[{"markdown":%q,"metadata":{"url":"https://example.com/%d","sourceURL":"https://example.com/%d","statusCode":200,"title":"Page %d"}}],"metadata":{}}`, n, text, n, n, n)
}

func sign(body string) string { return firecrawl.Sign(testSecret, []byte(body)) }

var _ http.Handler = (*server)(nil)
var _ Searcher = (*search.Searcher)(nil)
