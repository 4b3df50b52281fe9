package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pulse"
	"pulse/internal/index/keyword"
)

func marker(query string) *keyword.Marker {
	return newMarker(&checked{Query: pulse.Query{Text: query}}, nil)
}

// marked shows the marks of a passage in brackets.
func marked(passage string, marks [][2]int) string {
	var b strings.Builder
	last := 0
	for _, m := range marks {
		b.WriteString(passage[last:m[0]] + "[" + passage[m[0]:m[1]] + "]")
		last = m[1]
	}
	return b.String() + passage[last:]
}

func TestCutPassage(t *testing.T) {
	f := func(span, query, want string) {
		t.Helper()
		if got := marked(cutPassage(span, "en", marker(query))); got != want {
			t.Errorf("passage for %q:\n got %q\nwant %q", query, got, want)
		}
	}
	filler := strings.Repeat("Nothing is here to be found at all. ", 12)
	long := strings.Repeat("never ending words that go on ", 30)

	f("", "word", "")
	f("One word, two Words.", "WORD", "One [word], two [Words].")
	f("  Short text.\n", "absent", "Short text.")
	f("東京都に行く", "東京都", "[東京都]に行く")
	f("cafe\u0301 CAFÉ", "café", "[cafe\u0301] [CAFÉ]")
	f(filler+"Here is the zebra. "+filler, "zebra", "Here is the [zebra]. "+strings.TrimSpace(filler[:36*7]))
	f("A lion. "+filler+"A lion and a zebra. "+filler, "lion zebra", "A [lion] and a [zebra]. "+strings.TrimSpace(filler[:36*7]))
	unit := long[:30]
	f(long+"zebra "+long, "zebra", "words that go on "+unit+unit+"[zebra] "+strings.Repeat(unit, 7)+"never")
	f(filler, "zebra", strings.TrimSpace(filler[:36*8]))
	f(strings.Repeat("猫", 200), "zebra", strings.Repeat("猫", 100))
}

func FuzzCutPassage(f *testing.F) {
	f.Add("One sentence. Another one, with words!", "words")
	f.Add(strings.Repeat("猫が好き ", 90), "好き")
	f.Add(strings.Repeat("x", 700)+" word", "word x")
	f.Add("\xe7\x8c", "x")
	f.Fuzz(func(t *testing.T, span, query string) {
		set := marker(query)
		passage, marks := cutPassage(span, "en", set)
		if len(passage) > passageBytes || !strings.Contains(span, passage) {
			t.Fatalf("passage of %d bytes: %q", len(passage), passage)
		}
		if utf8.ValidString(span) && !utf8.ValidString(passage) {
			t.Fatalf("passage is cut inside a rune: %q", passage)
		}
		last := -1
		for _, m := range marks {
			if m[0] <= last || m[1] <= m[0] || m[1] > len(passage) {
				t.Fatalf("marks %v of %q", marks, passage)
			}
			last = m[1]
		}
		matched := false
		for _, m := range set.Marks(span, "en") {
			matched = matched || m.End-m.Start < passageBytes/2
		}
		if matched && utf8.ValidString(span) && len(marks) == 0 {
			t.Fatalf("%q for %q has no mark", passage, query)
		}
	})
}

func BenchmarkCutPassage(b *testing.B) {
	span := strings.Repeat("A sentence of some words, of which a few are the words that count. ", 20)
	set := marker("words that count twice")
	b.SetBytes(int64(len(span)))
	b.ReportAllocs()
	for b.Loop() {
		cutPassage(span, "en", set)
	}
}
