package embed

import (
	"crypto/sha256"

	"github.com/maypok86/otter/v2"

	"pulse"
)

// cache keeps the vectors of texts embedded lately, by a hash that two texts do not
// share: the same boilerplate stands on many pages. A nil cache keeps nothing.
type cache struct {
	vectors *otter.Cache[[16]byte, pulse.Vector]
}

func newCache(vectors int) *cache {
	if vectors < 0 {
		return nil
	}
	return &cache{otter.Must(&otter.Options[[16]byte, pulse.Vector]{MaximumSize: vectors})}
}

func keyOf(text string) (key [16]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(key[:], sum[:])
	return key
}

func (c *cache) find(text string) pulse.Vector {
	if c == nil {
		return nil
	}
	v, _ := c.vectors.GetIfPresent(keyOf(text))
	return v
}

func (c *cache) keep(text string, v pulse.Vector) {
	if c != nil {
		c.vectors.Set(keyOf(text), v)
	}
}
