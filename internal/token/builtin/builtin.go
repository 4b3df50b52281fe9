// Package builtin holds the tokenizers that are part of the binary: those of
// all-MiniLM-L6-v2 and of Qwen3-Embedding.
//
// The definitions are data of their models: sentence-transformers/all-MiniLM-L6-v2 and
// Qwen/Qwen3-Embedding, both under the Apache License 2.0 (see LICENSE here). `make
// generate` packs them.
package builtin

import (
	_ "embed" // the definitions
	"fmt"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"pulse/internal/token"
)

// The names of the models.
const (
	MiniLM = "all-MiniLM-L6-v2"
	Qwen3  = "Qwen3-Embedding"
)

//go:embed data/minilm.json.zst
var minilmData []byte

//go:embed data/qwen3.json.zst
var qwen3Data []byte

// Each is read when it is first asked for, and then shared.
var all = []struct {
	model string
	load  func() (*token.Tokenizer, error)
}{
	{MiniLM, sync.OnceValues(func() (*token.Tokenizer, error) { return parse(minilmData) })},
	{Qwen3, sync.OnceValues(func() (*token.Tokenizer, error) { return parse(qwen3Data) })},
}

// For gives the tokenizer of a model by its name, as servers and hubs spell it
// ("Qwen/Qwen3-Embedding-0.6B"); false is one that is not here.
func For(model string) (*token.Tokenizer, bool, error) {
	name := strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	for i := range all {
		known := strings.ToLower(all[i].model)
		if name == known || strings.HasPrefix(name, known+"-") {
			t, err := all[i].load()
			return t, true, err
		}
	}
	return nil, false, nil
}

// Names lists the models, for messages.
func Names() string { return MiniLM + ", " + Qwen3 }

func parse(data []byte) (*token.Tokenizer, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpack tokenizer: %w", err)
	}
	defer d.Close()
	definition, err := d.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack tokenizer: %w", err)
	}
	return token.Parse(definition)
}
