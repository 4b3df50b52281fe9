package token

import (
	"cmp"
	"slices"
)

// trie finds the keys that a text begins with: a double array (Aoe 1989), so a step is
// two loads. Node 0 is the root.
type trie struct{ nodes []trieNode }

// trieNode: the child by byte b is nodes[base+b] if that one's parent is this node.
type trieNode struct {
	base   int32
	parent int32 // -1: not used
	value  int32 // of the key that ends here, or noValue
}

const noValue = -1

// trieKey is a key with its value, which is not negative.
type trieKey struct {
	text  string
	value int32
}

// newTrie builds a trie. Of equal keys the last one given counts.
func newTrie(keys []trieKey) *trie {
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b trieKey) int { return cmp.Compare(a.text, b.text) })
	b := trieBuilder{keys: keys}
	b.grow(256)
	b.take(0, 0)
	b.insert(0, 0, len(keys), 0)
	return &trie{b.nodes}
}

// longest is the longest key that text begins with, as its length and value; a length
// of 0 is none. The empty key is not found.
func (t *trie) longest(text []byte) (length int, value int32) {
	nodes, node := t.nodes, int32(0)
	value = noValue
	for i, b := range text {
		child := nodes[node].base + int32(b)
		if nodes[child].parent != node {
			break
		}
		node = child
		if v := nodes[node].value; v != noValue {
			length, value = i+1, v
		}
	}
	return length, value
}

// trieBuilder places the nodes. Unused ones are in a list, which nextFree holds.
type trieBuilder struct {
	keys     []trieKey // sorted
	nodes    []trieNode
	free     int32 // no unused node lies before it
	nextFree []int32
}

func (b *trieBuilder) grow(size int) {
	for len(b.nodes) < size {
		b.nextFree = append(b.nextFree, int32(len(b.nodes)+1))
		b.nodes = append(b.nodes, trieNode{0, -1, noValue})
	}
}

func (b *trieBuilder) take(node, parent int32) { b.nodes[node].parent = parent }

// insert places the children of a node, which stands for the first depth bytes of
// keys[low:high].
func (b *trieBuilder) insert(node int32, low, high, depth int) {
	for low < high && len(b.keys[low].text) == depth {
		b.nodes[node].value = b.keys[low].value
		low++
	}
	if low == high {
		return
	}
	bounds := b.split(low, high, depth)
	base := b.fit(bounds, depth)
	b.nodes[node].base = base
	for i := range len(bounds) - 1 {
		b.take(base+int32(b.keys[bounds[i]].text[depth]), node)
	}
	for i := range len(bounds) - 1 {
		b.insert(base+int32(b.keys[bounds[i]].text[depth]), bounds[i], bounds[i+1], depth+1)
	}
}

// split gives the bounds of the runs of keys[low:high] that share the byte at depth.
func (b *trieBuilder) split(low, high, depth int) []int {
	bounds := []int{low}
	for i := low + 1; i < high; i++ {
		if b.keys[i].text[depth] != b.keys[i-1].text[depth] {
			bounds = append(bounds, i)
		}
	}
	return append(bounds, high)
}

// fit finds a base at which every child's place is unused.
func (b *trieBuilder) fit(bounds []int, depth int) int32 {
	first := int32(b.keys[bounds[0]].text[depth])
	for at := b.firstFree(max(b.free, first+1)); ; at = b.firstFree(at + 1) {
		base := at - first
		b.grow(int(base) + 256)
		if b.fits(base, bounds, depth) {
			b.skip(at)
			return base
		}
	}
}

func (b *trieBuilder) fits(base int32, bounds []int, depth int) bool {
	for _, i := range bounds[:len(bounds)-1] {
		if b.nodes[base+int32(b.keys[i].text[depth])].parent >= 0 {
			return false
		}
	}
	return true
}

// firstFree is the first unused node at or after at. Used ones point past themselves,
// and the way there is shortened as it is walked.
func (b *trieBuilder) firstFree(at int32) int32 {
	b.grow(int(at) + 1)
	end := at
	for b.nodes[end].parent >= 0 {
		end = b.nextFree[end]
		b.grow(int(end) + 1)
	}
	for at != end {
		at, b.nextFree[at] = b.nextFree[at], end
	}
	return end
}

// skip gives up on what lies far before a place that fitted: a node with many children
// seldom fits where the array is nearly full, and trying costs more than the space.
func (b *trieBuilder) skip(at int32) {
	const far = 4096
	if at-b.free > far {
		b.free = at - far
	}
}
