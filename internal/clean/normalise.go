package clean

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// source says what the text to normalise is.
type source int

const (
	markdownSource source = iota
	// textSource is plain text. It is kept as it is, but for lines that would open
	// a code fence (rulers of tildes, mostly): they would swallow all that follows,
	// and get a backslash. Headings, lists and quotes in plain text are what they
	// look like.
	textSource
)

// normalised is a text as it is kept.
type normalised struct {
	markdown string
	heading  string // the markdown of the first heading of level 1
}

// normaliser walks a text line by line. Every decision is made on a line as it
// is written, so that normalising the result changes nothing.
//
// Outside of code fences: white space at the end of lines goes, but for the two
// blanks of a hard line break; runs of blank lines become one; zero-width junk
// goes; letters are composed (NFC). Inside of fences only invalid bytes and
// control characters go. Line ends are LF, and the text begins and ends with a
// line that is not blank.
type normaliser struct {
	source    source
	out       []byte
	fence     fence
	list      listItem
	blank     bool   // a blank line waits to be written
	hardBreak bool   // the last line ended in one: written if text follows
	paragraph int    // where the last line begins when it can be a Setext heading; else -1
	heading   string // the first of level 1; a part of the input or a copy
}

func normalise(text string, from source) normalised {
	if strings.IndexByte(text, '\r') >= 0 {
		text = lineEnds.Replace(text)
	}
	n := normaliser{source: from, paragraph: -1, out: make([]byte, 0, len(text)+len(text)/64+16)}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		n.line(line)
	}
	return normalised{
		markdown: strings.TrimRight(string(n.out), "\n"),
		heading:  n.heading,
	}
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func (n *normaliser) line(raw string) {
	if n.fence.open() {
		if n.codeLine(raw) {
			return
		}
	}
	start := n.begin()
	n.out = appendLine(n.out, raw)
	written := n.out[start:]
	if len(written) == 0 {
		n.endBlank(start)
		return
	}
	n.joinTo(start)
	n.hardBreak = strings.HasSuffix(raw, "  ")
	n.structure(len(n.out) - len(written))
}

// codeLine writes a line of the open fence. False: the list item that holds the
// fence has ended without closing it, and the line stands outside.
func (n *normaliser) codeLine(raw string) bool {
	start := n.begin()
	n.out = appendCode(n.out, raw)
	line := n.out[start:]
	if n.fence.inList {
		// The line may yet be written as one outside: it is judged by that form.
		line = appendLine(nil, raw)
	}
	if n.fence.leftBy(line) {
		n.fence = fence{}
		n.out = n.out[:start]
		n.rewind(start)
		return false
	}
	if n.fence.closedBy(line) {
		n.fence = fence{}
	}
	return true
}

// begin ends the line before, and gives where the next one is written.
func (n *normaliser) begin() int {
	if len(n.out) > 0 {
		n.out = append(n.out, '\n')
	}
	return len(n.out)
}

// rewind undoes begin.
func (n *normaliser) rewind(start int) {
	if start > 0 {
		n.out = n.out[:start-1]
	}
}

// endBlank remembers a blank line instead of writing it.
func (n *normaliser) endBlank(start int) {
	n.rewind(start)
	n.blank = len(n.out) > 0
	n.hardBreak = false
	n.paragraph = -1
}

// joinTo puts the blank line or the hard break that was waiting before the line
// that begins at start.
func (n *normaliser) joinTo(start int) {
	switch {
	case n.blank:
		n.insert(start, "\n")
	case n.hardBreak:
		n.insert(start-1, "  ")
	}
	n.blank, n.hardBreak = false, false
}

// insert is used with what stands at the end of the output, one line at most, so
// that the whole stays linear.
func (n *normaliser) insert(at int, s string) {
	n.out = append(n.out, s...)
	copy(n.out[at+len(s):], n.out[at:len(n.out)-len(s)])
	copy(n.out[at:], s)
}

// structure looks at the line that was just written: whether it opens a fence,
// and whether it is the page's first heading.
func (n *normaliser) structure(start int) {
	line := n.out[start:]
	if f := openingFence(line, n.list); f.open() {
		if n.source == textSource {
			indent := len(line) - len(trimIndent(line))
			n.insert(start+indent, `\`)
		} else {
			n.fence = f
		}
		n.paragraph, n.hardBreak = -1, false
		return
	}
	n.list = n.list.after(line)
	if n.heading == "" {
		n.lookForHeading(start, line)
	}
}

func (n *normaliser) lookForHeading(start int, line []byte) {
	body := trimIndent(line)
	indent := len(line) - len(body)
	switch {
	case indent > 3:
	case len(body) > 1 && body[0] == '#' && (body[1] == ' ' || body[1] == '\t'):
		n.heading = strings.TrimRight(strings.TrimSpace(string(body[1:])), "#")
	case n.paragraph >= 0 && len(trimRun(body, '=')) == 0:
		n.heading = string(n.out[n.paragraph : start-1])
	default:
		n.paragraph = start
		return
	}
	n.paragraph = -1
}

// trimRun cuts all of one character from the front.
func trimRun(b []byte, c byte) []byte {
	for len(b) > 0 && b[0] == c {
		b = b[1:]
	}
	return b
}

// hasContent says whether anything is left that a person would read: a letter, a
// digit, or a sign beyond ASCII such as an emoji.
func hasContent(text string) bool {
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			if 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' {
				return true
			}
		case r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r)):
			return true
		}
	}
	return false
}

var (
	linkMarkup  = regexp.MustCompile(`!?\[([^\[\]]*)\]\([^()]*\)`)
	headingID   = regexp.MustCompile(`\s*\{[#.:][^{}]*\}\s*$`)
	emphasis    = regexp.MustCompile(`\*{1,3}([^*\s](?:[^*]*[^*\s])?)\*{1,3}`)
	escapedMark = regexp.MustCompile(`\\([!-/:-@\[-` + "`" + `{-~])`)
)
