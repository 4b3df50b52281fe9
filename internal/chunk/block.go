package chunk

import "strings"

// span is a part of the text, in bytes.
type span struct{ start, end int }

// kind says what a block is, and so where it may be cut.
type kind int

const (
	prose   kind = iota // a paragraph
	rows                // lines that stand for themselves: list items, table rows, quotes
	code                // a fence with its content
	heading             // with the line under it, if it is a Setext one
)

const maxLevel = 6

type block struct {
	span
	kind    kind
	level   int    // of a heading, from 1
	heading string // its text, bounded
}

// scanner reads a text block by block, line by line. It knows as much of markdown
// as cutting needs: whatever it takes for what, no byte is lost.
type scanner struct {
	text   string
	pos    int
	inList bool // the last text at the margin was a list item
}

// next gives the next block; false is the end.
func (s *scanner) next() (block, bool) {
	for s.pos < len(s.text) {
		start := s.pos
		line := s.line()
		body := strings.TrimLeft(line, " \t")
		if strings.TrimSpace(body) == "" {
			continue
		}
		indent := len(line) - len(body)
		if indent <= 3 {
			if level, text := atxHeading(body); level > 0 {
				s.inList = false
				return block{span: span{start, start + len(line)}, kind: heading, level: level, heading: text}, true
			}
		}
		if mark := fenceMark(body); mark != "" && (indent <= 3 || s.inList) {
			return s.fence(start, mark, indent), true
		}
		return s.group(start, line, body), true
	}
	return block{}, false
}

// line takes a line without its end.
func (s *scanner) line() string {
	rest := s.text[s.pos:]
	i := strings.IndexByte(rest, '\n')
	if i < 0 {
		s.pos = len(s.text)
		return rest
	}
	s.pos += i + 1
	return rest[:i]
}

// peek looks at the next line without taking it.
func (s *scanner) peek() string {
	rest := s.text[s.pos:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		return rest[:i]
	}
	return rest
}

// fence takes a code block up to the line that closes it; one that is never closed
// goes to the end, or to the end of the list that holds it.
func (s *scanner) fence(start int, mark string, indent int) block {
	end := s.pos
	for s.pos < len(s.text) {
		at := s.pos
		line := s.line()
		body := strings.TrimSpace(line)
		if strings.HasPrefix(body, mark) && strings.Trim(body, mark[:1]) == "" {
			end = at + len(line)
			break
		}
		if indent > 0 && s.inList && body != "" && line[0] != ' ' && line[0] != '\t' {
			s.pos = at
			break
		}
		end = s.pos
	}
	return block{span: span{start, end}, kind: code}
}

// group takes lines up to a blank line, a heading or a fence.
func (s *scanner) group(start int, line, body string) block {
	b := block{span: span{start, start + len(line)}, kind: prose}
	switch {
	case isListItem(body):
		s.inList = true
		b.kind = rows
	case body[0] == '|' || body[0] == '>':
		b.kind = rows
	case len(line) == len(body):
		s.inList = false
	}
	for first := true; s.pos < len(s.text); first = false {
		next := s.peek()
		text := strings.TrimSpace(next)
		if first && b.kind == prose {
			if level := setextLevel(text); level > 0 {
				s.line()
				return block{span: span{start, s.lineEnd()}, kind: heading, level: level, heading: headingText(body)}
			}
		}
		if text == "" || fenceMark(text) != "" || text[0] == '#' && isATX(next) {
			break
		}
		s.line()
		b.end = s.lineEnd()
	}
	return b
}

// lineEnd is the end of the line that was just taken.
func (s *scanner) lineEnd() int {
	if s.pos > 0 && s.text[s.pos-1] == '\n' {
		return s.pos - 1
	}
	return s.pos
}

func isATX(line string) bool {
	body := strings.TrimLeft(line, " ")
	level, _ := atxHeading(body)
	return level > 0 && len(line)-len(body) <= 3
}

// beginsWithHeading looks at the first line, and the one under it.
func beginsWithHeading(text string) bool {
	first, rest, _ := strings.Cut(text, "\n")
	if isATX(first) {
		return true
	}
	second, _, _ := strings.Cut(rest, "\n")
	return setextLevel(strings.TrimSpace(second)) > 0
}

// atxHeading reads "## text"; level 0 is none.
func atxHeading(body string) (level int, text string) {
	rest := strings.TrimLeft(body[:min(len(body), maxLevel+1)], "#")
	level = min(len(body), maxLevel+1) - len(rest)
	if level == 0 || level > maxLevel {
		return 0, ""
	}
	rest = body[level:]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return 0, ""
	}
	return level, headingText(rest)
}

// setextLevel: the line under a heading is all "=" or all "-".
func setextLevel(line string) int {
	switch {
	case line == "":
	case strings.Trim(line, "=") == "":
		return 1
	case len(line) > 1 && strings.Trim(line, "-") == "":
		return 2
	}
	return 0
}

// headingText is the text of a heading without its closing marks and its anchor,
// on one line, bounded.
func headingText(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndex(s, "{#"); i > 0 && strings.HasSuffix(s, "}") {
		s = strings.TrimSpace(s[:i])
	}
	if closing := strings.TrimRight(s, "#"); closing == "" || strings.HasSuffix(closing, " ") {
		s = strings.TrimSpace(closing)
	}
	return cutMiddle(s, maxHeadingBytes)
}

// fenceMark is the run of marks that opens a fence; "" is none.
func fenceMark(body string) string {
	if len(body) < 3 || body[0] != '`' && body[0] != '~' {
		return ""
	}
	rest := strings.TrimLeft(body, body[:1])
	mark := body[:len(body)-len(rest)]
	if len(mark) < 3 || body[0] == '`' && strings.Contains(rest, "`") {
		return ""
	}
	return mark
}

func isListItem(body string) bool {
	digits := 0
	for digits < len(body) && digits < 9 && '0' <= body[digits] && body[digits] <= '9' {
		digits++
	}
	mark := body[digits:]
	if len(mark) < 2 || mark[1] != ' ' && mark[1] != '\t' {
		return false
	}
	if digits > 0 {
		return mark[0] == '.' || mark[0] == ')'
	}
	return mark[0] == '-' || mark[0] == '*' || mark[0] == '+'
}
