package embed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pulse/internal/embed"
	"pulse/internal/embed/ollama"
	"pulse/internal/embed/openai"
	"pulse/internal/embed/tei"
)

// TestKeyInAnswer is an endpoint that repeats the request's key where errors say what it
// answered: in its own words, in a page of a proxy's, and in what is no HTTP.
func TestKeyInAnswer(t *testing.T) {
	const key = `sk/"1234"&abcd`
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status == 0 {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(conn, body)
			conn.Close()
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := embed.NewTransport(embed.TransportOptions{})
	defer transport.Close()
	c := embed.Caller{Transport: transport, Base: u, Key: key}
	endpoints := map[string]embed.Endpoint{
		"tei": tei.New("tei", c), "openai": openai.New("openai", c, openai.Options{Model: "m"}), "ollama": ollama.New("ollama", c, ollama.Options{Model: "m"}),
	}
	f := func(s int, text string) {
		t.Helper()
		status, body = s, text
		for name, e := range endpoints {
			_, err := e.Embed(t.Context(), []string{"x"})
			if err == nil || strings.Contains(err.Error(), "1234") || !strings.Contains(err.Error(), "***") {
				t.Errorf("%s answered %.40q: %v", name, text, err)
			}
			var f *embed.Failure
			if s != 0 && !errors.As(err, &f) {
				t.Errorf("%s answered %d: %v is no *Failure", name, s, err)
			}
		}
	}
	quoted, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	escaped := strings.Trim(string(quoted), `"`)
	f(401, `{"error":"bad key Bearer `+escaped+`","message":""}`)
	f(401, `{"error":{"message":"bad key Bearer `+escaped+`"}}`)
	f(401, `{"detail":"bad key Bearer `+escaped+`"}`)
	f(401, `{"detail":"bad key Bearer sk/\"1234\"&abcd"}`)
	f(401, `{"detail":"bad key Bearer sk\/\"1234\"&abcd"}`)
	f(403, "Authorization: Bearer "+key)
	f(403, `<p>Bearer sk/&#34;1234&#34;&amp;abcd</p>`)
	f(500, strings.Repeat("x", 290)+key) // where messages are cut
	f(0, "Bearer "+key+"\r\n\r\n")
}
