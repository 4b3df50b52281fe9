package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// Columns that tables and texts keep within: those of the terminal, between these two;
// elsewhere the most.
const (
	minColumns = 40
	maxColumns = 100
)

// ANSI colours, for terminals alone.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// output is where a command's answer goes. Whatever comes from outside passes
// printable on its way to it.
type output struct {
	io.Writer
	errors io.Writer
	across int // columns of a line
	colour bool
	live   bool // the error output is a terminal: progress is drawn there
}

func newOutput(stdout, stderr io.Writer, environ []string) *output {
	return &output{Writer: stdout, errors: stderr, across: across(stdout), colour: terminal(stdout) && !noColour(environ), live: terminal(stderr)}
}

// across is how many columns a line may have.
func across(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return maxColumns
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil || n <= 0 { // no terminal, or one that does not know its size
		return maxColumns
	}
	return min(max(n, minColumns), maxColumns)
}

// noColour says whether the environment asks for none.
func noColour(environ []string) bool {
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if name == "NO_COLOR" && value != "" || name == "TERM" && value == "dumb" {
			return true
		}
	}
	return false
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (o *output) line(format string, args ...any) { fmt.Fprintf(o, format+"\n", args...) }

// note is for people: it does not mix with the answer.
func (o *output) note(format string, args ...any) { fmt.Fprintf(o.errors, format+"\n", args...) }

func (o *output) paint(colour, text string) string {
	if !o.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// json prints a value as indented JSON, in which control characters are escaped.
func (o *output) json(v any) error {
	e := json.NewEncoder(o)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printable makes a text from outside fit for a terminal: white space becomes single
// blanks, control characters and those that turn the direction of text go.
func printable(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
			continue
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// columns is the width of a printable text on a terminal.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r), unicode.Is(unicode.Cf, r):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a text to n columns.
func cut(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += runeColumns(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// pad fills a text up to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-columns(s))) }

// wrap breaks a text at blanks into lines of at most n columns; a longer word is cut.
func wrap(s string, n int) []string {
	var lines []string
	now := ""
	for _, word := range strings.Fields(s) {
		for columns(word) > n {
			head := strings.TrimSuffix(cut(word, n+1), "…")
			if now != "" {
				lines = append(lines, now)
			}
			lines, now, word = append(lines, head), "", word[len(head):]
		}
		switch {
		case now == "":
			now = word
		case columns(now)+1+columns(word) <= n:
			now += " " + word
		default:
			lines, now = append(lines, now), word
		}
	}
	return append(lines, now)
}

// when is a time as tables show it.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
