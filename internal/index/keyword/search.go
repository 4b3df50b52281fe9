package keyword

import (
	"cmp"
	"math/bits"
	"runtime/debug"
	"slices"
	"sync"
)

// The search of one segment goes over windows of slots. The terms are sorted by what
// each can add at most. Those that cannot reach the floor even together are not
// essential: a chunk that holds no other is not looked at (MaxScore, Turtle and Flood
// 1995). The essential ones are added up by the window, and whole blocks of postings
// are passed over whose best could not reach the floor with all other terms (block-max,
// Ding and Suel 2011). What the sum leaves is scored exactly, in the order of the
// query, so that a score does not depend on how it was found.

// The sizes of windows: small at first, so that the floor rises early.
const (
	firstWindow = 512
	maxWindow   = 8192
)

// slack covers what adding up in float32, and in another order, can lose.
const slack = 1 + 1e-4

// Set is a set of documents by their numbers, as bits; nil holds all.
type Set []uint64

// Has says whether the set holds the document.
func (s Set) Has(document uint32) bool {
	return s == nil || int(document>>6) < len(s) && s[document>>6]>>(document&63)&1 == 1
}

// cursor is one posting list at work.
type cursor struct {
	list
	field  int
	word   int     // of the query
	id     uint32  // in the segment
	weight float64 // of the word: its frequency in the query times idf
	scaled float32 // weight, times the title's weight in titles
	bound  float64 // at most what the list adds to a score
	next   int     // posting to add up next
	probe  int     // posting that exact scoring looks at
}

// search is one search's working memory.
type search struct {
	*Index
	query    *Query
	accept   Set
	yield    func(document, ordinal uint32, score float64) (floor float64)
	floor    float64
	weights  []float64 // by field and word: see weigh
	numerics [numFields]lengthParts

	segment *segment
	cursors []cursor // in the order of the query
	order   []*cursor
	sums    [maxWindow]float32
	touched [maxWindow / 64]uint64
	parts   [numFields][]float64

	// The document whose chunks are being scored.
	document uint32
	ordinal  uint32
	best     float64 // 0 when there is none
	spread   map[uint32]bestChunk
}

// bestChunk is the best chunk so far of a document that lies in several segments.
type bestChunk struct {
	ordinal uint32
	score   float64
}

// searches keeps working memory from one search to the next: as much as searches ran at
// the same time.
type searches struct {
	mu   sync.Mutex
	idle []*search
}

func (s *searches) take() *search {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return &search{}
	}
	last := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return last
}

func (s *searches) put(done *search) {
	done.Index, done.query, done.accept, done.yield, done.segment, done.spread = nil, nil, nil, nil, nil, nil
	clear(done.cursors[:cap(done.cursors)]) // they hold segments' lists
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, done)
}

// Search finds the documents of the set with a chunk that scores the floor or more, and
// calls yield once for each, by its best chunk: of equal ones the first. Scores are
// above 0. The order is not defined. yield returns the new floor, which must not fall:
// what a full list of the best still needs. A damaged file is an error, and then what
// was yielded before is not all.
func (x *Index) Search(q *Query, accept Set, floor float64, yield func(document, ordinal uint32, score float64) (floor float64)) error {
	s := x.searches.take()
	s.Index, s.query, s.accept, s.floor, s.yield = x, q, accept, floor, yield
	if err := s.all(); err != nil {
		return err // and the working memory is left to itself, since it was left amid work
	}
	x.searches.put(s)
	return nil
}

func (s *search) all() (err error) {
	if len(s.files) > 0 {
		if err := s.damage(); err != nil {
			return err
		}
		defer damageAsError(debug.SetPanicOnFault(true), s.files, &err)
	}
	s.weigh()
	for _, segment := range s.segments {
		s.inSegment(segment)
	}
	for document, r := range s.spread {
		s.yield(document, r.ordinal, r.score)
	}
	return nil
}

// weigh fills weights: of each field, for each word, its weight in the query times the
// idf of its most frequent term; 0 where the field does not count or nothing has it.
func (s *search) weigh() {
	s.weights = s.weights[:0]
	for f := range numFields {
		for i := range s.query.words {
			s.weights = append(s.weights, s.weight(f, &s.query.words[i]))
		}
		s.parts[f] = slices.Grow(s.parts[f][:0], len(s.query.words))[:len(s.query.words)]
		s.numerics[f].set(s.options, s.totals[f].mean())
	}
}

func (x *Index) weight(field int, w *Word) float64 {
	if field == inTitle && x.options.TitleWeight == 0 || x.totals[field].all == 0 {
		return 0
	}
	n := x.holding(field, w)
	if n == 0 {
		return 0
	}
	return float64(w.weight * idf(x.totals[field].all, n))
}

// holding is how many chunks, or titles, hold the most frequent term of a word.
func (x *Index) holding(field int, w *Word) int {
	return max(x.mostHeld(field, w.terms), x.mostHeld(field, w.stops))
}

func (x *Index) mostHeld(field int, terms []queryTerm) int {
	most := 0
	for i := range terms {
		held := 0
		for _, s := range x.segments {
			if id, ok := s.find(terms[i].text, terms[i].hash); ok {
				held += int(s.live(field, id))
			}
		}
		most = max(most, held)
	}
	return most
}

func (s *search) inSegment(g *segment) {
	s.segment = g
	s.open()
	s.windows()
	s.flush()
}

func (s *search) windows() {
	g := s.segment
	for from, size := 0, firstWindow; from < g.slots(); {
		to := min(from+size, g.slots())
		if !s.window(uint32(from), uint32(to)) {
			return
		}
		from, size = to, min(2*size, maxWindow)
	}
}

// open makes the cursors of a segment.
func (s *search) open() {
	s.cursors = s.cursors[:0]
	words := s.query.words
	for i := range words {
		for _, t := range words[i].terms {
			id, ok := s.segment.find(t.text, t.hash)
			if !ok {
				continue
			}
			for f := range numFields {
				if weight := s.weights[f*len(words)+i]; weight > 0 {
					s.openList(f, i, id, weight)
				}
			}
		}
	}
	s.order = s.order[:0]
	for i := range s.cursors {
		s.order = append(s.order, &s.cursors[i])
	}
	slices.SortFunc(s.order, func(a, b *cursor) int { return cmp.Compare(a.bound, b.bound) })
}

func (s *search) openList(field, word int, id uint32, weight float64) {
	l := s.segment.list(field, id)
	if len(l.slots) == 0 {
		return
	}
	c := cursor{list: l, field: field, word: word, id: id, weight: weight, scaled: float32(weight)}
	if field == inTitle {
		c.scaled = float32(s.options.TitleWeight * weight)
	}
	for _, b := range c.bounds {
		c.bound = max(c.bound, s.cornerBound(&c, b))
	}
	s.cursors = append(s.cursors, c)
}

// cornerBound is at most what a posting of a block adds.
func (s *search) cornerBound(c *cursor, b corner) float64 {
	if b.frequency == tooLarge {
		return float64(c.scaled)
	}
	return float64(c.scaled * s.numerics[c.field].saturation(b.frequency, uint32(b.length)))
}

// window looks at the slots of one window. It is false when no later one can matter.
func (s *search) window(from, to uint32) bool {
	floor := s.floor / slack
	all, passed, essential := 0.0, 0.0, 0
	for _, c := range s.order {
		all += c.bound
	}
	for essential < len(s.order) && passed+s.order[essential].bound < floor {
		passed += s.order[essential].bound
		essential++
	}
	if essential == len(s.order) {
		return false
	}
	for _, c := range s.order[essential:] {
		s.addUp(c, from, to, floor-(all-c.bound))
	}
	s.look(from, to, essential, passed)
	return true
}

// addUp adds a list's parts to the window's sums, but for blocks whose best is less
// than needed.
func (s *search) addUp(c *cursor, from, to uint32, needed float64) {
	n := &s.numerics[c.field]
	lengths := s.segment.lengths[c.field]
	for c.next < len(c.slots) && uint32(c.slots[c.next]) < to {
		block := c.next / blockPostings
		end := min((block+1)*blockPostings, len(c.slots))
		if s.cornerBound(c, c.bounds[block]) < needed {
			c.next = end
			continue
		}
		i := c.next
		for ; i < end; i++ {
			slot := uint32(c.slots[i])
			if slot >= to {
				break
			}
			frequency := c.frequencies[i]
			part := c.scaled
			if frequency != tooLarge {
				part *= n.saturation(frequency, lengths[slot])
			}
			at := (slot - from) & (maxWindow - 1)
			s.sums[at] += part
			s.touched[at>>6] |= 1 << (at & 63)
		}
		c.next = i
	}
}

// look scores what has been added up, in the order of slots. passed is what the lists
// that are not essential can add at most.
func (s *search) look(from, to uint32, essential int, passed float64) {
	floor := float32(s.floor / slack)
	for i := range (to - from + 63) / 64 {
		word := s.touched[i]
		s.touched[i] = 0
		for ; word != 0; word &= word - 1 {
			at := i<<6 + uint32(bits.TrailingZeros64(word))
			sum := s.sums[at]
			s.sums[at] = 0
			if sum+float32(passed) >= floor && s.reaches(from+at, sum, floor, essential, float32(passed)) {
				s.candidate(from + at)
				floor = float32(s.floor / slack)
			}
		}
	}
}

// reaches adds the lists that are not essential to a sum, the greatest first, for as
// long as those that are left can bring it to the floor.
func (s *search) reaches(slot uint32, sum, floor float32, essential int, left float32) bool {
	for i := essential - 1; i >= 0; i-- {
		if sum+left < floor {
			return false
		}
		c := s.order[i]
		left -= float32(c.bound)
		if !c.seek(uint16(slot)) {
			continue
		}
		part := c.scaled
		if frequency := c.frequencies[c.probe]; frequency != tooLarge {
			part *= s.numerics[c.field].saturation(frequency, s.segment.lengths[c.field][slot])
		}
		sum += part
	}
	return sum >= floor
}

// candidate scores one chunk exactly.
func (s *search) candidate(slot uint32) {
	g := s.segment
	if !g.isAlive(slot) {
		return
	}
	document := g.documents[slot]
	if document != s.document || s.best == 0 {
		s.flush()
		if !s.accept.Has(document) {
			return
		}
	}
	score := s.score(slot)
	if score > 0 && score > s.best {
		s.document, s.ordinal, s.best = document, g.ordinals[slot], score
	}
}

// flush yields the document whose chunks have been scored.
func (s *search) flush() {
	if s.best == 0 {
		return
	}
	document, r := s.document, bestChunk{s.ordinal, s.best}
	s.best = 0
	if len(s.locations[document]) > 1 {
		if s.spread == nil {
			s.spread = make(map[uint32]bestChunk)
		}
		if known, ok := s.spread[document]; !ok || r.score > known.score {
			s.spread[document] = r
		}
		return
	}
	if r.score >= s.floor {
		s.floor = s.yield(document, r.ordinal, r.score)
	}
}

// score is the exact score of a chunk.
func (s *search) score(slot uint32) float64 {
	for f := range numFields {
		clear(s.parts[f])
	}
	for i := range s.cursors {
		c := &s.cursors[i]
		if !c.seek(uint16(slot)) {
			continue
		}
		n := &s.numerics[c.field]
		part := float64(c.weight * saturation(s.frequency(c, slot), n.exact(s.segment.lengths[c.field][slot])))
		s.parts[c.field][c.word] = max(s.parts[c.field][c.word], part)
	}
	sums := [numFields]float64{}
	for f := range numFields {
		for _, part := range s.parts[f] {
			sums[f] += part
		}
	}
	return sums[inText] + float64(s.options.TitleWeight*sums[inTitle])
}

func (s *search) frequency(c *cursor, slot uint32) uint32 {
	if f := c.frequencies[c.probe]; f != tooLarge {
		return uint32(f)
	}
	return s.segment.large[largeKey{c.field, c.id, uint16(slot)}]
}

// seek moves the probe to the slot, which is not before the last one asked for, and
// says whether the list has it.
func (c *cursor) seek(slot uint16) bool {
	if c.bits != nil && c.bits[slot>>6]>>(slot&63)&1 == 0 {
		return false
	}
	at, step := c.probe, 1
	if at < len(c.slots) && c.slots[at] < slot {
		for at+step < len(c.slots) && c.slots[at+step] < slot {
			at += step
			step *= 2
		}
		// What is sought lies past at, and not past at+step.
		low, high := at+1, min(at+step, len(c.slots))
		for low < high {
			middle := (low + high) / 2
			if c.slots[middle] < slot {
				low = middle + 1
			} else {
				high = middle
			}
		}
		at = low
	}
	c.probe = at
	return at < len(c.slots) && c.slots[at] == slot
}

// lengthParts gives Options.lengthPart of small lengths from a table, which is made
// anew when the mean length has moved.
type lengthParts struct {
	options Options
	mean    float64
	table   [tabledLengths]float64
	approx  [tabledLengths]float32
}

const tabledLengths = 1024

func (l *lengthParts) set(o Options, mean float64) {
	if l.options == o && l.mean == mean {
		return
	}
	l.options, l.mean = o, mean
	for length := range l.table {
		l.table[length] = o.lengthPart(uint32(length), mean)
		l.approx[length] = float32(l.table[length])
	}
}

func (l *lengthParts) exact(length uint32) float64 {
	if length < tabledLengths {
		return l.table[length]
	}
	return l.options.lengthPart(length, l.mean)
}

// saturation is that of bm25.go, nearly.
func (l *lengthParts) saturation(frequency uint8, length uint32) float32 {
	f := float32(frequency)
	if length < tabledLengths {
		return f / (f + l.approx[length])
	}
	return f / (f + float32(l.options.lengthPart(length, l.mean)))
}
