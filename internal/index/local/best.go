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
// among all. Better is a higher score, then the lesser key. Once there are more than the
// window takes, it knows the score below which nothing counts; from then on it gathers up to
// twice the window before it lets go of the worse half, which costs a match a few
// comparisons; a heap takes ten.
type best struct {
	in      *collection
	window  int // 0 or less: all
	matches []match
	more    bool
	lowest  float64 // the window's last score when it was last cut; below it nothing counts

	all    []match // only when a document is named
	wanted *document
	named  match   // of the wanted document; its number is none while it is not found
	needed float64 // all that scores so much must be added, for the named one's rank
}

func newBest(in *collection, window int, wanted *document) *best {
	room := min(2*max(window, 0), len(in.documents))
	return &best{in: in, window: window, matches: make([]match, 0, room), wanted: wanted, named: match{number: none}, needed: math.Inf(1)}
}

// compare puts the better match first.
func (b *best) compare(a, c match) int {
	switch {
	case a.score > c.score:
		return -1
	case a.score < c.score:
		return 1
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
	if b.more && score < b.lowest {
		return
	}
	b.matches = append(b.matches, m)
	if n := len(b.matches); b.window > 0 && (n == 2*b.window || n > b.window && !b.more) {
		b.cut()
	}
}

// cut leaves the window's matches, and notes the last one's score.
func (b *best) cut() {
	b.choose(b.window)
	b.matches, b.more = b.matches[:b.window], true
	b.lowest = b.matches[b.window-1].score
}

// choose moves the n best matches to the front, the n-th at its place: quickselect, by the
// middle of three.
func (b *best) choose(n int) {
	from, to := 0, len(b.matches)-1
	for from < to {
		at := b.divide(from, to)
		switch {
		case at == n-1:
			return
		case at < n-1:
			from = at + 1
		default:
			to = at - 1
		}
	}
}

// divide puts what is better than a match between from and to before it, the rest behind
// it, and says where it is.
func (b *best) divide(from, to int) int {
	m := b.matches
	middle := from + (to-from)/2
	for _, pair := range [3][2]int{{middle, from}, {to, from}, {middle, to}} { // the middle one goes to the end
		if b.compare(m[pair[0]], m[pair[1]]) < 0 {
			m[pair[0]], m[pair[1]] = m[pair[1]], m[pair[0]]
		}
	}
	at := from
	for i := from; i < to; i++ {
		if b.compare(m[i], m[to]) < 0 {
			m[at], m[i] = m[i], m[at]
			at++
		}
	}
	m[at], m[to] = m[to], m[at]
	return at
}

// floor is the score below which a match changes nothing, or lowest while any does.
func (b *best) floor(lowest float64) float64 {
	if !b.more {
		return lowest
	}
	return min(b.needed, b.lowest)
}

// sort puts the matches in order, those of the window only.
func (b *best) sort() {
	if b.window > 0 && len(b.matches) > b.window {
		b.cut()
	}
	slices.SortFunc(b.matches, b.compare)
}

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
