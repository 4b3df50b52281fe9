package app

import (
	"strings"
	"testing"
)

func TestRedacted(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		if got := redacted(value); got != want {
			t.Errorf("%s is shown as %s, want %s", value, got, want)
		}
	}
	f("http://127.0.0.1:52100", "http://127.0.0.1:52100")
	f("http://user:hidden@h:1/x", "http://…@h:1/x")
	f("http://hidden@h", "http://…@h")
	f("http://h/?token=hidden", "http://h/?…")
	f("http://h/#hidden", "http://h/#…")
	f("http://u:hidden", "http:…")
	f("http://u:1,hidden@h", "http://…@h")
	f("http://h/%hidden", "http:…")
	f("hidden@h", "…@h")
	f("localhost:52100", "localhost:52100")
	f("tei+http://a,tei+http://hidden@b:80, tei+http://c#hidden", "tei+http://a,tei+http://…@b:80,tei+http://c#…")
	f("tei+http://hidden@a,b", "tei+http://…@a,b")
	f("static:/srv/@model", "static:/srv/@model")
	f("builtin", "builtin")
}

// TestSecretsInErrors starts commands with secrets where URLs have them.
func TestSecretsInErrors(t *testing.T) {
	f := func(args ...string) {
		t.Helper()
		c := mustLoad(t, args, nil, "")
		err := c.Check()
		if err == nil {
			_, err = Dial(t.Context(), c)
		}
		var shown strings.Builder
		if printErr := c.Print(&shown); printErr != nil {
			t.Fatal(printErr)
		}
		if err == nil || strings.Contains(err.Error()+shown.String(), "hidden") {
			t.Errorf("%v: %v\n%s", args, err, shown.String())
		}
	}
	f("--server", "http://user:hidden@127.0.0.1:1")
	f("--server", "http://hidden@127.0.0.1:1")
	f("--server", "http://127.0.0.1:1/?token=hidden")
	f("--server", "http://127.0.0.1:1/#hidden")
	f("--embedder", "tei+http://hidden@h,tei+http://b")
	f("--embedder", "tei+http://h#hidden,tei+http://hidden@b")
	f("--index", "qdrant://hidden@h")
	f("--store", "postgres://hidden@h/x")
	f("--queue", "redis://h?password=hidden")
}
