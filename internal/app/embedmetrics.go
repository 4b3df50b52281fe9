package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulse/internal/embed"
)

// embedMetrics are the metrics of embedding requests.
type embedMetrics struct {
	full    *prometheus.HistogramVec
	texts   *prometheus.CounterVec
	tokens  *prometheus.CounterVec
	latency *prometheus.HistogramVec
	failed  *prometheus.CounterVec
	reused  *prometheus.CounterVec

	tokenize       *prometheus.HistogramVec
	tokenizeTexts  *prometheus.CounterVec
	tokenizeFailed *prometheus.CounterVec
}

func newEmbedMetrics(m *metrics) embedMetrics {
	return embedMetrics{
		full:    m.histogram("pulse_embed_batch_fill_ratio", "Texts of a request, of what one may hold.", []float64{.01, .05, .1, .25, .5, .75, .9, 1}, "endpoint"),
		texts:   m.counter("pulse_embed_texts_total", "Texts that got vectors.", "endpoint", "lane"),
		tokens:  m.counter("pulse_embed_tokens_total", "Tokens of texts that got vectors.", "endpoint"),
		latency: m.histogram("pulse_embed_request_duration_seconds", "Time of a request to an endpoint.", secondsBuckets, "endpoint"),
		failed:  m.counter("pulse_embed_failures_total", "Requests to an endpoint that failed, by reason; what they held was tried again or split.", "endpoint", "reason"),
		reused:  m.counter("pulse_embed_reused_total", "Vectors that were there already: of the page's former version, or in the cache of texts embedded lately.", "from"),

		tokenize:       m.histogram("pulse_tokenize_duration_seconds", "Time of a question to an endpoint for the tokens of texts, where no tokenizer is at hand.", secondsBuckets, "endpoint"),
		tokenizeTexts:  m.counter("pulse_tokenize_texts_total", "Texts whose tokens an endpoint has told.", "endpoint"),
		tokenizeFailed: m.counter("pulse_tokenize_failures_total", "Questions to an endpoint for tokens that failed, by reason.", "endpoint", "reason"),
	}
}

func (m *metrics) onEmbed(r embed.RequestStats) {
	m.embeds.latency.WithLabelValues(r.Endpoint).Observe(r.Duration.Seconds())
	if r.Failure != "" {
		m.embeds.failed.WithLabelValues(r.Endpoint, r.Failure).Inc()
		return
	}
	m.embeds.full.WithLabelValues(r.Endpoint).Observe(r.Full)
	m.embeds.texts.WithLabelValues(r.Endpoint, r.Lane.String()).Add(float64(r.Texts))
	m.embeds.tokens.WithLabelValues(r.Endpoint).Add(float64(r.Tokens))
}

// onCached counts vectors that the coalescer's cache had.
func (m *metrics) onCached(n int) { m.embeds.reused.WithLabelValues("cache").Add(float64(n)) }

// onKept counts vectors of chunks that say what they said.
func (m *metrics) onKept(n int) { m.embeds.reused.WithLabelValues("page").Add(float64(n)) }
func (m *metrics) onTokenize(endpoint string, texts int, d time.Duration, failure string) {
	m.embeds.tokenize.WithLabelValues(endpoint).Observe(d.Seconds())
	if failure != "" {
		m.embeds.tokenizeFailed.WithLabelValues(endpoint, failure).Inc()
		return
	}
	m.embeds.tokenizeTexts.WithLabelValues(endpoint).Add(float64(texts))
}

// embedGauges are read from the embedder when somebody asks for them.
type embedGauges struct {
	s                                 *Services
	waiting, inFlight, state, connect *prometheus.Desc
}

func newEmbedGauges(s *Services) *embedGauges {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &embedGauges{
		s:        s,
		waiting:  d("pulse_embed_texts_waiting", "Texts that wait for an endpoint.", "lane"),
		inFlight: d("pulse_embed_texts_in_flight", "Texts on their way.", "endpoint"),
		state:    d("pulse_embed_endpoint_state", "1 for the state that an endpoint is in: up, connecting, away, or stranger, which answers with another model.", "endpoint", "state"),
		connect:  d("pulse_outgoing_connections", "Connections that Pulse has opened, by peer: active ones have a request, idle ones none.", "peer", "state"),
	}
}

// Describe implements prometheus.Collector.
func (g *embedGauges) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.waiting, g.inFlight, g.state, g.connect} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (g *embedGauges) Collect(c chan<- prometheus.Metric) {
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	parts := g.s.layout.Load()
	if parts == nil {
		return
	}
	r, ok := parts.embedder.(*remote)
	if !ok {
		return
	}
	for lane, n := range r.Waiting() {
		set(g.waiting, float64(n), lane.String())
	}
	for _, e := range r.Endpoints() {
		set(g.inFlight, float64(e.Texts), e.Name)
		set(g.state, 1, e.Name, e.State)
	}
	for peer, n := range r.transport.Connections() {
		active := min(n.Active, n.Open) // a request that waits for a connection has none
		set(g.connect, float64(active), peer, "active")
		set(g.connect, float64(n.Open-active), peer, "idle")
	}
}
