package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"pulse"
	"pulse/internal/pagekey"
	"pulse/internal/store"
)

type deliveriesAnswer struct {
	Total      int64          `json:"total"`
	Deliveries []DeliveryLine `json:"deliveries"`
	Next       string         `json:"next,omitempty"`
}

type jobsAnswer struct {
	Total int64       `json:"total"`
	Jobs  []jobAnswer `json:"jobs"`
	Next  string      `json:"next,omitempty"`
}

type crawlsAnswer struct {
	Total  int64         `json:"total"`
	Crawls []crawlAnswer `json:"crawls"`
	Next   string        `json:"next,omitempty"`
}

// IDInput names one thing of a list.
type IDInput struct {
	ID string `path:"id"`
}

// number is the id; what cannot be an id is simply not there, and each thing has one id
// only: +1 and 01 are not 1.
func (in IDInput) number() (int64, error) {
	n, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil || n <= 0 || in.ID != id(n) {
		return 0, pulse.ErrNotFound
	}
	return n, nil
}

type output[T any] struct {
	Body T
}

func answer[T any](v T) *output[T] { return &output[T]{Body: v} }

func (s *server) ledgerRoutes() {
	register(s, operation("list-deliveries", http.MethodGet, "/v1/deliveries", scopeRead, "ledger", "What arrived"), s.deliveries)
	register(s, operation("get-delivery", http.MethodGet, "/v1/deliveries/{id}", scopeRead, "ledger", "One delivery, its jobs and refusals"), s.delivery)
	register(s, operation("list-jobs", http.MethodGet, "/v1/jobs", scopeRead, "ledger", "What became of what arrived"), s.jobs)
	register(s, operation("get-job", http.MethodGet, "/v1/jobs/{id}", scopeRead, "ledger", "One job"), s.job)
	register(s, operation("list-crawls", http.MethodGet, "/v1/crawls", scopeRead, "ledger", "Crawls and the counts of their pages"), s.crawls)
	register(s, operation("get-crawl", http.MethodGet, "/v1/crawls/{id}", scopeRead, "ledger", "One crawl"), s.crawl)
}

// DeliveryParams choose deliveries, in a query or as the filter of a body.
type DeliveryParams struct {
	Source string `query:"source" json:"source,omitempty" minLength:"1"`
	Result string `query:"result" json:"result,omitempty" enum:"queued,acknowledged,ignored"`
	Crawl  string `query:"crawl" json:"crawl,omitempty" minLength:"1"`
	Since  string `query:"since" json:"since,omitempty" minLength:"1" doc:"Received at or after: RFC 3339 or a date"`
}

func (p DeliveryParams) filter() (store.DeliveryFilter, error) {
	since, err := parseTime("since", p.Since)
	return store.DeliveryFilter{Source: p.Source, Result: p.Result, Crawl: p.Crawl, Since: since}, err
}

type deliveriesInput struct {
	DeliveryParams
	PageParams
}

func (s *server) deliveries(ctx context.Context, in *deliveriesInput) (*output[deliveriesAnswer], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	st, page, err := s.storeAndPage(in.PageParams)
	if err != nil {
		return nil, err
	}
	list, err := st.Deliveries(ctx, f, page)
	if err != nil {
		return nil, err
	}
	return answer(deliveriesAnswer{list.Total, each(list.Items, toDeliveryLine), next(list.Next)}), nil
}

func (s *server) storeAndPage(p PageParams) (*store.Store, store.Page, error) {
	page, err := p.page()
	if err != nil {
		return nil, page, err
	}
	st, err := s.store()
	return st, page, err
}

func (s *server) delivery(ctx context.Context, in *IDInput) (*output[deliveryAnswer], error) {
	st, n, err := s.storeAndID(*in)
	if err != nil {
		return nil, err
	}
	leased := s.leases()
	r, err := st.Delivery(ctx, pulse.DeliverySeq(n))
	if err != nil {
		return nil, err
	}
	for i := range r.Jobs {
		leased.mark(&r.Jobs[i])
	}
	return answer(toDelivery(r)), nil
}

func (s *server) storeAndID(in IDInput) (*store.Store, int64, error) {
	n, err := in.number()
	if err != nil {
		return nil, 0, err
	}
	st, err := s.store()
	return st, n, err
}

// JobParams choose jobs, in a query or as the filter of a body.
type JobParams struct {
	State      string `query:"state" json:"state,omitempty" enum:"available,leased,done,dead"`
	Outcome    string `query:"outcome" json:"outcome,omitempty" enum:"indexed,unchanged,superseded,deleted,refused,cancelled,failed"`
	Source     string `query:"source" json:"source,omitempty" minLength:"1"`
	Crawl      string `query:"crawl" json:"crawl,omitempty" minLength:"1"`
	Collection string `query:"collection" json:"collection,omitempty" minLength:"1"`
	URL        string `query:"url" json:"url,omitempty" minLength:"1" doc:"Jobs of this page, in the collection"`
	Delivery   string `query:"delivery" json:"delivery,omitempty" minLength:"1"`
	Since      string `query:"since" json:"since,omitempty" minLength:"1" doc:"Accepted at or after: RFC 3339 or a date"`
}

func (p JobParams) filter() (store.JobFilter, error) {
	f := store.JobFilter{State: pulse.JobState(p.State), Outcome: pulse.Outcome(p.Outcome),
		Source: p.Source, Crawl: p.Crawl, Collection: p.Collection}
	delivery, err := parseNumber("delivery", p.Delivery)
	if err != nil {
		return f, err
	}
	f.Delivery = pulse.DeliverySeq(delivery)
	if f.Since, err = parseTime("since", p.Since); err != nil || p.URL == "" {
		return f, err
	}
	f.Collection = collectionName(p.Collection)
	f.Key, err = keyOf(p.URL)
	return f, err
}

// keyOf is the key of the page that a parameter names.
func keyOf(url string) (string, error) {
	key, err := pagekey.Normalise(url)
	if err != nil {
		return "", invalid("url", err.Error())
	}
	return key, nil
}

type jobsInput struct {
	JobParams
	PageParams
}

func (s *server) jobs(ctx context.Context, in *jobsInput) (*output[jobsAnswer], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	st, page, err := s.storeAndPage(in.PageParams)
	if err != nil {
		return nil, err
	}
	list, err := s.listJobs(ctx, st, f, page)
	if err != nil {
		return nil, err
	}
	return answer(jobsAnswer{list.Total, toJobs(list.Items), next(list.Next)}), nil
}

func (s *server) job(ctx context.Context, in *IDInput) (*output[jobAnswer], error) {
	st, n, err := s.storeAndID(*in)
	if err != nil {
		return nil, err
	}
	leased := s.leases()
	j, err := st.Job(ctx, pulse.JobID(n))
	if err != nil {
		return nil, err
	}
	leased.mark(j)
	return answer(toJob(j)), nil
}

type crawlsInput struct {
	Source string `query:"source"`
	State  string `query:"state" enum:"running,completed,failed,cancelled"`
	Since  string `query:"since" doc:"Seen at or after: RFC 3339 or a date"`
	PageParams
}

func (s *server) crawls(ctx context.Context, in *crawlsInput) (*output[crawlsAnswer], error) {
	since, err := parseTime("since", in.Since)
	if err != nil {
		return nil, err
	}
	st, page, err := s.storeAndPage(in.PageParams)
	if err != nil {
		return nil, err
	}
	f := store.CrawlFilter{Source: in.Source, State: pulse.CrawlState(in.State), Since: since}
	list, err := st.Crawls(ctx, f, page)
	if err != nil {
		return nil, err
	}
	return answer(crawlsAnswer{list.Total, each(list.Items, toCrawl), next(list.Next)}), nil
}

func (s *server) crawl(ctx context.Context, in *IDInput) (*output[crawlAnswer], error) {
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	c, err := st.Crawl(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answer(toCrawl(c)), nil
}
