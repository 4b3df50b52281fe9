package chunk

import "strings"

// maxDepth bounds how many lists and quotes stand in each other; what is deeper is
// plain text.
const maxDepth = 64

// scanner reads the blocks of a markdown text line by line, as CommonMark 0.31 and
// GFM's tables say, in linear time and as far as it is asked. It is a scanner and not a
// parser, because the tree of a parser costs several times what tokenizing the text
// does (goldmark: 52 MB/s), and only the lines where blocks begin and end are needed. Tests hold
// it against goldmark.
type scanner struct {
	text   string
	pos    int // where the next line begins; the end of the text
	stack  []container
	blocks []block // in order; the last one may be open
	leaf   leaf    // the open block, if any
}

// container is a quote or a list item that is open.
type container struct {
	quote bool
	// indent is what a line of an item needs to belong to it, in columns.
	indent int
	// empty: nothing but its mark has come yet.
	empty bool
}

// leaf is what the last block may still take.
type leaf struct {
	open  bool
	line  int     // where its last line begins
	text  int     // where that line's text does, behind the marks of containers
	mark  byte    // that opens the fence
	run   int     // of these marks
	until htmlEnd // where the HTML ends
}

// reset begins a text.
func (s *scanner) reset(text string) {
	s.text, s.pos, s.leaf = text, 0, leaf{}
	s.stack, s.blocks = s.stack[:0], s.blocks[:0]
}

// done reports whether all of the text is read.
func (s *scanner) done() bool { return s.pos >= len(s.text) }

// line reads the next line.
func (s *scanner) line() {
	start, end := s.pos, len(s.text)
	if s.text[start] == '\n' {
		end = start
	} else if i := strings.IndexByte(s.text[start:], '\n'); i >= 0 {
		end = start + i
	}
	s.pos = min(end+1, len(s.text))
	if end > start && s.text[end-1] == '\r' {
		end--
	}
	if len(s.stack) == 0 && s.plain(start, end) {
		return
	}
	c := cursor{text: s.text[:end], pos: start}
	matched := s.match(&c)
	if matched < len(s.stack) || !s.leaf.open || !s.goOn(&c, start) {
		s.begin(&c, start, matched)
	}
}

// plain reads what most lines are, outside of lists and quotes: the inside of a fence,
// an empty line, a line of a paragraph that begins like nothing else.
func (s *scanner) plain(start, end int) bool {
	isPlain := start < end && plainStart[s.text[start]]
	switch {
	case s.leaf.open && s.last().kind == fence:
		if start < end && !isPlain {
			return false
		}
		s.extend(start, start, end)
	case s.leaf.open && !s.inText():
		return false
	case start == end:
		s.leaf.open = false
	case !isPlain:
		return false
	case s.leaf.open:
		s.extend(start, start, end)
	default:
		s.open(block{span: span{start, end}, kind: prose}, start, start)
	}
	return true
}

// plainStart marks the bytes that begin no block but a paragraph, and are no part of
// a table's second row nor the line under a heading.
var plainStart = func() (t [256]bool) {
	for i := range t {
		t[i] = !strings.ContainsRune(" \t\r\v\f#>`~<=-+*_|:0123456789", rune(i))
	}
	return t
}()

// match goes over the marks of the open containers, and gives how many go on.
func (s *scanner) match(c *cursor) int {
	for i := range s.stack {
		k := &s.stack[i]
		width, next := c.blanks()
		switch blank := next == len(c.text); {
		case k.quote && (blank || width > 3 || c.text[next] != '>'):
			return i
		case k.quote:
			c.skipMark(width, next, 1)
		case blank:
			return s.matchBlank(i)
		case width < k.indent:
			return i
		default:
			c.take(k.indent)
			k.empty = false
		}
	}
	return len(s.stack)
}

// matchBlank: a line of white space goes on with items, up to the first quote, and
// up to an item that had nothing but its mark.
func (s *scanner) matchBlank(from int) int {
	for i := from; i < len(s.stack); i++ {
		if s.stack[i].quote || s.stack[i].empty {
			return i
		}
	}
	return len(s.stack)
}

// goOn gives the line to the open block, if that takes it whatever it says.
func (s *scanner) goOn(c *cursor, start int) bool {
	width, next := c.blanks()
	blank := next == len(c.text)
	switch s.last().kind {
	case fence:
		s.extend(start, c.pos, len(c.text))
		s.leaf.open = width > 3 || !closesFence(c.text[next:], s.leaf.mark, s.leaf.run)
		return true
	case markup:
		if blank && s.leaf.until == atBlank {
			return false
		}
		s.extend(start, c.pos, len(c.text))
		s.leaf.open = !s.leaf.until.in(c.text[c.pos:])
		return true
	case indented:
		if width >= 4 && !blank {
			s.extend(start, c.pos, len(c.text))
		}
		return width >= 4 || blank
	}
	return false
}

// begin opens what the line begins behind the containers that go on: more
// containers, then a block. Or the line goes on with a paragraph.
func (s *scanner) begin(c *cursor, start, matched int) {
	l := lineStart{c: c, start: start, rank: uint8(2 * matched)}
	l.goesOn = s.leaf.open && s.inText()
	l.interrupts = l.goesOn && matched == len(s.stack)
	nextItem := matched < len(s.stack) && !s.stack[matched].quote
	depth := matched
	for ; ; depth++ {
		l.width, l.next = c.blanks()
		if s.endOf(&l, depth, depth > matched) || s.leafAt(&l, depth) {
			return
		}
		k, ok := l.container()
		if !ok || depth >= maxDepth {
			break
		}
		if depth == matched && nextItem && !k.quote {
			l.rank++
		}
		s.stack = append(s.stack[:depth], k)
		l.goesOn, l.interrupts = false, false
	}
	s.textAt(&l, depth)
}
