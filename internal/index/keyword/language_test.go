package keyword

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestIdentifiers has the extra tokens: parts of what is one word, wholes of what is
// several.
func TestIdentifiers(t *testing.T) {
	f := func(text, words, extras string) {
		t.Helper()
		var got, extra []string
		for _, w := range tokens(text) {
			if w.kind.extra() {
				extra = append(extra, w.text)
			} else {
				got = append(got, w.text)
			}
		}
		if g, e := strings.Join(got, " "), strings.Join(extra, " "); g != words || e != extras {
			t.Errorf("%q: words %q and extras %q, want %q and %q", text, g, e, words, extras)
		}
	}
	f("kube-apiserver", "kube apiserver", "kube-apiserver")
	f("Run kube-apiserver, or a-b-c.", "run kube apiserver or a b c", "kube-apiserver a-b-c")
	f("camelCase HTTPServer parseURL9", "camelcase httpserver parseurl9", "camel case http server parse url9")
	f("Word WORD iPhone", "word word iphone", "i phone")
	f("snake_case _x_ MAX_LEN", "snake_case _x_ max_len", "snake case x max len")
	f("v1.31.2 1.31 3,000", "v1.31.2 1.31 3,000", "1.31.2 v1 31 2")
	f("k8s.io/api", "k8s.io api", "k8s io k8s.io/api")
	f("a/b/c/d/e/f x-", "a b c d e f x", "") // a path is no name
	f("don't O'Brien", "don't o'brien", "o brien")
	f("naïve-Bayes", "naïve bayes", "naïve-bayes")
}

// TestTerms has what words of each language come to.
func TestTerms(t *testing.T) {
	f := func(tag, text string, want ...string) {
		t.Helper()
		c := NewCounter().Count(text, tag)
		var got []string
		for _, place := range c.sequence {
			got = append(got, strings.Replace(c.text(int(place>>1)), stopMark, "!", 1))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tag, text, diff)
		}
	}
	f("en", "The running cat's files", "!the", "run", "cat", "file")
	f("en-US", "Don't stop", "!don't", "stop")
	f("", "The FILES", "!the", "file")
	f("de", "Die Häuser der Städte", "!die", "haus", "!der", "stadt")
	f("en", "die hard", "die", "hard")
	f("fr", "L'eau des rivières", "eau", "!des", "rivi")
	f("ru", "Ещё книги", "!еще", "книг")
	f("ar", "في المكتبة", "!في", "مكتب")
	f("nb", "Husene", "hus")
	f("pl", "nie książki", "!nie", "książki")
	f("sw", "files", "files") // a language that is not known: words as they are
	f("zh", "运行 files 文件", "运行", "file", "文件")
	f("ja", "東京都", "東京", "京都")
	f("en", "camelCase v1.2", "camelcas", "camel", "case", "v1.2", "1.2", "v1", "2")
}

func TestLengthIsOfWordsThatCount(t *testing.T) {
	c := NewCounter().Count("The kube-apiserver is in snake_case", "en")
	if c.Length != 5 { // kube, apiserver, snake_case, snake, case
		t.Errorf("length %d", c.Length)
	}
}

// TestCounterForgets counts the same before and after.
func TestCounterForgets(t *testing.T) {
	c := NewCounter()
	text := readSample(t, "en.txt")
	before := c.Count(text, "en")
	c.size = maxRemembered + 1
	after := c.Count(text, "en")
	if before.Length != after.Length || !slices.Equal(before.sequence, after.sequence) {
		t.Error("a text counts otherwise after forgetting")
	}
}

// TestQueryLanguages: a word is analysed for every language of the index, and the words
// that are stop words in each are left out unless there are no others.
func TestQueryLanguages(t *testing.T) {
	x := New(Options{})
	x.Replace(1, document("en", "", "to be or not to be", "movies die hard"))
	x.Replace(2, document("de", "", "die Häuser", "das Haus"))
	f := func(text string, want ...uint32) {
		t.Helper()
		var got []uint32
		for _, r := range searchAll(x, query(x, text), nil) {
			got = append(got, r.Document)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q found %v, want %v", text, got, want)
		}
	}
	f("Häusern", 2)
	f("the movie", 1)
	f("die", 1) // in German it is a stop word
	f("to be", 1)
	f("das", 2)
	f(`"to be or"`, 1)
	f("the")
}
