package main

import "strings"

// table prints rows in columns within a line: what is too wide is cut, the widest
// column first, but for the first one: it names the row, to other commands too.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.rows = append(t.rows, cells)
}

func (t *table) print(o *output) {
	widths := t.widths(o.across)
	o.line("%s", o.paint(dim, row(t.head, widths)))
	for _, cells := range t.rows {
		o.line("%s", row(cells, widths))
	}
}

// minColumn is the width that a cut column keeps.
const minColumn = 8

// widths are those of the columns in a line of n.
func (t *table) widths(n int) []int {
	widths := make([]int, len(t.head))
	for _, cells := range append([][]string{t.head}, t.rows...) {
		for i, cell := range cells {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for {
		total, widest := 2*(len(widths)-1)+widths[0], 1
		for i, w := range widths[1:] {
			total += w
			if w > widths[widest] {
				widest = i + 1
			}
		}
		if total <= n || widths[widest] <= minColumn {
			return widths
		}
		widths[widest]--
	}
}

func row(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(pad(cut(cell, widths[i]), widths[i]))
	}
	return strings.TrimRight(b.String(), " ")
}

// fields prints names and values below each other; values are wrapped.
type fields []struct{ name, value string }

func (f *fields) add(name, value string) {
	if value != "" {
		*f = append(*f, struct{ name, value string }{name, printable(value)})
	}
}

func (f fields) print(o *output) {
	indent := 0
	for _, field := range f {
		indent = max(indent, columns(field.name)+2)
	}
	for _, field := range f {
		for i, line := range wrap(field.value, o.across-indent) {
			name := ""
			if i == 0 {
				name = field.name
			}
			o.line("%s%s", o.paint(dim, pad(name, indent)), line)
		}
	}
}
