package ollama_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
	"pulse/internal/embed/ollama"
)

func TestAnswer(t *testing.T) {
	s := embedtest.NewSampled(t)
	e := ollama.New("ollama", s.Caller(), ollama.Options{Model: "nomic-embed-text"})
	s.Answer("testdata/embed_response.json")
	got, err := e.Embed(t.Context(), []string{"first", "second"})
	want := []pulse.Vector{{0.0271, -0.1133, 0.2019, 0.4412, -0.3307, 0.0588, -0.6214, 0.4926}, {0.1102, 0.0045, -0.3391, 0.2877, 0.5518, -0.4023, 0.3311, -0.4549}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	var sent map[string]any
	if err := json.Unmarshal(s.Last, &sent); err != nil || sent["model"] != "nomic-embed-text" || sent["truncate"] != false || sent["dimensions"] != nil || s.Path != "/v1/api/embed" {
		t.Errorf("sent %s to %s, %v", s.Last, s.Path, err)
	}
}

func TestFailures(t *testing.T) {
	s := embedtest.NewSampled(t)
	e := ollama.New("ollama", s.Caller(), ollama.Options{Model: "m"})
	f := func(file string, kind embed.FailureKind) {
		t.Helper()
		s.Answer("testdata/" + file)
		_, err := e.Embed(t.Context(), []string{"x"})
		var f *embed.Failure
		if !errors.As(err, &f) || f.Kind != kind || f.Message == "" {
			t.Errorf("%s: %v, want %v", file, err, kind)
		}
	}
	f("error_400_context_length.json", embed.Refused)
	f("error_400_invalid_input.json", embed.Refused)
	f("error_404_model.json", embed.Denied)
	f("error_503_queue_full.json", embed.Overloaded)
}
