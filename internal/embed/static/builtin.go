package static

import (
	_ "embed" // the table
	"fmt"
	"sync"

	"pulse/internal/token/builtin"
)

// modelHash is the SHA-256 of model.bin, whose first digits are part of the model's
// name: vectors of another table are vectors of another model. MODEL.md says how the
// file is made.
const modelHash = "7293ac00a762a0eb3802d0576664900f9209d422c0ea0fe7bf42b93fe912212d"

// BuiltinName is what the names of the models of all releases begin with.
const BuiltinName = "minilm-static-"

//go:embed model.bin
var modelData string

// Builtin gives the model inside the binary. It knows English alone. All callers share
// it; the first waits until its tokenizer is read.
func Builtin() (*Embedder, error) { return loadBuiltin() }

var loadBuiltin = sync.OnceValues(func() (*Embedder, error) {
	tokenizer, _, err := builtin.For(builtin.MiniLM)
	if err != nil {
		return nil, fmt.Errorf("the built-in model: %w", err)
	}
	t, err := readTable(modelData, builtinUnknown)
	if err != nil {
		return nil, fmt.Errorf("the built-in model %w", err)
	}
	e := newEmbedder(BuiltinName+modelHash[:12], tokenizer, t)
	e.english = true
	return e, nil
})
