package app

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"pulse"
	"pulse/internal/httpapi"
)

func TestSearchableTimes(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	seen := map[string]int{}
	s := newSearchableTimes(func(kind string, _ time.Duration) { seen[kind]++ })
	s.from(10)
	commit := func(seq pulse.CommitSeq, id pulse.DocumentID, change func(*pulse.Commit)) pulse.Commit {
		c := pulse.Commit{Seq: seq, Document: pulse.Document{ID: id, State: pulse.StateLive, ReceivedAt: start}}
		if change != nil {
			change(&c)
		}
		return c
	}
	s.applied([]pulse.Commit{
		commit(10, 1, nil), // before the start
		commit(11, 2, nil),
		commit(12, 3, func(c *pulse.Commit) { c.Document.State = pulse.StateGone }),
		commit(13, 4, func(c *pulse.Commit) { c.VectorsPending = true }),
		commit(14, 5, func(c *pulse.Commit) { c.Vectors = []pulse.Vector{{1}} }),
	}, start.Add(10*time.Millisecond))
	s.applied([]pulse.Commit{commit(15, 4, func(c *pulse.Commit) { c.Vectors = []pulse.Vector{{1}} })}, start.Add(time.Second))
	if seen["keyword"] != 3 || seen["vector"] != 2 {
		t.Errorf("times %v, want 3 by keyword and 2 by vector", seen)
	}
	keyword, vector := s.percentiles()
	if want := (httpapi.Percentiles{P50: 10 * time.Millisecond, P99: 10 * time.Millisecond}); keyword != want {
		t.Errorf("keyword %v, want %v", keyword, want)
	}
	if want := (httpapi.Percentiles{P50: time.Second, P99: time.Second}); vector != want {
		t.Errorf("vector %v, want %v", vector, want)
	}
	if len(s.late) != 0 {
		t.Errorf("%d pages still wait for vectors", len(s.late))
	}
}

func TestReservoir(t *testing.T) {
	var r reservoir
	if r.percentiles() != (httpapi.Percentiles{}) {
		t.Error("an empty one has percentiles")
	}
	for i := range 10 * reservoirSize {
		r.add(time.Duration(i))
	}
	p := r.percentiles()
	if low := time.Duration(9 * reservoirSize); p.P50 < low || p.P99 <= p.P50 {
		t.Errorf("percentiles %v speak of old times", p)
	}
}

func TestOutage(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	log := new(logBuffer)
	o := &outage{log: NewLog(log, "text", slog.LevelInfo), now: func() time.Time { return now }, what: "Disk is low"}
	o.over()
	for range 130 {
		o.note("free", 1)
		now = now.Add(time.Second)
	}
	o.over()
	o.over()
	o.note()
	var got []string
	for line := range strings.Lines(log.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), "level=")
		got = append(got, line)
	}
	want := []string{
		`WARN msg="Disk is low" free=1`,
		`WARN msg="Disk is low, still" times=60 since=2026-01-01T00:00:00.000Z free=1`,
		`WARN msg="Disk is low, still" times=60 since=2026-01-01T00:00:00.000Z free=1`,
		`INFO msg="Disk is low: over" duration=2m10s`,
		`WARN msg="Disk is low"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("lines:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMetrics(t *testing.T) {
	a := startApp(t)
	putPages(t, a, 5)
	resp, err := http.Post(a.URL()+"/v1/webhooks/firecrawl", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp, err = http.Get(a.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, want := range []string{
		`pulse_deliveries_total{result="queued",source="api"} 1`, `pulse_delivery_last_timestamp_seconds{source="api"} `,
		`pulse_signature_failures_total{source="firecrawl"} 1`, `pulse_jobs_total{outcome="indexed"} 5`,
		`pulse_jobs_waiting{priority="crawl"} 0`, `pulse_jobs_oldest_seconds{priority="wanted"} 0`,
		`pulse_stage_duration_seconds_count{stage="chunk"} 5`, `pulse_commit_group_size_count `, `pulse_commit_group_duration_seconds_count `,
		`pulse_time_to_searchable_seconds_count{kind="keyword"} 5`, `pulse_commits_behind{follower="local"} 0`,
		`pulse_start_seconds{part="store"} `, `pulse_disk_free_bytes `, `pulse_wal_bytes `, `pulse_documents 5`, `go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "pulse_") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}
