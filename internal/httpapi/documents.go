package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"pulse"
	"pulse/internal/pagekey"
	"pulse/internal/source/file"
	"pulse/internal/store"
)

type documentsAnswer struct {
	Total     int64          `json:"total"`
	Documents []documentLine `json:"documents"`
	Next      string         `json:"next,omitempty"`
}

// queuedAnswer answers a write: 202 with its jobs.
type queuedAnswer struct {
	Status     string   `json:"status" enum:"queued"`
	Delivery   string   `json:"delivery"`
	QueuedJobs int      `json:"queued_jobs"`
	JobIDs     []string `json:"job_ids"`
}

// dryDeleteAnswer says what a deletion would take.
type dryDeleteAnswer struct {
	DryRun    bool  `json:"dry_run"`
	Documents int64 `json:"documents"`
}

func (s *server) documentRoutes() {
	get := operation("get-documents", http.MethodGet, "/v1/documents", scopeRead, "documents", "One document (url), or the list")
	get.Description = "With url: the document, its chunks and history; 404 when never known, 410 with the same shape when deleted. Without: live documents, newest commit first."
	get.Responses = s.responses(map[int][]any{
		http.StatusOK:       {documentsAnswer{}, oneDocumentAnswer{}},
		http.StatusGone:     {oneDocumentAnswer{}},
		http.StatusNotFound: {unknownDocumentAnswer{}},
	})
	register(s, get, s.getDocuments)
	del := operation("delete-documents", http.MethodDelete, "/v1/documents", scopeWrite, "documents", "Delete a document, or all of a domain or crawl")
	del.DefaultStatus = http.StatusAccepted
	del.Responses = s.responses(map[int][]any{http.StatusAccepted: {queuedAnswer{}}, http.StatusOK: {dryDeleteAnswer{}}})
	register(s, del, s.deleteDocuments)
	s.putRoute()
}

// responses describes an operation that answers in several shapes.
func (s *server) responses(shapes map[int][]any) map[string]*huma.Response {
	out := make(map[string]*huma.Response)
	for status, values := range shapes {
		var refs []*huma.Schema
		for _, v := range values {
			refs = append(refs, s.schemaOf(v))
		}
		schema := refs[0]
		if len(refs) > 1 {
			schema = &huma.Schema{OneOf: refs}
		}
		out[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status),
			Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	return out
}

func (s *server) schemaOf(v any) *huma.Schema {
	return s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(v), true, "")
}

type documentsInput struct {
	URL        string `query:"url" doc:"The one document of this address"`
	Collection string `query:"collection" doc:"default where not given"`
	Domain     string `query:"domain" doc:"A host and its subdomains"`
	Crawl      string `query:"crawl"`
	State      string `query:"state" enum:"live,gone" default:"live"`
	PageParams
}

// anyOutput is for routes that answer in several shapes.
type anyOutput struct {
	Status int
	Body   any
}

func (s *server) getDocuments(ctx context.Context, in *documentsInput) (*anyOutput, error) {
	if in.URL != "" {
		return s.oneDocument(ctx, in.Collection, in.URL)
	}
	st, page, err := s.storeAndPage(in.PageParams)
	if err != nil {
		return nil, err
	}
	domain, err := domainOf("domain", in.Domain)
	if err != nil {
		return nil, err
	}
	f := store.DocumentFilter{Collection: in.Collection, Domain: domain, Crawl: in.Crawl, State: pulse.DocumentState(in.State)}
	list, err := st.Documents(ctx, f, page)
	if err != nil {
		return nil, err
	}
	return &anyOutput{http.StatusOK, documentsAnswer{list.Total, each(list.Items, toLine), next(list.Next)}}, nil
}

func (s *server) oneDocument(ctx context.Context, collection, url string) (*anyOutput, error) {
	key, err := keyOf(url)
	if err != nil {
		return nil, err
	}
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	r, err := st.Document(ctx, collectionName(collection), key)
	if err != nil && !errors.Is(err, pulse.ErrNotFound) {
		return nil, err
	}
	switch {
	case r == nil || r.Document.State == "":
		return &anyOutput{http.StatusNotFound, unknownDocument(r)}, nil
	case r.Document.State == pulse.StateGone:
		return &anyOutput{http.StatusGone, toOneDocument(r)}, nil
	}
	return &anyOutput{http.StatusOK, toOneDocument(r)}, nil
}

func unknownDocument(r *store.DocumentRecord) unknownDocumentAnswer {
	out := unknownDocumentAnswer{Error: newProblem(http.StatusNotFound, "there is no such document").Detail}
	if r != nil {
		out.History = toHistory(r.History)
	}
	return out
}

type deleteInput struct {
	URL        string `query:"url" doc:"The one document of this address"`
	Domain     string `query:"domain" doc:"All documents of a host and its subdomains"`
	Crawl      string `query:"crawl" doc:"All documents whose newest version came by this crawl"`
	Collection string `query:"collection" doc:"default where not given"`
	DryRun     bool   `query:"dry_run" doc:"Only count"`
}

func (s *server) deleteDocuments(ctx context.Context, in *deleteInput) (*anyOutput, error) {
	given := 0
	for _, v := range []string{in.URL, in.Domain, in.Crawl} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		return nil, invalid("url", "give one of url, domain and crawl")
	}
	if in.Collection != "" {
		if err := checkCollection("collection", in.Collection); err != nil {
			return nil, err
		}
	}
	var err error
	if in.Domain, err = domainOf("domain", in.Domain); err != nil {
		return nil, err
	}
	if in.DryRun {
		return s.countDeleted(ctx, in)
	}
	if in.URL != "" {
		return s.deleteOne(in)
	}
	return s.erase(in)
}

// domainOf is a domain as hosts of keys are written, whatever way a client gave it in
// the field; "" stays.
func domainOf(field, given string) (string, error) {
	if given == "" {
		return "", nil
	}
	domain, err := pagekey.Domain(given)
	if err != nil {
		return "", invalid(field, err.Error())
	}
	return domain, nil
}

// countDeleted is the dry run of a deletion.
func (s *server) countDeleted(ctx context.Context, in *deleteInput) (*anyOutput, error) {
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	out := dryDeleteAnswer{DryRun: true}
	if in.URL != "" {
		one, err := s.oneDocument(ctx, in.Collection, in.URL)
		if err == nil && one.Status == http.StatusOK {
			out.Documents = 1
		}
		return &anyOutput{http.StatusOK, out}, err
	}
	f := store.DocumentFilter{Collection: in.Collection, Domain: in.Domain, Crawl: in.Crawl}
	list, err := st.Documents(ctx, f, store.Page{Limit: 1})
	out.Documents = list.Total
	return &anyOutput{http.StatusOK, out}, err
}

// deleteOne queues a tombstone, also for a page that was never seen.
func (s *server) deleteOne(in *deleteInput) (*anyOutput, error) {
	key, err := keyOf(in.URL)
	if err != nil {
		return nil, err
	}
	d, err := deletion(in.Collection, pulse.Element{Kind: pulse.KindDelete, Key: key, URL: in.URL}, deletePart{URL: in.URL})
	if err != nil {
		return nil, err
	}
	return s.queueDeletion(s.keep(d))
}

// erase queues a mass deletion, which holds from its acceptance on.
func (s *server) erase(in *deleteInput) (*anyOutput, error) {
	e := store.Erasure{Collection: collectionName(in.Collection), Scope: store.EraseDomain, Value: in.Domain}
	if in.Crawl != "" {
		e.Scope, e.Value = store.EraseCrawl, in.Crawl
	}
	d, err := deletion(in.Collection, pulse.Element{Kind: pulse.KindDelete}, deletePart{Scope: e.Scope, Value: e.Value})
	if err != nil {
		return nil, err
	}
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	if err := s.deps.Queue.Admit("", 1); err != nil {
		return nil, err
	}
	return s.queueDeletion(st.AcceptErasure(context.Background(), d, e))
}

// deletePart is what a deletion keeps as its part.
type deletePart struct {
	URL   string           `json:"url,omitempty"`
	Scope store.EraseScope `json:"scope,omitempty"`
	Value string           `json:"value,omitempty"`
}

func deletion(collection string, e pulse.Element, part deletePart) (*pulse.Delivery, error) {
	body, err := json.Marshal(part)
	if err != nil {
		return nil, err
	}
	e.Body = body
	return &pulse.Delivery{Source: file.SourceAPI, EventType: "documents.delete", Collection: collection,
		Result: pulse.ResultQueued, Bytes: int64(len(body)), Priority: pulse.PriorityWanted, Elements: []pulse.Element{e}}, nil
}

func (s *server) queueDeletion(r *pulse.Receipt, err error) (*anyOutput, error) {
	if err != nil {
		return nil, err
	}
	s.deps.Queue.Add(r.Jobs...)
	s.opts.OnDelivery(file.SourceAPI, deliveryResult(r), http.StatusAccepted)
	return &anyOutput{http.StatusAccepted, toQueued(r)}, nil
}

func toQueued(r *pulse.Receipt) queuedAnswer {
	return queuedAnswer{Status: string(pulse.ResultQueued), Delivery: id(r.Seq), QueuedJobs: len(r.JobIDs), JobIDs: ids(r.JobIDs)}
}
