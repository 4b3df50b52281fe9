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
	b.lowest = b.choose(b.window)
	b.matches, b.more = b.matches[:b.window], true
}

// choose moves the n best matches to the front, 0 < n <= all, and returns the last one's
// score. Keys, which are far away in memory, are compared only where equal scores are cut
// through.
func (b *best) choose(n int) (lowest float64) {
	from, to := 0, len(b.matches)
	for {
		score := b.middle(from, to)
		equal, less := b.divide(from, to, score)
		switch {
		case n <= equal:
			to = equal
		case n > less:
			from = less
		default:
			b.chooseByKey(equal, less, n)
			return score
		}
	}
}

// middle is a score between from and to: of three, the middle one.
func (b *best) middle(from, to int) float64 {
	x, y, z := b.matches[from].score, b.matches[from+(to-from)/2].score, b.matches[to-1].score
	return max(min(x, y), min(max(x, y), z))
}

// divide puts what is better than a score before what has it, and the rest behind.
func (b *best) divide(from, to int, score float64) (equal, less int) {
	m := b.matches
	equal, less = from, to
	for i := from; i < less; {
		switch s := m[i].score; {
		case s > score:
			m[equal], m[i] = m[i], m[equal]
			equal++
			i++
		case s < score:
			less--
			m[less], m[i] = m[i], m[less]
		default:
			i++
		}
	}
	return equal, less
}

// chooseByKey moves those with the least keys to the front, of matches between from and to
// with equal scores, so that the first n of all are the best.
func (b *best) chooseByKey(from, to, n int) {
	if n < to {
		slices.SortFunc(b.matches[from:to], b.compare)
	}
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
