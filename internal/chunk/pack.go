package chunk

import (
	"context"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"pulse"
)

// maxBytesPerToken bounds a chunk in bytes: white space may count nothing, and a word
// of any length one token.
const maxBytesPerToken = 64

// prefixShare: at most one in so many tokens of a chunk is prefix, and as much again
// lines that are said twice.
const prefixShare = 4

// tinyShare: what has less than one in so many tokens of a chunk joins a neighbour.
const tinyShare = 16

// packer fills chunks, in order, each as far as it goes. It takes a section at a time,
// or several if all but the last are tiny, so that an edit in one moves no chunk of
// the others.
//
// For each chunk the ruler says how far the limit reaches, and the best place to cut
// up to there is looked for. The text is not counted piece by piece.
type packer struct {
	ruler              ruler
	maxTokens, overlap int

	outline
	title  string
	out    []byte // what is embedded, of all chunks
	pieces []Piece
	ends   []int // of each piece's text in out
	last   span  // of the last chunk, without what it repeats; empty at the start of a section

	head     []byte   // before the spans that ruler counts now
	lead     string   // at its end
	headSpan int      // the first bytes of a span that it depends on
	path     []string // that prefixed has an answer for
	prefixed []string
	hasPath  bool
	tokens   int // of the chunk that fill found
	places   []int
	window   []byte
}

func (p *packer) split(ctx context.Context, title, text string) ([]Piece, error) {
	p.ruler.begin(ctx, text)
	p.title = titlePart(title)
	for again := true; again; again = p.ruler.settle() {
		p.cutAll(text)
	}
	pieces := p.finish()
	if err := p.ruler.err(); err != nil {
		return nil, err
	}
	return pieces, nil
}

// cutAll cuts the text from its start.
func (p *packer) cutAll(text string) {
	p.outline.reset(text)
	p.out, p.pieces, p.ends = p.out[:0], p.pieces[:0], p.ends[:0]
	p.last, p.hasPath = span{}, false
	p.head = append(p.head[:0], "\x00"...) // none yet
	for at := p.content(0); at < len(text) && p.ruler.err() == nil; at = p.content(at) {
		at = p.chunk(at)
		p.forget(at)
	}
}

// finish gives the pieces their texts, which lie side by side in one string.
func (p *packer) finish() []Piece {
	all, pieces := string(p.out), slices.Clone(p.pieces)
	from := 0
	for i := range pieces {
		pieces[i].Embed = all[from:p.ends[i]]
		from = p.ends[i]
	}
	if len(p.out) > maxKeptBytes {
		p.out, p.pieces, p.ends = nil, nil, nil
	}
	clear(p.pieces)
	p.title, p.text = "", ""
	return pieces
}

const maxKeptBytes = 1 << 20

// content goes from a position over white space, but not over the blanks before the
// first line: they are the indentation of code and lists.
func (p *packer) content(at int) int {
	next := skipSpace(p.text, at, len(p.text))
	margin := next
	for margin > at && next < len(p.text) && (p.text[margin-1] == ' ' || p.text[margin-1] == '\t') {
		margin--
	}
	if margin == 0 || p.text[margin-1] == '\n' {
		return margin
	}
	return next
}

// group is what a chunk may hold, from where it begins.
type group struct {
	start    int  // of its first section
	end      int  // of its last one
	known    bool // end is the end; else it lies farther off than a chunk reaches
	begins   bool // the chunk begins the section
	headings []string
	section  int // the last one of it
}

// chunk makes the chunk of the text from at, and gives its end.
func (p *packer) chunk(at int) int {
	g := p.groupAt(at)
	if g.begins {
		p.last = span{}
	}
	g.headings = p.prefix(g.headings)
	for _, w := range ways {
		start := at
		if w.repeats {
			start = p.repeatFrom(at, &g)
		}
		if w.repeats && start == at {
			continue
		}
		if w.bare {
			g.headings = noPrefix
		}
		p.setHead(start, &g, w.lead)
		if end := p.fill(start, at, &g); end > at {
			return p.emit(start, at, end, &g)
		}
	}
	at = skipSpace(p.text, at, g.end)
	end := p.character(at, g.end)
	p.tokens = p.ruler.count(at, end)
	return p.emit(at, at, end, &g)
}

// ways to begin a chunk, from the best to one that always has room for a character.
var ways = [...]struct{ repeats, lead, bare bool }{
	{repeats: true, lead: true}, {lead: true}, {}, {bare: true},
}

var noPrefix = []string{ellipsis}

// groupAt finds what may be packed with the text from at: the rest of its section, and
// more sections while what is before them is tiny.
func (p *packer) groupAt(at int) group {
	far := at + maxBytesPerToken*p.maxTokens
	p.readTo(at, far)
	first := p.sectionAt(at)
	g := group{start: p.sections[first].start, section: first}
	g.begins = skipSpace(p.text, g.start, at) == at
	g.end, g.known = p.endOf(first, far)
	for g.begins && g.goesOn(p.text) && p.joins(at, &g) {
		g.section++
		g.end, g.known = p.endOf(g.section, far)
	}
	if g.goesOn(p.text) {
		p.joinLast(at, &g)
	}
	g.headings = commonPath(p.sections[first : g.section+1])
	return g
}

// goesOn reports whether there is a section behind the group.
func (g *group) goesOn(text string) bool { return g.known && g.end < len(text) }

// joinLast takes the page's last section in, if that is tiny and all fits one chunk.
func (p *packer) joinLast(at int, g *group) {
	end, known := p.endOf(g.section+1, g.end+p.maxTokens)
	if known && end >= len(p.text) && p.isTiny(g.end, end) && p.ruler.bare(at, trimEnd(p.text, at, end)) <= p.maxTokens-p.maxTokens/prefixShare {
		g.end = end
		g.section++
	}
}

// joins reports whether a group takes in the next section: while it says nothing but
// headings, or is tiny.
func (p *packer) joins(at int, g *group) bool {
	if p.sections[g.section].hasBody {
		return p.isTiny(at, g.end)
	}
	return trimEnd(p.text, at, g.end)-at <= p.maxTokens/2*usualBytesPerToken
}

// isTiny reports whether a part of the text is too little to be a chunk. It goes by
// its bytes: it need not be exact, but must not cost a count.
func (p *packer) isTiny(start, end int) bool {
	return trimEnd(p.text, start, end)-start < p.maxTokens/tinyShare*usualBytesPerToken
}

// usualBytesPerToken is about what English and Chinese have.
const usualBytesPerToken = 4

// prefix gives the headings of a path as a prefix has room for.
func (p *packer) prefix(path []string) []string {
	if p.hasPath && slices.Equal(p.path, path) {
		return p.prefixed
	}
	p.path, p.prefixed, p.hasPath = path, path, true
	limit := p.maxTokens / prefixShare
	if p.prefixCount(path) > limit {
		for _, p.prefixed = range shortened(path) {
			if p.prefixCount(p.prefixed) <= limit {
				break
			}
		}
	}
	return p.prefixed
}

// prefixCount counts a whole prefix. One that is short in bytes is not counted.
func (p *packer) prefixCount(headings []string) int {
	var buf [512]byte
	head, _ := appendPrefix(buf[:0], p.title, headings, "")
	if len(head) <= p.maxTokens/prefixShare*usualBytesPerToken/2 {
		return 0
	}
	p.useHead(head)
	return p.ruler.headCount()
}

// setHead makes the ruler count with what is put before a span from start.
func (p *packer) setHead(start int, g *group, withLead bool) {
	var buf [512]byte
	head, used := appendPrefix(buf[:0], p.title, g.headings, p.text[start:g.end])
	p.headSpan = used
	p.lead = ""
	if withLead {
		p.lead = p.leadAt(start)
	}
	head = append(head, p.lead...)
	p.useHead(head)
}

func (p *packer) useHead(head []byte) {
	if string(head) == string(p.head) {
		return
	}
	p.head = append(p.head[:0], head...)
	p.ruler.setHead(string(head))
}

// fill gives the end of a chunk from start, whose own text begins at own; own where it
// has no room for any.
func (p *packer) fill(start, own int, g *group) int {
	if p.fits(start, g) {
		return g.end
	}
	hi := p.reach(start, g)
	if start < own && p.wouldBreak(own, hi, g) {
		return own
	}
	first := skipSpace(p.text, own, g.end) // of its own text, behind the indentation
	for range maxTries {
		if hi <= first {
			break
		}
		end := p.cut(first, hi, g)
		if end <= first {
			break
		}
		text := trimEnd(p.text, first, end)
		p.tokens = p.ruler.count(start, text)
		if p.tokens <= p.maxTokens {
			return end
		}
		hi = min(hi, text) - (p.tokens - p.maxTokens)
	}
	return own
}

// fits reports whether all of a group that is not long fits the chunk, as most do.
func (p *packer) fits(start int, g *group) bool {
	end := trimEnd(p.text, start, g.end)
	if !g.known || end-start > p.maxTokens*usualBytesPerToken || end == start {
		return false
	}
	p.tokens = p.ruler.count(start, end)
	return p.tokens <= p.maxTokens
}

// maxTries bounds how often a chunk is cut shorter because its tokens do not add up.
const maxTries = 16

// reach says how far a chunk from start may go. Where it would leave a tiny rest of
// the section it leaves a larger one.
func (p *packer) reach(start int, g *group) int {
	bound := min(g.end, start+maxBytesPerToken*p.maxTokens)
	hi := p.ruler.reach(start, bound, p.maxTokens)
	if g.known && hi < trimEnd(p.text, start, g.end) && p.isTiny(hi, g.end) {
		return p.ruler.reach(start, bound, p.maxTokens-p.maxTokens/tinyShare)
	}
	return hi
}

// wouldBreak reports whether the block that begins at own could stay whole, did the
// chunk not repeat what is before it.
func (p *packer) wouldBreak(own, hi int, g *group) bool {
	i := p.blockAt(own)
	return i >= 0 && p.blocks[i].start >= own && p.staysWhole(i, hi, g)
}

// staysWhole reports whether a block is code or a table that does not end by hi, and
// fits a chunk of its own.
func (p *packer) staysWhole(i, hi int, g *group) bool {
	if p.blocks[i].kind != fence && p.blocks[i].kind != table {
		return false
	}
	far := p.blocks[i].start + maxBytesPerToken*p.maxTokens
	p.readTo(p.blocks[i].start, far)
	b := p.blocks[i]
	if b.end <= hi || b.end > far {
		return false
	}
	head, lead, headSpan := string(p.head), p.lead, p.headSpan
	p.setHead(b.start, g, false)
	fits := p.ruler.count(b.start, b.end) <= p.maxTokens
	p.useHead([]byte(head))
	p.lead, p.headSpan = lead, headSpan
	return fits
}

// emit adds the chunk from start to end, which is its own from own on, and gives end.
func (p *packer) emit(start, own, end int, g *group) int {
	text := trimEnd(p.text, own, end)
	from := p.compose(start, text, g)
	if string(p.out[from:]) != string(p.head) && p.recount(start, text, p.out[from:]) > p.maxTokens {
		g.headings, p.headSpan = noPrefix, math.MaxInt
		p.out = p.out[:from]
		p.compose(start, text, g)
		p.recount(start, text, p.out[from:])
	}
	p.out = append(p.out, p.text[start:text]...)
	p.pieces = append(p.pieces, Piece{Chunk: pulse.Chunk{
		Ordinal: len(p.pieces), Start: start, End: text, Tokens: p.tokens, Headings: g.headings, Hash: xxhash.Sum64(p.out[from:]),
	}})
	p.ends = append(p.ends, len(p.out))
	p.last = span{own, text}
	return end
}

// compose appends what is put before a chunk, which is what its tokens were counted
// with, unless it ends among the headings that it begins with.
func (p *packer) compose(start, end int, g *group) (from int) {
	from = len(p.out)
	if end-start >= p.headSpan {
		p.out = append(p.out, p.head...)
		return from
	}
	p.out, _ = appendPrefix(p.out, p.title, g.headings, p.text[start:end])
	p.out = append(p.out, p.lead...)
	return from
}

func (p *packer) recount(start, end int, head []byte) int {
	p.useHead(head)
	p.tokens = p.ruler.count(start, end)
	return p.tokens
}

// repeatFrom gives where a chunk begins whose own text begins at own: about as far back
// in the last chunk of the section as the overlap goes.
func (p *packer) repeatFrom(own int, g *group) int {
	if p.overlap == 0 || p.last.end == 0 {
		return own
	}
	low, end := max(p.last.start, g.start), p.last.end
	from := p.ruler.back(low, end, p.overlap)
	middle := from + (end-from)/2
	start := p.structural(max(from-1, p.last.start), middle)
	if start == 0 {
		start = p.wordFrom(max(from, p.last.start+1), middle)
	}
	if start == 0 {
		start = p.structural(middle, end-1)
	}
	if start == 0 || start >= end {
		return own
	}
	return start
}
