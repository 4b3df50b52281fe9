package keyword

import "unsafe"

// growing is the posting lists of a head's field, by term id. Most terms are in few
// texts: a list of up to ownPostings is one cache line with what is known of it, and
// longer ones lie in pages of postings, with room for twice as many each time they are
// full. Nothing in it is a pointer but the pages.
type growing struct {
	lists  []*growingLists
	pages  []postingsPage
	filled int                        // postings given out of the last page
	free   [maxSpaceBits + 1][]uint32 // places that lists have left, by the bits of their size
}

const (
	listsPerPage = 256
	ownPostings  = 6

	minSpaceBits = 4
	maxSpaceBits = 16 // of segmentSlots, and so of the largest page
	minPageBits  = 12 // of the first page: most segments are small
)

type growingLists [listsPerPage]growingList

type growingList struct {
	n           uint32    // postings
	at          uint32    // page · segmentSlots + place; of a list of its own postings nothing
	bound       [1]corner // of the first block
	bits        uint8     // of the size of its space; 0: none
	frequencies [ownPostings]uint8
	slots       [ownPostings]uint16
}

// postingsPage has the spaces of lists. A space of 64 postings or more begins at a
// multiple of 64, so that it has as many corners as blocks.
type postingsPage struct {
	slots       []uint16
	frequencies []uint8
	bounds      []corner
}

// reach makes room for lists of so many terms.
func (g *growing) reach(terms int) {
	for len(g.lists)*listsPerPage < terms {
		g.lists = append(g.lists, new(growingLists))
	}
}

func (g *growing) list(id uint32) *growingList {
	return &g.lists[id/listsPerPage][id%listsPerPage]
}

// view is a list as searches see it.
func (g *growing) view(id uint32) list {
	if int(id) >= len(g.lists)*listsPerPage {
		return list{}
	}
	l := g.list(id)
	if l.n == 0 {
		return list{}
	}
	if l.bits == 0 {
		return list{slots: l.slots[:l.n], frequencies: l.frequencies[:l.n], bounds: l.bound[:]}
	}
	page, at := g.space(l)
	seen := list{slots: page.slots[at : at+l.n], frequencies: page.frequencies[at : at+l.n], bounds: l.bound[:]}
	if l.n > blockPostings {
		seen.bounds = page.bounds[at/blockPostings:][:(l.n+blockPostings-1)/blockPostings]
	}
	return seen
}

// space is where a list's postings begin.
func (g *growing) space(l *growingList) (page *postingsPage, at uint32) {
	return &g.pages[l.at/segmentSlots], l.at % segmentSlots
}

// prefetch asks for what add will write to of a list.
func (g *growing) prefetch(id uint32) {
	l := g.list(id)
	if l.bits == 0 {
		return
	}
	page, at := g.space(l)
	at += l.n - 1
	prefetch(unsafe.Pointer(&page.slots[at]))
	prefetch(unsafe.Pointer(&page.frequencies[at]))
	if l.n > blockPostings {
		prefetch(unsafe.Pointer(&page.bounds[at/blockPostings]))
	}
}

// add adds a posting to a list that has none of the slot or a later one. The length is of
// the slot's text.
func (g *growing) add(id uint32, slot uint16, frequency uint8, length uint16) {
	l := g.list(id)
	n := l.n
	l.n++
	switch {
	case n < ownPostings:
		l.slots[n], l.frequencies[n] = slot, frequency
	default:
		if n == l.room() {
			g.move(l, n)
		}
		page, at := g.space(l)
		page.slots[at+n], page.frequencies[at+n] = slot, frequency
		if n >= blockPostings {
			g.bound(l, page, at, n, corner{length, frequency})
			return
		}
	}
	if n == 0 {
		l.bound[0] = corner{length, frequency}
	} else {
		l.bound[0].widen(corner{length, frequency})
	}
}

// bound counts a posting in the corner of its block, past the first.
func (g *growing) bound(l *growingList, page *postingsPage, at, n uint32, c corner) {
	bounds := page.bounds[at/blockPostings:]
	if n == blockPostings {
		bounds[0] = l.bound[0]
	}
	if n%blockPostings == 0 {
		bounds[n/blockPostings] = c
	} else {
		bounds[n/blockPostings].widen(c)
	}
}

func (c *corner) widen(by corner) {
	c.length, c.frequency = min(c.length, by.length), max(c.frequency, by.frequency)
}

// room is how many postings a list has memory for.
func (l *growingList) room() uint32 {
	if l.bits == 0 {
		return ownPostings
	}
	return 1 << l.bits
}

// move gives a list of n postings a space of twice as many.
func (g *growing) move(l *growingList, n uint32) {
	old := *l
	l.bits = max(minSpaceBits, old.bits+1)
	l.at = g.take(l.bits)
	page, at := g.space(l)
	if old.bits == 0 {
		copy(page.slots[at:], old.slots[:])
		copy(page.frequencies[at:], old.frequencies[:])
		return
	}
	from, begin := g.space(&old)
	copy(page.slots[at:], from.slots[begin:begin+n])
	copy(page.frequencies[at:], from.frequencies[begin:begin+n])
	if n > blockPostings {
		copy(page.bounds[at/blockPostings:], from.bounds[begin/blockPostings:][:n/blockPostings])
	}
	g.free[old.bits] = append(g.free[old.bits], old.at)
}

// take gives a space out.
func (g *growing) take(spaceBits uint8) uint32 {
	if free := g.free[spaceBits]; len(free) > 0 {
		g.free[spaceBits] = free[:len(free)-1]
		return free[len(free)-1]
	}
	size := 1 << spaceBits
	if size >= blockPostings {
		g.filled = (g.filled + blockPostings - 1) / blockPostings * blockPostings
	}
	if len(g.pages) == 0 || g.filled+size > len(g.pages[len(g.pages)-1].slots) {
		g.addPage(size)
	}
	at := (len(g.pages)-1)*segmentSlots + g.filled
	g.filled += size
	return uint32(at)
}

func (g *growing) addPage(least int) {
	n := max(least, 1<<min(minPageBits+len(g.pages), maxSpaceBits))
	g.pages = append(g.pages, postingsPage{make([]uint16, n), make([]uint8, n), make([]corner, n/blockPostings)})
	g.filled = 0
}
