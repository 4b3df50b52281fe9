package app

import (
	"strings"

	"pulse/internal/embed/static"
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
		return nil, usagef("--embedder %s (from %s): %w", c.Embedder, c.origin("embedder"), err)
	}
	return e, nil
}

// inProcess is a static model as a layout's embedder: nothing is to be closed.
type inProcess struct{ *static.Embedder }

// Close does nothing.
func (inProcess) Close() {}

// vectorWeight is how much a query's vector is worth, by the model that queries go to.
func (a *App) vectorWeight(query string) float64 {
	if p := a.pool.queries.Load(); p != nil {
		if e, ok := p.embedder.(inProcess); ok {
			return e.Weight(query)
		}
	}
	return 1
}
