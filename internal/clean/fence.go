package clean

import "bytes"

// fence is an open code fence; the zero value is none.
type fence struct {
	char   byte // '`' or '~'
	length int
	inList bool
	offset int // where the content of its list item begins
}

func (f fence) open() bool { return f.length > 0 }

const minFence = 3

// openingFence says what fence a line opens. A fence may follow list markers, and
// may be indented as far as the content of the list item around it.
func openingFence(line []byte, around listItem) fence {
	body := trimIndent(line)
	indent := columns(line[:len(line)-len(body)])
	in := around
	if !around.holds(indent) {
		in = listItem{}
	}
	if indent-in.offset > 3 {
		return fence{}
	}
	for range maxMarkers {
		width := markerWidth(body)
		if width == 0 {
			break
		}
		in = listItem{within: true, offset: indent + width}
		indent += width
		body = body[width:]
	}
	f := fence{inList: in.within, offset: in.offset}
	f.char, f.length = fenceMark(body)
	if f.char == '`' && bytes.IndexByte(body[f.length:], '`') >= 0 {
		return fence{} // inline code
	}
	return f
}

// fenceMark gives the character and the length of a fence at the front; 0, 0 is none.
func fenceMark(body []byte) (char byte, length int) {
	if len(body) < minFence || body[0] != '`' && body[0] != '~' {
		return 0, 0
	}
	length = len(body) - len(trimRun(body, body[0]))
	if length < minFence {
		return 0, 0
	}
	return body[0], length
}

func (f fence) closedBy(line []byte) bool {
	body := trimIndent(line)
	rest := trimRun(body, f.char)
	return len(body)-len(rest) >= f.length && len(trimIndent(rest)) == 0
}

// leftBy says whether a line stands outside of the list item that holds the fence.
func (f fence) leftBy(line []byte) bool {
	if !f.inList {
		return false
	}
	body := trimIndent(line)
	return len(body) > 0 && columns(line[:len(line)-len(body)]) < f.offset && !f.closedBy(line)
}

// listItem is the list item that a line may belong to.
type listItem struct {
	within bool
	offset int // columns to where its content begins
}

func (l listItem) holds(indent int) bool { return l.within && indent >= l.offset }

// after is the list item that the line after this one may belong to.
func (l listItem) after(line []byte) listItem {
	body := trimIndent(line)
	indent := columns(line[:len(line)-len(body)])
	if width := markerWidth(body); width > 0 && (indent <= 3 || l.within) {
		return listItem{within: true, offset: indent + width}
	}
	if l.within && indent < l.offset && indent < minItemOffset {
		return listItem{}
	}
	return l
}

const (
	minItemOffset = 2 // "- x": no item's content begins earlier
	maxMarkers    = 3 // "- 1. - ```" is as far as anyone goes
)

// markerWidth is the width of a list marker with the blanks after it; 0 is none.
func markerWidth(body []byte) int {
	mark := 0
	switch {
	case len(body) == 0:
		return 0
	case body[0] == '-' || body[0] == '*' || body[0] == '+':
		mark = 1
	default:
		for mark < len(body) && mark < 9 && '0' <= body[mark] && body[mark] <= '9' {
			mark++
		}
		if mark == 0 || mark == len(body) || body[mark] != '.' && body[mark] != ')' {
			return 0
		}
		mark++
	}
	blanks := len(body[mark:]) - len(trimIndent(body[mark:]))
	if blanks == 0 {
		return 0
	}
	return mark + min(blanks, 4)
}

// trimIndent cuts blanks and tabs from the front.
func trimIndent(line []byte) []byte {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		line = line[1:]
	}
	return line
}

// columns is the width of blanks and tabs.
func columns(indent []byte) int {
	n := 0
	for _, c := range indent {
		if c == '\t' {
			n += 4 - n%4
		} else {
			n++
		}
	}
	return n
}
