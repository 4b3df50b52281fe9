package token

import (
	"math/bits"
	"strings"
	"sync/atomic"
)

// longCache remembers the tokens of words that wordCache has no room for. Like it, it is
// read without locks, never changes what is there, and makes way for an empty one when it
// is half full.
type longCache struct {
	table atomic.Pointer[longTable]
}

type longTable struct {
	words [1 << longBits]atomic.Pointer[longWord]
	used  atomic.Int32
}

// longWord is a word and its ids.
type longWord struct {
	word string
	ids  []uint32
}

const (
	longBits  = 14
	longProbe = 4
	maxLong   = 64 // bytes of a word that is kept
)

func newLongCache() *longCache {
	c := &longCache{}
	c.table.Store(new(longTable))
	return c
}

// find returns a word's ids, nil if it is not there.
func (c *longCache) find(word string) []uint32 {
	if len(word) > maxLong {
		return nil
	}
	t := c.table.Load()
	at := longHash(word)
	for i := range uint64(longProbe) {
		w := t.words[(at+i)&(1<<longBits-1)].Load()
		if w == nil {
			break
		}
		if w.word == word {
			return w.ids
		}
	}
	return nil
}

// put remembers a word of at most maxLong bytes, unless its places are taken.
func (c *longCache) put(word string, ids []uint32) {
	t := c.table.Load()
	at := longHash(word)
	var w *longWord
	for i := range uint64(longProbe) {
		slot := &t.words[(at+i)&(1<<longBits-1)]
		if slot.Load() != nil {
			continue
		}
		if w == nil {
			w = &longWord{strings.Clone(word), append([]uint32(nil), ids...)}
		}
		if !slot.CompareAndSwap(nil, w) {
			continue
		}
		if t.used.Add(1) == 1<<(longBits-1) {
			c.table.CompareAndSwap(t, new(longTable))
		}
		return
	}
}

// longHash is where a word's places begin.
func longHash(word string) uint64 {
	h := uint64(len(word))
	i := 0
	for ; i+8 <= len(word); i += 8 {
		h = bits.RotateLeft64((h^word8(word, i))*pairPrime, 29)
	}
	k := shortKey(word[i:])
	return (h ^ k.low) * pairPrime >> (64 - longBits)
}
