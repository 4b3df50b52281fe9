// Package httpapi speaks HTTP: the routes of /v1, their JSON, status codes and
// keys, the webhook receiver, and the pages for machines and people (/readyz,
// /metrics, /openapi.json, /docs).
//
// It decides nothing about pages: it turns requests into the words of the root
// package, hands them on, and writes down what came back. What it does own are the
// bounds of the outside: how large, how deep, how slow and how many a request may be.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pulse"
	"pulse/internal/queue"
	"pulse/internal/store"
)

// Searcher answers queries and knows how far its index is.
type Searcher interface {
	Search(ctx context.Context, q pulse.Query) (*pulse.Answer, error)
	Progress() (head, applied pulse.CommitSeq)
	Wait(ctx context.Context, seq pulse.CommitSeq) error
}

// Deps are the parts that the routes speak to. Parts that come up after the listener
// are functions that return nil until there; the routes that need them answer 503.
type Deps struct {
	Store   func() *store.Store
	Queue   *queue.Queue
	Budget  *queue.Budget    // shared by receiving bodies and running pages
	Search  func() Searcher  // a nil interface until warm
	Ready   func() []string  // why search is not warm; empty when it is
	Ends    *Ends            // told by the workers of every job's end
	Metrics http.Handler     // of /metrics; nil: 404
	Reembed Reembedder       // changes how pages are cut and embedded
	Rebuild func() error     // starts a rebuild of the index; pulse.ErrConflict while one runs
	Stats   func() Telemetry // nil: /v1/stats shows zeros there
}

// Telemetry is what /v1/stats shows beside the store's own counts.
type Telemetry struct {
	Keyword, Vector Percentiles // from receipt to searchable
	Embedder        EmbedderStats
}

// Options tune the API. The zero value serves programs of this machine only.
type Options struct {
	APIKey          string // full access; "": open
	FirecrawlSecret string // HMAC key of webhooks; "" with no token either: unsigned webhooks are taken
	FirecrawlToken  string // for a sender that cannot sign
	// Public says that other machines reach the listener: where no key is asked for,
	// Host and Origin are then not looked at (they only shield a local server from web pages).
	Public   bool
	SpoolDir string // for bodies past 1 MiB; "" means the system's
	MinFree  int64  // bytes of disk below which nothing is accepted; 0 means 1 GiB, negative: not looked at
	Version  string // of Pulse, for the OpenAPI document

	BodyTimeout    time.Duration // a body must arrive within; 0 means 60 s
	RequestTimeout time.Duration // of the work for one request, waiting on request apart; 0 means 30 s

	Log *slog.Logger     // nil means slog.Default()
	Now func() time.Time // nil means time.Now

	OnDelivery         func(source, result string, status int)
	OnSignatureFailure func(source string)
	OnRequest          func(route string, status int, d time.Duration)
}

const (
	defaultMinFree        = 1 << 30
	defaultBodyTimeout    = 60 * time.Second
	defaultRequestTimeout = 30 * time.Second
	headerTimeout         = 10 * time.Second
	maxHeaderBytes        = 64 << 10
)

func (o *Options) setDefaults() {
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = defaultBodyTimeout
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = defaultRequestTimeout
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnDelivery == nil {
		o.OnDelivery = func(string, string, int) {}
	}
	if o.OnSignatureFailure == nil {
		o.OnSignatureFailure = func(string) {}
	}
	if o.OnRequest == nil {
		o.OnRequest = func(string, int, time.Duration) {}
	}
}

// server is the handler of all routes. All fields are set by New and only read after.
type server struct {
	deps Deps
	opts Options
	mux  *http.ServeMux
	api  huma.API

	apiKey    secret
	firecrawl sourceAuth
	disk      diskGuard
	intakes   sync.Pool // *intake
	openapi   func() []byte
	docs      func() ([]byte, error)

	// accept is Store().Accept; a field so that the receiver is measured without a disk.
	accept func(ctx context.Context, d *pulse.Delivery) (*pulse.Receipt, error)
}

// New makes the handler of all routes. It does no I/O.
func New(deps Deps, o Options) http.Handler { return newServer(deps, o) }

func newServer(deps Deps, o Options) *server {
	o.setDefaults()
	if deps.Ends == nil {
		deps.Ends = NewEnds()
	}
	s := &server{deps: deps, opts: o, mux: http.NewServeMux()}
	s.apiKey = newSecret(o.APIKey)
	s.firecrawl = sourceAuth{key: o.FirecrawlSecret, token: newSecret(o.FirecrawlToken)}
	s.disk.min = o.MinFree
	s.intakes.New = func() any { return new(intake) }
	s.accept = s.storeAccept
	s.api = newAPI(s)
	s.routes()
	return s
}

func (s *server) routes() {
	s.webhookRoutes()
	s.documentRoutes()
	s.searchRoutes()
	s.ledgerRoutes()
	s.againRoutes()
	s.statsRoutes()
	s.reembedRoutes()
	s.healthRoutes()
	s.docsRoutes()
	s.mux.HandleFunc("/", s.noRoute)
}

// store is the open store, or errNotOpen.
func (s *server) store() (*store.Store, error) {
	if st := s.deps.Store(); st != nil {
		return st, nil
	}
	return nil, errNotOpen
}

func (s *server) storeAccept(ctx context.Context, d *pulse.Delivery) (*pulse.Receipt, error) {
	st, err := s.store()
	if err != nil {
		return nil, err
	}
	return st.Accept(ctx, d)
}

// NewServer makes the server that the handler is meant to run in: with time-outs and
// bounds for headers, and its own complaints about clients at debug level.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.Default()
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + defaultBodyTimeout, // bounds bodies that no handler reads
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
