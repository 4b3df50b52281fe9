package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulse"
)

// gauges are metrics that are read from the parts when somebody asks for them.
type gauges struct {
	s   *Services
	now func() time.Time

	waiting, oldest, retrying, leased, vectors *prometheus.Desc
	documents, chunks, dead                    *prometheus.Desc
	head, behind, free, wal, budget            *prometheus.Desc
}

func newGauges(s *Services, now func() time.Time) *gauges {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &gauges{
		s: s, now: now,
		waiting:   d("pulse_jobs_waiting", "Jobs that are accepted and do not run.", "priority"),
		oldest:    d("pulse_jobs_oldest_seconds", "Age of the oldest waiting job; 0 when none waits.", "priority"),
		retrying:  d("pulse_jobs_retrying", "Waiting jobs that failed and wait for their time."),
		leased:    d("pulse_jobs_leased", "Jobs that run."),
		vectors:   d("pulse_vectors_pending", "Pages that are searchable by keyword and wait for their vectors."),
		documents: d("pulse_documents", "Live documents."),
		chunks:    d("pulse_chunks", "Chunks of live documents."),
		dead:      d("pulse_jobs_dead", "Jobs that failed for good and can be retried."),
		head:      d("pulse_commit_head", "The last commit of the store."),
		behind:    d("pulse_commits_behind", "Commits that the follower has not applied yet.", "follower"),
		free:      d("pulse_disk_free_bytes", "Free bytes of the data folder's disk."),
		wal:       d("pulse_wal_bytes", "Size of the write-ahead log."),
		budget:    d("pulse_budget_used_bytes", "Bytes taken by receiving bodies and running pages."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.waiting, g.oldest, g.retrying, g.leased, g.vectors, g.documents, g.chunks, g.dead, g.head, g.behind, g.free, g.wal, g.budget} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(c chan<- prometheus.Metric) {
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counts := g.s.Queue.Counts()
	for p := range pulse.Priority(pulse.NumPriorities) {
		set(g.waiting, float64(counts.Waiting[p]), p.String())
		age := time.Duration(0)
		if at := counts.Oldest[p]; !at.IsZero() {
			age = max(0, g.now().Sub(at))
		}
		set(g.oldest, age.Seconds(), p.String())
	}
	set(g.retrying, float64(counts.Retrying))
	set(g.leased, float64(counts.Leased))
	set(g.budget, float64(g.s.Budget.Used()))
	g.collectStore(set)
}

func (g *gauges) collectStore(set func(*prometheus.Desc, float64, ...string)) {
	st := g.s.Store
	stats, _ := st.Stats(context.Background()) // in memory: only a context fails it
	set(g.vectors, float64(stats.VectorsPending))
	set(g.documents, float64(stats.Documents))
	set(g.chunks, float64(stats.Chunks))
	set(g.dead, float64(stats.Jobs.Dead))
	applied := g.s.Follower.Applied()
	set(g.head, float64(st.Head()))
	set(g.behind, float64(max(0, st.Head()-applied)), "local")
	set(g.wal, float64(st.WALBytes()))
	if free, err := st.FreeDisk(); err == nil {
		set(g.free, float64(free))
	}
}
