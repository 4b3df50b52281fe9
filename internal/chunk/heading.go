package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// headingOf gives the text of a heading on one line, bounded: without its marks, its
// anchor and the addresses of its links.
func headingOf(block string) string {
	text := strings.TrimSpace(block)
	if n := atxLevel(text); n > 0 {
		text = strings.TrimSpace(text[n:])
	} else if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = strings.TrimSpace(text[:i]) // without the line under it
	}
	if strings.HasSuffix(text, "}") {
		if i := strings.LastIndex(text, "{#"); i > 0 {
			text = strings.TrimSpace(text[:i])
		}
	}
	if strings.HasSuffix(text, "#") {
		if marks := strings.TrimRight(text, "#"); marks == "" || strings.HasSuffix(marks, " ") {
			text = strings.TrimSpace(marks)
		}
	}
	return cutMiddle(oneLine(withoutLinks(text)), maxHeadingBytes)
}

// oneLine makes one blank of each run of white space, and none at the ends.
func oneLine(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') || c >= utf8.RuneSelf && strings.ContainsFunc(s[i:min(i+utf8.UTFMax, len(s))], unicode.IsSpace) {
			return strings.Join(strings.Fields(s), " ")
		}
	}
	return s
}

// withoutLinks leaves a link's text and drops its address: [text](address).
func withoutLinks(s string) string {
	if !strings.Contains(s, "](") {
		return s
	}
	var out strings.Builder
	for {
		at := strings.Index(s, "](")
		end := -1
		if at >= 0 {
			end = closing(s[at+2:])
		}
		if end < 0 {
			return out.String() + s
		}
		text := strings.LastIndexByte(s[:at], '[')
		if text < 0 {
			out.WriteString(s[:at+2])
			s = s[at+2:]
			continue
		}
		out.WriteString(strings.TrimSuffix(s[:text], "!"))
		out.WriteString(s[text+1 : at])
		s = s[at+2+end+1:]
	}
}

// closing finds the bracket that closes a link's address; -1 is none.
func closing(s string) int {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// leadingHeadings appends the headings that a span begins with. They follow from the
// first used bytes of it.
//
// The end of a line is looked for in maxHeadingLine bytes: to the end of a text of one line it
// would be looked for again by every chunk.
func leadingHeadings(dst []string, span string) (all []string, used int) {
	rest := span
	for len(dst) < cap(dst) {
		rest = strings.TrimLeft(rest, "\n\r")
		end := strings.IndexByte(rest[:min(len(rest), maxHeadingLine)], '\n')
		goesOn := end < 0 && len(rest) > maxHeadingLine
		if end < 0 {
			end = min(len(rest), maxHeadingLine)
		}
		used = len(span) - len(rest) + 1
		body := strings.TrimLeft(rest[:end], " ")
		if body == "" {
			break
		}
		if body[0] == '#' {
			used += end
		}
		if goesOn {
			break
		}
		if end-len(body) > 3 || atxLevel(body) == 0 {
			under := underlineAt(rest, end)
			used += under
			if under == 0 || setextLevel(strings.TrimLeft(rest[end+1:under], " ")) == 0 {
				break
			}
			end = under
		}
		dst = append(dst, headingOf(rest[:end]))
		rest = rest[end:]
	}
	return dst, used
}

// underlineAt gives the end of a text's second line, if that may be the line under a
// heading; end is that of the first.
func underlineAt(text string, end int) int {
	i := end + 1
	for i < len(text) && text[i] == ' ' {
		i++
	}
	if i >= len(text) || text[i] != '=' && text[i] != '-' {
		return 0
	}
	if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(text)
}

// cutMiddle keeps the front and a shorter end of a text that is too long.
func cutMiddle(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	keep := limit - len(ellipsis)
	front := runeFloor(s, keep*2/3)
	back := runeCeil(s, len(s)-keep/3)
	return strings.TrimSpace(s[:front]) + ellipsis + strings.TrimSpace(s[back:])
}

// runeFloor and runeCeil move an offset to a rune boundary; in what is not UTF-8
// they give up after the length of a rune.
func runeFloor(s string, i int) int {
	for range utf8.UTFMax - 1 {
		if i <= 0 || i >= len(s) || utf8.RuneStart(s[i]) {
			break
		}
		i--
	}
	return i
}

func runeCeil(s string, i int) int {
	for range utf8.UTFMax - 1 {
		if i >= len(s) || utf8.RuneStart(s[i]) {
			break
		}
		i++
	}
	return i
}

// maxHeadingLine is more than the bytes of a chunk's first line that can matter.
const maxHeadingLine = 64 << 10
