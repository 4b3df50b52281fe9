package chunk

// cursor is a place in a line. A tab goes on to the next column that is a multiple of
// four, and may be taken in part.
type cursor struct {
	text     string // the whole text up to the line's end
	pos, col int
}

// blanks gives the columns of white space at the cursor, and where it ends.
func (c *cursor) blanks() (width, next int) {
	col := c.col
	for next = c.pos; next < len(c.text); next++ {
		switch c.text[next] {
		case ' ':
			col++
		case '\t':
			col += 4 - col&3
		default:
			return col - c.col, next
		}
	}
	return col - c.col, next
}

// take goes over n columns of white space, or less where there are not so many.
func (c *cursor) take(n int) {
	for n > 0 && c.pos < len(c.text) {
		width := 1
		if c.text[c.pos] == '\t' {
			width = 4 - c.col&3
		} else if c.text[c.pos] != ' ' {
			return
		}
		if width > n {
			c.col += n
			return
		}
		n -= width
		c.col += width
		c.pos++
	}
}

// skipMark goes over white space of so many columns, a mark of n bytes behind it and
// one column of white space behind that.
func (c *cursor) skipMark(width, next, n int) {
	c.pos, c.col = next+n, c.col+width+n
	c.take(1)
}

// lineStart is what is known of a line while its blocks are opened.
type lineStart struct {
	c     *cursor
	start int   // of the line
	width int   // columns of white space at the cursor
	next  int   // what is behind it
	rank  uint8 // of a block that begins here
	// goesOn: the line may go on with a paragraph. interrupts: that paragraph stands in
	// the containers that the line has, so that what is no text interrupts it.
	goesOn, interrupts bool
}

func (l *lineStart) blank() bool  { return l.next == len(l.c.text) }
func (l *lineStart) rest() string { return l.c.text[l.next:] }

// container takes the mark of a quote or of a list item.
func (l *lineStart) container() (container, bool) {
	if l.blank() || l.width > 3 {
		return container{}, false
	}
	if l.c.text[l.next] == '>' {
		l.c.skipMark(l.width, l.next, 1)
		return container{quote: true}, true
	}
	n, number := itemMark(l.rest())
	if n == 0 {
		return container{}, false
	}
	after := cursor{text: l.c.text, pos: l.next + n, col: l.c.col + l.width + n}
	width, next := after.blanks()
	empty := next == len(l.c.text)
	if l.interrupts && (empty || number != 1) {
		return container{}, false
	}
	if empty || width > 4 {
		width = 1
	}
	after.take(width)
	*l.c = after
	return container{indent: l.width + n + width, empty: empty}, true
}

// itemMark gives the length of a list item's mark, 0 for none, and its number; that of
// a bullet is 1.
func itemMark(s string) (n, number int) {
	for n < len(s) && n < 9 && '0' <= s[n] && s[n] <= '9' {
		number = 10*number + int(s[n]-'0')
		n++
	}
	if n == len(s) {
		return 0, 0
	}
	switch c := s[n]; {
	case n > 0 && (c == '.' || c == ')'):
	case n == 0 && (c == '-' || c == '+' || c == '*'):
		number = 1
	default:
		return 0, 0
	}
	n++
	if n < len(s) && s[n] != ' ' && s[n] != '\t' {
		return 0, 0
	}
	return n, number
}
