package app

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pulse"
	"pulse/internal/ingest"
	"pulse/internal/store"
)

// metrics are what /metrics shows, in a registry of their own. The parts call its
// methods as hooks and know nothing of Prometheus.
type metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	lastAt     *prometheus.GaugeVec
	signatures *prometheus.CounterVec
	requests   *prometheus.HistogramVec
	jobs       *prometheus.CounterVec
	stages     *prometheus.HistogramVec
	stage      [5]prometheus.Observer // of stages, in the order of stageNames
	groupSize  prometheus.Histogram
	groupTime  prometheus.Histogram
	statements prometheus.Counter
	searchable *prometheus.HistogramVec
	applyTime  prometheus.Histogram
	start      *prometheus.GaugeVec
	embeds     embedMetrics
	now        func() time.Time
}

var (
	secondsBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800}
	stageBuckets   = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 30}
	stageNames     = [...]string{"wait", "clean", "chunk", "embed", "commit"}
)

func newMetrics(now func() time.Time) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), now: now}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.deliveries = m.counter("pulse_deliveries_total", "Deliveries by source and what the sender was told.", "source", "result")
	m.lastAt = m.gauge("pulse_delivery_last_timestamp_seconds", "When a delivery of the source was last accepted.", "source")
	m.signatures = m.counter("pulse_signature_failures_total", "Deliveries refused for their signature or token.", "source")
	m.requests = m.histogram("pulse_http_request_duration_seconds", "Time of a request by route and class of status.", secondsBuckets, "route", "status")
	m.jobs = m.counter("pulse_jobs_total", "Runs of jobs by how they ended; retry: it will run again.", "outcome")
	m.stages = m.histogram("pulse_stage_duration_seconds", "Where the time of a job goes.", stageBuckets, "stage")
	for i, name := range stageNames {
		m.stage[i] = m.stages.WithLabelValues(name)
	}
	m.groupSize = m.histogram("pulse_commit_group_size", "Callers that share one transaction.", prometheus.ExponentialBuckets(1, 2, 12)).WithLabelValues().(prometheus.Histogram)
	m.groupTime = m.histogram("pulse_commit_group_duration_seconds", "Time of one transaction with its fsync.", stageBuckets).WithLabelValues().(prometheus.Histogram)
	m.statements = m.counter("pulse_commit_group_statements_total", "Statements run by commit groups.").WithLabelValues()
	m.searchable = m.histogram("pulse_time_to_searchable_seconds", "From the receipt of a page to its being searchable.", secondsBuckets, "kind")
	m.applyTime = m.histogram("pulse_apply_duration_seconds", "Time in which the local index applies a batch of commits.", stageBuckets).WithLabelValues().(prometheus.Histogram)
	m.start = m.gauge("pulse_start_seconds", "Time that a part took to start.", "part")
	m.embeds = newEmbedMetrics(m)
	return m
}

func (m *metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) onDelivery(source, result string, status int) {
	m.deliveries.WithLabelValues(source, result).Inc()
	if status < 300 {
		m.lastAt.WithLabelValues(source).Set(float64(m.now().UnixMilli()) / 1000)
	}
}

func (m *metrics) onSignatureFailure(source string) { m.signatures.WithLabelValues(source).Inc() }

func (m *metrics) onRequest(route string, status int, d time.Duration) {
	class := [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[min(max(status/100, 1), 5)-1]
	m.requests.WithLabelValues(route, class).Observe(d.Seconds())
}

func (m *metrics) onGroup(g store.GroupStats) {
	m.groupSize.Observe(float64(g.Callers))
	m.groupTime.Observe(g.Duration.Seconds())
	m.statements.Add(float64(g.Statements))
}

func (m *metrics) onJob(r ingest.JobReport) {
	outcome := string(r.Job.Outcome)
	if r.Job.State == pulse.JobAvailable {
		m.jobs.WithLabelValues("retry").Inc()
		return
	}
	m.jobs.WithLabelValues(outcome).Inc()
	m.onKept(r.Reused)
	s := r.Job.Stages
	for i, d := range [...]time.Duration{s.Wait, s.Clean, s.Chunk, s.Embed, s.Commit} {
		m.stage[i].Observe(d.Seconds())
	}
}

func (m *metrics) onBatch(_ int, _ pulse.CommitSeq, d time.Duration) {
	m.applyTime.Observe(d.Seconds())
}

func (m *metrics) onSearchable(kind string, d time.Duration) {
	m.searchable.WithLabelValues(kind).Observe(d.Seconds())
}

func (m *metrics) onPart(name string, took time.Duration) {
	m.start.WithLabelValues(name).Set(took.Seconds())
}
