package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"pulse"
)

// ProbeText is what an endpoint's model is known by: its vector of this text.
const ProbeText = "The quick brown fox jumps over the lazy dog; pulse 0.1 probes its model."

// SameCosine is how near two vectors of ProbeText are when one model made both. Other
// number formats of a model stay well above it, other models far below.
const SameCosine = 0.999

// server is an endpoint with what is known of it. All fields but endpoint are the
// coalescer's lock's.
type server struct {
	endpoint Endpoint
	met      bool // it was asked, and serves the right model
	stranger bool // it answers with another model
	asking   bool
	told     Description // what it said of itself
	says     Description // the same, with what its refusals taught
	pace     pace
	portion  portion
	requests int // in flight
	texts    int // in flight
	failures int // in a row
	pause    time.Time
	again    *time.Timer // asks once more
	err      error       // the last failure; nil once met

	opened  time.Time  // when the last connection to it was opened
	proved  time.Time  // when it was last asked for its vector of ProbeText that then was right
	proving sync.Mutex // held while it is asked; taken before the coalescer's lock
}

const (
	querySlots = 2 // requests that queries have beside the limit

	firstPause    = 100 * time.Millisecond // after a failure, doubling, to
	lastPause     = 30 * time.Second
	fullPause     = time.Second     // the last one for an endpoint that has too much, and is there
	strangerPause = time.Minute     // before one that must be mended by people is asked again
	meetTimeout   = 2 * time.Minute // Ollama loads the model at the first request

	maxFailures = 3 // in a row, before an endpoint that answers is held to be away
)

// free says whether a request may be sent now.
func (s *server) free(now time.Time, query bool) bool {
	limit := s.pace.limit
	if query {
		limit += querySlots
	}
	if s.says.Requests > 0 {
		limit = min(limit, s.says.Requests)
	}
	if !s.met || s.requests >= limit || now.Before(s.pause) {
		return false
	}
	return s.says.Permits == 0 || s.texts < s.says.Permits || s.texts == 0
}

func (s *server) load() float64 { return float64(s.requests) / float64(s.pace.limit) }

func (s *server) state() string {
	switch {
	case s.met:
		return "up"
	case s.stranger:
		return "stranger"
	case s.err != nil:
		return "away"
	}
	return "connecting"
}

// bounds are what one request may hold now.
func (s *server) bounds(o *Options) bounds {
	const defaultTokens, bytesPerRequest = 16_384, 1 << 20
	first := func(values ...int) int {
		for _, v := range values {
			if v > 0 {
				return v
			}
		}
		return math.MaxInt
	}
	b := bounds{
		texts:  first(s.says.BatchTexts, o.BatchTexts),
		tokens: first(o.BatchTokens, s.says.BatchTokens, defaultTokens),
		bytes:  first(s.says.BatchBytes, bytesPerRequest),
	}
	if s.portion.tokens > 0 {
		b.tokens = min(b.tokens, s.portion.tokens)
	}
	if s.says.Permits > 0 {
		b.texts = max(1, min(b.texts, s.says.Permits-s.texts))
	}
	return b
}

// shrink notes that a request was too large for an endpoint, and asks what it takes now.
func (c *Coalescer) shrink(s *server, texts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if texts > 1 && (s.says.BatchTexts == 0 || s.says.BatchTexts > texts/2) {
		s.says.BatchTexts = texts / 2
	}
}

// troubleLocked decides what a failed request means for its endpoint.
func (c *Coalescer) troubleLocked(s *server, err error) {
	if c.closed || errors.Is(err, errClosed) {
		return
	}
	s.failures++
	var f *Failure
	switch answered := errors.As(err, &f); {
	case answered && f.Kind == Overloaded && (f.Status != 0 || s.failures < maxFailures):
		s.pace.overloaded()
		c.pauseLocked(s, max(f.RetryAfter, min(pauseAfter(s.failures), fullPause)))
	case answered && f.Kind == Unavailable && s.failures < maxFailures:
		c.pauseLocked(s, max(f.RetryAfter, pauseAfter(s.failures)))
	default: // no connection, no sense, no right: it is met anew before it is used again
		c.lostLocked(s, err)
	}
}

// pauseLocked lets an endpoint rest.
func (c *Coalescer) pauseLocked(s *server, d time.Duration) {
	d = min(d, lastPause)
	s.pause = c.opts.Now().Add(d)
	time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dispatchLocked()
	})
}

// pauseAfter doubles with each failure in a row; jitter takes up to half away.
func pauseAfter(failures int) time.Duration {
	d := min(firstPause<<min(max(failures-1, 0), 20), lastPause)
	return d - rand.N(d/2+1)
}

// lostLocked sets an endpoint aside until it has been met again, at once for the first
// failure.
func (c *Coalescer) lostLocked(s *server, err error) {
	if !s.met {
		return // its other requests failed before
	}
	s.met = false
	c.opts.Log.Warn("Embedding endpoint lost", "endpoint", s.endpoint.Name(), "error", err)
	c.meetLocked(s)
}

// meetLocked asks an endpoint what it serves, in its own time.
func (c *Coalescer) meetLocked(s *server) {
	if s.asking || c.closed {
		return
	}
	s.asking = true
	c.sending.Go(func() { c.meet(s) })
}

func (c *Coalescer) meet(s *server) {
	ctx, cancel := context.WithTimeout(c.ctx, meetTimeout)
	defer cancel()
	began := c.opts.Now()
	says, probe, err := Meet(ctx, s.endpoint)
	if err == nil {
		err = c.verify(says, probe)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.asking = false
	if c.closed {
		return
	}
	if err == nil {
		c.acceptLocked(s, says, began)
	} else {
		c.missedLocked(s, err)
	}
	c.dispatchLocked()
}

// Meet asks an endpoint for its description and its vector of ProbeText.
func Meet(ctx context.Context, e Endpoint) (Description, pulse.Vector, error) {
	says, err := e.Describe(ctx)
	if err != nil {
		return says, nil, err
	}
	vectors, err := e.Embed(ctx, []string{ProbeText})
	if err != nil {
		return says, nil, err
	}
	if len(vectors) != 1 {
		return says, nil, fmt.Errorf("%w: %d vectors for one text", errShape, len(vectors))
	}
	return says, vectors[0], CheckVector(vectors[0])
}

// strangerError is an endpoint that serves another model than is wanted.
type strangerError struct{ err error }

func (e *strangerError) Error() string { return e.err.Error() }
func (e *strangerError) Unwrap() error { return e.err }

// verify holds an endpoint to the first one's model, and to what Options.Verify says; one
// endpoint at a time, so that there is a first.
func (c *Coalescer) verify(says Description, probe pulse.Vector) error {
	c.verifying.Lock()
	defer c.verifying.Unlock()
	offered := Model{Name: says.Model, Dimension: len(probe)}
	offered.QueryPrefix, offered.DocumentPrefix = c.opts.Prefixes(says.Model)
	c.mu.Lock()
	known := c.probe
	c.mu.Unlock()
	if err := SameModel(known, probe); err != nil {
		return &strangerError{err}
	}
	if c.opts.Verify != nil {
		if err := c.opts.Verify(offered, probe); err != nil {
			return &strangerError{err}
		}
	}
	if known == nil {
		c.mu.Lock()
		c.model, c.probe = offered, probe
		c.mu.Unlock()
	}
	return nil
}

// acceptLocked takes an endpoint into use.
func (c *Coalescer) acceptLocked(s *server, says Description, began time.Time) {
	if s.err != nil {
		c.opts.Log.Info("Embedding endpoint is back", "endpoint", s.endpoint.Name(), "model", says.Model)
	}
	limit := s.pace.limit
	s.met, s.stranger, s.err, s.failures = true, false, nil, 0
	s.told, s.says, s.proved = says, says, began
	s.pace = newPace(c.opts.Requests)
	s.pace.limit = max(min(limit, s.pace.most), 1)
}

// SameModel says whether two vectors of ProbeText came from one model. No first one
// lets all pass.
func SameModel(known, probe pulse.Vector) error {
	if known == nil {
		return nil
	}
	if len(known) != len(probe) {
		return fmt.Errorf("it makes vectors of %d numbers, not %d", len(probe), len(known))
	}
	if cos := cosine(known, probe); !(cos >= SameCosine) {
		return fmt.Errorf("it is another model: its vector of the probe text is %.4f near the known one, not %.3f", cos, SameCosine)
	}
	return nil
}

func cosine(a, b pulse.Vector) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

// missedLocked notes that an endpoint could not be met, and asks again later. When none
// is left, nobody waits for nothing.
func (c *Coalescer) missedLocked(s *server, err error) {
	var stranger *strangerError
	var f *Failure
	s.failures++
	pause := pauseAfter(s.failures)
	byPeople := errors.As(err, &stranger) || errors.As(err, &f) && f.Kind == Denied
	switch {
	case byPeople:
		pause = strangerPause
	case f != nil && f.Kind == Overloaded:
		pause = max(f.RetryAfter, min(pause, fullPause))
	}
	if s.err == nil || byPeople && s.err.Error() != err.Error() {
		c.opts.Log.Warn("Embedding endpoint is set aside", "endpoint", s.endpoint.Name(), "error", err)
	}
	s.err, s.stranger = err, stranger != nil
	s.pause = c.opts.Now().Add(pause)
	s.again = time.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.meetLocked(s)
	})
	if away := c.awayLocked(); away != nil {
		c.failAllLocked(away)
	}
}

// awayLocked is an error when every endpoint has been looked for and none is there.
func (c *Coalescer) awayLocked() error {
	var first *AwayError
	for _, s := range c.servers {
		if s.met || s.err == nil {
			return nil
		}
		until := s.pause
		if soon := c.opts.Now().Add(firstPause); until.Before(soon) { // it is being asked
			until = soon
		}
		if first == nil || until.Before(first.Until) {
			first = &AwayError{Until: until, Err: fmt.Errorf("%s: %w", s.endpoint.Name(), s.err)}
		}
	}
	if first == nil {
		return nil
	}
	return first
}
