package bench

import (
	"bytes"
	"testing"
	"time"
	"unicode/utf8"
)

func TestTable(t *testing.T) {
	var b bytes.Buffer
	s := &Screen{W: &b}
	s.Table([]string{"<name", "n"}, [][]string{{"a", "1,000"}, {"längst", "2"}})
	want := "  name        n\n  a       1,000\n  längst      2\n"
	if got := b.String(); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}

func TestNoteThatDoesNotFitStandsBelow(t *testing.T) {
	f := func(across int, want string) {
		t.Helper()
		var b bytes.Buffer
		(&Screen{W: &b, Width: across}).Facts([][3]string{{"repeats", "12", "answered as known"}, {"dead", "0", ""}})
		if got := b.String(); got != want {
			t.Errorf("%d columns:\n%s\nwant:\n%s", across, got, want)
		}
	}
	f(32, "  repeats  12  answered as known\n  dead      0\n")
	f(31, "  repeats  12\n    answered as known\n  dead      0\n")
}

func TestFigures(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(duration(0), "0 ms")
	f(duration(420*time.Microsecond), "420 µs")
	f(duration(1234*time.Microsecond), "1.23 ms")
	f(duration(45678*time.Microsecond), "45.7 ms")
	f(duration(456*time.Millisecond), "456 ms")
	f(duration(12*time.Second), "12.0 s")
	f(duration(30*time.Minute), "30.0 min")
	f(count(999), "999")
	f(count(1000), "1,000")
	f(count(1234567), "1,234,567")
	f(count(-1234), "-1,234")
	f(percent(0.5), "50.0 %")
	f(clip("a\n b\x1b[31m  c", 20), "a b[31m c")
	f(clip("abcdef", 4), "abc…")
}

func TestPassage(t *testing.T) {
	color := &Screen{Color: true}
	f := func(text string, marks [][2]int, n int, want string) {
		t.Helper()
		if got := passage(color, text, marks, n); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := utf8.RuneCountInString(passage(&Screen{}, text, marks, n)); got > n {
			t.Errorf("%q has %d characters, more than %d", text, got, n)
		}
	}
	f("drain\na node", [][2]int{{0, 5}}, 40, "\x1b[1mdrain\x1b[0m a node")
	f("", nil, 10, "")
	f("\x1b[31mred\x1b[0m", nil, 40, "[31mred[0m")
}

func TestReasons(t *testing.T) {
	var r reasons
	r.add("thin")
	r.add("empty after cleaning")
	r.add("thin")
	if got, want := r.String(), "thin (2), empty after cleaning (1)"; got != want || r.n != 3 {
		t.Errorf("%q of %d, want %q", got, r.n, want)
	}
}

func TestSyncTime(t *testing.T) {
	d, err := SyncTime(t.TempDir())
	if err != nil || d <= 0 {
		t.Errorf("%v, %v", d, err)
	}
}
