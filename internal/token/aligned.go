package token

import (
	"unicode/utf8"
	"unsafe"
)

// aligned is a stretch on its way through the steps of a pipeline: the text as it has
// become, in pieces, with where each byte comes from. It mirrors the reference's
// NormalizedString and PreTokenizedString, whose rules decide the offsets.
type aligned struct {
	stretch stretch
	text    []byte
	source  []source // of each byte of text
	pieces  []piece  // ascending; what lies between them has been dropped

	// The other half of a double buffer.
	nextText   []byte
	nextSource []source
	nextPieces []piece
	changes    []changedRune
	matches    []match
}

// source is the part of the whole text that a byte stands for.
type source struct{ start, end int }

// piece is a part of the text. A token is not touched any more.
type piece struct {
	start, end int
	isToken    bool
	id         uint32
}

// reset makes the text the stretch as given, in one piece.
func (n *aligned) reset(s stretch) {
	n.stretch = s
	n.text = append(n.text[:0], s.text...)
	n.source = n.source[:0]
	for i := 0; i < len(s.text); {
		_, size := utf8.DecodeRuneInString(s.text[i:])
		for range size {
			n.source = append(n.source, source{s.base + i, s.base + i + size})
		}
		i += size
	}
	n.pieces = append(n.pieces[:0], piece{end: len(n.text)})
}

func (n *aligned) string() string { return unsafe.String(unsafe.SliceData(n.text), len(n.text)) }

// given is the span in the whole text of a part of the text, which is not empty.
func (n *aligned) given(start, end int) (int, int) {
	return n.source[start].start, n.source[end-1].end
}

// first reports whether a piece stands at the start of the whole text.
func (n *aligned) first(p piece) bool { return n.stretch.first() && n.source[p.start].start == 0 }

// continues reports whether what stands before a piece is not in the stretch because of a
// cut, so that no prefix belongs before it.
func (n *aligned) continues(p piece) bool {
	return n.stretch.inner && n.source[p.start].start == n.stretch.base
}

// each rebuilds the text piece by piece: edit appends what becomes of a piece, by the
// methods below. Pieces that become empty are dropped.
func (n *aligned) each(edit func(p piece, text string)) {
	text := n.string()
	n.nextText, n.nextSource, n.nextPieces = n.nextText[:0], n.nextSource[:0], n.nextPieces[:0]
	for _, p := range n.pieces {
		start := len(n.nextText)
		if p.isToken {
			n.keep(p.start, p.end)
		} else {
			edit(p, text[p.start:p.end])
		}
		if p.start, p.end = start, len(n.nextText); p.start < p.end {
			n.nextPieces = append(n.nextPieces, p)
		}
	}
	n.text, n.nextText = n.nextText, n.text
	n.source, n.nextSource = n.nextSource, n.source
	n.pieces, n.nextPieces = n.nextPieces, n.pieces
}

// keep appends a part of the text as it is.
func (n *aligned) keep(start, end int) {
	n.nextText = append(n.nextText, n.text[start:end]...)
	n.nextSource = append(n.nextSource, n.source[start:end]...)
}

// put appends content that stands for what the byte at position like stands for.
func (n *aligned) put(content string, like int) {
	n.nextText = append(n.nextText, content...)
	for range len(content) {
		n.nextSource = append(n.nextSource, n.source[like])
	}
}

// prepend appends the piece with content before it, which stands for its first character.
func (n *aligned) prepend(content string, p piece) {
	_, size := utf8.DecodeRune(n.text[p.start:p.end])
	n.put(content, p.start)
	n.put(string(n.text[p.start:p.start+size]), p.start)
	n.keep(p.start+size, p.end)
}

// transform appends what changes make of the piece, after skipping characters of it.
func (n *aligned) transform(p piece, skip int, changes []changedRune) {
	at := p.start
	pass := func() {
		if at < p.end {
			_, size := utf8.DecodeRune(n.text[at:p.end])
			at += size
		}
	}
	for range skip {
		pass()
	}
	for _, c := range changes {
		like := at
		if c.change > 0 {
			like = max(at-1, p.start)
		}
		from := len(n.nextText)
		n.nextText = utf8.AppendRune(n.nextText, c.r)
		for range len(n.nextText) - from {
			n.nextSource = append(n.nextSource, n.source[like])
		}
		for range 1 - c.change {
			pass()
		}
	}
}

// match is a part of a piece, relative to it, and whether it is what was looked for.
type match struct {
	start, end int
	is         bool
}

// behavior says what splitting does with what was matched.
type behavior byte

const (
	removed behavior = iota
	isolated
	mergedWithPrevious
	mergedWithNext
	contiguous
)

// split splits every piece. find appends the parts of a text, matches or not: all of it,
// in order.
func (n *aligned) split(b behavior, find func(dst []match, text string) []match) {
	text := n.string()
	n.nextPieces = n.nextPieces[:0]
	for _, p := range n.pieces {
		if p.isToken {
			n.nextPieces = append(n.nextPieces, p)
			continue
		}
		n.matches = find(n.matches[:0], text[p.start:p.end])
		for _, m := range b.apply(n.matches) {
			if m.start < m.end {
				n.nextPieces = append(n.nextPieces, piece{start: p.start + m.start, end: p.start + m.end})
			}
		}
	}
	n.pieces, n.nextPieces = n.nextPieces, n.pieces
}

// splitAdded makes tokens of the added tokens in every piece.
func (n *aligned) splitAdded(added *addedTokens) {
	if added == nil {
		return
	}
	text := n.string()
	n.nextPieces = n.nextPieces[:0]
	for _, p := range n.pieces {
		at := p.start
		scan := added.scan(text[p.start:p.end])
		for scan.next() {
			if start := p.start + scan.start; at < start {
				n.nextPieces = append(n.nextPieces, piece{start: at, end: start})
			}
			at = p.start + scan.end
			n.nextPieces = append(n.nextPieces, piece{p.start + scan.start, at, true, scan.id})
		}
		if at < p.end {
			n.nextPieces = append(n.nextPieces, piece{start: at, end: p.end})
		}
	}
	n.pieces, n.nextPieces = n.nextPieces, n.pieces
}

// apply does to matches what b says, in place.
func (b behavior) apply(matches []match) []match {
	switch b {
	case removed:
		out := matches[:0]
		for _, m := range matches {
			if !m.is {
				out = append(out, m)
			}
		}
		return out
	case mergedWithPrevious, contiguous:
		return b.mergeLeft(matches)
	case mergedWithNext:
		return mergeRight(matches)
	}
	return matches
}

// mergeLeft joins a match to what precedes it: if that is none itself, or (contiguous)
// whatever is like it.
func (b behavior) mergeLeft(matches []match) []match {
	out := matches[:0]
	before := false
	for _, m := range matches {
		joins := m.is && !before
		if b == contiguous {
			joins = m.is == before
		}
		before = m.is
		if joins && len(out) > 0 {
			out[len(out)-1].end = m.end
		} else {
			out = append(out, m)
		}
	}
	return out
}

// mergeRight joins a match to what follows it if that is none.
func mergeRight(matches []match) []match {
	out := len(matches)
	behind := false
	for i := len(matches) - 1; i >= 0; i-- {
		m := matches[i]
		if m.is && !behind && out < len(matches) {
			matches[out].start = m.start
		} else {
			out--
			matches[out] = m
		}
		behind = m.is
	}
	return matches[out:]
}
