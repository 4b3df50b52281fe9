package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pulse/internal/client"
)

func TestPrintable(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	f("a\tb\n\n c ", "a b c")
	f("\x1b[31mred\x1b[0m\x07\u009b", "[31mred[0m")
	f("a\u202eb\u2066c", "abc")
	f("a\xffb", "ab")
	f("é 中 👩‍👩‍👧", "é 中 👩‍👩‍👧")
	f("", "")
}

func TestCut(t *testing.T) {
	f := func(in string, n int, want string) {
		t.Helper()
		if got := cut(in, n); got != want || columns(got) > n {
			t.Errorf("%q to %d: %q of %d columns, want %q", in, n, got, columns(got), want)
		}
	}
	f("abc", 3, "abc")
	f("abcd", 3, "ab…")
	f("中文字", 6, "中文字")
	f("中文字", 5, "中文…")
	f("中文字", 4, "中…")
	f("é́é́", 2, "é́é́")
}

func TestWrap(t *testing.T) {
	f := func(in string, n int, want ...string) {
		t.Helper()
		if got := wrap(in, n); !slices.Equal(got, want) {
			t.Errorf("%q to %d: %q, want %q", in, n, got, want)
		}
	}
	f("", 5, "")
	f("a b c", 5, "a b c")
	f("aa bb cc", 5, "aa bb", "cc")
	f("a bbbbbbbb c", 3, "a", "bbb", "bbb", "bb", "c")
	f("中中中 a", 4, "中中", "中 a")
}

func TestPassage(t *testing.T) {
	f := func(text string, marks [][2]int, n int, want ...string) {
		t.Helper()
		o := &output{across: maxColumns, colour: true}
		got := o.passage(client.Hit{Passage: text, Marks: marks}, n)
		for i := range got {
			got[i] = strings.NewReplacer("\x1b[1m", "<", "\x1b[0m", ">").Replace(got[i])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q %v: %q, want %q", text, marks, got, want)
		}
	}
	f("one two three", [][2]int{{4, 7}}, 80, "one <two> three")
	f("--one-two\nthree", [][2]int{{2, 5}, {6, 9}}, 80, "--<one>-<two> three")
	f("aaaa bb-cc dd", [][2]int{{8, 10}}, 10, "aaaa bb-<cc>", "dd")
	f("aaaaa bb-cc dd", [][2]int{{9, 11}}, 10, "aaaaa", "bb-<cc> dd")
	f("one two", [][2]int{{4, 99}}, 80, "one two")
	f("one two", [][2]int{{4, 7}, {0, 3}}, 80, "one <two>")
	f("a\x1b[31m b", nil, 80, "a[31m b")
	f("中文 文字", [][2]int{{3, 6}}, 80, "中<文> 文字")
	f("", nil, 80)
	line := "word word word word word"
	f(strings.Repeat("word ", 40), nil, 24, line, line, line, line)
}

func TestColours(t *testing.T) {
	f := func(want bool, environ ...string) {
		t.Helper()
		o := newOutput(new(bytes.Buffer), new(bytes.Buffer), environ)
		if o.colour {
			t.Error("colours outside a terminal")
		}
		o.colour = !noColour(environ)
		if got := o.paint(bold, "x") != "x"; got != want {
			t.Errorf("%q: colours are %v, want %v", environ, got, want)
		}
	}
	f(true)
	f(true, "NO_COLOR=", "TERM=xterm")
	f(false, "NO_COLOR=1")
	f(false, "TERM=dumb")
}

func TestTableFits(t *testing.T) {
	f := func(across int) {
		t.Helper()
		var b bytes.Buffer
		o := &output{Writer: &b, across: across}
		table := table{head: []string{"ID", "PAGE", "WHY"}}
		const id = "0198d1f2-6a3b-7c44-9e10-3f5a7b2c8d01"
		table.add(id, "https://example.com/"+strings.Repeat("x", 200), strings.Repeat("why ", 100))
		table.add("2", strings.Repeat("中", 100), "line\nbreak")
		table.print(o)
		widest := 0
		for line := range strings.Lines(b.String()) {
			widest = max(widest, columns(strings.TrimRight(line, "\n")))
		}
		if lines := strings.Count(b.String(), "\n"); lines != 3 || widest > max(across, len(id)+2*(2+minColumn)) || widest < across-4 || !strings.Contains(b.String(), id) {
			t.Errorf("%d lines of at most %d columns, want 3 of %d with the id:\n%s", lines, widest, across, b.String())
		}
	}
	f(newOutput(new(bytes.Buffer), nil, nil).across) // no terminal: the most
	f(60)
	f(minColumns)
}
