package app

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/client"
	"pulse/internal/embed/embedtest"
	"pulse/internal/ingest"
	"pulse/internal/token"
	"pulse/internal/token/builtin"
)

func qwen3(t *testing.T) *token.Tokenizer {
	t.Helper()
	tok, _, err := builtin.For(builtin.Qwen3)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

var longPage = client.Put{URL: "https://example.com/long", Title: "A long page",
	Markdown: "# Of counting\n\n" + strings.Repeat("Unaffordable words, 漢字 and `code_of(it)`. ", 200)}

// chunksOf are the chunks that the store holds of a page, and what is embedded of each.
func chunksOf(t *testing.T, a *App, url string) (chunks []pulse.Chunk, embeds []string) {
	t.Helper()
	answer, err := clientOf(t, a).Document(t.Context(), "", url)
	if err != nil || len(answer.Chunks) == 0 {
		t.Fatalf("document %s: %v", url, err)
	}
	for _, c := range answer.Chunks {
		chunks = append(chunks, pulse.Chunk{Ordinal: c.Ordinal, Start: c.Start, End: c.End, Tokens: c.Tokens, Headings: c.Headings})
	}
	return chunks, chunk.Embeds(answer.Document.Title, answer.Document.Text, chunks)
}

func tokenizerOfLayout(t *testing.T, a *App) string {
	t.Helper()
	_, spec, err := a.Services().Store.ActiveLayout(t.Context(), pulse.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	return spec.Tokenizer
}

// TestTokensOfTheEndpoint: a page is cut by the tokens of a model that nobody here has a
// tokenizer of, each chunk within the limit and counted as its tokenizer would.
func TestTokensOfTheEndpoint(t *testing.T) {
	tok := qwen3(t)
	s := near(t, "near-1", 64)
	s.Tokenizer = tok
	logs := new(logBuffer)
	a := startApp(t, withTEI(s.Start()), func(c *Config) { c.Log = NewLog(logs, "text", slog.LevelInfo) })
	defer s.Close()
	if q, err := clientOf(t, a).Put(t.Context(), []client.Put{longPage, page(1)}, client.PutOptions{Wait: time.Minute}); err != nil || q.Status != "done" {
		t.Fatalf("put: %+v, %v", q, err)
	}
	chunks, embeds := chunksOf(t, a, longPage.URL)
	for i, c := range chunks {
		if want := tok.Count(embeds[i]) + tok.Special(); c.Tokens != want || want > a.cfg.MaxChunkTokens {
			t.Errorf("chunk %d has %d tokens, counted %d", i, c.Tokens, want)
		}
	}
	if n := s.Requests("/tokenize"); len(chunks) < 10 || n > 16 {
		t.Errorf("%d chunks by %d requests", len(chunks), n)
	}
	if n := strings.Count(logs.String(), "--tokenizer"); n != 1 {
		t.Errorf("warned %d times: %s", n, logs)
	}
	if m := get(t, a.URL()+"/metrics"); !strings.Contains(m, "pulse_tokenize_texts_total{endpoint=") {
		t.Error("no metric of it")
	}
	if id := tokenizerOfLayout(t, a); id != countedByEndpoint {
		t.Errorf("the layout's tokenizer is %q", id)
	}
}

// TestTokensOfAModelThatIsBuiltIn: the endpoint says its model, and is not asked for tokens;
// later starts need it no more for cutting.
func TestTokensOfAModelThatIsBuiltIn(t *testing.T) {
	tok := qwen3(t)
	s := near(t, "Qwen/Qwen3-Embedding-0.6B", 64)
	logs := new(logBuffer)
	cfg := testConfig(t, withTEI(s.Start()), func(c *Config) { c.Log = NewLog(logs, "text", slog.LevelInfo) })
	a, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if q, err := clientOf(t, a).Put(t.Context(), []client.Put{longPage}, client.PutOptions{Wait: time.Minute}); err != nil || q.Status != "done" {
		t.Fatalf("put: %+v, %v", q, err)
	}
	chunks, embeds := chunksOf(t, a, longPage.URL)
	for i, c := range chunks {
		if want := tok.Count(embeds[i]) + tok.Special(); c.Tokens != want {
			t.Errorf("chunk %d has %d tokens, counted %d", i, c.Tokens, want)
		}
	}
	if id := tokenizerOfLayout(t, a); id != tok.Hash() {
		t.Errorf("the layout's tokenizer is %q", id)
	}
	if n := s.Requests("/tokenize"); n != 0 || strings.Contains(logs.String(), "slow") {
		t.Errorf("%d requests: %s", n, logs)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	again := *cfg
	if a, err = Start(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := a.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	putPages(t, a, 3)
}

// TestTokensLater: while the endpoint that counts is away, a page is found by its words, and its
// chunks say no number of tokens; they are cut anew, and counted, when it is embedded.
func TestTokensLater(t *testing.T) {
	tok := qwen3(t)
	s := near(t, "near-1", 64)
	s.Tokenizer = tok
	proxy := newSwitchboard(t, s.Start())
	defer s.Close()
	a := startApp(t, withTEI(proxy.url))
	if q, err := clientOf(t, a).Put(t.Context(), []client.Put{longPage, page(1)}, client.PutOptions{Wait: time.Minute}); err != nil || q.Status != "done" {
		t.Fatalf("put: %+v, %v", q, err)
	}
	if n := hitsOf(t, a, "unaffordable"); n != 1 {
		t.Errorf("%d hits", n)
	}
	rough, _ := chunksOf(t, a, longPage.URL)
	for i, c := range rough {
		if c.Tokens != 0 {
			t.Errorf("chunk %d has %d tokens, and nobody counted", i, c.Tokens)
		}
	}
	proxy.open()
	untilNoVectorsPend(t, a)
	chunks, embeds := chunksOf(t, a, longPage.URL)
	for i, c := range chunks {
		if want := tok.Count(embeds[i]) + tok.Special(); c.Tokens != want || want > a.cfg.MaxChunkTokens {
			t.Errorf("chunk %d has %d tokens, counted %d", i, c.Tokens, want)
		}
	}
	stats, err := clientOf(t, a).Stats(t.Context())
	if size := a.Services().Index.Size(); err != nil || size.Vectors != size.Chunks || size.Chunks != len(chunks)+1 || stats.Chunks != int64(size.Chunks) {
		t.Errorf("the index holds %+v, the store %+v, %v", size, stats, err)
	}
	if n := hitsOf(t, a, "unaffordable"); n != 1 {
		t.Errorf("%d hits", n)
	}
}

// TestTokenizerNamedLater: pages that a stand-in has cut are cut anew by a tokenizer that a
// later start names.
func TestTokenizerNamedLater(t *testing.T) {
	tok := qwen3(t)
	s := near(t, "near-1", 64)
	proxy := newSwitchboard(t, s.Start())
	defer s.Close()
	cfg := testConfig(t, withTEI(proxy.url))
	a, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if q, err := clientOf(t, a).Put(t.Context(), []client.Put{longPage}, client.PutOptions{Wait: time.Minute}); err != nil || q.Status != "done" {
		t.Fatalf("put: %+v, %v", q, err)
	}
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	proxy.open()
	again := *cfg
	again.Tokenizer = builtin.Qwen3
	if a, err = Start(t.Context(), &again); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := a.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	untilNoVectorsPend(t, a)
	chunks, embeds := chunksOf(t, a, longPage.URL)
	for i, c := range chunks {
		if want := tok.Count(embeds[i]) + tok.Special(); c.Tokens != want {
			t.Errorf("chunk %d has %d tokens, counted %d", i, c.Tokens, want)
		}
	}
}

// TestTokensFail: a server without the route, or one that does not answer it, delays vectors
// alone; a page whose text it refuses is tried a few times.
func TestTokensFail(t *testing.T) {
	f := func(name string, status int, body string, attempts int, cause string) {
		t.Run(name, func(t *testing.T) {
			s := near(t, "near-1", 64)
			s.Fail = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/tokenize" {
					return false
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return true
			}
			a := startApp(t, withTEI(s.Start()))
			defer s.Close()
			failed := make(chan ingest.JobReport, 100)
			a.OnJob(func(r ingest.JobReport) {
				if r.Err != nil {
					failed <- r
				}
			})
			if _, err := clientOf(t, a).Put(t.Context(), []client.Put{page(1)}, client.PutOptions{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			if n := hitsOf(t, a, "word1"); n != 1 {
				t.Errorf("%d hits by keyword", n)
			}
			r := <-failed
			if !strings.Contains(r.Err.Error(), cause) || r.Job.Kind != pulse.KindEmbed {
				t.Errorf("a job of kind %s ended with %q", r.Job.Kind, r.Err)
			}
			if r.Job.State != pulse.JobAvailable || r.Job.Attempt != attempts {
				t.Errorf("job %+v", r.Job)
			}
		})
	}
	f("no route", 404, "", 0, "endpoint answered 404 (denied)")
	f("overloaded", 429, `{"error":"Model is overloaded","error_type":"Overloaded"}`, 0, "Model is overloaded")
	f("broken", 500, "", 0, "endpoint answered 500")
	f("refused", 422, `{"error":"no such text","error_type":"Validation"}`, 1, "no such text")
}

// TestNamedTokenizerIsMissed: data that was cut by a file's tokenizer is not cut on by
// another one.
func TestNamedTokenizerIsMissed(t *testing.T) {
	s := near(t, "near-1", 64)
	defer s.Close()
	cfg := testConfig(t, withTEI(s.Start()), func(c *Config) { c.Tokenizer = writeTokenizer(t) })
	a, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	putPages(t, a, 1)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	again := *cfg
	again.Tokenizer = ""
	if _, err := Start(t.Context(), &again); err == nil || !strings.Contains(err.Error(), "--tokenizer") {
		t.Errorf("start: %v", err)
	}
}

// TestDoctorCounts: doctor asks the endpoint for tokens where it will have to count.
func TestDoctorCounts(t *testing.T) {
	f := func(s *embedtest.TEI, tokenizer, level, found string) {
		t.Helper()
		defer s.Close()
		cfg := testConfig(t, withTEI(s.Start()), func(c *Config) { c.Tokenizer = tokenizer })
		for _, finding := range Doctor(context.Background(), cfg) {
			if finding.Name == "tokenizer" {
				if finding.Level != level || !strings.Contains(finding.Found, found) {
					t.Errorf("%+v, want %s with %q", finding, level, found)
				}
				return
			}
		}
		t.Errorf("nothing found, want %s with %q", level, found)
	}
	f(near(t, "near-1", 8), "", LevelWarn, "/tokenize")
	f(near(t, "Qwen/Qwen3-Embedding-0.6B", 8), "", LevelOK, "built in")
	f(near(t, "near-1", 8), builtin.MiniLM, LevelOK, "--tokenizer")
	broken := near(t, "near-1", 8)
	broken.Fail = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/tokenize" {
			w.WriteHeader(404)
		}
		return r.URL.Path == "/tokenize"
	}
	f(broken, "", LevelFail, "404")
}
