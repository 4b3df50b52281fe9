package main

import "strings"

// table prints rows in columns within maxColumns: what is too wide is cut, the widest
// column first.
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
	widths := t.widths()
	o.line("%s", o.paint(dim, row(t.head, widths)))
	for _, cells := range t.rows {
		o.line("%s", row(cells, widths))
	}
}

// minColumn is the width that a cut column keeps.
const minColumn = 8

func (t *table) widths() []int {
	widths := make([]int, len(t.head))
	for _, cells := range append([][]string{t.head}, t.rows...) {
		for i, cell := range cells {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for {
		total, widest := 2*(len(widths)-1), 0
		for i, w := range widths {
			total += w
			if w > widths[widest] {
				widest = i
			}
		}
		if total <= maxColumns || widths[widest] <= minColumn {
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
		for i, line := range wrap(field.value, maxColumns-indent) {
			name := ""
			if i == 0 {
				name = field.name
			}
			o.line("%s%s", o.paint(dim, pad(name, indent)), line)
		}
	}
}
