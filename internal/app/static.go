package app

import (
	"fmt"
	"strings"

	"pulse/internal/embed/static"
	"pulse/internal/search"
)

// The embedders that need no server.
const (
	embedderBuiltin = "builtin"
	staticScheme    = "static:" // before the folder of a Model2Vec model
)

// isStatic says whether --embedder names a model that runs in this process.
func (c *Config) isStatic() bool {
	return c.Embedder == embedderBuiltin || strings.HasPrefix(c.Embedder, staticScheme)
}

// openStatic makes the embedder that isStatic told of.
func (c *Config) openStatic() (*static.Embedder, error) {
	dir, own := strings.CutPrefix(c.Embedder, staticScheme)
	if !own {
		return static.Builtin()
	}
	e, err := static.Open(dir)
	if err != nil {
		return nil, Usage(&optionError{"embedder", err, fmt.Sprintf("--embedder %s (from %s): %v", c.Embedder, c.origin("embedder"), err)})
	}
	return e, nil
}

// inProcess is a static model as a layout's embedder: nothing is to be closed.
type inProcess struct{ *static.Embedder }

// Close does nothing.
func (inProcess) Close() {}

// staticAlpha is the weight of the built-in model's vectors in a fused score. BENCHMARKS.md has
// the figures that it follows.
const staticAlpha = 0.35

// vectorTraits are those of the model that queries go to.
func (a *App) vectorTraits(query string) search.VectorTraits {
	if p := a.pool.queries.Load(); p != nil {
		if e, ok := p.embedder.(inProcess); ok {
			return search.VectorTraits{Weight: e.Weight(query), Alpha: staticAlpha, FromZero: true}
		}
	}
	return search.DefaultTraits
}

// pageVectorWeight is what a page's vectors are worth, by the model that pages go to.
func (a *App) pageVectorWeight(text string) float64 {
	if e, ok := a.pool.layout.Load().embedder.(inProcess); ok {
		return e.PageWeight(text)
	}
	return 1
}
