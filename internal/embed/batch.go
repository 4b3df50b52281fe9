package embed

import (
	"slices"
)

// lookAhead is how many requests' worth of texts are looked at to find those of like
// length: a server that pads charges every text for the longest.
const lookAhead = 4

// bounds is what one request may hold.
type bounds struct{ texts, tokens, bytes int }

// takeLocked fills one request with what waits: from the highest lane that has
// something, and with what room is left from the ones below it. A query goes with other
// queries only, so that no document makes it longer. The first text in line is always
// taken.
func (c *Coalescer) takeLocked(b bounds) []*item {
	var taken []*item
	full, most := b.texts, b.texts
	for l := LaneQuery; l < numLanes && b.texts > 0; l++ {
		if l > LaneQuery && len(taken) > 0 && taken[0].lane == LaneQuery {
			break
		}
		window := c.windowLocked(l, lookAhead*b.texts)
		if len(window) > 0 && len(taken) == 0 {
			most = window[0].room(full)
			b.texts = most
		}
		chosen := choose(together(window, full, most), b, len(taken) == 0)
		c.giveBackLocked(l, window, chosen)
		for _, it := range chosen {
			b.texts, b.tokens, b.bytes = b.texts-1, b.tokens-it.tokens, b.bytes-len(it.text)
		}
		taken = append(taken, chosen...)
	}
	return taken
}

// windowLocked takes the next texts of a lane.
func (c *Coalescer) windowLocked(l Lane, most int) (window []*item) {
	for len(window) < most {
		it := c.lanes[l].pop()
		if it == nil {
			break
		}
		window = append(window, it)
	}
	return window
}

// giveBackLocked puts what was looked at and not chosen back in front.
func (c *Coalescer) giveBackLocked(l Lane, window, chosen []*item) {
	if len(chosen) == len(window) {
		return
	}
	in := make(map[*item]bool, len(chosen))
	for _, it := range chosen {
		in[it] = true
	}
	c.lanes[l].pushBack(slices.DeleteFunc(window, func(it *item) bool { return in[it] }))
}

// together are the texts that may be in a request of most texts where an endpoint takes full.
func together(window []*item, full, most int) []*item {
	crowded := func(it *item) bool { return it.room(full) < most }
	if !slices.ContainsFunc(window, crowded) {
		return window
	}
	return slices.DeleteFunc(slices.Clone(window), crowded)
}

// choose picks the first text and those nearest to it in length, as many as fit. Where
// others have been taken already, the first must fit too.
func choose(window []*item, b bounds, first bool) []*item {
	switch {
	case len(window) == 0 || !first && !fits(window[:1], b):
		return nil
	case fits(window, b):
		return slices.Clone(window)
	}
	return nearest(window, b)
}

func nearest(window []*item, b bounds) []*item {
	first := window[0]
	sorted := slices.Clone(window)
	slices.SortStableFunc(sorted, func(x, y *item) int { return x.tokens - y.tokens })
	low := slices.Index(sorted, first)
	high := low + 1
	tokens, bytes := first.tokens, len(first.text)
	for high-low < b.texts {
		var next *item
		switch {
		case low == 0 && high == len(sorted):
			return sorted[low:high]
		case low == 0, high < len(sorted) && sorted[high].tokens-first.tokens <= first.tokens-sorted[low-1].tokens:
			next = sorted[high]
		default:
			next = sorted[low-1]
		}
		if tokens+next.tokens > b.tokens || bytes+len(next.text) > b.bytes {
			return sorted[low:high]
		}
		tokens, bytes = tokens+next.tokens, bytes+len(next.text)
		if high < len(sorted) && next == sorted[high] {
			high++
		} else {
			low--
		}
	}
	return sorted[low:high]
}

func fits(items []*item, b bounds) bool {
	tokens, bytes := 0, 0
	for _, it := range items {
		tokens += it.tokens
		bytes += len(it.text)
	}
	return len(items) <= b.texts && tokens <= b.tokens && bytes <= b.bytes
}
