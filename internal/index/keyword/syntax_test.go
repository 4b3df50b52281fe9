package keyword

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	f := func(query string, want Syntax) {
		t.Helper()
		if diff := cmp.Diff(want, Parse(query), cmp.AllowUnexported(Syntax{})); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", query, diff)
		}
	}
	f("", Syntax{})
	f("  two words ", Syntax{Text: "two words"})
	f(`a "b c" d`, Syntax{Text: "a b c d", must: []string{"b c"}})
	f(`“b c”d -"e f" +g -h`, Syntax{Text: "b c d g", must: []string{"b c", "g"}, mustNot: []string{"e f", "h"}})
	for _, site := range []string{
		"site:a.example", "Site:A.example", "SITE:a.example,", "(site:a.example)", "site:a.example?", "'site:a.example'", `site:"a.example"`,
		"site:a.example:443", "site:http://user@a.example:80/", "site:a.example?x=1", "site:https://a.example#f", "site:*.a.example",
	} {
		f("pods "+site, Syntax{Text: "pods", Sites: []string{"a.example"}})
	}
	f("site:/ site:? site:[::1] x", Syntax{Text: "site:/ site:? x", Sites: []string{"[::1]"}})
	f("site:Kubernetes.io pods -site:https://blog.kubernetes.io/x", Syntax{
		Text: "pods", Sites: []string{"kubernetes.io"}, NotSites: []string{"blog.kubernetes.io"}})
	f(`a - b + c kube-apiserver --flag C++ 5" "" site:`, Syntax{Text: `a - b + c kube-apiserver --flag C++ 5" "" site:`})
	f("-only", Syntax{mustNot: []string{"only"}})
	f(`„Model C“-Schulen -"a b"+c "d" -e`, Syntax{
		Text: "Model C -Schulen +c d", must: []string{"Model C", "d"}, mustNot: []string{"a b", "e"}})
	f(`"say: yes." node.js std::string -only`, Syntax{
		Text: "say: yes. node.js std::string", must: []string{"say: yes."}, mustNot: []string{"only"}})
	for _, words := range []string{
		"Acme Inc.", "kubernetes vs. docker swarm", "U.S. visa lottery", "Dr. Who episodes", "St. Louis zoo hours", "Yahoo! mail server",
		"Acme Inc. software", "Apple Inc.", "about Apple Inc. 2023 report", "U.S.A. Today news archive", "a b c etc. more",
	} {
		f(words+` -stock "as is"`, Syntax{Text: words + " as is", must: []string{"as is"}, mustNot: []string{"stock"}})
	}
	f(`timeout, error: "context deadline exceeded" -grpc v1.2`, Syntax{
		Text: "timeout, error: context deadline exceeded v1.2", must: []string{"context deadline exceeded"}, mustNot: []string{"grpc"}})
}

// TestParseRunningText: what a question or a pasted message quotes is no demand, and what it
// has behind a hyphen is not ruled out.
func TestParseRunningText(t *testing.T) {
	f := func(query, text string) {
		t.Helper()
		if diff := cmp.Diff(Syntax{Text: text}, Parse(query), cmp.AllowUnexported(Syntax{})); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", query, diff)
		}
	}
	f(`What does "the context" mean?`, "What does the context mean?")
	f(`pull access denied for "web", repository does not exist.`, "pull access denied for web , repository does not exist.")
	f("tar: option -z is invalid. Try tar --help", "tar: option z is invalid. Try tar --help")
	f(`Is "it" running? no`, "Is it running? no")
	f("methods -dash exact or not -dash are known.", "methods dash exact or not dash are known.")
	f(`types (that are "extensible" ones.)`, "types (that are extensible ones.)")
	f("Was war „die Tesla-Einheit“ ?", "Was war die Tesla-Einheit ?")
	f("ما هو “المسرح” البولوني؟", "ما هو المسرح البولوني؟")
	f("“质”这个字，一般 表示什么？", "质 这个字，一般 表示什么？")

	want := Syntax{Text: "is it so? b c", must: []string{"b c"}, mustNot: []string{"d"}, Sites: []string{"a.example"}}
	if diff := cmp.Diff(want, Parse(`is it so? site:a.example +"b c" -"d"`), cmp.AllowUnexported(Syntax{})); diff != "" {
		t.Errorf("signs that nobody writes otherwise (-want +got):\n%s", diff)
	}
}

func TestQuerySigns(t *testing.T) {
	x := New(Options{})
	x.Replace(1, inEnglish("the rolling update of a deployment", "pods"))
	x.Replace(2, inEnglish("an update is rolling"))
	x.Replace(3, document("en", "Rolling updates", "pods"))
	x.Replace(4, inEnglish("kube-apiserver flags"))
	f := func(text string, want ...uint32) {
		t.Helper()
		q := query(x, text)
		set := Set{^uint64(0)}
		must(x.Constrain(set, q))
		var got []uint32
		for _, r := range searchAll(x, q, set) {
			got = append(got, r.Document)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q found %v, want %v", text, got, want)
		}
	}
	f("rolling update", 1, 2)
	f(`"rolling update"`, 1)
	f(`"Rolling UPDATES" pods`, 1, 3)
	f("update -pods", 2)
	f("update +deployment", 1)
	f(`pods -"rolling update"`)
	f("+absent update")
	f("-pods")
	f("+kube-apiserver", 4)
	f(`"kube apiserver"`, 4)
	f("-kube flags")
	f(`"of a deployment"`, 1)
	f(`Is it a "rolling deployment"?`, 1, 2)
}

func TestCorrections(t *testing.T) {
	x := New(Options{})
	x.Replace(1, inEnglish("kubernetes runs pods"))
	x.Replace(2, inEnglish("kubernetes deployments", "a port"))
	x.Replace(3, inEnglish("fooBar and cats"))
	f := func(text string, want ...Correction) {
		t.Helper()
		_, got, err := x.Query(Parse(text))
		must(err)
		for i := range got {
			got[i].terms = nil
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Correction{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	f("kubernetes pods")
	f("kubermetes", Correction{Word: "kubermetes", Words: []string{"kubernetes"}})
	f("kubrentes", Correction{Word: "kubrentes", Words: []string{"kubernetes"}})
	f("pord", Correction{Word: "pord", Words: []string{"pods", "port"}})
	f("prt", Correction{Word: "prt", Words: []string{"port"}})
	f("ps")           // too short to tell
	f("pxxt")         // two errors in a short word
	f("kubxrnxtxs")   // three in a long one
	f("v1.31 fooBaz") // not a word; a part of it is there
	f("the")          // a stop word
	x.Delete(2)
	f("prt")

	whole, corrected := searchAll(x, query(x, "kubernetes"), nil), searchAll(x, query(x, "kubermetes"), nil)
	if len(corrected) != 1 || corrected[0].Score != whole[0].Score*misspelled {
		t.Errorf("found %+v, by the right word %+v", corrected, whole)
	}
}

// TestCorrectionsOfManyWords is a query of nothing but misspelled words: only the first
// are looked for, and what is found counts after them too.
func TestCorrectionsOfManyWords(t *testing.T) {
	x := New(Options{})
	x.Replace(1, inEnglish("kubernetes port"))
	var words []string
	for n := range 2 * maxCorrected {
		words = append(words, "kubernet"+string(rune('f'+n))+"s")
	}
	q, got, err := x.Query(Parse(strings.Join(words, " ") + " port"))
	must(err)
	if len(got) != maxCorrected || got[maxCorrected-1].Word != words[maxCorrected-1] {
		t.Errorf("%d words of %d are corrected, not the first %d", len(got), len(words), maxCorrected)
	}
	if n := len(q.words); n != maxCorrected+1 || q.words[n-1].Text != "port" {
		t.Errorf("words searched: %+v", q.words)
	}
}

// TestCorrectionsCost is a word that more terms look like than are compared: none of them
// is taken, and the words before it are corrected.
func TestCorrectionsCost(t *testing.T) {
	x := New(Options{})
	x.Replace(1, inEnglish("port abcdefgh abcdefhg abcdegfh abcdfegh"))
	q := func(text string) *Word { return &wordsOf(text, x.analyzers())[0] }
	f := func(compared int, want bool) {
		t.Helper()
		c := &corrector{x, maxCorrected, compared}
		if c.nearest(q("prt")) == nil {
			t.Error("the word before is not corrected")
		}
		if got := c.nearest(q("hgfedcba")) != nil || c.compared > 0; got != want {
			t.Errorf("of %d terms: within the bound is %v, want %v", compared, got, want)
		}
	}
	f(6, true)
	f(5, false)
}

// TestDistance compares with the textbook's recursion.
func TestDistance(t *testing.T) {
	r := newRand(t)
	random := func() string {
		s := make([]rune, 1+r.IntN(7))
		for i := range s {
			s[i] = []rune("abcé")[r.IntN(4)]
		}
		return string(s)
	}
	for range 3000 {
		a, b := random(), random()
		want := plainDistance([]rune(a), []rune(b))
		for limit := 1; limit <= 2; limit++ {
			s := newSpelling(a)
			if got := s.distance(b, limit); got != min(want, limit+1) {
				t.Fatalf("distance(%q, %q, limit %d) is %d, want %d", a, b, limit, got, want)
			}
			var all termShapes
			near := false
			all.add(b, 7)
			all.eachNear(s.shape, limit, func(id uint32) bool { near = id == 7; return true })
			if want <= limit && !near {
				t.Fatalf("%q is said to be far from %q", a, b)
			}
		}
	}
}

func plainDistance(a, b []rune) int {
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b)
	}
	n, m := len(a), len(b)
	d := plainDistance(a[:n-1], b[:m-1])
	if a[n-1] != b[m-1] {
		d++
	}
	d = min(d, plainDistance(a[:n-1], b)+1, plainDistance(a, b[:m-1])+1)
	if n > 1 && m > 1 && a[n-1] == b[m-2] && a[n-2] == b[m-1] {
		d = min(d, plainDistance(a[:n-2], b[:m-2])+1)
	}
	return d
}

func TestMarks(t *testing.T) {
	f := func(q, tag, text string, corrections []Correction, want ...string) {
		t.Helper()
		m := NewMarker(q, corrections)
		var got []string
		for _, mark := range m.Marks(text, tag) {
			got = append(got, text[mark.Start:mark.End])
			if mark.Word >= m.Words(tag) {
				t.Errorf("word %d of %d", mark.Word, m.Words(tag))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("marks of %q in %q (-want +got):\n%s", q, text, diff)
		}
	}
	f("running the +pod -container", "en", "The pods run in a container.", nil, "pods", "run")
	f("haus", "de", "Die Häuser", nil, "Häuser")
	f("the", "en", "all of the words", nil, "the")
	f("kubermetes", "en", "Kubernetes' pods", []Correction{{Word: "kubermetes", Words: []string{"kubernetes"}}}, "Kubernetes")
	f("", "en", "nothing", nil)
}

// FuzzQuery: any text is a query, against a twin that holds the same documents.
func FuzzQuery(f *testing.F) {
	for _, text := range []string{`"a b" -c +d site:e`, `"`, `-"x`, "+", "“a” „b”", "kubermetes", "\xff-\xfe", "die the 東京", "-site:", `""""`} {
		f.Add(text)
	}
	x, tw := New(Options{TitleWeight: 1}), newTwin(Options{TitleWeight: 1})
	for number, d := range []Document{
		document("en", "Kubernetes", "kube-apiserver flags", "a b c d"), document("de", "", "die Häuser"), document("ja", "東京都", "東京都に行く"),
	} {
		x.Replace(uint32(number), d)
		tw.Replace(uint32(number), d)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q := query(x, text)
		set := Set{7}
		must(x.Constrain(set, q))
		if diff := cmp.Diff(tw.search(q, nil), searchAll(x, q, set)); diff != "" {
			t.Errorf("%q (-twin +index):\n%s", text, diff)
		}
		for _, mark := range NewMarker(text, nil).Marks("Die kube-apiserver 東京都に", "de") {
			if mark.Start >= mark.End {
				t.Errorf("mark %+v", mark)
			}
		}
	})
}

// TestEqualPhrases: what is asked twice is looked for once, since a phrase of frequent words
// takes a while.
func TestEqualPhrases(t *testing.T) {
	x := New(Options{})
	x.Replace(1, inEnglish("the rolling update of a deployment"))
	q := query(x, strings.Repeat(`"of a" +"Of A" -"the of" `, 50))
	if len(q.must) != 1 || len(q.mustNot) != 1 {
		t.Errorf("%d phrases are looked for, and %d others, want one of each", len(q.must), len(q.mustNot))
	}
}
