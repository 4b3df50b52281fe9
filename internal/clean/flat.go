package clean

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// convertFlat makes markdown of a page tag by tag, without a tree: linear in
// time, and in memory not more than the page again. Nesting means nothing here
// but for lists, so that no depth is too deep. It takes the whole body: headings,
// lists, code blocks and the rows of tables stay, links and emphasis become text.
func convertFlat(src string) string {
	w := flatWriter{out: make([]byte, 0, len(src)/2)}
	t := newTokens(src)
	for {
		switch t.next() {
		case html.ErrorToken:
			w.endCode()
			return string(w.out)
		case html.TextToken:
			w.text(t.z.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			w.startTag(t.name)
		case html.EndTagToken:
			w.endTag(t.name)
		}
	}
}

type flatWriter struct {
	out    []byte
	silent bool   // the next text belongs to a script or the like
	breaks int    // line ends that wait for text
	space  bool   // a blank that waits for text
	mark   string // of a heading, a list item or a cell: waits for text
	lists  int    // depth of lists, up to maxListDepth
	inCode bool
	code   []byte // of the open code block
}

const maxListDepth = 8

func (w *flatWriter) text(raw []byte) {
	switch {
	case w.silent:
		w.silent = false
	case w.inCode:
		w.code = append(w.code, raw...)
	default:
		w.words(raw)
	}
}

// words writes running text: white space collapsed, and what would be a fence or
// a heading escaped.
func (w *flatWriter) words(raw []byte) {
	text := string(raw)
	if strings.TrimLeft(text, blanks) != text {
		w.space = true
	}
	for _, word := range strings.FieldsFunc(escapeText(text), isBlank) {
		w.flush()
		w.out = append(w.out, word...)
		w.space = true
	}
	if strings.TrimRight(text, blanks) == text {
		w.space = false
	}
}

const blanks = " \t\n\r\f"

func isBlank(r rune) bool { return strings.ContainsRune(blanks, r) }

// flush writes what was waiting for text.
func (w *flatWriter) flush() {
	if w.breaks > 0 {
		if len(w.out) > 0 {
			w.out = append(w.out, "\n\n"[:w.breaks]...)
		}
	} else if w.space {
		w.out = append(w.out, ' ')
	}
	w.out = append(w.out, w.mark...)
	w.breaks, w.space, w.mark = 0, false, ""
}

// newLine asks for a line end before the next text; two make a blank line.
func (w *flatWriter) newLine(n int) {
	w.breaks = max(w.breaks, n)
	w.mark = ""
}

func (w *flatWriter) startTag(name atom.Atom) {
	w.silent = isRawText(name)
	switch {
	case w.inCode:
		return
	case name == atom.Pre:
		w.newLine(2)
		w.inCode = true
	case headingMarks[name] != "":
		w.newLine(2)
		w.mark = headingMarks[name]
	case name == atom.Ul || name == atom.Ol:
		w.newLine(1 + btoi(w.lists == 0))
		w.lists = min(w.lists+1, maxListDepth)
	case name == atom.Li:
		w.newLine(1)
		w.mark = strings.Repeat("  ", max(0, w.lists-1)) + "- "
	case name == atom.Td || name == atom.Th:
		if w.breaks == 0 {
			w.mark = " | "
			w.space = false
		}
	case isLine(name):
		w.newLine(1)
	case isBlock(name):
		w.newLine(2)
	}
}

func (w *flatWriter) endTag(name atom.Atom) {
	w.silent = false
	switch {
	case name == atom.Pre:
		w.endCode()
	case w.inCode:
	case name == atom.Ul || name == atom.Ol:
		w.lists = max(0, w.lists-1)
		w.newLine(1 + btoi(w.lists == 0))
	case name == atom.Li, isLine(name):
		w.newLine(1)
	case headingMarks[name] != "", isBlock(name):
		w.newLine(2)
	}
}

// endCode writes the open code block in a fence that is longer than any in it.
func (w *flatWriter) endCode() {
	code := bytes.Trim(w.code, "\r\n")
	w.code, w.inCode = w.code[:0], false
	if len(bytes.TrimSpace(code)) == 0 {
		return
	}
	marks := strings.Repeat("`", max(minFence, longestRun(code, '`')+1))
	w.mark = ""
	w.breaks = 2
	w.flush()
	w.out = append(w.out, marks...)
	w.out = append(w.out, '\n')
	w.out = append(w.out, code...)
	w.out = append(w.out, '\n')
	w.out = append(w.out, marks...)
	w.newLine(2)
}

func longestRun(b []byte, c byte) int {
	longest, run := 0, 0
	for _, x := range b {
		if x != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

var headingMarks = map[atom.Atom]string{
	atom.H1: "# ", atom.H2: "## ", atom.H3: "### ", atom.H4: "#### ", atom.H5: "##### ", atom.H6: "###### ",
}

// isRawText: the elements whose content comes as one text token and is not shown.
func isRawText(name atom.Atom) bool {
	switch name {
	case atom.Script, atom.Style, atom.Iframe, atom.Noembed, atom.Noframes, atom.Noscript,
		atom.Textarea, atom.Title:
		return true
	}
	return false
}

func isLine(name atom.Atom) bool {
	switch name {
	case atom.Br, atom.Tr, atom.Dt, atom.Dd, atom.Option, atom.Summary:
		return true
	}
	return false
}

func isBlock(name atom.Atom) bool {
	switch name {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Caption, atom.Center, atom.Details,
		atom.Dialog, atom.Div, atom.Dl, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer,
		atom.Form, atom.Header, atom.Hgroup, atom.Hr, atom.Main, atom.Menu, atom.Nav, atom.P,
		atom.Search, atom.Section, atom.Table:
		return true
	}
	return false
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
