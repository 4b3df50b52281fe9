package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// writeTimeout bounds a whole request from its start, so that a client that does not
// read its answer holds nothing for ever. A wait on request adds its own time.
const writeTimeout = 2 * time.Minute

// ServeHTTP shields an open local server, then routes.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Content-Type-Options"] = noSniff
	if !s.apiKey.set {
		if p := s.guardLocal(r); p != nil {
			writeProblem(w, p)
			s.opts.OnRequest("", p.status, 0)
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

var noSniff = []string{"nosniff"}

// endpoint is one route with what holds for all: key, time bound, recovery, hook.
type endpoint struct {
	s     *server
	route string // the pattern, for metrics
	scope scope
	serve http.HandlerFunc
}

func (s *server) handle(pattern string, need scope, h http.HandlerFunc) {
	s.mux.Handle(pattern, &endpoint{s: s, route: pattern, scope: need, serve: h})
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rw := responses.Get().(*response)
	*rw = response{ResponseWriter: w, rc: http.NewResponseController(w)}
	_ = rw.rc.SetWriteDeadline(start.Add(writeTimeout)) // a test's recorder has none
	defer func() {
		if v := recover(); v != nil {
			e.recovered(rw, r, v)
		}
		e.s.opts.OnRequest(e.route, rw.status, time.Since(start))
		*rw = response{}
		responses.Put(rw)
	}()
	if p := e.s.authorise(e.scope, r); p != nil {
		writeProblem(rw, p)
		return
	}
	e.serve(rw, r)
}

// recovered answers for a fault of ours, and goes on.
func (e *endpoint) recovered(rw *response, r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	p := e.s.problemOf(r.Method+" "+safeURL(r.URL), err)
	if rw.status == 0 {
		writeProblem(rw, p)
		return
	}
	panic(http.ErrAbortHandler) // half an answer is out: only cutting the connection tells
}

// response remembers the status.
type response struct {
	http.ResponseWriter
	rc     *http.ResponseController
	status int
}

var responses = sync.Pool{New: func() any { return new(response) }}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// noRoute answers for paths that nobody serves, and for wrong methods.
func (s *server) noRoute(w http.ResponseWriter, r *http.Request) {
	allowed := s.allowedMethods(r)
	p := newProblem(http.StatusNotFound, "there is no such route")
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		p = newProblem(http.StatusMethodNotAllowed, "this route takes "+strings.Join(allowed, ", "))
	}
	writeProblem(w, p)
	s.opts.OnRequest("", p.status, 0)
}

func (s *server) allowedMethods(r *http.Request) []string {
	var allowed []string
	for _, m := range []string{http.MethodDelete, http.MethodGet, http.MethodPost, http.MethodPut} {
		probe := &http.Request{Method: m, Host: r.Host, URL: r.URL}
		if _, pattern := s.mux.Handler(probe); strings.HasPrefix(pattern, m+" ") {
			allowed = append(allowed, m)
		}
	}
	return allowed
}

// newAPI makes huma's side: typed routes, validation and the OpenAPI document, in
// plain JSON without links.
func newAPI(s *server) huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Pulse", Version: s.opts.Version,
				Description: "Takes crawl webhooks and makes the pages searchable."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat},
		DefaultFormat: "application/json",
	}
	return huma.NewAPI(config, (*adapter)(s))
}

// adapter lets huma register its routes as endpoints.
type adapter server

// Handle is called by huma once a route.
func (a *adapter) Handle(op *huma.Operation, h func(huma.Context)) {
	s := (*server)(a)
	known := make(map[string]bool, len(op.Parameters))
	for _, p := range op.Parameters {
		if p.In == "query" {
			known[p.Name] = true
		}
	}
	s.handle(op.Method+" "+op.Path, scopeOf(op), func(w http.ResponseWriter, r *http.Request) {
		body, p := s.prepareTyped(w, r, op, known)
		if body != nil {
			defer body.release()
		}
		if p != nil {
			writeProblem(w, p)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.timeoutOf(op, w))
		defer cancel()
		h(humago.NewContext(op, r.WithContext(ctx), w))
	})
}

// timeoutOf bounds the work of a typed route. The mass verbs have more of it: cut half-way
// they could not go on from there.
func (s *server) timeoutOf(op *huma.Operation, w http.ResponseWriter) time.Duration {
	if op.Metadata["mass"] != true {
		return s.opts.RequestTimeout
	}
	_ = controller(w).SetWriteDeadline(time.Now().Add(massTimeout + writeTimeout))
	return massTimeout
}

const massTimeout = 30 * time.Minute

// ServeHTTP completes huma.Adapter; requests go through the server.
func (a *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*server)(a).ServeHTTP(w, r) }

// prepareTyped refuses what huma would let pass or call by other names: query strings
// that say nothing certain, and bodies that are too large, too deep or no JSON objects.
func (s *server) prepareTyped(w http.ResponseWriter, r *http.Request, op *huma.Operation, known map[string]bool) (*body, *problem) {
	if p := checkQuery(r, known); p != nil {
		return nil, p
	}
	switch {
	case op.RequestBody != nil:
		return s.typedBody(w, r, op)
	case op.Method == http.MethodDelete && r.ContentLength != 0:
		// A dry run that is asked for in a body must not become a deletion.
		return nil, invalid("body", "there is none: the parameters stand in the query")
	}
	return nil, nil
}

// operation describes a typed route; its scope rides in the metadata.
func operation(id, method, path string, need scope, tag, summary string) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		Metadata:        map[string]any{"scope": need},
		MaxBodyBytes:    -1, // bounded before, by typedBody
		BodyReadTimeout: -1,
	}
	if need != scopeNone {
		op.Security = []map[string][]string{{"key": {}}}
	}
	return op
}

func scopeOf(op *huma.Operation) scope {
	need, ok := op.Metadata["scope"].(scope)
	if !ok {
		panic("route without a scope: " + op.Path)
	}
	return need
}

// register adds a typed route whose errors are answered as problems.
func register[I, O any](s *server, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problemOf(op.OperationID, err)
		}
		return out, nil
	})
}
