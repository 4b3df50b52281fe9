package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"pulse/internal/chunk"
	"pulse/internal/embed"
	"pulse/internal/embed/tei"
)

// lateChunker cuts by the tokenizer that the layout names, which it does once an endpoint
// has said its model: one that is in the binary, else the endpoint's own. Until then, and
// while it is the endpoint's and that is away, it fails: counts are never guessed. Pages are
// then cut by a stand-in (ingest.Layout.Rough), and anew when they are embedded.
type lateChunker struct {
	identity *identity
	counter  *endpointCounter
	options  chunk.Options
	chunker  atomic.Pointer[chunk.Chunker] // nil while the layout does not say
}

// newLateChunker makes the chunker of a layout whose tokenizer nobody has named.
func (a *App) newLateChunker(c *Config, known *identity, r *remote) *lateChunker {
	counter := &endpointCounter{coalescer: r.Coalescer, timeout: c.EmbedderTimeout, now: a.now, onQuestion: a.metrics.onTokenize}
	for _, e := range r.endpoints {
		if e, ok := e.(*tei.Endpoint); ok {
			counter.endpoints = append(counter.endpoints, e)
		}
	}
	known.tellTokenizer(func(id string) {
		if id == countedByEndpoint {
			a.log.Warn("Tokens are counted by the endpoint's /tokenize: that is slow, and their vectors wait while it is away; name the model's tokenizer.json with --tokenizer")
		}
	})
	return &lateChunker{identity: known, counter: counter, options: ChunkOptions(c.MaxChunkTokens, c.ChunkOverlapTokens)}
}

// tellTokenizer has f called with the layout's tokenizer, now or when it is known.
func (i *identity) tellTokenizer(f func(id string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.onTokenizer = f; i.spec.Tokenizer != unknownModel {
		f(i.spec.Tokenizer)
	}
}

// Split implements ingest.Chunker.
func (l *lateChunker) Split(ctx context.Context, title, text string) ([]chunk.Piece, error) {
	c := l.chunker.Load()
	if c == nil {
		var err error
		if c, err = l.open(ctx); err != nil {
			return nil, err
		}
		l.chunker.Store(c)
	}
	return c.Split(ctx, title, text)
}

// open makes the chunker that the layout names, once it does.
func (l *lateChunker) open(ctx context.Context) (*chunk.Chunker, error) {
	if l.identity.settledSpec().Tokenizer == unknownModel {
		if err := l.counter.await(ctx); err != nil {
			return nil, err
		}
	}
	id := l.identity.settledSpec().Tokenizer
	if id == countedByEndpoint {
		return chunk.NewCounting(l.counter, l.options), nil
	}
	t, err := builtinByHash(id)
	if err == nil && t == nil {
		err = fmt.Errorf("tokenizer %s is not built in", id)
	}
	if err != nil {
		return nil, err
	}
	return chunk.New(t, l.options), nil
}

// endpointCounter counts tokens by the endpoints that the coalescer has found to serve the
// right model. It implements chunk.Counter.
type endpointCounter struct {
	coalescer  *embed.Coalescer
	endpoints  []*tei.Endpoint // in the order of the coalescer's
	timeout    time.Duration   // of a question
	now        func() time.Time
	onQuestion func(endpoint string, texts int, d time.Duration, failure string)
	turn       atomic.Uint32
}

// Tokens implements chunk.Counter. An endpoint that fails is followed by the next; a text
// that one refuses is the page's fault.
func (c *endpointCounter) Tokens(ctx context.Context, texts []string) ([]chunk.Tokens, error) {
	if err := c.await(ctx); err != nil {
		return nil, err
	}
	last := errors.New("none is there")
	for _, e := range c.up() {
		tokens, err := c.ask(ctx, e, texts)
		var f *embed.Failure
		switch {
		case err == nil:
			return tokens, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &f) && (f.Kind == embed.Refused || f.Kind == embed.TooLarge):
			return nil, fmt.Errorf("count tokens: %s: %w", e.Name(), err)
		}
		last = fmt.Errorf("count tokens: %s: %w", e.Name(), err)
	}
	return nil, c.away(last)
}

func (c *endpointCounter) ask(ctx context.Context, e *tei.Endpoint, texts []string) ([]chunk.Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := c.now()
	served, err := e.Tokenize(ctx, texts)
	c.onQuestion(e.Name(), len(texts), c.now().Sub(began), embed.FailureName(err))
	if err != nil {
		return nil, err
	}
	tokens := make([]chunk.Tokens, len(served))
	for i := range served {
		tokens[i] = chunk.Tokens(served[i])
	}
	return tokens, nil
}

// up are the endpoints that may be asked, another one first each time.
func (c *endpointCounter) up() []*tei.Endpoint {
	var up []*tei.Endpoint
	for i, s := range c.coalescer.Endpoints() {
		if s.State == "up" {
			up = append(up, c.endpoints[i])
		}
	}
	if len(up) == 0 {
		return nil
	}
	first := int(c.turn.Add(1)) % len(up)
	return append(up[first:len(up):len(up)], up[:first]...)
}

// awayPause is how long a page waits for an endpoint that has not answered yet, nor failed,
// and until one that is away is asked again.
const awayPause = time.Second

// await waits a little for a first endpoint. No endpoint afterwards is an *embed.AwayError.
func (c *endpointCounter) await(ctx context.Context) error {
	for until := c.now().Add(awayPause); ; {
		if len(c.up()) > 0 {
			return nil
		}
		if c.now().After(until) || !c.connecting() {
			return c.away(c.trouble())
		}
		if pause(ctx, awayPause/20); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// connecting says whether an endpoint has neither answered nor failed yet.
func (c *endpointCounter) connecting() bool {
	return slices.ContainsFunc(c.coalescer.Endpoints(), func(e embed.EndpointState) bool { return e.State == "connecting" })
}

// trouble is what is known of the endpoints that are away.
func (c *endpointCounter) trouble() error {
	for _, s := range c.coalescer.Endpoints() {
		if s.Err != nil {
			return fmt.Errorf("count tokens: %s: %w", s.Name, s.Err)
		}
	}
	return errors.New("count tokens: none has answered yet")
}

func (c *endpointCounter) away(err error) error {
	return &embed.AwayError{Until: c.now().Add(awayPause), Err: err}
}

var _ chunk.Counter = (*endpointCounter)(nil)
