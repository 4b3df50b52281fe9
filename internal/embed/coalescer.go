package embed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pulse"
)

// Options tune a Coalescer. The zero value is the default.
type Options struct {
	// Prefixes are what a model wants before a query and before a document's text; nil
	// puts nothing. It is asked once an endpoint has said which model it serves.
	Prefixes     func(model string) (query, document string)
	BatchTexts   int           // of one request, where the endpoint does not say; 0 means 32
	BatchTokens  int           // of one request at most; 0 means what the endpoint says, else 16,384
	Requests     int           // in flight to one endpoint at most; 0 means 20
	Timeout      time.Duration // of one request; 0 means 2 minutes
	CacheVectors int           // kept of texts embedded lately; 0 means 20,000, below 0 none

	// Verify is told what an endpoint serves, with its vector of ProbeText, whenever the
	// endpoint is met: at the start and after each time it was away. An error sets it
	// aside. nil takes every endpoint that agrees with the first.
	Verify func(m Model, probe pulse.Vector) error

	Log *slog.Logger
	Now func() time.Time

	OnRequest func(RequestStats)
	OnReused  func(texts int) // vectors that the cache had
}

// RequestStats is one request as metrics count it.
type RequestStats struct {
	Endpoint      string
	Lane          Lane
	Texts, Tokens int
	Full          float64 // texts, of what one request may hold
	Duration      time.Duration
	Failure       string // "" when it went well, else its kind
}

func (o Options) withDefaults() Options {
	set := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	set(&o.BatchTexts, 32)
	set(&o.Requests, 20)
	set(&o.CacheVectors, 20_000)
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Prefixes == nil {
		o.Prefixes = func(string) (string, string) { return "", "" }
	}
	if o.OnRequest == nil {
		o.OnRequest = func(RequestStats) {}
	}
	if o.OnReused == nil {
		o.OnReused = func(int) {}
	}
	return o
}

// Coalescer is the one place where texts wait to be embedded. A request is formed only
// when an endpoint has a free slot, of what waits then: there is no timer, so nothing is
// held up when all is idle, and requests are full when much waits.
//
// What holds: a text is at one place, in a lane or in one request; each call's vectors
// are its own texts', by place; a text that fails alone costs its call nothing but that
// vector; a call whose context ends leaves the lanes at once.
type Coalescer struct {
	opts    Options
	cache   *cache
	ctx     context.Context // of all requests
	stop    context.CancelFunc
	sending sync.WaitGroup

	verifying sync.Mutex // held while an endpoint is verified; taken before mu

	mu      sync.Mutex
	lanes   [numLanes]lane
	servers []*server
	model   Model
	probe   pulse.Vector // of the first endpoint that was taken
	closed  bool
	speed   speed
}

// call is one request of a caller.
type call struct {
	turn    string
	vectors []pulse.Vector
	left    atomic.Int64 // texts without an answer
	ended   atomic.Bool
	err     error // read after done
	done    chan struct{}
}

// over says that nobody waits for the call any more.
func (c *call) over() bool { return c.ended.Load() }

func (c *call) end(err error) {
	if c.ended.CompareAndSwap(false, true) {
		c.err = err
		close(c.done)
	}
}

// New makes a coalescer and begins to look for its endpoints; nobody waits for them.
func New(endpoints []Endpoint, o Options) *Coalescer {
	o = o.withDefaults()
	c := &Coalescer{opts: o, cache: newCache(o.CacheVectors)}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range endpoints {
		s := &server{endpoint: e, pace: newPace(o.Requests)}
		c.servers = append(c.servers, s)
		c.meetLocked(s)
	}
	return c
}

// Close ends all requests; calls that wait get an error.
func (c *Coalescer) Close() {
	c.mu.Lock()
	c.closed = true
	c.failAllLocked(errClosed)
	for _, s := range c.servers {
		if s.again != nil {
			s.again.Stop()
		}
	}
	c.mu.Unlock()
	c.stop()
	c.sending.Wait()
}

// Model implements Embedder.
func (c *Coalescer) Model() Model {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.model
}

// EmbedQuery implements Embedder.
func (c *Coalescer) EmbedQuery(ctx context.Context, text string) (pulse.Vector, error) {
	vectors, err := c.embed(ctx, Request{Lane: LaneQuery, Texts: []string{text}}, true)
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

// Embed implements Embedder.
func (c *Coalescer) Embed(ctx context.Context, r Request) ([]pulse.Vector, error) {
	return c.embed(ctx, r, false)
}

func (c *Coalescer) embed(ctx context.Context, r Request, query bool) ([]pulse.Vector, error) {
	if len(r.Texts) == 0 {
		return nil, nil
	}
	w := &call{turn: r.Turn, vectors: make([]pulse.Vector, len(r.Texts)), done: make(chan struct{})}
	items := c.items(w, r, query)
	if reused := len(r.Texts) - len(items); reused > 0 {
		c.opts.OnReused(reused)
	}
	if len(items) == 0 {
		return w.vectors, nil
	}
	w.left.Store(int64(len(items)))
	if err := c.wait(w, r.Lane, items); err != nil {
		return nil, err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		c.leave(w, r.Lane, ctx.Err())
		<-w.done
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.vectors, nil
}

// items are the texts that the cache has no vector of.
func (c *Coalescer) items(w *call, r Request, query bool) []*item {
	items := make([]*item, 0, len(r.Texts))
	model := c.Model()
	for i, text := range r.Texts {
		it := &item{text: text, query: query, tokens: len(text)/4 + 1, call: w, at: i, lane: r.Lane}
		if w.vectors[i] = c.cache.find(it.whole(model)); w.vectors[i] != nil {
			continue
		}
		if r.Tokens != nil {
			it.tokens = r.Tokens[i]
		}
		items = append(items, it)
	}
	return items
}

// wait puts a call's texts in line.
func (c *Coalescer) wait(w *call, l Lane, items []*item) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	if err := c.awayLocked(); err != nil {
		return err
	}
	for _, it := range items {
		c.lanes[l].push(w.turn, it)
	}
	c.dispatchLocked()
	return nil
}

// leave takes a call out of line; what is on its way comes back to nobody.
func (c *Coalescer) leave(w *call, l Lane, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.end(err)
	c.lanes[l].forget(w)
}

// failAllLocked ends every call that waits in line.
func (c *Coalescer) failAllLocked(err error) {
	for l := range c.lanes {
		for _, it := range c.lanes[l].drain() {
			it.call.end(err)
		}
	}
}

// dispatchLocked sends requests while texts wait and an endpoint has a free slot.
func (c *Coalescer) dispatchLocked() {
	for !c.closed {
		l := c.firstLaneLocked()
		if l == numLanes {
			return
		}
		s := c.freeServerLocked(l == LaneQuery)
		if s == nil || l != LaneQuery && !c.worthLocked(s) {
			return
		}
		b := s.bounds(&c.opts)
		items := c.takeLocked(b)
		if len(items) == 0 {
			continue // their callers had gone
		}
		s.requests++
		s.texts += len(items)
		c.sending.Go(func() { c.send(s, l, items, b.texts) })
	}
}

// worthLocked says whether what waits makes a request as large as those that are on their
// way. Less would be queued by the endpoint behind them anyway: it waits here, where it
// grows, until one of them is back.
func (c *Coalescer) worthLocked(s *server) bool {
	if s.requests == 0 {
		return true
	}
	texts, tokens := 0, 0
	for l := range c.lanes {
		texts += c.lanes[l].texts
		tokens += c.lanes[l].tokens
	}
	b := s.bounds(&c.opts)
	return texts >= min(b.texts, (s.texts+s.requests-1)/s.requests) || tokens >= b.tokens
}

func (c *Coalescer) firstLaneLocked() Lane {
	for l := range c.lanes {
		if c.lanes[l].texts > 0 {
			return Lane(l)
		}
	}
	return numLanes
}

// freeServerLocked is the endpoint that is least busy and may take a request. For a
// query there are always a few slots more.
func (c *Coalescer) freeServerLocked(query bool) (best *server) {
	now := c.opts.Now()
	for _, s := range c.servers {
		if s.free(now, query) && (best == nil || s.load() < best.load()) {
			best = s
		}
	}
	return best
}

// send sees one request, and whatever it is split into, to its end.
func (c *Coalescer) send(s *server, l Lane, items []*item, most int) {
	try := attempt{c: c, s: s, lane: l, most: most}
	back, err := try.run(items)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.requests--
	s.texts -= len(items)
	c.againLocked(back)
	if err != nil {
		c.troubleLocked(s, err)
	} else {
		s.failures = 0
		s.pace.done(c.opts.Now(), try.tokens, c.firstLaneLocked() != numLanes)
	}
	c.dispatchLocked()
}

// againLocked puts texts that came back in front of their lanes.
func (c *Coalescer) againLocked(items []*item) {
	for l := range c.lanes {
		var own []*item
		for _, it := range items {
			switch {
			case c.closed:
				it.call.end(errClosed)
			case it.lane == Lane(l):
				own = append(own, it)
			}
		}
		c.lanes[l].pushBack(own)
	}
}

// Wait implements Embedder: what waits in this lane and those before it, at the speed of
// late.
func (c *Coalescer) Wait(l Lane) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	tokens := 0
	for i := range c.lanes[:l+1] {
		tokens += c.lanes[i].tokens
	}
	return c.speed.time(tokens)
}

// Waiting counts the texts in line, by lane.
func (c *Coalescer) Waiting() map[Lane]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := make(map[Lane]int, numLanes)
	for l := range c.lanes {
		n[Lane(l)] = c.lanes[l].texts
	}
	return n
}

// EndpointState is how an endpoint stands.
type EndpointState struct {
	Name     string
	State    string // "up", "away", "stranger" or "connecting"
	Requests int    // in flight
	Texts    int    // in flight
	Limit    int    // of requests, as found so far
	Err      error  // why it is not up
}

// Endpoints tells how each endpoint stands.
func (c *Coalescer) Endpoints() []EndpointState {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]EndpointState, len(c.servers))
	for i, s := range c.servers {
		all[i] = EndpointState{Name: s.endpoint.Name(), State: s.state(), Requests: s.requests, Texts: s.texts, Limit: s.pace.limit, Err: s.err}
	}
	return all
}

// speed is how fast texts were embedded of late.
type speed struct {
	began  time.Time
	tokens int
	rate   float64 // tokens a second; 0 is not known
}

const speedWindow = time.Second

func (v *speed) done(now time.Time, tokens int) {
	if took := now.Sub(v.began); took > speedWindow {
		if rate := float64(v.tokens) / took.Seconds(); v.tokens > 0 && took < 10*speedWindow {
			v.rate = rate
		}
		v.began, v.tokens = now, 0
	}
	v.tokens += tokens
}

func (v *speed) time(tokens int) time.Duration {
	if v.rate == 0 {
		return 0
	}
	return time.Duration(float64(tokens) / v.rate * float64(time.Second))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
