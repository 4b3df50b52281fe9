package token

import "slices"

// veryLongWord is the number of symbols from which on a queue by ranks beats one heap: what does not
// fit the processor's cache is read in order.
const veryLongWord = 1 << 11

// rankQueue holds the places of pairs by their ranks.
type rankQueue struct {
	lists [][]int32 // by rank: places, in any order
	ranks []uint64  // a heap of those that have places
	spare [][]int32
}

func (q *rankQueue) push(rank uint32, at int32) {
	if len(q.lists[rank]) == 0 {
		if n := len(q.spare); n > 0 {
			q.lists[rank], q.spare = q.spare[n-1][:0], q.spare[:n-1]
		}
		q.ranks = heapPush(q.ranks, uint64(rank))
	}
	q.lists[rank] = append(q.lists[rank], at)
}

// take removes the least rank, and returns its places in order, until done gets them back.
func (q *rankQueue) take() (rank uint32, places []int32) {
	var top uint64
	top, q.ranks = heapPop(q.ranks)
	rank = uint32(top)
	places, q.lists[rank] = q.lists[rank], nil
	if !slices.IsSorted(places) {
		slices.Sort(places)
	}
	return rank, places
}

func (q *rankQueue) done(places []int32) { q.spare = append(q.spare, places) }

// mergeVeryLong merges as mergeLong does, rank by rank. A merge can only make pairs that end
// where it does or before, so that those of the same rank or a lesser one come before all that
// is left of its rank: they have a heap of their own, which is small.
func (b *bpe) mergeVeryLong(w *bpeScratch) {
	symbols, q := w.symbols, &w.ranks
	if len(q.lists) < len(b.merged) {
		q.lists = make([][]int32, len(b.merged))
	}
	for i := range symbols {
		if symbols[i].rank != noRank {
			q.push(symbols[i].rank, int32(i))
		}
	}
	for len(q.ranks) > 0 {
		rank, places := q.take()
		for _, at := range places {
			if symbols[at].rank != rank {
				continue
			}
			b.joinBy(w, rank, at)
			for len(w.queue) > 0 {
				var top uint64
				top, w.queue = heapPop(w.queue)
				if at := int32(uint32(top)); symbols[at].rank == uint32(top>>32) {
					b.joinBy(w, rank, at)
				}
			}
		}
		q.done(places)
	}
}

// joinBy joins the pair at a place, while a rank is at work, and queues the pairs that this makes.
func (b *bpe) joinBy(w *bpeScratch, rank uint32, at int32) {
	b.join(w.symbols, at)
	w.queuePair(rank, at)
	if before := w.symbols[at].prev; before >= 0 {
		w.queuePair(rank, before)
	}
}

func (w *bpeScratch) queuePair(rank uint32, at int32) {
	switch r := w.symbols[at].rank; {
	case r == noRank:
	case r <= rank:
		w.queue = heapPush(w.queue, uint64(r)<<32|uint64(at))
	default:
		w.ranks.push(r, at)
	}
}
