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
const modelHash = "353b58921d8f3fb35aa1a11b0a5821434364229a800f74aa2d57a8f5a52711e6"

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
