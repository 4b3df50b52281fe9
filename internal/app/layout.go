package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/embed"
	"pulse/internal/embed/static"
	"pulse/internal/ingest"
	"pulse/internal/search"
	"pulse/internal/store"
	"pulse/internal/token"
)

// layoutParts are a layout with what cuts and embeds by it.
type layoutParts struct {
	id       pulse.LayoutID
	cfg      *Config // that it was made of
	identity *identity
	chunker  ingest.Chunker
	rough    ingest.Chunker   // stands in while the chunker's tokens cannot be counted; nil: they always can
	embedder closableEmbedder // nil: there are no vectors
}

type closableEmbedder interface {
	embed.Embedder
	Close()
}

// tokenBytes is what a token takes of a text where they are short.
const tokenBytes = 3

// ingest is the layout as workers know it.
func (p *layoutParts) ingest() ingest.Layout {
	l := ingest.Layout{ID: p.id, Chunker: p.chunker, Rough: p.rough, ChunkBytes: tokenBytes * (p.cfg.MaxChunkTokens - p.cfg.ChunkOverlapTokens)}
	if p.embedder != nil {
		l.Embedder = p.embedder
	}
	return l
}

func (p *layoutParts) close() {
	if p != nil && p.embedder != nil {
		p.embedder.Close()
	}
}

// layoutSpec is how this configuration cuts and embeds, as far as it says by itself.
func (c *Config) layoutSpec(t *token.Tokenizer) store.LayoutSpec {
	model, dimension := c.model()
	return store.LayoutSpec{
		Tokenizer: tokenizerID(t), MaxTokens: c.MaxChunkTokens, OverlapTokens: c.ChunkOverlapTokens, Chunker: chunk.Version,
		Model: model, Dimension: dimension, Prefixes: c.prefixSpec(model),
	}
}

// openLayout makes the parts of a layout. It waits for no endpoint.
func (a *App) openLayout(ctx context.Context, c *Config, id pulse.LayoutID, spec store.LayoutSpec) (*layoutParts, error) {
	probe, err := a.pool.Store.Probe(ctx, id)
	if err != nil {
		return nil, err
	}
	p, err := a.newLayoutParts(c, &identity{store: a.pool.Store, layout: id, spec: spec, probe: probe})
	if err == nil {
		p.id = id
	}
	return p, err
}

func (a *App) newLayoutParts(c *Config, known *identity) (*layoutParts, error) {
	t, err := c.tokenizer()
	if err != nil {
		return nil, err
	}
	p := &layoutParts{cfg: c, identity: known}
	if t != nil {
		p.chunker = chunk.New(t, ChunkOptions(c.MaxChunkTokens, c.ChunkOverlapTokens))
	}
	if c.isStatic() {
		e, err := c.openStatic()
		p.embedder = inProcess{e}
		return p, err
	}
	e, err := a.openEmbedder(c, known)
	if err != nil {
		return nil, err
	}
	if e != nil {
		p.embedder = e
	}
	if t != nil {
		return p, nil
	}
	p.chunker = a.newLateChunker(c, known, e)
	standIn, err := Tokenizer("")
	if err == nil {
		p.rough = chunk.New(standIn, ChunkOptions(c.MaxChunkTokens, c.ChunkOverlapTokens))
	}
	return p, err
}

// ensureLayout finds or makes the layout of the default collection, or refuses to go on
// with settings that its documents were not cut by.
func ensureLayout(ctx context.Context, st *store.Store, c *Config) (pulse.LayoutID, store.LayoutSpec, error) {
	id, have, err := st.ActiveLayout(ctx, pulse.DefaultCollection)
	if err != nil || id != 0 && c.asIs {
		return id, have, err
	}
	t, err := c.tokenizer()
	if err != nil {
		return 0, have, err
	}
	want := c.layoutSpec(t)
	if id == 0 {
		id, err = st.EnsureLayout(ctx, pulse.DefaultCollection, want)
		return id, want, err
	}
	if have.Tokenizer == unknownModel && want.Tokenizer != unknownModel { // it is named now
		have.Tokenizer = want.Tokenizer
		err = st.CompleteLayout(ctx, id, have)
	}
	if err == nil && have.Model == unknownModel && want.Model != "" && want.Model != unknownModel { // it says so now
		have.Model, have.Prefixes = want.Model, want.Prefixes
		err = st.CompleteLayout(ctx, id, have)
	}
	want = settled(want, have)
	if err == nil && t == nil {
		err = checkCounted(have.Tokenizer)
	}
	if err == nil && have != want {
		err = usagef("the data folder was filled with other settings: %s: %s", layoutDifferences(have, want), c.wayOn(have, want))
	}
	return id, have, err
}

// wayOn says what to do about data that was filled with other settings.
func (c *Config) wayOn(have, want store.LayoutSpec) string {
	switch {
	case have.Model == want.Model || c.Embedder != embedderBuiltin:
		return "start with the old ones, or run `pulse reembed` with the new ones"
	case strings.HasPrefix(have.Model, static.BuiltinName):
		return "this version's built-in model is another one: run `pulse reembed --embedder builtin`"
	}
	return "name the old embedder with --embedder, or run `pulse reembed --embedder builtin`"
}

// forData is the configuration for data that is there. Data that was kept without vectors
// goes on so while nobody names an embedder: the default alone embeds no page anew.
func (c *Config) forData(have store.LayoutSpec) *Config {
	if have == (store.LayoutSpec{}) || have.Model != "" || c.Given("embedder") || c.Embedder != embedderBuiltin {
		return c
	}
	without := *c
	without.Embedder = embedderNone
	return &without
}

// checkCounted says what is wrong with counting by a layout's tokenizer when none is named.
func checkCounted(tokenizer string) error {
	if tokenizer == unknownModel || tokenizer == countedByEndpoint {
		return nil
	}
	t, err := builtinByHash(tokenizer)
	if err == nil && t == nil {
		err = usagef("the data was cut by a tokenizer that is in a file: name it with --tokenizer, or run `pulse reembed`")
	}
	return err
}

// asData is the configuration with the settings that the data was cut by, and without an
// embedder: nobody asks anything of an app that only fills another layout.
func (a *App) asData(ctx context.Context) (*Config, error) {
	id, spec, err := a.pool.Store.ActiveLayout(ctx, pulse.DefaultCollection)
	if err == nil && id == 0 {
		err = usagef("there are no pages in %s yet: nothing is to be embedded anew", a.cfg.DataDir())
	}
	if err == nil && spec.Model != "" && !a.cfg.Given("embedder") {
		err = usagef("the data was embedded by %s: name the embedder that is to embed it anew, with --embedder", orNone(spec.Model))
	}
	if t, wrong := a.cfg.tokenizer(); err == nil && (wrong != nil || t != nil && t.Hash() != spec.Tokenizer) && !a.cfg.Given("tokenizer") {
		err = usagef("the data was cut by another tokenizer: name the one that is to cut it anew, with --tokenizer")
	}
	c := *a.cfg
	c.MaxChunkTokens, c.ChunkOverlapTokens, c.Embedder = spec.MaxTokens, spec.OverlapTokens, embedderNone
	return &c, err
}

// settled takes from a layout what the configuration leaves to the endpoint.
func settled(want, have store.LayoutSpec) store.LayoutSpec {
	if want.Tokenizer == unknownModel {
		want.Tokenizer = have.Tokenizer
	}
	if want.Model == unknownModel && have.Model != "" {
		want.Model, want.Prefixes = have.Model, have.Prefixes
	}
	if want.Model != "" && want.Dimension == 0 {
		want.Dimension = have.Dimension
	}
	return want
}

// layoutDifferences names each setting that differs, with both values.
func layoutDifferences(have, want store.LayoutSpec) string {
	var all []string
	differs := func(name string, have, want any) {
		if have != want {
			all = append(all, fmt.Sprintf("%s was %v and is %v now", name, have, want))
		}
	}
	differs("--max-chunk-tokens", have.MaxTokens, want.MaxTokens)
	differs("--chunk-overlap-tokens", have.OverlapTokens, want.OverlapTokens)
	differs("the tokenizer", orNone(have.Tokenizer), orNone(want.Tokenizer))
	differs("the chunker's version", have.Chunker, want.Chunker)
	differs("the embedder's model", orNone(have.Model), orNone(want.Model))
	differs("the dimension of vectors", have.Dimension, want.Dimension)
	differs("the embedder's document prefix", orNone(have.Prefixes), orNone(want.Prefixes))
	return strings.Join(all, ", ")
}

func orNone(s string) string {
	switch s {
	case "":
		return "none"
	case unknownModel:
		return "not known yet"
	case countedByEndpoint:
		return "the endpoint's"
	}
	return s
}

// workerStore is the store as workers see it: the first commit into a collection that is
// new gives it its layout. All collections have one layout.
type workerStore struct {
	*store.Store
	current func() *layoutParts
	known   sync.Map // collection → struct{}
}

// Commit commits a page.
func (w *workerStore) Commit(ctx context.Context, write *store.Write) (store.Committed, error) {
	name := write.Job.Collection
	if _, known := w.known.Load(name); !known {
		if _, err := w.EnsureLayout(ctx, name, w.current().identity.settledSpec()); err != nil {
			return store.Committed{}, err
		}
		w.known.Store(name, struct{}{})
	}
	return w.Store.Commit(ctx, write)
}

// queryEmbedder embeds queries as the index that serves was embedded.
type queryEmbedder struct {
	of func() (p *layoutParts, history string)
}

// EmbedQuery implements search.QueryEmbedder. An embedder that is closed meanwhile, because
// the index has another model now, is not the one to ask.
func (q queryEmbedder) EmbedQuery(ctx context.Context, text string) (pulse.Vector, string, error) {
	for {
		p, history := q.of()
		if p == nil || p.embedder == nil {
			return nil, "", search.ErrNoEmbedder
		}
		v, err := p.embedder.EmbedQuery(ctx, text)
		if now, _ := q.of(); err != nil && now != p {
			continue
		}
		var away *embed.AwayError
		if errors.As(err, &away) {
			err = errAway
		}
		return v, history, err
	}
}

// errAway is what people who ask are told; the log has the cause.
var errAway = errors.New("no embedding endpoint answers")
