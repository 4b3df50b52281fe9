package local

import (
	"math/rand/v2"
	"testing"
	"time"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/keyword"
)

func TestSitesAndStanding(t *testing.T) {
	x := filled(t, Options{}, page(1, "pods run", nil), page(2, "pods rest", nil))
	f := func(query, filtered string, want ...int) {
		t.Helper()
		r := retrieve(t, x, index.Request{Text: query, Key: "https://h1.example.com/1"})
		got := ids(r.Keyword)
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%q found %v, want %v", query, got, want)
		}
		if r.Standing.Filtered != filtered {
			t.Errorf("%q: standing %q, want %q", query, r.Standing.Filtered, filtered)
		}
	}
	f("pods site:example.com", "", 1, 2)
	f("pods site:h2.example.com", `site: the document has "h1.example.com"`, 2)
	f("pods -site:h1.example.com", `site: the document has "h1.example.com"`, 2)
	f("pods site:h1.example.com site:h2.example.com", "", 1, 2)
	f("pods -run", "query: it lacks words that it must hold, or holds some that it must not", 2)
}

// TestFilterSetIsRefused: the pass over columns decides as refused does document by
// document.
func TestFilterSetIsRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 0))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	times := []time.Time{{}, time.Unix(100, 5), time.Unix(200, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	x := New(Options{})
	for id := 1; id <= 300; id++ {
		apply(t, x, page(1+r.IntN(150), "text", func(c *pulse.Commit) {
			c.Seq = pulse.CommitSeq(id)
			c.Document.Language, c.Document.Country = pick("", "en", "en-US", "de"), pick("", "us", "DE")
			c.Document.IsMobile, c.Document.ReceivedAt = r.IntN(2) == 0, times[r.IntN(3)]
			c.Document.Metadata = pulse.Metadata{"kind": pick("a", "b")}
			if r.IntN(5) == 0 {
				c.Document.State = pulse.StateGone
			}
		}))
	}
	c := x.data.collections[pulse.DefaultCollection]
	mobile := true
	for range 300 {
		f := x.newFilter(pulse.Filter{
			Domain: pick("", "", "h7.example.com"), Language: pick("", "en", "de"), Country: pick("", "", "de"),
			Since: times[r.IntN(3)], Until: times[r.IntN(4)],
		}, &keyword.Syntax{})
		if r.IntN(3) == 0 {
			f.IsMobile = &mobile
		}
		if r.IntN(3) == 0 {
			f.Metadata = map[string]string{"kind": "a"}
		}
		set := c.set(f)
		for number, d := range c.documents {
			if want := d != nil && f.refused(d) == ""; set.Has(uint32(number)) != want {
				t.Fatalf("%+v: document %+v in the set: %v", f.Filter, d, !want)
			}
		}
	}
}
