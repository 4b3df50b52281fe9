package bench

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Screen is where a report goes.
type Screen struct {
	W     io.Writer
	Width int  // columns that texts keep within (100); tables of figures take what they need
	Live  bool // a terminal: progress moves in place
	Color bool // bold and dim are shown
}

// columns is how many a line may have.
func (s *Screen) columns() int { return cmp.Or(s.Width, 100) }

// Bold sets a text off.
func (s *Screen) Bold(text string) string { return s.style("1", text) }

// Dim makes a text stand back.
func (s *Screen) Dim(text string) string { return s.style("2", text) }

func (s *Screen) style(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Line prints a line.
func (s *Screen) Line(format string, args ...any) {
	fmt.Fprintf(s.W, format+"\n", args...)
}

// Table prints rows under a bold header, two spaces apart. Columns whose header begins
// with "<" are set left (the mark is not shown), all others right.
func (s *Screen) Table(header []string, rows [][]string) {
	left := make([]bool, len(header))
	head := make([]string, len(header))
	widths := make([]int, len(header))
	for i, h := range header {
		head[i], left[i] = strings.CutPrefix(h, "<")
		widths[i] = utf8.RuneCountInString(head[i])
	}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	s.Line("%s", s.Bold(tableLine(head, widths, left)))
	for _, row := range rows {
		s.Line("%s", tableLine(row, widths, left))
	}
}

func tableLine(cells []string, widths []int, left []bool) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString("  ")
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if left[i] {
			b.WriteString(cell + pad)
		} else {
			b.WriteString(pad + cell)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// Facts prints rows of a name, a figure and a note. Where one note does not fit, all
// stand below their figures.
func (s *Screen) Facts(rows [][3]string) {
	var name, figure, note int
	for _, r := range rows {
		name = max(name, utf8.RuneCountInString(r[0]))
		figure = max(figure, utf8.RuneCountInString(r[1]))
		note = max(note, utf8.RuneCountInString(r[2]))
	}
	between := "  "
	if 2+name+2+figure+2+note > s.columns() {
		between = "\n    "
	}
	for _, r := range rows {
		line := tableLine(r[:2], []int{name, figure}, []bool{true, false})
		if r[2] != "" {
			line += between + s.Dim(r[2])
		}
		s.Line("%s", line)
	}
}

// clip is a foreign text as one line of at most n characters, without control
// characters.
func clip(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:n-1]), " ") + "…"
}

// duration is a time with three figures and its unit.
func duration(d time.Duration) string {
	switch {
	case d == 0:
		return "0 ms"
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return figures(float64(d)/float64(time.Millisecond)) + " ms"
	case d < 10*time.Minute:
		return figures(d.Seconds()) + " s"
	}
	return figures(d.Minutes()) + " min"
}

// millis is a number of milliseconds as duration shows it.
func millis(ms float64) string { return duration(time.Duration(ms * float64(time.Millisecond))) }

// figures is a number with three figures.
func figures(f float64) string {
	switch {
	case f < 10:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case f < 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return count(int64(f + 0.5))
}

// count is a whole number with its thousands set apart.
func count[N int | int64 | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// percent is a share from 0 to 1.
func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', 1, 64) + " %" }
