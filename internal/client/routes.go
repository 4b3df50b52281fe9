package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Search asks a query.
func (c *Client) Search(ctx context.Context, q Query) (*Answer, error) {
	out := new(Answer)
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/v1/search", body: q}, out)
	return out, err
}

// JobFilter chooses jobs. Zero fields let all pass.
type JobFilter struct {
	State, Outcome, Source, Crawl, Collection, URL, Delivery string
	Since                                                    string // RFC 3339 or a date
}

func (f JobFilter) values() url.Values {
	return values("state", f.State, "outcome", f.Outcome, "source", f.Source, "crawl", f.Crawl,
		"collection", f.Collection, "url", f.URL, "delivery", f.Delivery, "since", f.Since)
}

// DeliveryFilter chooses deliveries. Zero fields let all pass.
type DeliveryFilter struct {
	Source, Result, Crawl string
	Since                 string // RFC 3339 or a date
}

func (f DeliveryFilter) values() url.Values {
	return values("source", f.Source, "result", f.Result, "crawl", f.Crawl, "since", f.Since)
}

// CrawlFilter chooses crawls. Zero fields let all pass.
type CrawlFilter struct {
	Source, State string
	Since         string // RFC 3339 or a date
}

// DocumentFilter chooses documents. Zero fields let all live ones of the default
// collection pass.
type DocumentFilter struct {
	Collection, Domain, Crawl, State string
}

// values makes a query of pairs, without empty ones.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func (p Page) onto(v url.Values) url.Values {
	if p.Limit > 0 {
		v.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.After != "" {
		v.Set("after", p.After)
	}
	return v
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values, accept ...int) (*T, error) {
	out := new(T)
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query, accept: accept}, out)
	return out, err
}

// Jobs lists jobs, newest first.
func (c *Client) Jobs(ctx context.Context, f JobFilter, p Page) (*JobList, error) {
	return get[JobList](ctx, c, "/v1/jobs", p.onto(f.values()))
}

// Job reads one job.
func (c *Client) Job(ctx context.Context, id string) (*Job, error) {
	return get[Job](ctx, c, "/v1/jobs/"+url.PathEscape(id), nil)
}

// Deliveries lists deliveries, newest first.
func (c *Client) Deliveries(ctx context.Context, f DeliveryFilter, p Page) (*DeliveryList, error) {
	return get[DeliveryList](ctx, c, "/v1/deliveries", p.onto(f.values()))
}

// Delivery reads one delivery with its jobs and refusals.
func (c *Client) Delivery(ctx context.Context, id string) (*Delivery, error) {
	return get[Delivery](ctx, c, "/v1/deliveries/"+url.PathEscape(id), nil)
}

// Crawls lists crawls, newest first.
func (c *Client) Crawls(ctx context.Context, f CrawlFilter, p Page) (*CrawlList, error) {
	return get[CrawlList](ctx, c, "/v1/crawls", p.onto(values("source", f.Source, "state", f.State, "since", f.Since)))
}

// Crawl reads one crawl.
func (c *Client) Crawl(ctx context.Context, id string) (*Crawl, error) {
	return get[Crawl](ctx, c, "/v1/crawls/"+url.PathEscape(id), nil)
}

// Documents lists documents, newest commit first.
func (c *Client) Documents(ctx context.Context, f DocumentFilter, p Page) (*DocumentList, error) {
	return get[DocumentList](ctx, c, "/v1/documents",
		p.onto(values("collection", f.Collection, "domain", f.Domain, "crawl", f.Crawl, "state", f.State)))
}

// Document reads the document of an address. A deleted one is an answer with state
// "gone"; of one that is unknown the answer holds the history beside the *Error.
func (c *Client) Document(ctx context.Context, collection, address string) (*DocumentAnswer, error) {
	query := values("url", address, "collection", collection)
	out := new(DocumentAnswer)
	in := call{method: http.MethodGet, path: "/v1/documents", query: query, accept: []int{http.StatusGone, http.StatusNotFound}}
	status, err := c.do(ctx, in, out)
	if err == nil && status == http.StatusNotFound {
		err = &Error{Status: status, Code: "not_found", Message: "there is no document " + address, own: c.own}
	}
	return out, err
}

// PutOptions say how Put goes about it.
type PutOptions struct {
	Collection string
	Priority   string        // wanted, crawl or bulk; "" means crawl
	Wait       time.Duration // until searchable; 0 does not wait
}

// Put upserts documents. With Wait, Status of the answer is "done" when every job has
// ended and can be searched.
func (c *Client) Put(ctx context.Context, documents []Put, o PutOptions) (*Queued, error) {
	in := call{method: http.MethodPut, path: "/v1/documents", query: values("priority", o.Priority), extra: o.Wait,
		body: struct {
			Collection string `json:"collection,omitempty"`
			Documents  []Put  `json:"documents"`
		}{o.Collection, documents}}
	if o.Wait > 0 {
		in.query.Set("wait", "searchable")
		in.query.Set("timeout", o.Wait.String())
	}
	return c.queue(ctx, in)
}

func (c *Client) queue(ctx context.Context, in call) (*Queued, error) {
	out := new(Queued)
	_, err := c.do(ctx, in, out)
	return out, err
}

// Target chooses what Delete deletes: one of URL, Domain and Crawl.
type Target struct {
	Collection, URL, Domain, Crawl string
}

// Delete deletes documents, or counts them in a dry run.
func (c *Client) Delete(ctx context.Context, t Target, dryRun bool) (*Queued, error) {
	query := values("collection", t.Collection, "url", t.URL, "domain", t.Domain, "crawl", t.Crawl)
	return c.queue(ctx, call{method: http.MethodDelete, path: "/v1/documents", query: flags(query, dryRun, false)})
}

func flags(v url.Values, dryRun, force bool) url.Values {
	if dryRun {
		v.Set("dry_run", "1")
	}
	if force {
		v.Set("force", "1")
	}
	return v
}

// Retry runs one job again.
func (c *Client) Retry(ctx context.Context, id string, force bool) (*Queued, error) {
	return c.queue(ctx, call{method: http.MethodPost, path: "/v1/jobs/" + url.PathEscape(id) + "/retry", query: flags(url.Values{}, false, force)})
}

// massTimeout is what the server gives a verb on all that match.
const massTimeout = 30 * time.Minute

// RetryAll runs all jobs again that match: dead ones, where the filter names no state.
func (c *Client) RetryAll(ctx context.Context, f JobFilter, dryRun, force bool) (*Queued, error) {
	return c.queue(ctx, call{method: http.MethodPost, path: "/v1/jobs/retry", extra: massTimeout, query: flags(f.values(), dryRun, force)})
}

// Replay runs one delivery again.
func (c *Client) Replay(ctx context.Context, id string, force bool) (*Queued, error) {
	return c.queue(ctx, call{method: http.MethodPost, path: "/v1/deliveries/" + url.PathEscape(id) + "/replay", query: flags(url.Values{}, false, force)})
}

// ReplayAll runs all deliveries again that match; a filter is needed.
func (c *Client) ReplayAll(ctx context.Context, f DeliveryFilter, dryRun, force bool) (*Queued, error) {
	return c.queue(ctx, call{method: http.MethodPost, path: "/v1/deliveries/replay", extra: massTimeout, query: flags(f.values(), dryRun, force)})
}

// Stats reads the counts.
func (c *Client) Stats(ctx context.Context) (*Stats, error) {
	return get[Stats](ctx, c, "/v1/stats", nil)
}

// Rebuild starts a rebuild of the index.
func (c *Client) Rebuild(ctx context.Context) error {
	var out struct{}
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/v1/rebuild"}, &out)
	return err
}

// Reembed begins to cut and embed all pages anew with other settings.
func (c *Client) Reembed(ctx context.Context, change ReembedChange) (*ReembedStatus, error) {
	out := new(ReembedStatus)
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/v1/reembed", body: change}, out)
	return out, err
}

// ReembedStatus reads how far a change of settings is.
func (c *Client) ReembedStatus(ctx context.Context) (*ReembedStatus, error) {
	return get[ReembedStatus](ctx, c, "/v1/reembed", nil)
}

// Readiness says whether a server is ready, and why not.
type Readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

// Ready asks whether search is warm; with receiveOnly, whether the store is open.
func (c *Client) Ready(ctx context.Context, receiveOnly bool) (*Readiness, error) {
	query := url.Values{}
	if receiveOnly {
		query.Set("for", "receive")
	}
	return get[Readiness](ctx, c, "/readyz", query, http.StatusServiceUnavailable)
}
