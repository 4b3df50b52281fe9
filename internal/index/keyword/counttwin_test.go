package keyword

import (
	"slices"
	"strings"
	"testing"
)

// slowCounts is a text's Counts without all that makes them fast: each word is analysed
// where it stands.
type slowCounts struct {
	length   int
	terms    []string
	numbers  map[string]uint32
	sequence []uint32
	counts   map[string]uint32
}

func countSlowly(text, tag string) *slowCounts {
	c := &slowCounts{numbers: make(map[string]uint32), counts: make(map[string]uint32)}
	of := analyzerOf(tag)
	for _, t := range everySpan(text) {
		term, stop := t.text, false
		if t.kind == kindWord || t.kind == kindPart {
			term, stop = of[scriptOf([]byte(t.text))].term(t.text)
		}
		if stop && t.kind == kindPart {
			continue
		}
		if !stop && t.kind != kindWhole {
			c.length++
		}
		c.add(strings.Clone(term), t.kind)
	}
	return c
}

func (c *slowCounts) add(term string, k kind) {
	n, ok := c.numbers[term]
	if !ok {
		n = uint32(len(c.terms))
		c.numbers[term] = n
		c.terms = append(c.terms, term)
	}
	c.counts[term]++
	place := n << 1
	if k.extra() {
		place |= 1
	}
	c.sequence = append(c.sequence, place)
}

// checkCounts compares what a counter, which may know words already, makes of a text.
func checkCounts(t *testing.T, counter *Counter, text, tag string) {
	t.Helper()
	want, got := countSlowly(text, tag), counter.Count(text, tag)
	if want.length != got.Length || !slices.Equal(want.sequence, got.sequence) || len(want.terms) != len(got.terms) {
		t.Fatalf("%s %.100q: length %d, %d terms, %d places; slowly %d, %d, %d",
			tag, text, got.Length, len(got.terms), len(got.sequence), want.length, len(want.terms), len(want.sequence))
	}
	for i, term := range want.terms {
		if got.text(i) != term || got.terms[i].frequency != want.counts[term] {
			t.Fatalf("%s %.100q: %q is %d times there; slowly %q, %d times",
				tag, text, got.text(i), got.terms[i].frequency, term, want.counts[term])
		}
	}
}

var twinTags = []string{"", "en", "de", "fr", "it", "ru", "ja", "ar", "tr", "ta", "sw"}

// TestCountsTwin counts real and torture texts by one counter, which learns and forgets.
func TestCountsTwin(t *testing.T) {
	counter, n := NewCounter(), 0
	f := func(pages []chunked) {
		for _, page := range pages {
			for _, text := range page.chunks {
				if n++; n%997 == 0 {
					counter.size = maxRemembered + 1
				}
				checkCounts(t, counter, text, page.language)
			}
		}
	}
	f(samplePages(t))
	if testing.Short() {
		return
	}
	f(torturePages(t))
	f(sharedPages(t, "k8s-en.jsonl.gz"))
	f(sharedPages(t, "k8s-zh-ja-ko.jsonl.gz"))
}

// TestCountsTwinOnRandomTexts has words that fall together, are cut, joined and mixed.
func TestCountsTwinOnRandomTexts(t *testing.T) {
	r, counter := newRand(t), NewCounter()
	pieces := []string{
		"a", "the", "Files", "camelCase", "HTTPServer", "x", "_", ".", "'", ":", ",", ";", "-", "/", " ", " ", "\n", "9", "31",
		"v1", "é", "e\u0301", "ß", "東京", "ไทย", "й", "١", "\u00ad", "\u200d", "\xff", "’", "ﬁ", "か", "ガ", "\u3099", "한", "글", "中文", "、", "，", "：", "ー", "_", "々", "don't", "l'eau", "\x00", "\x01", "K",
		"incomprehensibilities", strings.Repeat("ab", 20), strings.Repeat("x", 250), "aaaaaaaa", "bbbbbbbbb",
	}
	rounds := 20000
	if testing.Short() {
		rounds = 2000
	}
	for range rounds {
		var text strings.Builder
		for range 1 + r.IntN(40) {
			text.WriteString(pieces[r.IntN(len(pieces))])
		}
		checkCounts(t, counter, text.String(), twinTags[r.IntN(len(twinTags))])
	}
}

func FuzzCount(f *testing.F) {
	for _, text := range []string{
		"", "it's a:b 1.2,3;4 x_y HTTPServer", "kube-apiserver k8s.io/api v1.31.2", "é a.é 日本語テキスト and ไทย", "a\x00b\x01the the",
		strings.Repeat("word9", 60), "0123456789abcdef 0123456789abcdefg", "cafe\u0301 \xff’",
	} {
		for n := range twinTags {
			f.Add(text, n)
		}
	}
	f.Fuzz(func(t *testing.T, text string, tag int) {
		counter, language := NewCounter(), twinTags[uint(tag)%uint(len(twinTags))]
		checkCounts(t, counter, text, language)
		checkCounts(t, counter, text+text, language)
	})
}
