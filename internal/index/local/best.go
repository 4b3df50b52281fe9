package local

import (
	"cmp"
	"math"
	"slices"

	"pulse/internal/index"
)

// none is the number of no document.
const none = math.MaxUint32

// match is a document by its best chunk.
type match struct {
	number  uint32
	ordinal uint32
	score   float64
}

// best keeps the best matches of a window, and where one named document stands
// among all. Better is a higher score, then the lesser key.
type best struct {
	in      *collection
	window  int // 0 or less: all
	matches []match
	more    bool

	all     []match // only when a document is named
	wanted  *document
	named   match   // of the wanted document; its number is none while it is not found
	needed  float64 // all that scores so much must be added, for the named one's rank
	isReady bool    // matches are a heap, the worst first
}

func newBest(in *collection, window int, wanted *document) *best {
	return &best{in: in, window: window, wanted: wanted, named: match{number: none}, needed: math.Inf(1)}
}

// compare puts the better match first.
func (b *best) compare(a, c match) int {
	if a.score != c.score {
		return cmp.Compare(c.score, a.score)
	}
	return cmp.Compare(b.in.documents[a.number].key, b.in.documents[c.number].key)
}

func (b *best) add(number, ordinal uint32, score float64) {
	m := match{number, ordinal, score}
	if b.wanted != nil {
		b.all = append(b.all, m)
		if b.in.documents[number] == b.wanted {
			b.named = m
		}
	}
	if b.window <= 0 || len(b.matches) < b.window {
		b.matches = append(b.matches, m)
		return
	}
	b.more = true
	if !b.isReady {
		b.heapify()
	}
	if b.compare(m, b.matches[0]) < 0 {
		b.matches[0] = m
		b.sink(0)
	}
}

// floor is the score below which a match changes nothing, or lowest while any does.
func (b *best) floor(lowest float64) float64 {
	if !b.more {
		return lowest
	}
	return min(b.needed, b.matches[0].score)
}

func (b *best) heapify() {
	for i := len(b.matches)/2 - 1; i >= 0; i-- {
		b.sink(i)
	}
	b.isReady = true
}

// sink restores the heap below i: each match is no better than the two under it.
func (b *best) sink(i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(b.matches); child++ {
			if b.compare(b.matches[child], b.matches[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		b.matches[i], b.matches[worst] = b.matches[worst], b.matches[i]
		i = worst
	}
}

func (b *best) sort() { slices.SortFunc(b.matches, b.compare) }

// place is where the wanted document stands among all that were added.
func (b *best) place() index.Place {
	if b.named.number == none {
		return index.Place{}
	}
	rank := 1
	for _, m := range b.all {
		if b.compare(m, b.named) < 0 {
			rank++
		}
	}
	return index.Place{Rank: rank, Score: b.named.score}
}
