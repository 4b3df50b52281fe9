// Package embed turns texts into vectors. Its leaves speak to one kind of endpoint
// each; this package holds what they share.
package embed

import (
	"context"

	"pulse"
)

// Model says which vectors an embedder makes. Vectors of different models are
// never compared, nor are those of different dimensions.
type Model struct {
	Name      string
	Dimension int
}

// Embedder makes vectors of texts. A nil Embedder means that there is none, and
// that search goes by keyword alone. All methods are safe for concurrent use.
type Embedder interface {
	// Model says which vectors come out. It does no I/O, and never changes.
	Model() Model
	// Embed gives one vector for each text, in order; nil for a text that the
	// embedder refused while it took the others. The error is about all of them:
	// trying again may help.
	Embed(ctx context.Context, texts []string) ([]pulse.Vector, error)
	// EmbedQuery gives the vector to compare a query's text by. Models that tell
	// queries from documents make another one than Embed.
	EmbedQuery(ctx context.Context, text string) (pulse.Vector, error)
}
