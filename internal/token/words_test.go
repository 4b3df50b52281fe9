package token

import (
	"strings"
	"testing"
	"unicode"
)

func TestWordsCount(t *testing.T) {
	f := func(s string, want int) {
		t.Helper()
		if got := (Words{}).Count(s); got != want {
			t.Fatalf("Count(%.40q) = %d, want %d", s, got, want)
		}
	}
	f("", 0)
	f(" \t\r\n\v\f\u00a0\u3000\u2028", 0)
	f("one", 1)
	f("  one, two\nthree ", 3)
	f("größer als\u00a0ja", 3)
	f("日本語", 3)
	f("日本語です。", 6)
	f("Go言語 rocks", 4)
	f("Kubernetes는", 2)
	f("ภาษา", 4)
	f("日\u3000本", 2)
	f("🙂🙂", 1)
	f("a\xffb \xff", 2)
	f(strings.Repeat("a", 64), 1)
	f(strings.Repeat("a", 65), 2)
	f(strings.Repeat("a", 100_000), 1563)
	f(strings.Repeat("a", 65)+" b", 3)
}

func FuzzWordsAddUp(f *testing.F) {
	f.Add("a b", "c日")
	f.Add(strings.Repeat("x", 200), "\xff\u3000")
	f.Fuzz(func(t *testing.T, a, b string) {
		var w Words
		if got, want := w.Count(a+" "+b), w.Count(a)+w.Count(b); got != want {
			t.Fatalf("together %d, alone %d", got, want)
		}
		if fields := len(strings.Fields(a)); w.Count(a) < fields {
			t.Fatalf("%d words of %d fields", w.Count(a), fields)
		}
	})
}

func TestUnspacedIsNeverSpace(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if Unspaced(r) && unicode.IsSpace(r) {
			t.Fatalf("%U is both", r)
		}
	}
}

func BenchmarkWords(b *testing.B) {
	f := func(name, unit string) {
		text := strings.Repeat(unit, 1<<20/len(unit))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Words{}.Count(text)
			}
		})
	}
	f("english", "The quick brown fox jumps over the lazy dog. ")
	f("japanese", "吾輩は猫である。名前はまだ無い。")
}
