package clean

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Bounds of tables: the converter fills all rows to the width of the widest.
const (
	maxSpan         = 64
	maxEmptyPerCell = 4
	minTableCells   = 10_000
)

// tame changes a tree so that the converter does little and linear work on it:
// what says nothing goes, neighbouring texts become one (it would join them one
// by one), tables that would grow by filling become plain blocks.
func tame(root *html.Node) {
	removeSilent(root)
	joinTexts(root)
	walk(root, func(n *html.Node, _ int) {
		switch {
		case n.Type == html.TextNode:
			tameText(n)
		case n.DataAtom == atom.Td || n.DataAtom == atom.Th:
			boundSpans(n)
		case n.DataAtom == atom.Table:
			unfoldTable(n)
		}
	})
}

// removeSilent takes out what shows no text.
func removeSilent(root *html.Node) {
	var silent []*html.Node
	walk(root, func(n *html.Node, _ int) {
		if isSilent(n) && n != root {
			silent = append(silent, n)
		}
	})
	for _, n := range silent {
		n.Parent.RemoveChild(n)
	}
}

func isSilent(n *html.Node) bool {
	switch n.Type {
	case html.CommentNode, html.DoctypeNode:
		return true
	case html.ElementNode:
		switch n.DataAtom {
		case atom.Script, atom.Style, atom.Link, atom.Meta, atom.Iframe, atom.Noscript, atom.Head,
			atom.Input, atom.Textarea, atom.Select, atom.Button, atom.Template, atom.Object, atom.Svg:
			return true
		case atom.Img: // an image inside of the page itself: megabytes that are no text
			return strings.HasPrefix(attribute(n, "src"), "data:")
		}
	}
	return false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// joinTexts makes one node of each run of text nodes.
func joinTexts(root *html.Node) {
	var runs []*html.Node
	walk(root, func(n *html.Node, _ int) {
		if isText(n) && isText(n.NextSibling) && !isText(n.PrevSibling) {
			runs = append(runs, n)
		}
	})
	for _, first := range runs {
		var b strings.Builder
		b.WriteString(first.Data)
		for isText(first.NextSibling) {
			b.WriteString(first.NextSibling.Data)
			first.Parent.RemoveChild(first.NextSibling)
		}
		first.Data = b.String()
	}
}

func isText(n *html.Node) bool { return n != nil && n.Type == html.TextNode }

// tameText escapes what would be read as structure where the text stands.
func tameText(n *html.Node) {
	inCode, inCell := false, false
	for p := n.Parent; p != nil; p = p.Parent {
		inCode = inCode || p.DataAtom == atom.Pre || p.DataAtom == atom.Code
		inCell = inCell || p.DataAtom == atom.Td || p.DataAtom == atom.Th
	}
	if !inCode {
		n.Data = escapeText(n.Data)
	}
	if inCell {
		n.Data = strings.ReplaceAll(n.Data, "|", `\|`)
	}
}

// escapeText puts a backslash before what would make a heading or a code fence
// of running text.
func escapeText(text string) string {
	if body := strings.TrimLeft(text, " \t\n\r"); strings.HasPrefix(body, "#") {
		text = text[:len(text)-len(body)] + `\` + body
	}
	if strings.Contains(text, "```") || strings.Contains(text, "~~~") {
		text = fenceEscaper.Replace(text)
	}
	return text
}

var fenceEscaper = strings.NewReplacer("```", "\\`\\`\\`", "~~~", `\~\~\~`)

func boundSpans(cell *html.Node) {
	for i, a := range cell.Attr {
		if a.Key != "colspan" && a.Key != "rowspan" {
			continue
		}
		if span, err := strconv.Atoi(a.Val); err != nil || span > maxSpan {
			cell.Attr[i].Val = "1"
		}
	}
}

// unfoldTable makes plain blocks of a table that has far more places than cells.
func unfoldTable(table *html.Node) {
	var parts []*html.Node
	rows, cells, inRow, widest := 0, 0, 0, 0
	walk(table, func(n *html.Node, _ int) {
		switch n.DataAtom {
		case atom.Tr:
			rows++
			inRow = 0
			parts = append(parts, n)
		case atom.Td, atom.Th:
			cells++
			inRow += max(1, span(n, "colspan")) * max(1, span(n, "rowspan"))
			widest = max(widest, inRow)
			parts = append(parts, n)
		}
	})
	if rows*widest <= max(minTableCells, maxEmptyPerCell*cells) {
		return
	}
	for _, n := range append(parts, table) {
		n.Data, n.DataAtom = "div", atom.Div
	}
}

func span(cell *html.Node, name string) int {
	n, _ := strconv.Atoi(attribute(cell, name))
	return min(n, maxSpan)
}
