package tei_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
	"pulse/internal/token"
	"pulse/internal/token/builtin"
)

func miniLM(t *testing.T) *token.Tokenizer {
	t.Helper()
	tok, _, err := builtin.For(builtin.MiniLM)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestTokenize: the server's tokens, in order, in as few requests as it takes.
func TestTokenize(t *testing.T) {
	tok := miniLM(t)
	texts := []string{"hello, world", "  Größe 漢字 \n", " ", "\x00\u200b", "<b>&amp;</b> \"quoted\""}
	for len(texts) < 70 {
		texts = append(texts, strings.Repeat("unaffordable ", len(texts)))
	}
	for _, prompt := range []string{"", "passage: "} {
		s := &embedtest.TEI{Prompt: prompt}
		e := start(t, s, "")
		got, err := e.Tokenize(t.Context(), texts)
		if err != nil || len(got) != len(texts) {
			t.Fatalf("%d answers, %v", len(got), err)
		}
		for i, text := range texts {
			var ends []int
			for _, token := range tok.AppendTokens(nil, text) {
				ends = append(ends, token.End)
			}
			if want := tok.Count(prompt+text) + tok.Special(); got[i].Count != want {
				t.Errorf("%q: %d tokens, want %d", text, got[i].Count, want)
			}
			// Without a token at its end nobody sees where the text begins behind the prompt.
			if known := prompt == "" || len(ends) > 0 && ends[len(ends)-1] == len(text); known && !slices.Equal(got[i].Ends, ends) {
				t.Errorf("%q behind %q: ends %v, want %v", text, prompt, got[i].Ends, ends)
			}
		}
		if n := s.Requests("/tokenize"); n != 3 || s.Requests("/info") != 1 {
			t.Errorf("%d requests to /tokenize, %d to /info", n, s.Requests("/info"))
		}
	}
}

// TestTokenizeSmallerBatches: a server that was started anew with other bounds is asked
// for them, and gets all texts.
func TestTokenizeSmallerBatches(t *testing.T) {
	s := &embedtest.TEI{}
	e := start(t, s, "")
	texts := slices.Repeat([]string{"one", "two words", "three"}, 10)
	if _, err := e.Tokenize(t.Context(), texts); err != nil {
		t.Fatal(err)
	}
	s.Change(func(s *embedtest.TEI) { s.BatchTexts = 7 })
	got, err := e.Tokenize(t.Context(), texts)
	if err != nil || len(got) != len(texts) || got[1].Count != 4 {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	s.Change(func(s *embedtest.TEI) { s.PayloadBytes = 200 })
	if got, err = e.Tokenize(t.Context(), texts); err != nil || len(got) != len(texts) {
		t.Fatalf("small payload: %d answers, %v", len(got), err)
	}
	long := slices.Repeat([]string{strings.Repeat("word ", 24_000)}, 9)
	s.Change(func(s *embedtest.TEI) { s.PayloadBytes, s.BatchTexts, s.MaxTokens = 0, 0, 1000 })
	if got, err = e.Tokenize(t.Context(), long); err != nil || len(got) != len(long) || got[8].Count != 24_002 {
		t.Fatalf("long texts: %d answers, %v", len(got), err)
	}
}

func TestTokenizeFailures(t *testing.T) {
	s := &embedtest.TEI{APIKey: "a key", MaxTokens: 2}
	e := start(t, s, "a key")
	if _, err := e.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := func(name string, kind embed.FailureKind, status int, texts ...string) {
		t.Helper()
		var f *embed.Failure
		if _, err := e.Tokenize(t.Context(), texts); !errors.As(err, &f) || f.Kind != kind || f.Status != status {
			t.Errorf("%s: %v, want %v with %d", name, err, kind, status)
		}
	}
	f("text too long", embed.Refused, 422, "x", strings.Repeat("x", 501))
	f("empty text", embed.Refused, 422, "x", "")
	answer := func(status int, body string) {
		s.Change(func(s *embedtest.TEI) {
			s.Fail = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/tokenize" {
					return false
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return true
			}
		})
	}
	answer(404, "")
	f("no such route", embed.Denied, 404, "x")
	answer(429, `{"error":"Model is overloaded","error_type":"Overloaded"}`)
	f("overloaded", embed.Overloaded, 429, "x")
	answer(503, "")
	f("away", embed.Unavailable, 503, "x")
	answer(413, "length limit exceeded")
	f("one text too large", embed.TooLarge, 413, "x")
	for _, body := range []string{`[]`, `[[{"id":1}],[]]`, `{"error":"x"}`, `[[{"st`} {
		answer(200, body)
		if _, err := e.Tokenize(t.Context(), []string{"x"}); err == nil {
			t.Errorf("the answer %s passed", body)
		}
	}
	s.Change(func(s *embedtest.TEI) { s.Fail, s.APIKey = nil, "another key" })
	f("key", embed.Denied, 401, "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Tokenize(ctx, []string{"x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
