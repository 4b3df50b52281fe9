package app

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

// NewLog makes the log: key=value text, or one JSON object a line.
func NewLog(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// outageEvery is how often an outage is logged while it lasts.
const outageEvery = time.Minute

// outage tells the log of a condition that lasts: when it begins, when it is over,
// and in between one counted line a minute.
type outage struct {
	log  *slog.Logger
	now  func() time.Time
	what string // "Disk is low"

	mu     sync.Mutex
	since  time.Time // zero while all is well
	logged time.Time // the last line
	quiet  int       // notes since then
}

// note says that the condition holds.
func (o *outage) note(attrs ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	o.quiet++
	switch {
	case o.since.IsZero():
		o.since = now
		o.log.Warn(o.what, attrs...)
	case now.Sub(o.logged) >= outageEvery:
		o.log.Warn(o.what+", still", append([]any{"times", o.quiet, "since", o.since}, attrs...)...)
	default:
		return
	}
	o.logged, o.quiet = now, 0
}

// over says that it does not hold.
func (o *outage) over() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return
	}
	o.log.Info(o.what+": over", "duration", o.now().Sub(o.since).Round(time.Millisecond))
	o.since, o.quiet = time.Time{}, 0
}

// milliseconds is a duration for a log line, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
