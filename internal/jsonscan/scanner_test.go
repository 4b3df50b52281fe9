package jsonscan

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"pulse"
)

func TestCheckTakesWhatEncodingJSONTakes(t *testing.T) {
	f := func(in string) {
		t.Helper()
		got, want := Check([]byte(in)) == nil, json.Valid([]byte(in))
		if got != want {
			t.Errorf("Check(%q) = %v, want valid %v", in, Check([]byte(in)), want)
		}
	}
	f("")
	f(" ")
	f("{}")
	f(" [ ] ")
	f(`{"a":1,"a":[null,true,false,{"b":""}]}`)
	f(`{"a"}`)
	f(`{"a":}`)
	f(`{"a":1,}`)
	f(`{,}`)
	f(`{1:2}`)
	f(`[1,]`)
	f(`[,1]`)
	f(`[1 2]`)
	f(`{"a":1 "b":2}`)
	f(`[1}`)
	f(`[`)
	f(`{`)
	f(`{"a`)
	f(`{"a":1`)
	f(`"\`)
	f(`1 2`)
	f("\ufeff{}")
	f("0")
	f("-0")
	f("-")
	f("01")
	f("1.")
	f(".5")
	f("+1")
	f("1.5e+9")
	f("1e")
	f("1e+")
	f("1E-0")
	f("-1.25E10")
	f("tru")
	f("truex")
	f("nul")
	f("NaN")
	f(`"\u12G4"`)
	f(`"\u12"`)
	f(`"\x41"`)
	f(`"\'"`)
	f(`"\ud800"`)
	f(`"\ud83d\ude00\b\f\n\r\t\/\\\""`)
	f("\"a\tb\"")
	f("\"a\x00b\"")
	f("\"a\x7fb\"")
	f("\"é日🚀\u2028\"")
	f("'a'")
	f("// comment\n{}")
}

func TestCheckRefuses(t *testing.T) {
	f := func(in, message string) {
		t.Helper()
		var bad *pulse.InputError
		if err := Check([]byte(in)); !errors.As(err, &bad) || bad.Code != "bad_json" || !strings.Contains(bad.Message, message) {
			t.Errorf("Check(%.40q) = %v, want bad_json with %q", in, err, message)
		}
	}
	f("", "ends too early")
	f("{]", "at byte 1: expected a name in quotes")
	f("[1;2]", "at byte 2: expected ',' or ']'")
	f("\"a\xffb\"", "at byte 2: a string is not UTF-8")
	f("{\"a\xc0\x80\":1}", "not UTF-8")
	f("\"\xed\xa0\x80\"", "not UTF-8")
	f("\"\xe6\x97\"", "not UTF-8")
	f(strings.Repeat("[", 101)+strings.Repeat("]", 101), "nested more than 100 deep")
	f(strings.Repeat(`{"a":`, 101)+"1"+strings.Repeat("}", 101), "nested more than 100 deep")
}

func TestDepth(t *testing.T) {
	if err := Check([]byte(strings.Repeat("[", 100) + strings.Repeat("]", 100))); err != nil {
		t.Errorf("100 deep: %v", err)
	}
	if err := Check([]byte(strings.Repeat("[[],", 99) + "1" + strings.Repeat("]", 99))); err != nil {
		t.Errorf("siblings count as depth: %v", err)
	}
	if err := Check([]byte(strings.Repeat(`[{"a":`, 5<<20))); err == nil {
		t.Error("10 million deep was taken")
	}
}

func TestScan(t *testing.T) {
	s := New([]byte(` {"skip":{"x":[1,2]}, "n":-2.5, "list" : [ "a" , {"b":true}, [] ], "skip2":"}" , "\u0061b":"c\u0000d","e":{},"f":[]} `))
	seen := map[string]string{}
	for name := range s.Members {
		switch string(name) {
		case "list":
			for i := range s.Elements {
				seen["list"+string(rune('0'+i))] = string(s.Value())
			}
		case "n", "ab":
			seen[string(name)] = string(s.Value())
		case "e":
			for range s.Members {
				t.Error("a member of {}")
			}
		case "f":
			for range s.Members {
				t.Error("a member of []")
			}
		}
	}
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"n": "-2.5", "list0": `"a"`, "list1": `{"b":true}`, "list2": "[]", "ab": `"c\u0000d"`}
	for name := range want {
		if seen[name] != want[name] {
			t.Errorf("%s = %q, want %q", name, seen[name], want[name])
		}
	}
	if len(seen) != len(want) {
		t.Errorf("saw %v", seen)
	}
}

func TestText(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		if err := Check([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		v := Value(raw)
		if got := v.Text(); got != want {
			t.Errorf("Text(%s) = %q, want %q", raw, got, want)
		}
		if got := v.TextBytes(); got != len(want) {
			t.Errorf("TextBytes(%s) = %d, want %d", raw, got, len(want))
		}
		if got, want := v.Blank(), strings.TrimSpace(want) == ""; got != want {
			t.Errorf("Blank(%s) = %v, want %v", raw, got, want)
		}
		if v.Kind() == String != v.Is(want) || v.Is(want+"x") {
			t.Errorf("Is(%s)", raw)
		}
		for limit := range len(want) + 1 {
			cut := v.Cut(limit)
			if len(cut) > limit || !strings.HasPrefix(want, cut) || !utf8.ValidString(cut) || len(cut) < limit-3 {
				t.Errorf("Cut(%s, %d) = %q", raw, limit, cut)
			}
		}
	}
	f(`""`, "")
	f(`"plain"`, "plain")
	f(`"日本語 é 🚀 x"`, "日本語 é 🚀 x")
	f(`"a\n\t\"\\\/\b\f\r"`, "a\n\t\"\\/\b\f\r")
	f(`"\u00e9\u65E5\ud83d\ude80!"`, "é日🚀!")
	f(`"\ud800"`, "\ufffd")
	f(`"\ud800\u0041\udc00"`, "\ufffdA\ufffd")
	f(`"\ud800\ud83d\ude80"`, "\ufffd🚀")
	f(`"nul\u0000nul\\u0000"`, `nulnul\u0000`)
	f(`" \n\u00a0\u0000 "`, " \n\u00a0 ")
	f(`12`, "")
	f(`null`, "")
}

func TestNumbers(t *testing.T) {
	f := func(raw string, want int, wantOK bool) {
		t.Helper()
		if got, ok := Value(raw).Int(); got != want || ok != wantOK {
			t.Errorf("Int(%s) = %d, %v, want %d, %v", raw, got, ok, want, wantOK)
		}
	}
	f("404", 404, true)
	f("404.0", 404, true)
	f("4.04e2", 404, true)
	f("-1", -1, true)
	f("404.5", 0, false)
	f("1e999", 0, false)
	f("1e300", 0, false)
	f(`"404"`, 0, false)
	f("null", 0, false)
}

// FuzzCheck compares with encoding/json: what is valid, what a string says, and
// what the members of an object are.
func FuzzCheck(f *testing.F) {
	samples, err := filepath.Glob("../source/firecrawl/testdata/firecrawl/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range samples {
		body, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"a\ud800\u0000":"\ud83d\ude80","b":[1.5e-3,{}],"b":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		want := json.Valid(data) && utf8.Valid(data) && depth(data) <= MaxDepth
		if err := Check(data); (err == nil) != want {
			t.Fatalf("Check = %v, want valid %v", err, want)
		}
		if want {
			compare(t, data)
		}
	})
}

func compare(t *testing.T, data []byte) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		if got, want := Value(strings.TrimSpace(string(data))).Text(), strings.ReplaceAll(text, "\x00", ""); got != want {
			t.Fatalf("Text = %q, want %q", got, want)
		}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil || object == nil {
		return
	}
	got := map[string]Value{}
	s := New(data)
	for name := range s.Members {
		key := string(name)
		got[key] = s.Value()
	}
	if err := s.End(); err != nil || len(got) != len(object) {
		t.Fatalf("members %v, want %v (%v)", got, object, err)
	}
	for name, value := range object {
		if string(got[name]) != string(value) {
			t.Fatalf("member %q = %s, want %s", name, got[name], value)
		}
	}
}

// depth is the deepest nesting of a valid text.
func depth(data []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			now++
			deepest = max(deepest, now)
		case c == ']' || c == '}':
			now--
		}
	}
	return deepest
}

func BenchmarkCheck(b *testing.B) {
	f := func(name, text string) {
		b.Run(name, func(b *testing.B) {
			data, err := json.Marshal(map[string]string{"markdown": text})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if Check(data) != nil {
					b.Fatal("refused")
				}
			}
		})
	}
	f("ascii", strings.Repeat("Install the package, then run it.\n\n", 2000))
	f("japanese", strings.Repeat("日本語のテキスト。", 4000))
}
