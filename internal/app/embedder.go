package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/embed/ollama"
	"pulse/internal/embed/openai"
	"pulse/internal/embed/tei"
	"pulse/internal/store"
)

// embedderNone is --embedder without vectors.
const embedderNone = "none"

// unknownModel stands in a layout for a model that no endpoint has told of yet.
const unknownModel = "?"

// endpoint is one URL of --embedder.
type endpoint struct {
	kind       string // tei, openai, ollama
	base       *url.URL
	name       string // without secrets
	model      string
	dimensions int
}

// parseEndpoints reads the URLs of --embedder. All are of one kind and one model: they
// share the load.
func parseEndpoints(value string) ([]endpoint, error) {
	var all []endpoint
	for text := range strings.SplitSeq(value, ",") {
		e, err := parseEndpoint(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && (e.kind != all[0].kind || e.model != all[0].model || e.dimensions != all[0].dimensions) {
			return nil, fmt.Errorf("%s and %s are not of one kind and model: endpoints share the load", all[0].name, e.name)
		}
		all = append(all, e)
	}
	return all, nil
}

const embedderForms = "builtin, static:DIR, none, tei+http://HOST:PORT, openai+https://HOST/v1?model=NAME or ollama+http://HOST:PORT?model=NAME"

func parseEndpoint(text string) (endpoint, error) {
	if text == "" {
		return endpoint{}, errors.New("is empty: use " + embedderForms)
	}
	kind, address, ok := strings.Cut(text, "+")
	u, err := url.Parse(address)
	if !ok || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return endpoint{}, fmt.Errorf("%s is no embedder: use %s", redacted(text), embedderForms)
	}
	e := endpoint{kind: kind, base: &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}}
	e.name = kind + "+" + e.base.String()
	switch {
	case u.User != nil:
		return e, fmt.Errorf("%s holds a user: the key belongs in PULSE_EMBEDDER_API_KEY", e.name)
	case kind != "tei" && kind != "openai" && kind != "ollama":
		return e, fmt.Errorf("%s: %s is no kind of embedder: use %s", e.name, kind, embedderForms)
	}
	return e, e.query(u.Query())
}

func (e *endpoint) query(q url.Values) error {
	for name := range q {
		if name != "model" && name != "dimensions" || e.kind == "tei" {
			return fmt.Errorf("%s: there is no parameter %q", e.name, name)
		}
	}
	if e.kind == "tei" {
		return nil
	}
	if e.model = q.Get("model"); e.model == "" {
		return fmt.Errorf("%s names no model: add ?model=NAME", e.name)
	}
	if d := q.Get("dimensions"); d != "" {
		n, err := strconv.Atoi(d)
		if err != nil || n < 1 || n > 4096 {
			return fmt.Errorf("%s: dimensions must be 1 to 4096, not %q", e.name, d)
		}
		e.dimensions = n
	}
	return nil
}

// open makes what speaks to the endpoint.
func (e *endpoint) open(t *embed.Transport, key string) embed.Endpoint {
	c := embed.Caller{Transport: t, Base: e.base, Key: key}
	switch e.kind {
	case "openai":
		return openai.New(e.name, c, openai.Options{Model: e.model, Dimensions: e.dimensions})
	case "ollama":
		return ollama.New(e.name, c, ollama.Options{Model: e.model, Dimensions: e.dimensions})
	}
	return tei.New(e.name, c)
}

// checkEmbedder says what is wrong with --embedder.
func (c *Config) checkEmbedder() error {
	if c.Embedder == embedderNone || c.isStatic() {
		return nil
	}
	if _, err := parseEndpoints(c.Embedder); err != nil {
		return &optionError{"embedder", err, fmt.Sprintf("--embedder (from %s): %v", c.origin("embedder"), err)}
	}
	return nil
}

// model is what the configuration says of the model, as a layout keeps it.
func (c *Config) model() (name string, dimension int) {
	if c.Embedder == embedderNone {
		return "", 0
	}
	if c.isStatic() {
		e, err := c.openStatic()
		if err != nil {
			return unknownModel, 0
		}
		return e.Model().Name, e.Model().Dimension
	}
	all, err := parseEndpoints(c.Embedder)
	if err != nil || all[0].model == "" {
		return unknownModel, 0
	}
	return all[0].model, all[0].dimensions
}

// prefixes are what stands before a model's texts: as it wants it, unless an option says
// otherwise.
func (c *Config) prefixes(model string) (query, document string) {
	query, document = embed.Prefixes(model)
	if c.Given("query-prefix") {
		query = c.QueryPrefix
	}
	if c.Given("document-prefix") {
		document = c.DocumentPrefix
	}
	return query, document
}

// prefixSpec is the prefixes as a layout keeps them: that of queries is no part of it, since
// no vector in the index has it.
func (c *Config) prefixSpec(model string) string {
	_, document := c.prefixes(model)
	return document
}

// remote is a coalescer with its connections.
type remote struct {
	*embed.Coalescer
	transport *embed.Transport
	endpoints []embed.Endpoint
}

func (r *remote) Close() {
	r.Coalescer.Close()
	r.transport.Close()
}

// identity is what a layout knows of the model that embeds it, and holds endpoints to it.
type identity struct {
	store *store.Store

	onTokenizer func(id string) // once an endpoint's model has said it; nil: nobody minds

	mu     sync.Mutex
	layout pulse.LayoutID // 0 while it is not kept
	spec   store.LayoutSpec
	probe  pulse.Vector  // nil until an endpoint was met
	met    chan struct{} // closed then; nil where nobody waits
}

// verify takes the first model that is offered for one that was not known, and later only
// the same one.
func (i *identity) verify(m embed.Model, probe pulse.Vector) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.spec.Model == unknownModel || i.spec.Dimension == 0 || i.spec.Tokenizer == unknownModel {
		if err := i.completeLocked(m); err != nil {
			return err
		}
	}
	switch {
	case m.Name != i.spec.Model:
		return fmt.Errorf("it serves %s, and the data was embedded by %s", m.Name, i.spec.Model)
	case m.Dimension != i.spec.Dimension:
		return fmt.Errorf("its vectors have %d numbers, and the data's %d", m.Dimension, i.spec.Dimension)
	case i.probe != nil:
		return embed.SameModel(i.probe, probe)
	}
	i.probe = probe
	if i.met != nil {
		close(i.met)
	}
	if i.layout == 0 {
		return nil
	}
	return i.store.KeepProbe(context.Background(), i.layout, probe)
}

// completeLocked puts the model into the layout.
func (i *identity) completeLocked(m embed.Model) error {
	complete := i.spec
	complete.Model, complete.Dimension, complete.Prefixes = m.Name, m.Dimension, m.DocumentPrefix
	if complete.Tokenizer == unknownModel {
		var err error
		if complete.Tokenizer, err = tokenizerOf(m.Name); err != nil {
			return err
		}
	}
	if i.layout != 0 {
		if err := i.store.CompleteLayout(context.Background(), i.layout, complete); err != nil {
			return err
		}
	}
	if i.onTokenizer != nil && i.spec.Tokenizer != complete.Tokenizer {
		i.onTokenizer(complete.Tokenizer)
	}
	i.spec = complete
	return nil
}

// settledSpec is the layout as it is known by now.
func (i *identity) settledSpec() store.LayoutSpec {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.spec
}

func (c *Config) openEndpoints(all []endpoint) (*embed.Transport, []embed.Endpoint) {
	t := embed.NewTransport(embed.TransportOptions{Connections: c.EmbedderConnections, PerHost: c.EmbedderConnectionsPerHost, IdleExpiry: c.EmbedderIdleExpiry})
	endpoints := make([]embed.Endpoint, len(all))
	for i := range all {
		endpoints[i] = all[i].open(t, c.EmbedderAPIKey)
	}
	return t, endpoints
}

// Endpoints are the embedding endpoints of the configuration, for who speaks to them
// directly; close ends their connections.
func (c *Config) Endpoints() (endpoints []embed.Endpoint, close func(), err error) {
	if c.Embedder == embedderNone || c.isStatic() {
		return nil, nil, usagef("no embedding endpoint is named: use --embedder")
	}
	all, err := parseEndpoints(c.Embedder)
	if err != nil {
		return nil, nil, usagef("--embedder (from %s): %w", c.origin("embedder"), err)
	}
	t, endpoints := c.openEndpoints(all)
	return endpoints, t.Close, nil
}

// openEmbedder makes the embedder of a layout; nil where there is none. It waits for no
// endpoint.
func (a *App) openEmbedder(c *Config, known *identity) (*remote, error) {
	if c.Embedder == embedderNone {
		return nil, nil
	}
	all, err := parseEndpoints(c.Embedder)
	if err != nil {
		return nil, &UsageError{err}
	}
	t, endpoints := c.openEndpoints(all)
	return &remote{transport: t, endpoints: endpoints, Coalescer: embed.New(endpoints, embed.Options{
		Prefixes: c.prefixes, Requests: c.EmbedderConnectionsPerHost, Timeout: c.EmbedderTimeout, Verify: known.verify, Log: a.log, Now: a.now,
		OnRequest: a.metrics.onEmbed, OnReused: a.metrics.onCached,
	})}, nil
}
