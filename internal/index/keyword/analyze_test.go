package keyword

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
	"github.com/clipperhouse/uax29/v2/words"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

// token is what scan emits.
type token struct {
	text       string
	kind       kind
	start, end int
}

func tokens(text string) []token {
	var all []token
	scan(text, func(word []byte, k kind, start, end int) {
		all = append(all, token{string(word), k, start, end})
	})
	return all
}

// The words of the rules, without the extra tokens of identifiers.
func TestWords(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, t := range tokens(text) {
			if !t.kind.extra() {
				got = append(got, t.text)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("scan(%q) (-want +got):\n%s", text, diff)
		}
	}
	f("")
	f("  \t\n !? -- ___ …")
	f("The quick (“brown”) fox can’t jump 32.3 feet, right?",
		"the", "quick", "brown", "fox", "can't", "jump", "32.3", "feet", "right")
	f("Don't 3,000;4 a.b a:b a,b 1:2 x_1 _y_ v1.31.2 k8s.io.",
		"don't", "3,000;4", "a.b", "a:b", "a", "b", "1", "2", "x_1", "_y_", "v1.31.2", "k8s.io")
	f("kube-apiserver's", "kube", "apiserver's")
	f("STRASSE Straße ẞ", "strasse", "strasse", "ss")
	f("ΣΊΣΥΦΟΣ σίσυφος Ἀθῆναι ι", "σίσυφοσ", "σίσυφοσ", "ἀθῆναι", "ι")
	f("İstanbul ǅ Ⅷ ﬁne ＡＢＣ１２", "istanbul", "dž", "viii", "fine", "abc12")
	f("co\u00ADoperate \u200Fشالوم\u200F", "cooperate", "شالوم")
	f("Привет, МИР!", "привет", "мир")
	f("cafe\u0301 CAFÉ", "café", "café")
	f("שלום צה\"ל", "שלום", "צה\"ל")

	f("东京都", "东京", "京都")
	f("猫", "猫")
	f("猫 犬です", "猫", "犬で", "です")
	f("Kubernetesは便利", "kubernetes", "は便", "便利")
	f("ｺﾝﾋﾟｭｰﾀ", "コン", "ンピ", "ピュ", "ュー", "ータ")
	f("쿠버네티스 Pod는", "쿠버", "버네", "네티", "티스", "pod", "는")
	f("中文。中", "中文", "中")
	f("葛\U000E0100城", "葛城")
	f("สวัสดี ๑๒", "สว", "วั", "ัส", "สด", "ดี", "๑๒")
	f("ຂອບໃຈ", "ຂອ", "ອບ", "ບໃ", "ໃຈ")
	f("ខ្មែរ។", "ខ្", "្ម", "មែ", "ែរ")
	f("第1章", "第", "1", "章")
}

func TestScanCutsLongWords(t *testing.T) {
	terms := tokens("x " + strings.Repeat("a", 600) + " " + strings.Repeat("é", 200))
	var got []int
	for _, term := range terms {
		got = append(got, len(term.text))
		if !utf8.ValidString(term.text) {
			t.Errorf("term %q is cut inside a rune", term.text)
		}
	}
	if diff := cmp.Diff([]int{1, 255, 255, 90, 254, 146}, got); diff != "" {
		t.Errorf("term lengths (-want +got):\n%s", diff)
	}
}

func TestScanOffsets(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, t := range tokens(text) {
			got = append(got, text[t.start:t.end])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("scan(%q) spans (-want +got):\n%s", text, diff)
		}
	}
	f("One, (Two)", "One", "Two")
	f("¾ of it… ﬁne", "¾", "of", "it", "ﬁne")
	f("a cafe\u0301!", "a", "cafe\u0301")
	f("京都 ｶﾞｷﾞ", "京都", "ｶﾞｷﾞ")
	f("กำ x", "กำ"[:6], "กำ"[3:6], "x") // one character that is two when normalised
}

// everySpan is scan by the full rules alone: the slow twin of the ASCII path.
func everySpan(text string) []token {
	normal, offsets := normalise(text)
	var terms []token
	s := scanner{text: normal, emit: func(word []byte, k kind, start, end int) {
		terms = append(terms, token{string(word), k, offsets.start(start), offsets.end(end)})
	}}
	it := words.FromString(normal)
	for it.Next() {
		s.token(it.Value(), it.Start())
	}
	s.endRun()
	s.endChain()
	return terms
}

func checkScan(t *testing.T, text string) {
	t.Helper()
	got := tokens(text)
	if diff := cmp.Diff(everySpan(text), got, cmp.AllowUnexported(token{})); diff != "" {
		t.Fatalf("scan(%q) by the full rules and by ASCII (-full +ascii):\n%s", text, diff)
	}
	last := 0
	for _, term := range got {
		if term.kind.extra() && term.start < last {
			last = term.start
		}
		if term.start < last || term.end <= term.start || term.end > len(text) {
			t.Fatalf("scan(%q): term %+v after one at %d", text, term, last)
		}
		if len(term.text) == 0 || len(term.text) > MaxTermBytes {
			t.Fatalf("scan(%q): term of %d bytes", text, len(term.text))
		}
		last = term.start
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range []string{
		"", "a", "it's a:b 1.2,3;4 x_y", "é a.é a\u0301b 1\u0301.2", "don’t: ’", "a:\u0301b c", "  \u0301x",
		"日本語テキスト and ไทย", "\xff\xfea\xc3", "0\xea 0", "…½ﷺ㍿", "\u200d👩\u200d👩 🇩🇪🇫🇷", "\u0e01\u0e33", "한국어 a한b",
	} {
		f.Add(text)
	}
	f.Fuzz(checkScan)
}

func TestScanTwinOnPages(t *testing.T) {
	for _, name := range []string{"en.txt", "mixed.txt"} {
		checkScan(t, readSample(t, name))
	}
}

func readSample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPlainCharacters compares what is plain with what norm says, character by character.
func TestPlainCharacters(t *testing.T) {
	table := plainTable()
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if utf8.ValidRune(r) && isPlain(table, r) && !isPlainByNorm(r) {
			t.Errorf("%U is not plain", r)
		}
	}
}

// TestQuickSpan compares random texts' with norm's.
func TestQuickSpan(t *testing.T) {
	r := newRand(t)
	runes := []rune("ab é\u0301\u3099かガ，、한\u11a8\u1100\u1161각中ﬁ½\u0345ώй\u0e33\u0f71\u0f72")
	for range 100000 {
		var text []byte
		for range r.IntN(8) {
			text = utf8.AppendRune(text, runes[r.IntN(len(runes))])
		}
		if r.IntN(10) == 0 {
			text = append(text, "\xe4\xb8"...)
		}
		if got, want := quickSpan(string(text)), norm.NFKC.QuickSpan(text); got != want {
			t.Fatalf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestScanIsLinear(t *testing.T) {
	// Shapes on which a scanner that looks back or ahead would take for ever.
	n := 1 << 20
	if testing.Short() {
		n = 1 << 17
	}
	for _, unit := range []string{"a", "a:", "a.", "1,", "a\u0301", ":\u0301", "é", "\u0301", "\u200d", "猫", "…", " ", "_", "\xff", "'\u00ad"} {
		text := strings.Repeat(unit, n/len(unit))
		c := NewCounter().Count(text, "en")
		if c.Length > n {
			t.Errorf("%q: %d terms", unit, c.Length)
		}
	}
}

func TestNormaliseOffsetsCover(t *testing.T) {
	text := readSample(t, "mixed.txt") + "…½ﷺ㍿ e\u0301"
	normal, _ := normalise(text)
	if want := norm.NFKC.String(text); normal != want {
		t.Error("normalise differs from NFKC of the whole")
	}
}

func BenchmarkCount(b *testing.B) {
	for _, name := range []string{"en.txt", "mixed.txt"} {
		text := readSample(b, name)
		b.Run(name, func(b *testing.B) {
			counter := NewCounter()
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				counter.Count(text, "en")
			}
		})
	}
}

// TestAnalysisIsNumbered fails when a text comes to other terms than it did: files that were
// written before hold those. Raise Analysis, and put what the test prints here.
func TestAnalysisIsNumbered(t *testing.T) {
	const analysis, want = 1, uint64(0xcda19bc65980d303)
	sum := xxhash.New()
	for _, name := range []string{"en.txt", "mixed.txt"} {
		text, err := os.ReadFile("testdata/" + name)
		must(err)
		for _, language := range []string{"", "en", "de", "fr", "ru", "ja", "th", "ar", "zh"} {
			counts := NewCounter().Count(string(text), language)
			for i, c := range counts.terms {
				fmt.Fprintln(sum, counts.text(i), c.frequency)
			}
			fmt.Fprintln(sum, counts.Length, counts.sequence)
		}
	}
	if got := sum.Sum64(); Analysis != analysis || got != want {
		t.Errorf("analysis %d has sum %#x, not that of %d, %#x", Analysis, got, analysis, want)
	}
}
