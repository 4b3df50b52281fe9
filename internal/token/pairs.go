package token

import (
	"unsafe"

	"pulse/internal/mapped"
)

// pairTable maps pairs of ids to the rank of their merge. An entry is one word: left and
// right id, 21 bits each, and the rank in 22.
type pairTable struct {
	entries []uint64
	shift   uint // of the hash
	used    int
}

const (
	noRank    = ^uint32(0)
	rankBits  = 22
	rankMask  = 1<<rankBits - 1
	noPair    = ^uint64(0)
	pairPrime = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
)

func newPairTable(size int) pairTable {
	bits := uint(4)
	for 1<<bits < size+size/2 {
		bits++
	}
	t := pairTable{entries: make([]uint64, 1<<bits), shift: 64 - bits}
	mapped.HugePages(unsafe.Pointer(unsafe.SliceData(t.entries)), 8<<bits)
	for i := range t.entries {
		t.entries[i] = noPair
	}
	return t
}

// set gives a pair a rank; a later one replaces it.
func (t *pairTable) set(left, right, rank uint32) {
	if 3*t.used >= 2*len(t.entries) {
		t.grow()
	}
	key := uint64(left)<<21 | uint64(right)
	i := key * pairPrime >> t.shift
	for t.entries[i] != noPair && t.entries[i]>>rankBits != key {
		i = (i + 1) & uint64(len(t.entries)-1)
	}
	if t.entries[i] == noPair {
		t.used++
	}
	t.entries[i] = key<<rankBits | uint64(rank)
}

func (t *pairTable) grow() {
	old := t.entries
	*t = newPairTable(len(old))
	for _, e := range old {
		if e != noPair {
			key := e >> rankBits
			t.set(uint32(key>>21), uint32(key&(1<<21-1)), uint32(e&rankMask))
		}
	}
}

// rank finds the rank of a pair's merge; noRank if there is none.
func (t *pairTable) rank(left, right uint32) uint32 {
	key := uint64(left)<<21 | uint64(right)
	for i := key * pairPrime >> t.shift; ; i++ {
		e := t.entries[i&uint64(len(t.entries)-1)]
		if e>>rankBits == key {
			return uint32(e & rankMask)
		}
		if e == noPair {
			return noRank
		}
	}
}
