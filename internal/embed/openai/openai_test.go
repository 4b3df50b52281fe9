package openai_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulse"
	"pulse/internal/embed"
	"pulse/internal/embed/embedtest"
	"pulse/internal/embed/openai"
)

var (
	firstVector  = pulse.Vector{0.0271, -0.1133, 0.2019, 0.4412, -0.3307, 0.0588, -0.6214, 0.4926}
	secondVector = pulse.Vector{0.1102, 0.0045, -0.3391, 0.2877, 0.5518, -0.4023, 0.3311, -0.4549}
)

// TestAnswers reads each form that vectors come in, by index.
func TestAnswers(t *testing.T) {
	s := embedtest.NewSampled(t)
	e := openai.New("openai", s.Caller(), openai.Options{Model: "text-embedding-3-small", Dimensions: 8})
	f := func(file string, want ...pulse.Vector) {
		t.Helper()
		s.Answer("testdata/" + file)
		texts := []string{"first", "second"}[:len(want)]
		got, err := e.Embed(t.Context(), texts)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", file, got, err)
		}
	}
	f("embeddings_response.json", firstVector, secondVector)
	f("embeddings_response_out_of_order.json", firstVector, secondVector)
	s.Answer("testdata/embeddings_response_base64.json")
	if v, err := e.Embed(t.Context(), []string{"first"}); err != nil || len(v[0]) != 8 || embed.CheckVector(v[0]) != nil {
		t.Errorf("base64: %v, %v", v, err)
	}
	var sent struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Encoding   string   `json:"encoding_format"`
		Dimensions int      `json:"dimensions"`
	}
	if err := json.Unmarshal(s.Last, &sent); err != nil || sent.Model != "text-embedding-3-small" || sent.Encoding != "base64" || sent.Dimensions != 8 || len(sent.Input) != 1 || s.Path != "/v1/embeddings" {
		t.Errorf("sent %s to %s, %v", s.Last, s.Path, err)
	}
	if _, err := e.Embed(t.Context(), []string{"a", "b", "c"}); err == nil {
		t.Error("one vector for three texts passed")
	}
}

func TestFailures(t *testing.T) {
	s := embedtest.NewSampled(t)
	e := openai.New("openai", s.Caller(), openai.Options{Model: "m"})
	f := func(file string, kind embed.FailureKind) *embed.Failure {
		t.Helper()
		s.Answer("testdata/" + file)
		_, err := e.Embed(t.Context(), []string{"x"})
		var f *embed.Failure
		if !errors.As(err, &f) || f.Kind != kind || f.Message == "" {
			t.Errorf("%s: %v, want %v", file, err, kind)
			return new(embed.Failure)
		}
		return f
	}
	f("error_400_context_length.json", embed.Refused)
	f("error_400_empty_string.json", embed.Refused)
	f("error_400_too_many_tokens_in_request.json", embed.Refused)
	f("error_401.json", embed.Denied)
	f("error_404_model.json", embed.Denied)
	f("error_429_insufficient_quota.json", embed.Denied)
	f("error_500.json", embed.Unavailable)
	if limit := f("error_429_rate_limit.json", embed.Overloaded); limit.RetryAfter <= 0 || limit.RetryAfter > time.Minute {
		t.Errorf("the rate limit ends after %v", limit.RetryAfter)
	}
}
