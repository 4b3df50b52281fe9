package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/queue"
	"pulse/internal/store"
)

const samples = "../source/firecrawl/testdata/firecrawl"

// TestOutcomes sends every sample, signed, over real HTTP and holds the answer against
// the table that fixes it, and the ledger against the answer.
func TestOutcomes(t *testing.T) {
	f := newFixture(t, withSecret)
	web := httptest.NewServer(f.server)
	defer web.Close()
	table, err := os.ReadFile(filepath.Join(samples, "OUTCOMES.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := bufio.NewScanner(bytes.NewReader(table))
	rows.Scan() // header
	for rows.Scan() {
		row := strings.Split(rows.Text(), "\t")
		t.Run(row[0], func(t *testing.T) { f.checkOutcome(t, web, row) })
	}
}

func (f *fixture) checkOutcome(t *testing.T, web *httptest.Server, row []string) {
	body, err := os.ReadFile(filepath.Join(samples, row[0]))
	if err != nil {
		t.Fatal(err)
	}
	rec := post(t, web, hook, body, "X-Firecrawl-Signature", sign(string(body)))
	if strconv.Itoa(rec.Code) != row[1] {
		t.Fatalf("status %d, want %s: %s", rec.Code, row[1], rec.Body)
	}
	if row[2] == "error" {
		var p problem
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if field, ok := strings.CutPrefix(row[5], "names "); ok && p.Detail.Field != field {
			t.Errorf("names %q, want %q: %s", p.Detail.Field, field, rec.Body)
		}
		return
	}
	got := decode[webhookAnswer](t, rec, rec.Code)
	if got.Status != row[2] || strconv.Itoa(got.QueuedJobs) != row[3] || len(got.JobIDs) != got.QueuedJobs {
		t.Errorf("answer %s, want %s with %s jobs", rec.Body, row[2], row[3])
	}
	var kinds []string
	for _, id := range got.JobIDs {
		kinds = append(kinds, string(decode[jobAnswer](t, f.ask("GET", "/v1/jobs/"+id, ""), 200).Kind))
	}
	if strings.Join(kinds, ",") != row[4] {
		t.Errorf("kinds %v, want %s", kinds, row[4])
	}
}

// post sends over the network and returns what came back.
func post(t testing.TB, web *httptest.Server, path string, body []byte, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req, err := http.NewRequest("POST", web.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := web.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	rec := httptest.NewRecorder()
	rec.Code = resp.StatusCode
	if _, err := rec.Body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	for k, v := range resp.Header {
		rec.Header()[k] = v
	}
	return rec
}

func TestRepeatAnswersWithTheSameIDs(t *testing.T) {
	f := newFixture(t)
	first := decode[webhookAnswer](t, f.ask("POST", hook, page(1, "text")), 202)
	again := decode[webhookAnswer](t, f.ask("POST", hook, page(1, "text")), 202)
	if !again.Duplicate || first.Duplicate {
		t.Errorf("duplicate: first %v, again %v", first.Duplicate, again.Duplicate)
	}
	again.Duplicate = false
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	if got := f.lastDelivery(); got != "firecrawl duplicate 202" {
		t.Errorf("hook told %q", got)
	}
	if c := f.deps.Queue.Counts(); c.Waiting[pulse.PriorityCrawl] != 1 {
		t.Errorf("queue holds %+v, want one job", c)
	}
}

func TestAnswerByHandIsJSON(t *testing.T) {
	f := func(r pulse.Receipt, want string) {
		t.Helper()
		got := appendReceipt(nil, &r)
		if !json.Valid(got) || strings.TrimSpace(string(got)) != want {
			t.Errorf("got %s want %s", got, want)
		}
	}
	f(pulse.Receipt{Result: pulse.ResultAcknowledged, Seq: 7}, `{"status":"acknowledged"}`)
	f(pulse.Receipt{Result: pulse.ResultIgnored, Duplicate: true}, `{"status":"ignored","duplicate":true}`)
	f(pulse.Receipt{Result: pulse.ResultQueued, Seq: 7, JobIDs: []pulse.JobID{8, 9}},
		`{"status":"queued","delivery":"7","queued_jobs":2,"job_ids":["8","9"]}`)
	f(pulse.Receipt{Result: pulse.ResultQueued, Seq: 7, JobIDs: []pulse.JobID{8}, Refused: []pulse.Refusal{{Index: 1, Reason: "no \"url\"\x01"}}},
		`{"status":"queued","delivery":"7","queued_jobs":1,"job_ids":["8"],"refused":[{"index":1,"reason":"no \"url\"\u0001"}]}`)
}

func TestSignatureAndToken(t *testing.T) {
	secret := newFixture(t, withSecret)
	token := newFixture(t, withToken)
	both := newFixture(t, withSecret, withToken)
	open := newFixture(t)
	body := page(1, "text")
	f := func(fix *fixture, status int, target string, headers ...string) {
		t.Helper()
		before := fix.signatureFailures()
		rec := fix.ask("POST", target, body, headers...)
		if rec.Code != status {
			t.Errorf("%s %v: status %d, want %d: %s", target, headers, rec.Code, status, rec.Body)
		}
		counted := fix.signatureFailures() - before
		if want := map[bool]int{true: 1}[status == 401]; counted != want {
			t.Errorf("%v: %d failures counted, want %d", headers, counted, want)
		}
		if status == 401 {
			wantProblem(t, rec, 401, "unauthorized", "")
		}
	}
	right := sign(body)
	const header = "X-Firecrawl-Signature"
	f(open, 202, hook)
	f(secret, 401, hook)
	f(secret, 202, hook, header, right)
	f(secret, 202, hook, header, "sha256="+strings.ToUpper(right[7:]))
	f(secret, 401, hook, header, right[7:])
	f(secret, 401, hook, header, right[:len(right)-1])
	f(secret, 401, hook, header, right+"0")
	f(secret, 401, hook, header, "sha256="+strings.Repeat("0", 64))
	f(secret, 401, hook, header, sign(body+" "))
	f(secret, 401, hook, "X-Pulse-Token", testToken)
	f(secret, 401, hook+"?token="+testToken)
	f(token, 401, hook)
	f(token, 401, hook, header, right)
	f(token, 401, hook, "X-Pulse-Token", testToken+"x")
	f(token, 202, hook, "X-Pulse-Token", testToken)
	f(token, 202, hook+"?token="+testToken)
	f(token, 401, hook+"?token=")
	f(both, 202, hook, header, right)
	f(both, 202, hook, "X-Pulse-Token", testToken)
	f(both, 401, hook, header, sign("other"), "X-Pulse-Token", "wrong")
	if strings.Contains(token.log.String(), testToken) {
		t.Error("the token is in the log")
	}
}

func TestSignatureComesBeforeParsing(t *testing.T) {
	f := newFixture(t, withSecret)
	wantProblem(t, f.ask("POST", hook, "{not json", "X-Firecrawl-Signature", sign("other")), 401, "unauthorized", "")
	wantProblem(t, f.ask("POST", hook, "{not json", "X-Firecrawl-Signature", sign("{not json")), 400, "bad_json", "")
}

func TestCollection(t *testing.T) {
	f := newFixture(t)
	wantProblem(t, f.ask("POST", hook+"?collection=A%20b", page(1, "x")), 422, "invalid", "collection")
	wantProblem(t, f.ask("POST", hook+"?collection=", page(1, "x")), 422, "invalid", "collection")
	got := decode[webhookAnswer](t, f.ask("POST", hook+"?collection=other", page(1, "x")), 202)
	if job := decode[jobAnswer](t, f.ask("GET", "/v1/jobs/"+got.JobIDs[0], ""), 200); job.Collection != "other" {
		t.Errorf("job is in collection %q", job.Collection)
	}
}

func TestUnknownSource(t *testing.T) {
	f := newFixture(t)
	wantProblem(t, f.ask("POST", "/v1/webhooks/nobody", "{}"), 404, "not_found", "")
	wantProblem(t, f.ask("POST", "/v1/webhooks/", "{}"), 404, "not_found", "")
	wantProblem(t, f.ask("GET", hook, ""), 405, "method_not_allowed", "")
}

func TestContentEncodingIsRefused(t *testing.T) {
	f := newFixture(t)
	wantProblem(t, f.ask("POST", hook, page(1, "x"), "Content-Encoding", "gzip"), 415, "unsupported_encoding", "")
	if rec := f.ask("POST", hook, page(1, "x"), "Content-Encoding", "identity", "Content-Type", "text/plain"); rec.Code != 202 {
		t.Errorf("identity: %d %s", rec.Code, rec.Body)
	}
}

// TestWhatIsFullSays503 holds each cause to 503 with Retry-After, and nothing kept.
func TestWhatIsFullSays503(t *testing.T) {
	f := func(code string, change func(*Deps, *Options), break_ func(*server)) {
		t.Helper()
		fix := newFixture(t, change)
		if break_ != nil {
			break_(fix.server)
		}
		rec := fix.ask("POST", hook, page(1, "text"))
		wantProblem(t, rec, 503, code, "")
		if rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", code)
		}
		if list := decode[deliveriesAnswer](t, fix.ask("GET", "/v1/deliveries", ""), 200); list.Total != 0 {
			t.Errorf("%s: %d deliveries kept", code, list.Total)
		}
	}
	nothing := func(*Deps, *Options) {}
	failing := func(err error) func(*server) {
		return func(s *server) {
			s.accept = func(context.Context, *pulse.Delivery) (*pulse.Receipt, error) { return nil, err }
		}
	}
	f("overloaded", func(d *Deps, _ *Options) { d.Queue = queue.New(queue.Options{MaxWaiting: 1}) }, fill)
	f("overloaded", nothing, func(s *server) { s.deps.Budget.TryAcquire(256 << 20) })
	f("disk_full", func(_ *Deps, o *Options) { o.MinFree = 1 << 60 }, nil)
	f("disk_full", nothing, failing(pulse.ErrDiskFull))
	f("unavailable", nothing, failing(pulse.ErrUnavailable))
	f("unavailable", nothing, failing(pulse.ErrClosed))
	f("overloaded", nothing, failing(pulse.ErrOverloaded))
}

// fill puts jobs of other turns into the queue until it is full.
func fill(s *server) {
	for i := range pulse.JobID(4) {
		s.deps.Queue.Add(pulse.Job{ID: 1000 + i, Turn: strconv.Itoa(int(i)), Key: strconv.Itoa(int(i))})
	}
}

func TestReceivesBeforeTheRest(t *testing.T) {
	var st *store.Store
	f := newFixture(t, func(d *Deps, _ *Options) {
		d.Search = func() Searcher { return nil }
		d.Ready = func() []string { return []string{"index: 3 of 9 commits applied"} }
		d.Store = func() *store.Store { return st }
	})
	wantProblem(t, f.ask("POST", hook, page(1, "x")), 503, "unavailable", "")
	if rec := f.ask("GET", "/readyz?for=receive", ""); rec.Code != 503 {
		t.Errorf("ready for receiving without a store: %d", rec.Code)
	}
	st = f.st
	if rec := f.ask("POST", hook, page(1, "x")); rec.Code != 202 {
		t.Errorf("receiving: %d %s", rec.Code, rec.Body)
	}
	if rec := f.ask("GET", "/readyz?for=receive", ""); rec.Code != 200 {
		t.Errorf("ready for receiving: %d %s", rec.Code, rec.Body)
	}
	got := decode[readyAnswer](t, f.ask("GET", "/readyz", ""), 503)
	if diff := cmp.Diff(readyAnswer{Reasons: []string{"index: 3 of 9 commits applied"}}, got); diff != "" {
		t.Error(diff)
	}
	rec := f.ask("GET", "/v1/search?q=x", "")
	wantProblem(t, rec, 503, "unavailable", "")
	if !strings.Contains(rec.Body.String(), "3 of 9") {
		t.Errorf("no reason in %s", rec.Body)
	}
	wantProblem(t, f.ask("GET", "/readyz?for=lunch", ""), 422, "invalid", "for")
}

// TestClientThatLeaves has a client give up while its delivery is being kept.
func TestClientThatLeaves(t *testing.T) {
	f := newFixture(t)
	ctx, leave := context.WithCancel(context.Background())
	keep := f.accept
	f.accept = func(inner context.Context, d *pulse.Delivery) (*pulse.Receipt, error) {
		leave()
		if inner.Err() != nil {
			return nil, inner.Err()
		}
		return keep(inner, d)
	}
	req := httptest.NewRequestWithContext(ctx, "POST", "http://localhost"+hook, strings.NewReader(page(1, "x")))
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, req)
	if rec.Code != 202 || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("status %d: %s", rec.Code, rec.Body)
	}
	if c := f.deps.Queue.Counts(); c.Waiting[pulse.PriorityCrawl] != 1 {
		t.Error("its job is not in the queue")
	}
}

func TestInternalErrorShowsItsIDOnly(t *testing.T) {
	f := newFixture(t)
	f.accept = func(context.Context, *pulse.Delivery) (*pulse.Receipt, error) {
		return nil, errors.New("hidden detail")
	}
	rec := f.ask("POST", hook+"?token=secret-token-in-the-url", page(1, "x"))
	wantProblem(t, rec, 500, "internal", "")
	id := strings.TrimSuffix(strings.Fields(rec.Body.String())[2], `"}}`)
	log := f.log.String()
	if strings.Contains(rec.Body.String(), "hidden") || !strings.Contains(log, id) || strings.Count(log, "hidden detail") != 1 {
		t.Errorf("answer %s, log %s", rec.Body, log)
	}
	if strings.Contains(log, "secret-token") {
		t.Error("the token is in the log")
	}
}

func TestPanicIsAnInternalError(t *testing.T) {
	f := newFixture(t)
	f.accept = func(context.Context, *pulse.Delivery) (*pulse.Receipt, error) { panic("out of order") }
	wantProblem(t, f.ask("POST", hook+"?token=secret-token-in-the-url", page(1, "x")), 500, "internal", "")
	if log := f.log.String(); strings.Contains(log, "secret-token") || !strings.Contains(log, "out of order") {
		t.Errorf("log %s", log)
	}
	if used := f.deps.Budget.Used(); used != 0 {
		t.Errorf("%d bytes of the budget are lost", used)
	}
}
