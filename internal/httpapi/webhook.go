package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"pulse"
	"pulse/internal/pagekey"
	"pulse/internal/source/file"
	"pulse/internal/source/firecrawl"
)

// intake is what one webhook needs on its way; pooled.
type intake struct {
	body   body
	answer []byte
}

func (s *server) webhookRoutes() {
	const path = "/v1/webhooks/firecrawl"
	s.handle("POST "+path, scopeNone, s.firecrawlWebhook)
	op := operation("post-webhook-firecrawl", http.MethodPost, path, scopeNone, "webhooks", "Take a webhook of Firecrawl")
	op.Description = "Proof by X-Firecrawl-Signature (HMAC-SHA256 of the raw body), or by X-Pulse-Token or ?token=."
	op.Parameters = parameters("query", "collection", "Collection of its pages", "token", "Token of a sender that cannot sign")
	s.describe(&op, nil, map[int]any{http.StatusAccepted: webhookAnswer{}, http.StatusOK: webhookAnswer{}},
		400, 401, 408, 413, 415, 422, 503)
}

// firecrawlWebhook answers 2xx only when the delivery is on disk.
func (s *server) firecrawlWebhook(w http.ResponseWriter, r *http.Request) {
	in := s.intakes.Get().(*intake)
	receipt, err := (*pulse.Receipt)(nil), error(nil)
	defer func() {
		if receipt == nil {
			in.body.forget() // the store may still be reading what it did not accept
		}
		in.body.release()
		s.intakes.Put(in)
	}()
	if receipt, err = s.takeFirecrawl(w, r, in); err != nil {
		p := s.problemOf("webhook firecrawl", err)
		s.opts.OnDelivery(firecrawl.Source, p.Detail.Code, p.status)
		writeProblem(w, p)
		return
	}
	s.deps.Queue.Add(receipt.Jobs...)
	s.opts.OnDelivery(firecrawl.Source, deliveryResult(receipt), statusOf(receipt))
	in.answer = appendReceipt(in.answer[:0], receipt)
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(statusOf(receipt))
	_, _ = w.Write(in.answer)
}

func (s *server) takeFirecrawl(w http.ResponseWriter, r *http.Request, in *intake) (*pulse.Receipt, error) {
	verifier, err := s.firecrawlProof(w, r)
	if err != nil {
		return nil, err
	}
	if p := identityOnly(r); p != nil {
		return nil, closing(w, p)
	}
	collection, err := collectionOf(r)
	if err != nil {
		return nil, closing(w, err)
	}
	if err := s.disk.check(s.freeDisk); err != nil {
		return nil, closing(w, err)
	}
	var mac io.Writer
	if verifier != nil {
		mac = verifier
	}
	if err := s.receive(w, r, &in.body, pulse.MaxBodyBytes, mac); err != nil {
		return nil, err
	}
	if !right(verifier, r) {
		s.opts.OnSignatureFailure(firecrawl.Source)
		return nil, errSignature
	}
	raw, err := in.body.bytes()
	if err != nil {
		return nil, err
	}
	d, err := firecrawl.Decode(raw, s.opts.Now())
	if err != nil {
		return nil, err
	}
	d.Collection = collection
	return s.keep(d)
}

var errSignature = newProblem(http.StatusUnauthorized, "the signature or token is missing or wrong")

// firecrawlProof settles by the headers what they can settle, before a byte of the body is read.
func (s *server) firecrawlProof(w http.ResponseWriter, r *http.Request) (*firecrawl.Verifier, error) {
	if s.firecrawl.open() && s.apiKey.set { // else guarded already
		if p := s.guardLocal(r); p != nil {
			return nil, closing(w, p)
		}
	}
	verifier, ok := s.firecrawl.prove(r)
	if !ok {
		s.opts.OnSignatureFailure(firecrawl.Source)
		return nil, closing(w, errSignature)
	}
	return verifier, nil
}

// keep admits a delivery and puts it on disk, whatever becomes of the client: its body
// has arrived. The caller hands the receipt's jobs to the queue.
func (s *server) keep(d *pulse.Delivery) (*pulse.Receipt, error) {
	turn, jobs := load(d)
	if jobs > 0 {
		if err := s.deps.Queue.Admit(turn, jobs); err != nil {
			return nil, err
		}
	}
	return s.accept(context.Background(), d)
}

// load is how many jobs a delivery brings, and whose turn they are.
func load(d *pulse.Delivery) (turn string, jobs int) {
	turn = d.Crawl.ID
	for i := range d.Elements {
		e := &d.Elements[i]
		if e.Refused != "" || e.Failed {
			continue
		}
		if jobs++; turn == "" {
			turn = pagekey.Host(e.Key)
		}
	}
	return turn, jobs
}

func (s *server) freeDisk() (int64, error) {
	st, err := s.store()
	if err != nil {
		return 0, err
	}
	return st.FreeDisk()
}

// collectionOf is the collection that a webhook's address names; "" is the default.
func collectionOf(r *http.Request) (string, error) {
	if r.URL.RawQuery == "" {
		return "", nil
	}
	q := r.URL.Query()
	if !q.Has("collection") {
		return "", nil
	}
	return q.Get("collection"), checkCollection("collection", q.Get("collection"))
}

func checkCollection(field, name string) error {
	if !file.ValidCollection(name) {
		return invalid(field, "must be 1 to 64 of a-z, 0-9, _ and -, and begin with a letter or digit")
	}
	return nil
}

func statusOf(r *pulse.Receipt) int {
	if r.Result == pulse.ResultQueued {
		return http.StatusAccepted
	}
	return http.StatusOK
}

func deliveryResult(r *pulse.Receipt) string {
	if r.Duplicate {
		return "duplicate"
	}
	return string(r.Result)
}

// webhookAnswer is the shape of appendReceipt's JSON, for the document and for tests.
type webhookAnswer struct {
	Status     string          `json:"status" enum:"queued,acknowledged,ignored"`
	Duplicate  bool            `json:"duplicate,omitempty" doc:"The delivery was known; the ids are those of the first"`
	Delivery   string          `json:"delivery,omitempty"`
	QueuedJobs int             `json:"queued_jobs,omitempty"`
	JobIDs     []string        `json:"job_ids,omitempty"`
	Refused    []refusalAnswer `json:"refused,omitempty" doc:"Elements without a job"`
}

type refusalAnswer struct {
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// appendReceipt writes the answer by hand: it is on the hot path.
func appendReceipt(b []byte, r *pulse.Receipt) []byte {
	b = append(b, `{"status":"`...)
	b = append(b, r.Result...)
	b = append(b, '"')
	if r.Duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	if r.Result == pulse.ResultQueued {
		b = append(b, `,"delivery":"`...)
		b = strconv.AppendInt(b, int64(r.Seq), 10)
		b = append(b, `","queued_jobs":`...)
		b = strconv.AppendInt(b, int64(len(r.JobIDs)), 10)
		b = appendIDs(append(b, `,"job_ids":`...), r.JobIDs)
	}
	if len(r.Refused) > 0 {
		b = appendRefused(append(b, `,"refused":`...), r.Refused)
	}
	return append(b, '}', '\n')
}

func appendIDs(b []byte, ids []pulse.JobID) []byte {
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = strconv.AppendInt(b, int64(id), 10)
		b = append(b, '"')
	}
	return append(b, ']')
}

func appendRefused(b []byte, refused []pulse.Refusal) []byte {
	list, err := json.Marshal(refusals(refused))
	if err != nil { // strings and integers
		panic(err)
	}
	return append(b, list...)
}

func refusals(refused []pulse.Refusal) []refusalAnswer {
	out := make([]refusalAnswer, len(refused))
	for i, r := range refused {
		out[i] = refusalAnswer{Index: r.Index, Reason: r.Reason}
	}
	return out
}
