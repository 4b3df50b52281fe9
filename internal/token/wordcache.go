package token

import (
	"sync/atomic"
	"unsafe"

	"pulse/internal/mapped"
)

// wordCache remembers the tokens of short words for as long as the process lives. It is
// read without locks: an entry is written once, and its last word, which says that it is
// there, after the others. When a table is half full a new one takes its place, so memory is
// bounded by two of them.
type wordCache struct {
	table atomic.Pointer[cacheTable]
}

// wordKey is a word of at most maxKey bytes: the bytes, zeros, and the length in the top byte.
type wordKey struct{ low, high uint64 }

const maxKey = 15

// cacheEntry is a word and its tokens: low, high, then two words with up to maxCached
// ids of 21 bits and, in the top bits of the first, their number.
type cacheEntry [4]uint64

const (
	maxCached  = 5
	tableBits  = 18 // entries of a table, 32 bytes each
	tableProbe = 4  // places that a word may have
	idBits     = 21
	idMask     = 1<<idBits - 1
	countShift = 61
	busy       = 1 // third word of an entry that is being written; no count is 0
)

type cacheTable struct {
	entries [1 << tableBits]cacheEntry
	used    atomic.Int32
}

func newWordCache() *wordCache {
	c := &wordCache{}
	c.table.Store(newCacheTable())
	return c
}

func newCacheTable() *cacheTable {
	t := new(cacheTable)
	mapped.HugePages(unsafe.Pointer(t), unsafe.Sizeof(*t))
	return t
}

// place is where a key's places begin: two entries share a cache line.
func (k wordKey) place() uint64 {
	h := (k.low ^ k.high*0x9FB21C651E98DF25) * pairPrime
	return h >> (64 - tableBits) &^ 1
}

// first is the first place that a key may have.
func (t *cacheTable) first(k wordKey) *cacheEntry { return &t.entries[k.place()] }

// holds reports whether an entry is there and the key's.
func (e *cacheEntry) holds(k wordKey) bool {
	return atomic.LoadUint64(&e[2]) > busy && atomic.LoadUint64(&e[0]) == k.low && atomic.LoadUint64(&e[1]) == k.high
}

// probe looks at the places of a key behind the first; nil if it is in none.
func (t *cacheTable) probe(k wordKey) *cacheEntry {
	at := k.place()
	for i := uint64(1); i < tableProbe; i++ {
		if e := &t.entries[(at+i)&(1<<tableBits-1)]; e.holds(k) {
			return e
		}
	}
	return nil
}

// find returns the two words with ids of a key; 0, 0 if it is not there.
func (t *cacheTable) find(k wordKey) (uint64, uint64) {
	e := t.first(k)
	if !e.holds(k) {
		if e = t.probe(k); e == nil {
			return 0, 0
		}
	}
	return e.ids()
}

// ids returns the two words with ids of an entry that holds a key.
func (e *cacheEntry) ids() (uint64, uint64) {
	return atomic.LoadUint64(&e[2]), atomic.LoadUint64(&e[3])
}

// count is the number of ids of an entry that holds a key.
func (e *cacheEntry) count() int { return int(atomic.LoadUint64(&e[2]) >> countShift) }

// put remembers a key's ids, at most maxCached of them, unless its places are taken.
func (c *wordCache) put(t *cacheTable, k wordKey, ids []uint32) {
	first, second := packIDs(ids)
	at := k.place()
	for i := range uint64(tableProbe) {
		e := &t.entries[(at+i)&(1<<tableBits-1)]
		if !atomic.CompareAndSwapUint64(&e[2], 0, busy) {
			continue
		}
		atomic.StoreUint64(&e[0], k.low)
		atomic.StoreUint64(&e[1], k.high)
		atomic.StoreUint64(&e[3], second)
		atomic.StoreUint64(&e[2], first)
		if t.used.Add(1) == 1<<(tableBits-1) {
			c.table.CompareAndSwap(t, newCacheTable())
		}
		return
	}
}

func packIDs(ids []uint32) (first, second uint64) {
	first = uint64(len(ids)) << countShift
	for i, id := range ids {
		if i < 2 {
			first |= uint64(id) << (i * idBits)
		} else {
			second |= uint64(id) << ((i - 2) * idBits)
		}
	}
	return first, second
}

// unpackIDs appends the ids of find.
func unpackIDs(dst []uint32, first, second uint64) []uint32 {
	if n := len(dst); cap(dst)-n < maxCached {
		dst = append(dst, make([]uint32, maxCached)...)[:n]
	}
	unpack((*[maxCached]uint32)(dst[len(dst):][:maxCached]), first, second)
	return dst[:len(dst)+int(first>>countShift)]
}

// unpack writes the ids of find, and something behind them.
func unpack(room *[maxCached]uint32, first, second uint64) {
	room[0] = uint32(first & idMask)
	room[1] = uint32(first >> idBits & idMask)
	room[2] = uint32(second & idMask)
	room[3] = uint32(second >> idBits & idMask)
	room[4] = uint32(second >> (2 * idBits) & idMask)
}
