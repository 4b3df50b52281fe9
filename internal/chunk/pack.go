package chunk

import (
	"math"
	"unicode/utf8"
)

// maxBytesPerToken bounds a chunk in bytes: white space counts nothing, and could
// make one of any size.
const maxBytesPerToken = 64

const (
	closed    = -1 // no chunk is open
	tooMany   = math.MaxInt
	prefixPer = 4 // at most one in so many tokens of a chunk is prefix
)

// packer fills chunks with units, in order. A unit that does not fit any more
// begins the next chunk; one that fits no chunk at all is cut into smaller units.
//
// Tokens are counted once per unit at each level that it is cut at, and once for
// every chunk: the sum over units stands in for the count of the open chunk, and
// emit has the last word.
type packer struct {
	c      *Chunker
	title  string
	text   string
	pieces []Piece
	path   path

	headings []string // of the current section, shortened
	room     int      // tokens beside the prefix

	open  int  // where the open chunk begins, overlap included; or closed
	end   int  // where it ends so far
	fresh int  // where its text begins that no chunk before it has
	used  int  // tokens of it
	body  bool // whether it holds more than headings

	last     span // of the last chunk of this section, without its overlap; empty is none
	hardSize int  // bytes that fitted when a word was last cut
}

// addHeading begins a section, and a chunk, unless all that is open are headings:
// a heading with nothing under it belongs to the one that follows.
func (p *packer) addHeading(b block) {
	n := p.count(b.span)
	isLong := n > p.c.maxTokens/2
	if p.body || isLong || p.open != closed && p.used+n > p.c.maxTokens/2 {
		p.close()
	}
	p.path.set(b.level, b.heading, p.c.tokens(b.heading))
	p.enterSection()
	if isLong {
		p.add(b.span, cutters[heading], heading, false)
	} else {
		p.push(b.span, n)
	}
	p.body = false
}

func (p *packer) enterSection() {
	p.last = span{}
	p.room = 0
}

// section works out the prefix of the current section, once: not for the headings
// that are passed over.
func (p *packer) section() {
	if p.room > 0 {
		return
	}
	headings, tokens := p.path.headings(p.c.maxTokens/prefixPer, p.c.tokens)
	p.headings = headings
	p.room = max(1, p.c.maxTokens-p.c.emptyCount-tokens)
}

// add puts a unit into the open chunk, into the next one, or takes it apart. whole
// says that it is a block of its own.
func (p *packer) add(s span, by []cutter, of kind, whole bool) {
	p.section()
	n := p.count(s)
	switch {
	case p.fits(s, n):
		p.push(s, n)
	case p.mayClose(by, of, whole) && n <= p.room:
		p.close()
		p.push(s, n)
	case len(by) == 0:
		p.cutHard(s)
	default:
		for s.start < s.end {
			end := by[0](p.text, s.start, s.end)
			if unit := trim(p.text, span{s.start, end}); unit.start < unit.end {
				p.add(unit, by[1:], of, false)
			}
			s.start = end
		}
	}
}

// count is tooMany for what fits no chunk by its bytes alone.
func (p *packer) count(s span) int {
	if s.end-s.start > maxBytesPerToken*p.c.maxTokens {
		return tooMany
	}
	return p.c.tokens(p.text[s.start:s.end])
}

func (p *packer) fits(s span, n int) bool {
	if p.open == closed {
		return n <= p.room
	}
	return n <= p.room-p.used && s.end-p.open <= maxBytesPerToken*p.c.maxTokens
}

// mayClose decides whether a unit that does not fit begins a new chunk. A block
// does when the open chunk is half full; else it is taken apart to fill it, but for
// code. Headings wait for some text under them.
func (p *packer) mayClose(by []cutter, of kind, whole bool) bool {
	switch {
	case p.open == closed:
		return false
	case whole && of == code:
		return true
	case !p.body:
		return len(by) == 0
	case whole:
		return 2*p.used >= p.room
	}
	return true
}

func (p *packer) push(s span, n int) {
	if p.open == closed {
		p.begin(s, n)
	}
	p.end = s.end
	p.used += n
	p.body = true
}

// begin opens a chunk for a unit of n tokens, with as much overlap as fits.
func (p *packer) begin(s span, n int) {
	p.open, p.fresh, p.used = s.start, s.start, 0
	if p.last.start >= p.last.end {
		return
	}
	budget := min(p.c.overlap, p.room-n)
	from, tokens := p.overlap(p.last, budget)
	if s.end-from <= maxBytesPerToken*p.c.maxTokens {
		p.open, p.used = from, tokens
	}
}

// overlap goes back over the last chunk's own text. Of the second half of what
// fits it takes the best place, and of equal ones the farthest.
func (p *packer) overlap(last span, budget int) (from, tokens int) {
	from = p.fresh
	best := inWord
	for pos, sum := last.end, 0; ; {
		end := pos
		pos = atomBefore(p.text, last.start, end)
		if sum += p.c.tokens(p.text[pos:end]); pos <= last.start || sum > budget {
			return from, tokens
		}
		at := boundaryAt(p.text, pos)
		if at == inWord {
			continue
		}
		if 2*sum < budget {
			at = atWord
		}
		if at >= best {
			from, tokens, best = pos, sum, at
		}
	}
}

// cutHard cuts a word that fits no chunk, at runes. The size of a part follows
// what fitted before, so that each byte is counted a few times at most.
func (p *packer) cutHard(s span) {
	p.close()
	limit := max(1, p.room-p.c.overlap)
	for s.start < s.end {
		end, n := p.hardEnd(s, limit)
		p.push(span{s.start, end}, n)
		if s.start = end; end < s.end {
			p.close()
		}
	}
}

// hardEnd finds where a part of at most limit tokens ends, and its tokens.
func (p *packer) hardEnd(s span, limit int) (end, tokens int) {
	if p.hardSize == 0 {
		p.hardSize = 4 * limit
	}
	size := min(p.hardSize, maxBytesPerToken*p.c.maxTokens/2)
	_, least := utf8.DecodeRuneInString(p.text[s.start:s.end])
	for {
		end = s.end
		if size < s.end-s.start {
			end = max(runeFloor(p.text, s.start+size), s.start+least)
		}
		tokens = p.c.tokens(p.text[s.start:end])
		switch {
		case tokens <= limit:
			p.hardSize = size
			if 4*tokens < 3*limit {
				p.hardSize = size + size/4 + 1
			}
			return end, tokens
		case end == s.start+least:
			return end, tokens
		}
		size = min((end-s.start)*7/8, max(1, (end-s.start)*limit/tokens))
	}
}

// close makes a piece of the open chunk.
func (p *packer) close() {
	if p.open == closed {
		return
	}
	p.section()
	p.emit(span{p.open, p.end})
	p.last = span{p.fresh, p.end}
	p.open, p.used, p.body = closed, 0, false
}

// emit appends the piece of a span. Tokens do not always add up: a span that has
// too many after all loses its overlap, then becomes two; a single rune goes
// without its prefix.
func (p *packer) emit(s span) {
	if s = trim(p.text, s); s.start >= s.end {
		return
	}
	piece := p.c.piece(p.title, p.text, s, p.headings)
	if piece.Tokens > p.c.maxTokens {
		if s.start < p.fresh {
			p.emit(span{p.fresh, s.end})
			return
		}
		if middle := p.middle(s); middle < s.end {
			p.emit(span{s.start, middle})
			p.emit(span{middle, s.end})
			return
		}
		piece = p.c.piece(p.title, p.text, s, []string{ellipsis})
	}
	piece.Ordinal = len(p.pieces)
	p.pieces = append(p.pieces, piece)
}

// middle is a place to cut a span in two: behind the word in its middle, or else
// inside of it. The end of the span means that it is a single rune.
func (p *packer) middle(s span) int {
	half := min(s.end, runeCeil(p.text, s.start+(s.end-s.start)/2))
	if end := wordEnd(p.text, half, s.end); end < s.end {
		return end
	}
	if s.start < half && half < s.end {
		return half
	}
	_, size := utf8.DecodeRuneInString(p.text[s.start:s.end])
	return s.start + size
}
