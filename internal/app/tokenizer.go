package app

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"pulse/internal/chunk"
	"pulse/internal/token"
	"pulse/internal/token/builtin"
)

// Tokenizer gives the tokenizer that a name stands for: the model of one that is built
// in, else a file or a folder. "" is that of all-MiniLM-L6-v2.
func Tokenizer(name string) (*token.Tokenizer, error) {
	if name == "" {
		name = builtin.MiniLM
	}
	t, ok, err := builtin.For(name)
	if ok {
		return t, err
	}
	t, err = token.Load(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("there is no such file or folder, and built in are %s", builtin.Names())
		return nil, Usage(&optionError{"tokenizer", err, fmt.Sprintf("--tokenizer %s: %v", name, err)})
	case err != nil:
		return nil, Usage(&optionError{"tokenizer", err, "--tokenizer: " + err.Error()})
	}
	return t, nil
}

// countedByEndpoint stands in a layout for a tokenizer that only the endpoints have. A
// tokenizer that waits for an endpoint to say its model is unknownModel.
const countedByEndpoint = "endpoint"

// tokenizerID is a tokenizer as a layout keeps it.
func tokenizerID(t *token.Tokenizer) string {
	if t == nil {
		return unknownModel
	}
	return t.Hash()
}

// tokenizerOf is that of a model that an endpoint serves, as a layout keeps it.
func tokenizerOf(model string) (string, error) {
	t, ok, err := builtin.For(model)
	if !ok || err != nil {
		return countedByEndpoint, err
	}
	return t.Hash(), nil
}

// builtinByHash finds a tokenizer that is in the binary; nil is none.
func builtinByHash(hash string) (*token.Tokenizer, error) {
	for _, model := range []string{builtin.MiniLM, builtin.Qwen3} {
		if t, _, err := builtin.For(model); err != nil || t.Hash() == hash {
			return t, err
		}
	}
	return nil, nil
}

// tokenizer is the one that --tokenizer names, else that of the embedder's model, where it
// is built in; nil where an endpoint has to say first which model it serves.
func (c *Config) tokenizer() (*token.Tokenizer, error) {
	if c.Tokenizer == "" && strings.HasPrefix(c.Embedder, "tei+") {
		return nil, nil
	}
	name := c.Tokenizer
	if name == "" && c.isStatic() {
		e, err := c.openStatic()
		if err != nil {
			return nil, err
		}
		return e.Tokenizer(), nil
	}
	if model, _ := c.model(); name == "" {
		if _, ok, _ := builtin.For(model); ok {
			name = model
		}
	}
	return Tokenizer(name)
}

// borrowsTokenizer says that an endpoint's model has its tokens counted by another one's, since
// nobody has named its own: unlike TEI, such servers count for nobody.
func (c *Config) borrowsTokenizer() bool {
	if c.Tokenizer != "" || !strings.HasPrefix(c.Embedder, "openai+") && !strings.HasPrefix(c.Embedder, "ollama+") {
		return false
	}
	model, _ := c.model()
	_, ok, _ := builtin.For(model)
	return !ok
}

const borrowedTokens = "tokens are counted by those of all-MiniLM-L6-v2, which are not the model's: a chunk may be longer than it takes"

// ChunkOptions are the bounds of chunks as they are given to commands, where no
// overlap is 0.
func ChunkOptions(maxTokens, overlap int) chunk.Options {
	if overlap == 0 {
		overlap = -1
	}
	return chunk.Options{MaxTokens: maxTokens, OverlapTokens: overlap}
}
