package app

import (
	"errors"
	"io/fs"

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
		return nil, usagef("--tokenizer %s: there is no such file or folder, and built in are %s", name, builtin.Names())
	case err != nil:
		return nil, usagef("--tokenizer: %w", err)
	}
	return t, nil
}

// tokenizer is the one that --tokenizer names, else that of the embedder's model, where it
// is built in.
func (c *Config) tokenizer() (*token.Tokenizer, error) {
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

// ChunkOptions are the bounds of chunks as they are given to commands, where no
// overlap is 0.
func ChunkOptions(maxTokens, overlap int) chunk.Options {
	if overlap == 0 {
		overlap = -1
	}
	return chunk.Options{MaxTokens: maxTokens, OverlapTokens: overlap}
}
