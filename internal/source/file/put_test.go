package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/pagekey"
)

const minimal = `{"url":"https://a.example/","markdown":"a"}`

func putOf(documents ...string) string {
	return `{"documents":[` + strings.Join(documents, ",") + `]}`
}

func TestDecodePut(t *testing.T) {
	first := `{"url":"https://A.example/b?utm_source=x#y", "title":"T","description":"D","language":"en","country":"DE","is_mobile":true,"metadata":{"tags":["a"]},"markdown":"# a"}`
	body := `{"collection":"docs-2", "documents": [` + first + ` , {"url":"http://b.example/","html":"<p>b","title":null}]}`
	got, err := DecodePut([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := &pulse.Delivery{
		Source:     "api",
		EventType:  "documents.put",
		Collection: "docs-2",
		Result:     pulse.ResultQueued,
		Bytes:      int64(len(body)),
		Elements: []pulse.Element{
			{Kind: pulse.KindUpsert, Key: "https://a.example/b", URL: "https://A.example/b?utm_source=x#y", Body: []byte(first)},
			{Index: 1, Kind: pulse.KindUpsert, Key: "http://b.example/", URL: "http://b.example/", Body: []byte(`{"url":"http://b.example/","html":"<p>b","title":null}`)},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodePutRefuses(t *testing.T) {
	f := func(body, code, field string) {
		t.Helper()
		var bad *pulse.InputError
		if _, err := DecodePut([]byte(body)); !errors.As(err, &bad) || bad.Code != code || bad.Field != field {
			t.Errorf("DecodePut(%.90s) = %v, want %s of %q", body, err, code, field)
		}
	}
	f(``, "bad_json", "")
	f(`[]`, "bad_json", "")
	f(`{"documents":[{"url":}]}`, "bad_json", "")
	f("{\"documents\":[{\"url\":\"\xff\"}]}", "bad_json", "")
	f(`{"colour":1,"documents":[{]}`, "bad_json", "")
	f(`{}`, "invalid", "documents")
	f(`{"documents":null}`, "invalid", "documents")
	f(`{"documents":{}}`, "invalid", "documents")
	f(`{"documents":[]}`, "invalid", "documents")
	f(`{"Documents":[]}`, "invalid", "Documents")
	f(`{"documents":[`+minimal+`],"colour":1}`, "invalid", "colour")
	f(`{"collection":7,"documents":[`+minimal+`]}`, "invalid", "collection")
	f(`{"collection":"","documents":[`+minimal+`]}`, "invalid", "collection")
	f(putOf(minimal, `7`), "invalid", "documents[1]")
	f(putOf(minimal, minimal, minimal, `{"markdown":"a"}`), "invalid", "documents[3].url")
	f(putOf(`{"url":"","markdown":"a"}`), "invalid", "documents[0].url")
	f(putOf(`{"url":"mailto:a@b","markdown":"a"}`), "invalid", "documents[0].url")
	f(putOf(`{"url":"https://a.example/`+strings.Repeat("a", 9000)+`","markdown":"a"}`), "invalid", "documents[0].url")
	f(putOf(`{"url":["a"],"markdown":"a"}`), "invalid", "documents[0].url")
	f(putOf(`{"url":"https://a.example/"}`), "invalid", "documents[0].markdown")
	f(putOf(`{"url":"https://a.example/","text":" \n"}`), "invalid", "documents[0].markdown")
	f(putOf(`{"url":"https://a.example/","markdown":7}`), "invalid", "documents[0].markdown")
	f(putOf(`{"url":"https://a.example/","text":"a","title":["a"]}`), "invalid", "documents[0].title")
	f(putOf(`{"url":"https://a.example/","text":"a","is_mobile":"yes"}`), "invalid", "documents[0].is_mobile")
	f(putOf(`{"url":"https://a.example/","text":"a","language":"`+strings.Repeat("e", 65)+`"}`), "invalid", "documents[0].language")
	f(putOf(`{"url":"https://a.example/","text":"a","country":"`+strings.Repeat("e", 65)+`"}`), "invalid", "documents[0].country")
	f(putOf(`{"url":"https://a.example/","text":"a","colour":"red"}`), "invalid", "documents[0].colour")
	f(putOf(`{"url":"https://a.example/","text":"a","a\u001b\n":"red"}`), "invalid", `documents[0]."a\x1b\n"`)
	f(putOf(`{"url":"https://a.example/","text":"a","metadata":[]}`), "invalid", "documents[0].metadata")
	f(putOf(`{"url":"https://a.example/","text":"`+strings.Repeat("a", pulse.MaxTextBytes+1)+`"}`), "too_large", "documents[0].text")
	f(putOf(strings.TrimSuffix(strings.Repeat("{},", pulse.MaxElements+1), ",")), "too_large", "documents")
}

func TestValidCollection(t *testing.T) {
	f := func(name string, want bool) {
		t.Helper()
		if got := ValidCollection(name); got != want {
			t.Errorf("ValidCollection(%q) = %v", name, got)
		}
	}
	f("default", true)
	f("0", true)
	f("a-b_c", true)
	f(strings.Repeat("a", 64), true)
	f(strings.Repeat("a", 65), false)
	f("", false)
	f("-a", false)
	f("_a", false)
	f("A", false)
	f("a.b", false)
	f("ä", false)
}

func TestMetadata(t *testing.T) {
	f := func(raw string, want pulse.Metadata, field string) {
		t.Helper()
		got, err := metadata([]byte(raw))
		var bad *pulse.InputError
		if errors.As(err, &bad); field == "" && err != nil || field != "" && (bad == nil || bad.Field != field) {
			t.Errorf("metadata(%.80s): %v, want field %q", raw, err, field)
		}
		if diff := cmp.Diff(want, got); field == "" && diff != "" {
			t.Errorf("metadata(%.80s): %s", raw, diff)
		}
	}
	f(`null`, nil, "")
	f(`{}`, nil, "")
	f(`{"a":"b","n":-1.5,"t":true,"f":false,"l":["x","y"],"e":[],"z":null,"s":"","a":"last"}`,
		pulse.Metadata{"a": "last", "n": -1.5, "t": true, "f": false, "l": []string{"x", "y"}, "e": []string{}, "s": ""}, "")
	f(`{"a\u0000b":"c\u0000d"}`, pulse.Metadata{"ab": "cd"}, "")
	f(`{"a":{"b":1}}`, nil, "metadata.a")
	f(`{"a":[1]}`, nil, "metadata.a")
	f(`{"a":[["x"]]}`, nil, "metadata.a")
	f(`{"a":1e999}`, nil, "metadata.a")
	f(`{"":1}`, nil, `metadata.""`)
	f(`{"`+strings.Repeat("k", 257)+`":1}`, nil, "metadata."+strings.Repeat("k", 64)+"…")
	f(`{"a":"`+strings.Repeat("x", 1025)+`"}`, nil, "metadata.a")
	f(`{"a":["`+strings.Repeat("x", 1025)+`"]}`, nil, "metadata.a")
	f(`{"a":["`+strings.Repeat(`x","`, 32)+`"]}`, nil, "metadata.a")
	f(`{"a":["`+strings.Repeat(strings.Repeat("x", 600)+`","`, 31)+`"]}`, nil, "metadata")

	var many strings.Builder
	for i := range 65 {
		fmt.Fprintf(&many, `,"k%d":1`, i)
	}
	f("{"+many.String()[1:]+"}", nil, "metadata")
}

func TestChange(t *testing.T) {
	got, err := Change([]byte(`{"url":"https://A.example/b#c","title":" T\u0000 ","description":"D","language":"en","country":"DE","is_mobile":true,
		"metadata":{"n":1},"markdown":"m\u0000\ud800","html":"h","text":"t","colour":"not ours"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &pulse.Change{
		Kind: pulse.KindUpsert, URL: "https://A.example/b#c", Key: "https://a.example/b", Title: "T", Description: "D", Language: "en",
		Country: "DE", IsMobile: true, Metadata: pulse.Metadata{"n": 1.0}, Markdown: "m\ufffd", HTML: "h", Text: "t",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	long, err := Change([]byte(`{"url":"https://a.example/","text":"t","title":"` + strings.Repeat("日", 999) + `"}`))
	if err != nil || long.Title != strings.Repeat("日", maxTitle/3) {
		t.Errorf("a long title: %d bytes, %v", len(long.Title), err)
	}
	for _, body := range []string{"", "[]", "{", minimal + "x", `{"url":"x","text":"y"}`} {
		var bad *pulse.InputError
		if _, err := Change([]byte(body)); !errors.As(err, &bad) {
			t.Errorf("Change(%s) = %v", body, err)
		}
	}
}

func FuzzDecodePut(f *testing.F) {
	f.Add([]byte(putOf(minimal, `{"url":"https://b.example/","html":"<p>","metadata":{"a":["b"],"n":1}}`)))
	f.Add([]byte(`{"collection":"x","documents":[{"url":"https://b.example/","text":"\ud83d\ude80"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := DecodePut(body)
		var bad *pulse.InputError
		if err != nil {
			if !errors.As(err, &bad) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if !json.Valid(body) || !utf8.Valid(body) || len(d.Elements) == 0 {
			t.Fatalf("took %q", body)
		}
		for _, e := range d.Elements {
			checkElement(t, e)
		}
	})
}

func FuzzChange(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(`{"url":"https://b.example/","html":"<p>","title":"t\u0000","metadata":{"a":["b"],"n":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := Change(body)
		if err != nil {
			return
		}
		checkChange(t, c)
	})
}

func checkElement(t *testing.T, e pulse.Element) {
	t.Helper()
	c, err := Change(e.Body)
	if err != nil || c.Key != e.Key || c.URL != e.URL || c.Kind != e.Kind || e.Refused != "" {
		t.Fatalf("element %+v, change %+v, %v", e, c, err)
	}
	checkChange(t, c)
}

func checkChange(t *testing.T, c *pulse.Change) {
	t.Helper()
	for _, s := range []string{c.URL, c.Title, c.Description, c.Language, c.Country, c.Markdown, c.HTML, c.Text} {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Fatalf("a bad string %q", s)
		}
	}
	if key, err := pagekey.Normalise(c.URL); err != nil || key != c.Key {
		t.Fatalf("key %q of %q (%v)", c.Key, c.URL, err)
	}
	if c.Markdown+c.HTML+c.Text == "" {
		t.Fatal("an upsert of nothing")
	}
	if raw, err := json.Marshal(c.Metadata); err != nil || len(raw) > 8*maxMetadata {
		t.Fatalf("%d bytes of metadata: %v", len(raw), err)
	}
}

func BenchmarkDecodePut(b *testing.B) {
	document := `{"url":"https://docs.example.com/getting-started","title":"Getting started","language":"en","markdown":"` +
		strings.Repeat(`Install the package, then run it.\n`, 55) + `"}`
	for _, n := range []int{1, 1000} {
		body := []byte(putOf(strings.Split(strings.TrimSuffix(strings.Repeat(document+"\x00", n), "\x00"), "\x00")...))
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodePut(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
