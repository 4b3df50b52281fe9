package bench

import (
	"context"
	"fmt"
	"time"

	"pulse/internal/client"
)

// DeliveriesOptions say what Deliveries measures. The zero value of each field is its
// default.
type DeliveriesOptions struct {
	Start       Start   // of a server; nil with Server
	Server      *Server // a running one
	Deliveries  int     // 50,000
	Connections int     // 64
	BodySize    int     // bytes of a delivery; 2048
	Idle        int     // deliveries that are sent one by one first; 200
	TempDir     string
	Seed        uint64
	Screen      *Screen
}

func (o *DeliveriesOptions) setDefaults() {
	if o.Deliveries == 0 {
		o.Deliveries = 50_000
	}
	if o.Connections == 0 {
		o.Connections = 64
	}
	if o.BodySize == 0 {
		o.BodySize = 2048
	}
	if o.Idle == 0 {
		o.Idle = 200
	}
}

// Deliveries measures how fast signed deliveries are acknowledged, on disk, and how
// long their pages take until they can be found: first one by one on an idle server,
// then from many connections at once.
func Deliveries(ctx context.Context, o DeliveriesOptions) error {
	o.setDefaults()
	return on(ctx, o.Server, o.Start, o.TempDir, func(s *Server, c *client.Client) error { return deliveries(ctx, &o, s, c) })
}

func deliveries(ctx context.Context, o *DeliveriesOptions, s *Server, c *client.Client) error {
	all := make([]Delivery, o.Idle+o.Deliveries)
	sender, writer := NewSender(s.Secret, o.Seed), NewWriter(o.Seed)
	for i := range all {
		all[i] = sized(sender, writer, i, o.BodySize)
	}
	o.Screen.Line("%s", o.Screen.Bold(fmt.Sprintf("Signed webhooks of %s bytes (seed %d)", count(o.BodySize), o.Seed)))
	idle, idleStats, err := oneByOne(ctx, s, c, all[:o.Idle])
	if err != nil {
		return err
	}
	busy, settled, err := burst(ctx, o, s, c, all[o.Idle:])
	if err != nil {
		return err
	}
	stats, err := c.Stats(ctx)
	if err != nil {
		return err
	}
	o.Screen.Line("")
	o.Screen.Table(
		[]string{"<", "deliveries", "acknowledged/s", "ack p50", "ack p99", "ack max", "searchable p50", "p99"},
		[][]string{
			deliveriesRow("1 connection, idle", idle, idleStats),
			deliveriesRow(fmt.Sprintf("%d connections", o.Connections), busy, stats),
		})
	o.Screen.Line("")
	o.Screen.Line("  all searchable %s after the first was sent: %s pages/s", duration(settled),
		count(int64(float64(busy.Acknowledged)/settled.Seconds())))
	if busy.Refused > 0 {
		o.Screen.Line("  %s deliveries were turned away", count(busy.Refused))
	}
	st, err := readStages(ctx, s.Base)
	if err != nil {
		return err
	}
	o.Screen.Line("  time of the jobs: %s", st.String())
	return machine(o.Screen, o.TempDir)
}

func deliveriesRow(name string, r *LoadReport, s *client.Stats) []string {
	return []string{name, count(r.Acknowledged), count(int64(r.Rate() + 0.5)),
		duration(r.Latency.Quantile(0.5)), duration(r.Latency.Quantile(0.99)), duration(r.Latency.Max()),
		millis(s.Searchable.Keyword.P50), millis(s.Searchable.Keyword.P99)}
}

// sized is the delivery of a page whose body has about the given bytes.
func sized(s *Sender, w *Writer, n, size int) Delivery {
	const envelope = 830 // bytes around the markdown, signed header apart
	return s.Page(w.Page(n, max(64, size-envelope)))
}

// oneByOne sends each delivery when the last can be found.
func oneByOne(ctx context.Context, s *Server, c *client.Client, all []Delivery) (*LoadReport, *client.Stats, error) {
	sum := new(LoadReport)
	l := Load{Base: s.Base}
	var stats *client.Stats
	for i := range all {
		r, err := l.Run(ctx, all[i:i+1])
		if err != nil {
			return nil, nil, err
		}
		sum.Acknowledged += r.Acknowledged
		sum.Refused += r.Refused
		sum.Took += r.Took
		sum.Latency.Add(&r.Latency)
		if stats, err = WaitSettled(ctx, c, pollEvery, nil); err != nil {
			return nil, nil, err
		}
	}
	return sum, stats, nil
}

// burst sends all at once and says how long it took until all could be found.
func burst(ctx context.Context, o *DeliveriesOptions, s *Server, c *client.Client, all []Delivery) (*LoadReport, time.Duration, error) {
	start := time.Now()
	l := Load{Base: s.Base, Connections: o.Connections}
	r, err := l.Run(ctx, all)
	if err != nil {
		return nil, 0, err
	}
	if _, err := WaitSettled(ctx, c, 10*time.Millisecond, nil); err != nil {
		return nil, 0, err
	}
	return r, time.Since(start), nil
}
