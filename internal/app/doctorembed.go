package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pulse/internal/embed"
	"pulse/internal/embed/tei"
)

// doctorPatience is how long an endpoint has to embed one text.
const doctorPatience = 30 * time.Second

// tokenizer looks at what counts tokens, unless an endpoint has to say it.
func (d *doctor) tokenizer() {
	t, err := d.cfg.tokenizer()
	switch {
	case err != nil:
		d.add(LevelFail, "tokenizer", err.Error(), "correct --tokenizer")
	case t != nil && d.cfg.Tokenizer != "":
		d.add(LevelOK, "tokenizer", "tokens are counted by that of --tokenizer "+d.cfg.Tokenizer, "")
	case d.cfg.borrowsTokenizer():
		d.add(LevelWarn, "tokenizer", borrowedTokens, "name the model's tokenizer.json with --tokenizer")
	}
}

// servedTokens says who counts the tokens of an endpoint's model, and has it try.
func (d *doctor) servedTokens(ctx context.Context, e *tei.Endpoint) {
	if id, err := tokenizerOf(e.Model()); err == nil && id != countedByEndpoint {
		d.add(LevelOK, "tokenizer", "that of "+e.Model()+" is built in", "")
		return
	}
	const next = "name the model's tokenizer.json with --tokenizer"
	began := time.Now()
	if _, err := e.Tokenize(ctx, []string{embed.ProbeText}); err != nil {
		d.add(LevelFail, "tokenizer", fmt.Sprintf("%s cannot count tokens, so vectors wait: %v", e.Name(), err), next)
		return
	}
	d.add(LevelWarn, "tokenizer", fmt.Sprintf("tokens are counted by the /tokenize of %s, which is slow (%v for one text), and vectors wait while it is away", e.Name(), time.Since(began).Round(time.Millisecond)), next)
}

// embedders embeds one text with each endpoint.
func (d *doctor) embedders(ctx context.Context) {
	if d.cfg.Embedder == embedderNone || d.cfg.isStatic() || d.cfg.checkEmbedder() != nil {
		return
	}
	endpoints, closeAll, err := d.cfg.Endpoints()
	if err != nil {
		d.add(LevelFail, "embedder", err.Error(), "correct --embedder")
		return
	}
	defer closeAll()
	for _, e := range endpoints {
		d.embedder(ctx, e)
	}
}

// chunks compares them with the tokens of one text that an endpoint takes; 0 says nothing.
func (d *doctor) chunks(endpoint string, most int) {
	if most > 0 && d.cfg.MaxChunkTokens > most {
		d.add(LevelFail, "chunks", fmt.Sprintf("%s takes %d tokens of a text, and a chunk may have %d: longer ones get no vectors", endpoint, most, d.cfg.MaxChunkTokens),
			fmt.Sprintf("--max-chunk-tokens %d", most))
	}
}

func (d *doctor) embedder(ctx context.Context, e embed.Endpoint) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	began := time.Now()
	says, probe, err := embed.Meet(ctx, e)
	if err == nil {
		d.add(LevelOK, "embedder", fmt.Sprintf("%s embeds with %s, %d numbers, in %v", e.Name(), says.Model, len(probe), time.Since(began).Round(time.Millisecond)), "")
		if e, ok := e.(*tei.Endpoint); ok && d.cfg.Tokenizer == "" {
			d.servedTokens(ctx, e)
		}
		d.chunks(e.Name(), says.TextTokens)
		return
	}
	next := "start it, or correct --embedder; pages are kept and found by keyword meanwhile"
	var f *embed.Failure
	if errors.As(err, &f) && f.Kind == embed.Denied {
		next = "correct its model or PULSE_EMBEDDER_API_KEY"
	}
	d.add(LevelFail, "embedder", fmt.Sprintf("%s: %v", e.Name(), err), next)
}
