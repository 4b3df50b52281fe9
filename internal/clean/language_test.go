package clean

import (
	"os"
	"strings"
	"testing"

	"pulse"
)

func TestLanguage(t *testing.T) {
	f := func(code, want string) {
		t.Helper()
		if got := Language(code); got != want {
			t.Fatalf("Language(%q) = %q, want %q", code, got, want)
		}
	}
	f("en", "en")
	f("EN", "en")
	f("en_us", "en-US")
	f("en-US,en;q=0.8", "en-US")
	f(" de ", "de")
	f("zh_hans", "zh-Hans")
	f("ZH-HANT-tw", "zh-Hant-TW")
	f("es-419", "es-419")
	f("en_US.UTF-8", "en-US")
	f("ca@valencia", "ca")
	f("sr-Latn-RS-ekavsk", "sr-Latn-RS")
	f("de-x-private", "de")
	f("de-DE-u-co-phonebk", "de-DE")
	f("yue", "yue")
	f("gsw-CH", "gsw-CH")
	f("", "")
	f("english", "")
	f("und", "")
	f("q", "")
	f("12", "")
	f("C", "")
	f("POSIX", "")
	f("<script>", "")
	f("en-ZZZZZ-\x00", "en")
	f(strings.Repeat("en-", 100), "")
}

// TestDetect reads the first article of the Declaration of Human Rights.
func TestDetect(t *testing.T) {
	text, err := os.ReadFile("testdata/languages.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		want, article, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if want == "-" {
			want = ""
		}
		if got := mustClean(t, pulse.Change{Markdown: article}).Language; got != want {
			t.Errorf("detected %q, want %q: %.60s", got, want, article)
		}
	}
}

func TestDetectIsSilentWhenUnsure(t *testing.T) {
	f := func(text string) {
		t.Helper()
		if got := detect(text); got != "" {
			t.Fatalf("detected %q in %q", got, text)
		}
	}
	f("")
	f("OK")
	f("v1.2.3 2024-01-01 0x7f")
	f("kubectl get pods --all-namespaces -o yaml | grep Running")
	f("```\nthe of and to in is that for it with as are be this by\n```")
	f("/usr/local/bin/the/of/and/to/in https://the.example/of/and")
	f("foo bar baz qux quux corge grault garply waldo fred plugh xyzzy thud")
}
