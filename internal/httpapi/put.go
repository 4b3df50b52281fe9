package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"pulse"
	"pulse/internal/source/file"
)

const (
	defaultWait = 30 * time.Second
	maxWait     = 10 * time.Minute
)

// putBody describes what file.DecodePut reads, for the OpenAPI document.
type putBody struct {
	Collection string        `json:"collection,omitempty"`
	Documents  []putDocument `json:"documents"`
}

type putDocument struct {
	URL         string         `json:"url"`
	Title       string         `json:"title,omitempty"`
	Description string         `json:"description,omitempty"`
	Markdown    string         `json:"markdown,omitempty" doc:"One of markdown, html and text"`
	HTML        string         `json:"html,omitempty"`
	Text        string         `json:"text,omitempty"`
	Language    string         `json:"language,omitempty"`
	Country     string         `json:"country,omitempty"`
	IsMobile    bool           `json:"is_mobile,omitempty"`
	Metadata    map[string]any `json:"metadata,omitempty"`
}

// putAnswer answers PUT /v1/documents: what was queued, and where each job stands.
type putAnswer struct {
	Status     string          `json:"status" enum:"queued,acknowledged,done" doc:"done: every job has ended and its commit is applied"`
	Delivery   string          `json:"delivery"`
	QueuedJobs int             `json:"queued_jobs"`
	JobIDs     []string        `json:"job_ids"`
	Refused    []refusalAnswer `json:"refused,omitempty" doc:"Documents without a job"`
	Jobs       []putJob        `json:"jobs"`
}

type putJob struct {
	ID      string `json:"id"`
	URL     string `json:"url"`
	Key     string `json:"key"`
	State   string `json:"state" enum:"available,leased,done,dead"`
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (s *server) putRoute() {
	s.handle("PUT /v1/documents", scopeWrite, s.putDocuments)
	op := operation("put-documents", http.MethodPut, "/v1/documents", scopeWrite, "documents", "Upsert documents")
	op.Description = "Takes gzip. With wait=searchable: 200 when every job has ended and its commit is applied, else 202 with what is left."
	op.Parameters = parameters("query", "wait", "searchable", "timeout", "How long to wait, as 30s", "priority", "wanted, crawl or bulk")
	s.describe(&op, putBody{}, map[int]any{http.StatusAccepted: putAnswer{}, http.StatusOK: putAnswer{}},
		400, 401, 408, 413, 415, 422, 503)
}

// putParams are the query of a PUT.
type putParams struct {
	wait     time.Duration // 0: do not
	priority pulse.Priority
}

func parsePut(r *http.Request) (p putParams, err error) {
	p.priority = pulse.PriorityCrawl
	if r.URL.RawQuery == "" {
		return p, nil
	}
	if p := checkQuery(r, map[string]bool{"wait": true, "timeout": true, "priority": true}); p != nil {
		return putParams{}, p
	}
	q := r.URL.Query()
	if p.wait, err = parseWait(q); err != nil {
		return p, err
	}
	if p.wait > 0 {
		p.priority = pulse.PriorityWanted
	}
	return p, parsePriority(q.Get("priority"), &p.priority)
}

func parseWait(q url.Values) (time.Duration, error) {
	switch q.Get("wait") {
	case "":
		return 0, nil
	case "searchable":
	default:
		return 0, invalid("wait", "only searchable can be waited for")
	}
	text := q.Get("timeout")
	if text == "" {
		return defaultWait, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxWait {
		return 0, invalid("timeout", "must be a duration as 30s, up to 10m")
	}
	return d, nil
}

func parsePriority(text string, p *pulse.Priority) error {
	if text == "" {
		return nil
	}
	for i := range pulse.Priority(pulse.NumPriorities) {
		if i.String() == text {
			*p = i
			return nil
		}
	}
	return invalid("priority", "must be wanted, crawl or bulk")
}

func (s *server) putDocuments(w http.ResponseWriter, r *http.Request) {
	out, status, err := s.put(w, r)
	if err != nil {
		p := s.problemOf("put-documents", err)
		s.opts.OnDelivery(file.SourceAPI, p.Detail.Code, p.status)
		writeProblem(w, p)
		return
	}
	writeJSON(w, status, out)
}

func (s *server) put(w http.ResponseWriter, r *http.Request) (*putAnswer, int, error) {
	params, err := parsePut(r)
	if err != nil {
		return nil, 0, closing(w, err)
	}
	receipt, err := s.takePut(w, r, params.priority)
	if err != nil {
		return nil, 0, err
	}
	// The watch comes before the queue knows the jobs, so that no end is missed.
	watched := s.deps.Ends.watch(receipt.JobIDs)
	defer s.deps.Ends.forget(watched)
	s.deps.Queue.Add(receipt.Jobs...)
	s.opts.OnDelivery(file.SourceAPI, deliveryResult(receipt), statusOf(receipt))
	out, status := toPut(receipt), statusOf(receipt)
	if params.wait == 0 || len(receipt.JobIDs) == 0 {
		return out, status, nil
	}
	_ = controller(w).SetWriteDeadline(time.Now().Add(params.wait + writeTimeout))
	ctx, cancel := context.WithTimeout(r.Context(), params.wait)
	defer cancel()
	ended := s.deps.Ends.until(ctx, watched)
	out.note(ended)
	if len(ended) == len(receipt.JobIDs) && s.applied(ctx, ended) {
		out.Status, status = "done", http.StatusOK
	}
	return out, status, nil
}

// takePut reads, decodes and keeps the documents. The body's bytes are given back
// before the answer waits for anything.
func (s *server) takePut(w http.ResponseWriter, r *http.Request, priority pulse.Priority) (*pulse.Receipt, error) {
	if err := s.disk.check(s.freeDisk); err != nil {
		return nil, closing(w, err)
	}
	var b body
	defer b.release()
	raw, err := s.receivePut(w, r, &b)
	if err != nil {
		return nil, err
	}
	d, err := file.DecodePut(raw)
	if err != nil {
		return nil, err
	}
	d.Priority = priority
	return s.keep(d)
}

func (s *server) receivePut(w http.ResponseWriter, r *http.Request, b *body) ([]byte, error) {
	var err error
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		err = s.receive(w, r, b, pulse.MaxBodyBytes, nil)
	case "gzip", "x-gzip":
		err = s.receiveGzip(w, r, b, pulse.MaxBodyBytes)
	default:
		err = closing(w, newProblem(http.StatusUnsupportedMediaType, "the content encoding must be gzip or identity"))
	}
	if err != nil {
		return nil, err
	}
	return b.bytes()
}

// applied waits until the index shows what the jobs made. A page that was unchanged or
// superseded is shown by a commit of another job: then all that is committed must be applied.
func (s *server) applied(ctx context.Context, ended []pulse.Job) bool {
	search := s.deps.Search()
	if search == nil {
		return false
	}
	var upTo pulse.CommitSeq
	for i := range ended {
		seq := ended[i].CommitSeq
		if o := ended[i].Outcome; o == pulse.OutcomeUnchanged || o == pulse.OutcomeSuperseded {
			seq, _ = search.Progress()
		}
		upTo = max(upTo, seq)
	}
	return upTo == 0 || search.Wait(ctx, upTo) == nil
}

func toPut(r *pulse.Receipt) *putAnswer {
	out := &putAnswer{Status: string(r.Result), Delivery: id(r.Seq), QueuedJobs: len(r.JobIDs), JobIDs: ids(r.JobIDs),
		Refused: refusals(r.Refused), Jobs: make([]putJob, len(r.Jobs))}
	for i := range r.Jobs {
		out.Jobs[i] = toPutJob(&r.Jobs[i])
	}
	return out
}

func toPutJob(j *pulse.Job) putJob {
	return putJob{ID: id(j.ID), URL: j.URL, Key: j.Key, State: string(j.State),
		Outcome: string(j.Outcome), Reason: j.Reason, Error: j.LastError}
}

// note puts in how the jobs ended.
func (a *putAnswer) note(ended []pulse.Job) {
	place := make(map[string]int, len(a.Jobs))
	for i := range a.Jobs {
		place[a.Jobs[i].ID] = i
	}
	for i := range ended {
		a.Jobs[place[id(ended[i].ID)]] = toPutJob(&ended[i])
	}
}
