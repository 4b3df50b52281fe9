package ingest

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// outageEvery is how often an outage is logged while it lasts.
const outageEvery = time.Minute

// outage follows whether a part that jobs need is away. It logs when that
// changes, and in between one counted line a minute; and it keeps a gate, closed
// for a while after each fault, for callers that would rather not ask in vain.
type outage struct {
	part  string
	first time.Duration // that the gate stays closed after a fault; doubles to 30 seconds
	log   *slog.Logger
	now   func() time.Time
	down  atomic.Bool // read without the lock by jobs that find nothing wrong

	mu     sync.Mutex
	since  time.Time // of the outage
	until  time.Time // the gate opens
	logged time.Time // the last line
	faults int       // since the outage began
	quiet  int       // of those, since the last line
	closes int       // times that the gate closed in a row
}

// fault notes that the part did not do what it was asked.
func (o *outage) fault(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	o.faults++
	o.quiet++
	if !now.Before(o.until) {
		o.until = now.Add(backoff(o.first, lastFastRetry, 2, o.closes))
		o.closes++
	}
	switch {
	case !o.down.Load():
		o.down.Store(true)
		o.since = now
		o.lineLocked(now, "Outage began", err)
	case now.Sub(o.logged) >= outageEvery:
		o.lineLocked(now, "Outage goes on", err)
	}
}

func (o *outage) lineLocked(now time.Time, message string, err error) {
	o.log.Warn(message, "part", o.part, "error", err, "faults", o.quiet, "since", o.since)
	o.logged, o.quiet = now, 0
}

// over notes that the part does its work.
func (o *outage) over() {
	if !o.down.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down.Load() {
		return
	}
	o.log.Info("Outage is over", "part", o.part, "faults", o.faults, "duration", o.now().Sub(o.since))
	o.down.Store(false)
	o.until, o.faults, o.quiet, o.closes = time.Time{}, 0, 0, 0
}

// closed says whether it is not worth asking now.
func (o *outage) closed() bool { return o.down.Load() && o.now().Before(o.opens()) }

// opens is when it is worth asking again.
func (o *outage) opens() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.until
}
