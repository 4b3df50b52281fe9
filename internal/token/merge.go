package token

// shortWord is the number of symbols up to which searching for the best pair beats a queue.
const shortWord = 24

// mergeAll joins symbols until no merge is left.
func (b *bpe) mergeAll(w *bpeScratch) {
	symbols := w.symbols
	for i := range len(symbols) - 1 {
		symbols[i].rank = b.pairs.rank(symbols[i].id, symbols[i+1].id)
	}
	switch n := len(symbols); {
	case n <= shortWord:
		b.mergeShort(symbols)
	case n < veryLongWord:
		b.mergeLong(w)
	default:
		b.mergeVeryLong(w)
	}
}

// mergeShort searches all of a short word for each merge.
func (b *bpe) mergeShort(symbols []symbol) {
	for {
		best, at := uint32(noRank), int32(-1)
		for i := int32(0); i >= 0; i = symbols[i].next {
			if r := symbols[i].rank; r < best {
				best, at = r, i
			}
		}
		if at < 0 {
			return
		}
		b.join(symbols, at)
	}
}

// appendMerged appends the ids of a byte-level word, whole or not.
func (b *bpe) appendMerged(dst []uint32, word string) []uint32 {
	if len(word) > shortWord {
		return b.appendMergedLong(dst, word)
	}
	var ids, ranks [shortWord + 1]uint32
	n := len(word)
	for i := range n {
		ids[i] = b.bytes[word[i]]
	}
	for i := range n - 1 {
		ranks[i] = b.pairs.rank(ids[i], ids[i+1])
	}
	for n > 1 {
		at, best := 0, uint32(noRank)
		for i, r := range ranks[:n-1] {
			if r < best {
				at, best = i, r
			}
		}
		if best == noRank {
			break
		}
		ids[at] = b.merged[best]
		copy(ids[at+1:n-1], ids[at+2:n])
		copy(ranks[at:n-2], ranks[at+1:n-1])
		n--
		if at+1 < n {
			ranks[at] = b.pairs.rank(ids[at], ids[at+1])
		}
		if at > 0 {
			ranks[at-1] = b.pairs.rank(ids[at-1], ids[at])
		}
	}
	return append(dst, ids[:n]...)
}

func (b *bpe) appendMergedLong(dst []uint32, word string) []uint32 {
	w := bpeScratches.Get().(*bpeScratch)
	b.merge(w, word)
	for i := range w.symbols {
		if w.symbols[i].size > 0 {
			dst = append(dst, w.symbols[i].id)
		}
	}
	bpeScratches.Put(w)
	return dst
}

// join merges the symbol at a place with the next one, and finds the ranks of the two
// pairs that this makes.
func (b *bpe) join(symbols []symbol, at int32) {
	s := &symbols[at]
	next := &symbols[s.next]
	s.id = b.merged[s.rank]
	s.size += next.size
	s.next = next.next
	next.size, next.rank = 0, noRank
	s.rank = noRank
	if s.next >= 0 {
		after := &symbols[s.next]
		after.prev = at
		s.rank = b.pairs.rank(s.id, after.id)
	}
	if s.prev >= 0 {
		before := &symbols[s.prev]
		before.rank = b.pairs.rank(before.id, s.id)
	}
}

// mergeLong keeps the pairs of a long word in a queue, so that it takes n log n steps.
// Entries are rank and place in one word; one whose pair has changed is passed over.
func (b *bpe) mergeLong(w *bpeScratch) {
	symbols := w.symbols
	w.queue = w.queue[:0]
	for i := range symbols {
		if symbols[i].rank != noRank {
			w.queue = append(w.queue, uint64(symbols[i].rank)<<32|uint64(i))
		}
	}
	heapify(w.queue)
	for len(w.queue) > 0 {
		var top uint64
		top, w.queue = heapPop(w.queue)
		at := int32(uint32(top))
		if symbols[at].rank != uint32(top>>32) {
			continue
		}
		b.join(symbols, at)
		if s := symbols[at]; s.rank != noRank {
			w.queue = heapPush(w.queue, uint64(s.rank)<<32|uint64(at))
		}
		if before := symbols[at].prev; before >= 0 && symbols[before].rank != noRank {
			w.queue = heapPush(w.queue, uint64(symbols[before].rank)<<32|uint64(before))
		}
	}
}

// A queue is a heap of four children per entry, least first: half as deep as a binary
// one, and the four lie side by side in memory.
const heapWidth = 4

func heapify(heap []uint64) {
	for i := (len(heap)+heapWidth-2)/heapWidth - 1; i >= 0; i-- {
		sink(heap, i)
	}
}

func heapPush(heap []uint64, e uint64) []uint64 {
	heap = append(heap, e)
	i := len(heap) - 1
	for i > 0 {
		up := (i - 1) / heapWidth
		if heap[up] <= e {
			break
		}
		heap[i] = heap[up]
		i = up
	}
	heap[i] = e
	return heap
}

func heapPop(heap []uint64) (top uint64, rest []uint64) {
	top = heap[0]
	n := len(heap) - 1
	heap[0] = heap[n]
	heap = heap[:n]
	if n > 0 {
		sink(heap, 0)
	}
	return top, heap
}

// sink moves the entry at i down to where it belongs.
func sink(heap []uint64, i int) {
	e := heap[i]
	for {
		first := heapWidth*i + 1
		if first >= len(heap) {
			break
		}
		down := first
		for j := first + 1; j < min(first+heapWidth, len(heap)); j++ {
			if heap[j] < heap[down] {
				down = j
			}
		}
		if e <= heap[down] {
			break
		}
		heap[i] = heap[down]
		i = down
	}
	heap[i] = e
}
