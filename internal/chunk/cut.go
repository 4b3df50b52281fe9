package chunk

import (
	"strings"
	"unicode/utf8"
)

// cut finds where to end a chunk whose own text begins at own and may go to hi: the
// best place in the second half, else the best in all of it. It is the start of what
// comes next; own is no place at all.
func (p *packer) cut(own, hi int, g *group) int {
	if trimEnd(p.text, own, g.end) <= hi {
		return g.end
	}
	next := skipSpace(p.text, hi, g.end)
	p.readTo(next, next+maxBytesPerToken*p.maxTokens)
	if i := p.blockAt(next); i >= 0 && p.blocks[i].start > own && p.staysWhole(i, hi, g) {
		return p.blocks[i].start
	}
	middle := own + (hi-own)/2
	if at := p.structural(middle, hi); at > 0 {
		return at
	}
	if at := p.rowThatFits(own, middle, next); at > 0 {
		return at
	}
	if at := p.word(middle, next); at > 0 {
		return at
	}
	if at := p.wordThatFits(own, middle, hi, g); at > 0 {
		return at
	}
	if at := p.inWord(middle, hi, g.end, wordWindow); at > 0 {
		return at
	}
	if at := p.best(own, middle); at > 0 {
		return at
	}
	if at := p.inWord(own, hi, g.end, hi-own); at > 0 {
		return at
	}
	return max(own, runeFloor(p.text, hi))
}

// best finds the best place to cut behind low, up to hi; 0 is none.
func (p *packer) best(low, hi int) int {
	if at := p.structural(low, hi); at > 0 || hi <= low {
		return at
	}
	return p.word(low, skipSpace(p.text, hi, len(p.text)))
}

// structural finds the best place to cut behind low, up to hi, that the text itself
// makes: a block's start, the less it is nested the better; else, by the kind of the
// block that hi lies in, the last start of a sentence or of a line. 0 is none.
func (p *packer) structural(low, hi int) int {
	if hi <= low {
		return 0
	}
	next := skipSpace(p.text, hi, len(p.text))
	i := p.blockAt(next)
	if at := p.blockStart(i, low); at > 0 {
		return at
	}
	switch {
	case i < 0:
		return p.sentence(low, hi, next)
	case p.blocks[i].hasRows():
		return p.row(&p.blocks[i], low, next)
	}
	return p.sentence(max(low, p.blocks[i].start), hi, next)
}

// hasRows reports whether a block consists of lines that stand for themselves.
func (b *block) hasRows() bool {
	return b.kind == fence || b.kind == indented || b.kind == markup || b.kind == table
}

// blockStart finds the block before or at i that begins behind low and is nested the
// least, and of those the last.
func (p *packer) blockStart(i, low int) int {
	best, rank := 0, uint8(0)
	for ; i >= 0 && p.blocks[i].start > low; i-- {
		if b := &p.blocks[i]; best == 0 || b.rank < rank {
			best, rank = b.start, b.rank
		}
	}
	return best
}

// row finds the last line of code, of HTML or of a table that begins behind low and at
// next at most. The line that closes a fence goes with what is before it.
func (p *packer) row(b *block, low, next int) int {
	low = max(low, b.body)
	for at := next; at > low; at-- {
		i := strings.LastIndexByte(p.text[low:at], '\n')
		if i < 0 {
			break
		}
		at = low + i + 1
		blank := at >= len(p.text) || p.text[skipBlanks(p.text, at)] == '\n'
		if !blank && (b.kind != fence || fenceRunOf(p.text[at:]) == 0) {
			return at
		}
	}
	return 0
}

// word finds the last white space behind low and at next at most, but for that in a
// link.
func (p *packer) word(low, next int) int {
	for at := next; at > low; {
		start := trimEnd(p.text, low, at)
		if start < at && !p.inAddress(at) {
			return at
		}
		at = start
		for at > low && !spaceBefore(p.text, at) {
			at--
		}
	}
	return 0
}

// wordFrom finds the first place between two words at from or behind it, before end;
// none where lines stand for themselves. 0 is none.
func (p *packer) wordFrom(from, end int) int {
	if i := p.blockAt(from); i >= 0 && p.blocks[i].hasRows() {
		return 0
	}
	at := from
	for at < end && !spaceBefore(p.text, at) {
		size, space := spaceAt(p.text, at)
		if !space && at == from {
			if r, _ := utf8.DecodeRuneInString(p.text[at:]); isUnspaced(r) {
				return p.inWord(from-1, from+(end-from)/2, len(p.text), wordWindow)
			}
		}
		at += size
	}
	if at = skipSpace(p.text, at, end); at >= end || p.inAddress(at) {
		return 0
	}
	return at
}

// rowThatFits finds the start of a line in the first half of a chunk, if that line
// stands for itself and fits a chunk of its own: it goes beyond the chunk.
func (p *packer) rowThatFits(own, middle, next int) int {
	i := p.blockAt(next)
	if i < 0 || !p.blocks[i].hasRows() {
		return 0
	}
	at := p.row(&p.blocks[i], own, middle)
	if at == 0 {
		return 0
	}
	end := strings.IndexByte(p.text[at:min(len(p.text), at+maxWordBytes*p.maxTokens+1)], '\n') + at
	if end < at || p.ruler.count(at, end) > p.maxTokens {
		return 0
	}
	return at
}

// maxWordBytes: a word with more bytes per token fits no chunk.
const maxWordBytes = 16

// wordThatFits finds the word that begins in the first half of a chunk, and goes
// beyond hi though it fits a chunk of its own.
func (p *packer) wordThatFits(own, middle, hi int, g *group) int {
	if r, _ := utf8.DecodeRuneInString(p.text[hi:]); isUnspaced(r) {
		return 0
	}
	at := p.word(own, middle)
	if at == 0 {
		return 0
	}
	end := at
	for end < g.end && end-at <= maxWordBytes*p.maxTokens {
		size, space := spaceAt(p.text, end)
		if space {
			break
		}
		end += size
	}
	if p.ruler.count(at, end) > p.maxTokens {
		return 0
	}
	return at
}

// fenceRunOf gives the length of the run of marks that opens or closes a fence on a
// line; 0 is none.
func fenceRunOf(line string) int {
	line = strings.TrimLeft(line[:min(len(line), 64)], " \t")
	if line == "" || line[0] != '`' && line[0] != '~' {
		return 0
	}
	n := 1
	for n < len(line) && line[n] == line[0] {
		n++
	}
	return n / 3 * 3
}
