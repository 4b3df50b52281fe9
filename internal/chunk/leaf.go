package chunk

import "strings"

func (s *scanner) last() *block { return &s.blocks[len(s.blocks)-1] }

// inText reports whether the open block takes lines of text: it is a paragraph, or a
// table, which is a paragraph whose second line tells.
func (s *scanner) inText() bool {
	k := s.last().kind
	return k == prose || k == table
}

// open begins a block at the line's start; its text begins at text.
func (s *scanner) open(b block, start, text int) {
	if b.body == 0 {
		b.body = b.start
	}
	s.blocks = append(s.blocks, b)
	s.leaf = leaf{open: true, line: start, text: text}
}

// extend gives a line to the open block.
func (s *scanner) extend(start, text, end int) {
	s.last().end = end
	s.leaf.line, s.leaf.text = start, text
}

// endOf ends a line that says no more. marked says that it began a container.
func (s *scanner) endOf(l *lineStart, depth int, marked bool) bool {
	if !l.blank() {
		return false
	}
	s.stack = s.stack[:depth]
	if marked && !s.stack[depth-1].quote {
		s.open(block{span: span{l.start, len(l.c.text)}, kind: rule, rank: l.rank}, l.start, l.next)
	}
	s.leaf.open = false
	return true
}

// leafAt opens the block that begins at the cursor, other than a paragraph.
func (s *scanner) leafAt(l *lineStart, depth int) bool {
	b := block{span: span{l.start, len(l.c.text)}, rank: l.rank}
	if l.width > 3 {
		if l.goesOn {
			return false
		}
		b.kind = indented
		s.enter(b, l, depth)
		return true
	}
	rest := l.rest()
	switch rest[0] {
	case '#':
		level := atxLevel(rest)
		if level == 0 {
			return false
		}
		b.kind = heading
		if depth == 0 {
			b.level = uint8(level)
		}
	case '`', '~':
		return s.fenceAt(b, l, depth)
	case '<':
		return s.htmlAt(b, l, depth)
	case '=', '-', '*', '_':
		if l.interrupts && s.underline(l) {
			return true
		}
		if !isBreak(rest) {
			return false
		}
		b.kind = rule
	default:
		return false
	}
	s.enter(b, l, depth)
	s.leaf.open = false
	return true
}

// enter opens a block in the first depth containers.
func (s *scanner) enter(b block, l *lineStart, depth int) {
	s.stack = s.stack[:depth]
	s.open(b, l.start, l.next)
}

// textAt gives the line to a paragraph, an open one or a new one.
func (s *scanner) textAt(l *lineStart, depth int) {
	end := len(l.c.text)
	switch {
	case !l.goesOn:
		s.enter(block{span: span{l.start, end}, rank: l.rank}, l, depth)
	case l.interrupts && s.last().kind == prose && s.tableAt(l):
	default:
		s.extend(l.start, l.next, end)
	}
}

// underline makes a heading of the open paragraph, if the line is the line under one.
func (s *scanner) underline(l *lineStart) bool {
	level := setextLevel(l.rest())
	b := s.last()
	if level == 0 || b.kind != prose {
		return false
	}
	b.kind, b.end = heading, len(l.c.text)
	if len(s.stack) == 0 {
		b.level = uint8(level)
	}
	s.leaf.open = false
	return true
}

func (s *scanner) fenceAt(b block, l *lineStart, depth int) bool {
	run := fenceRun(l.rest())
	if run == 0 {
		return false
	}
	b.kind, b.lead, b.body = fence, span{l.next, len(l.c.text)}, s.pos
	s.enter(b, l, depth)
	s.leaf.mark, s.leaf.run = l.rest()[0], run
	return true
}

func (s *scanner) htmlAt(b block, l *lineStart, depth int) bool {
	until := htmlStart(l.rest(), !l.goesOn)
	if until == noHTML {
		return false
	}
	b.kind = markup
	s.enter(b, l, depth)
	s.leaf.until = until
	s.leaf.open = !until.in(l.rest())
	return true
}

// tableAt makes a table of the paragraph's last line and this one, if this one is the
// row under a header of as many cells, or of less, as goldmark has it.
func (s *scanner) tableAt(l *lineStart) bool {
	cells := delimiterCells(l.rest())
	if cells == 0 || cells < countCells(s.text[s.leaf.text:s.last().end]) {
		return false
	}
	t := block{span: span{s.leaf.line, len(l.c.text)}, kind: table, rank: uint8(2 * len(s.stack)), lead: span{s.leaf.text, len(l.c.text)}, body: s.pos}
	if b := s.last(); b.start == t.start {
		t.rank = b.rank
		s.blocks = s.blocks[:len(s.blocks)-1]
	} else {
		b.end = t.start - 1
	}
	s.open(t, l.start, l.next)
	return true
}

// atxLevel reads "## text"; 0 is none.
func atxLevel(s string) int {
	n := 0
	for n < len(s) && s[n] == '#' {
		n++
	}
	if n > maxLevel || n < len(s) && s[n] != ' ' && s[n] != '\t' {
		return 0
	}
	return n
}

// setextLevel reads the line under a heading: all "=" or all "-"; 0 is none.
func setextLevel(s string) int {
	s = strings.TrimRight(s, " \t\r")
	switch {
	case s == "":
	case strings.Trim(s, "=") == "":
		return 1
	case strings.Trim(s, "-") == "":
		return 2
	}
	return 0
}

// isBreak reads a thematic break.
func isBreak(s string) bool {
	n := 0
	for i := range len(s) {
		switch s[i] {
		case s[0]:
			n++
		case ' ', '\t':
		default:
			return false
		}
	}
	return n >= 3 && s[0] != '='
}

// fenceRun gives the length of the run of marks that opens a fence; 0 is none.
func fenceRun(s string) int {
	n := 1
	for n < len(s) && s[n] == s[0] {
		n++
	}
	if n < 3 || s[0] == '`' && strings.IndexByte(s[n:], '`') >= 0 {
		return 0
	}
	return n
}

func closesFence(s string, mark byte, run int) bool {
	n := 0
	for n < len(s) && s[n] == mark {
		n++
	}
	return n >= run && strings.TrimRight(s[n:], " \t\r") == ""
}

// delimiterCells counts the cells of a table's second row; 0 is no such row.
func delimiterCells(s string) int {
	n, piped := 0, false
	s = strings.TrimRight(s, " \t\r")
	if strings.HasPrefix(s, "|") {
		s, piped = s[1:], true
	}
	for s != "" {
		s = strings.TrimLeft(s, " \t")
		s = strings.TrimPrefix(s, ":")
		rest := strings.TrimLeft(s, "-")
		if len(rest) == len(s) {
			return 0
		}
		rest = strings.TrimLeft(strings.TrimPrefix(rest, ":"), " \t")
		if n++; rest != "" && rest[0] != '|' {
			return 0
		}
		if rest != "" {
			rest, piped = rest[1:], true
		}
		s = rest
	}
	if !piped {
		return 0
	}
	return n
}

// countCells counts the cells of a table's row.
func countCells(s string) int {
	s = strings.Trim(s, " \t\r")
	s = strings.TrimPrefix(s, "|")
	n := 1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '|':
			if i+1 < len(s) {
				n++
			}
		}
	}
	return n
}
