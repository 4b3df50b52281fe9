package embedtest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"pulse"
	"pulse/internal/embed"
)

// Fingerprint is a vector that only this text has: random numbers drawn from its hash,
// of length one.
func Fingerprint(text string, dim int) pulse.Vector {
	sum := sha256.Sum256([]byte(text))
	rng := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])))
	v, norm := make(pulse.Vector, dim), 0.0
	for i := range v {
		x := rng.NormFloat64()
		v[i] = float32(x)
		norm += x * x
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(norm))
	}
	return v
}

// Simulated is an endpoint as TEI is one, without a wire: texts of all requests wait in
// one queue, in order; one batch of at most BatchTokens of them runs at a time and takes
// Fixed plus PerToken for each token; a text needs one of Permits from its arrival to its
// answer. Its vectors are fingerprints. Fields are set before it is used, or under Change.
type Simulated struct {
	Label       string
	Dim         int // 0 means 8
	Model       string
	BatchTexts  int // of a request; 0 means 32
	BatchTokens int // of a batch; 0 means 16,384
	Permits     int // 0 means 512
	Fixed       time.Duration
	PerToken    time.Duration
	Salt        string // makes another model of it

	// Fail decides what becomes of a request before it waits; nil, or a nil error, lets it.
	Fail func(texts []string) error

	mu      sync.Mutex
	waiting []*simText
	running bool
	inUse   int
	peak    int // requests at once
	now     int
	texts   map[string]int // how often each was embedded
}

type simText struct {
	tokens int
	done   chan struct{}
}

// Change changes the endpoint while it is used.
func (s *Simulated) Change(f func(*Simulated)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// Name implements embed.Endpoint.
func (s *Simulated) Name() string { return "simulated:" + s.Label }

func (s *Simulated) defaults() (dim, texts, tokens, permits int) {
	or := func(v, d int) int {
		if v == 0 {
			return d
		}
		return v
	}
	return or(s.Dim, 8), or(s.BatchTexts, 32), or(s.BatchTokens, 16_384), or(s.Permits, 512)
}

// Describe implements embed.Endpoint, as tei.Endpoint does.
func (s *Simulated) Describe(ctx context.Context) (embed.Description, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		if err := s.Fail(nil); err != nil {
			return embed.Description{}, err
		}
	}
	_, texts, tokens, permits := s.defaults()
	model := s.Model
	if model == "" {
		model = "simulated"
	}
	return embed.Description{Model: model, BatchTexts: texts, BatchTokens: tokens / 2, Permits: permits}, nil
}

// Embed implements embed.Endpoint.
func (s *Simulated) Embed(ctx context.Context, texts []string) ([]pulse.Vector, error) {
	waits, err := s.enter(texts)
	if err != nil {
		return nil, err
	}
	defer s.leave(len(texts))
	for _, w := range waits {
		select {
		case <-w.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	dim, _, _, _ := s.defaults()
	vectors := make([]pulse.Vector, len(texts))
	for i, text := range texts {
		vectors[i] = Fingerprint(s.Salt+text, dim)
		if s.texts == nil {
			s.texts = map[string]int{}
		}
		s.texts[text]++
	}
	return vectors, nil
}

func (s *Simulated) enter(texts []string) ([]*simText, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		if err := s.Fail(texts); err != nil {
			return nil, err
		}
	}
	_, most, _, permits := s.defaults()
	if len(texts) > most {
		return nil, &embed.Failure{Kind: embed.TooLarge, Status: 422, Message: fmt.Sprintf("batch size %d > maximum allowed batch size %d", len(texts), most)}
	}
	if s.inUse+len(texts) > permits {
		return nil, &embed.Failure{Kind: embed.Overloaded, Status: 429, Message: "Model is overloaded"}
	}
	s.inUse += len(texts)
	s.now++
	s.peak = max(s.peak, s.now)
	waits := make([]*simText, len(texts))
	for i, text := range texts {
		waits[i] = &simText{tokens: len(text)/4 + 1, done: make(chan struct{})}
	}
	s.waiting = append(s.waiting, waits...)
	if !s.running {
		s.running = true
		go s.run()
	}
	return waits, nil
}

func (s *Simulated) leave(texts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inUse -= texts
	s.now--
}

// run computes batches until nothing waits. The next is taken before anybody hears of the
// one that ended, as by a server that has it ready: what is sent upon an answer comes too
// late for it, however quick its sender is.
func (s *Simulated) run() {
	for batch, took := s.next(); len(batch) > 0; {
		time.Sleep(took)
		ended := batch
		batch, took = s.next()
		for _, w := range ended {
			close(w.done)
		}
	}
}

// next takes a batch, and says how long it takes; none ends the run.
func (s *Simulated) next() (batch []*simText, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, most, _ := s.defaults()
	n, tokens := 0, 0
	for n < len(s.waiting) && (n == 0 || tokens+s.waiting[n].tokens <= most) {
		tokens += s.waiting[n].tokens
		n++
	}
	batch, s.waiting = s.waiting[:n], s.waiting[n:]
	s.running = n > 0
	return batch, s.Fixed + time.Duration(tokens)*s.PerToken
}

// Embedded counts how often each text was embedded, and Peak the requests at once.
func (s *Simulated) Embedded() (texts map[string]int, peak int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts = make(map[string]int, len(s.texts))
	for t, n := range s.texts {
		texts[t] = n
	}
	return texts, s.peak
}
