package embedtest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"pulse/internal/token"
	"pulse/internal/token/builtin"
)

// charactersPerToken: a text may have that many for each of MaxTokens.
const charactersPerToken = 250

// tokenizer is the server's; without one it is that of all-MiniLM-L6-v2.
func (s *TEI) tokenizer() *token.Tokenizer {
	if s.Tokenizer != nil {
		return s.Tokenizer
	}
	t, _, err := builtin.For(builtin.MiniLM)
	if err != nil {
		panic(err)
	}
	return t
}

// read takes a request's body; false: the answer is written.
func (s *TEI) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		plainFault(w, http.StatusUnsupportedMediaType, "Expected request with `Content-Type: application/json`")
		return nil, false
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, int64(s.PayloadBytes)+1))
	if len(body) > s.PayloadBytes {
		plainFault(w, http.StatusRequestEntityTooLarge, "Failed to buffer the request body: length limit exceeded")
		return nil, false
	}
	return body, true
}

// tokenize is the route of that name. It takes no permits, and never cuts a text.
func (s *TEI) tokenize(w http.ResponseWriter, r *http.Request) {
	body, ok := s.read(w, r)
	if !ok {
		return
	}
	in := struct {
		Inputs  json.RawMessage `json:"inputs"`
		Special *bool           `json:"add_special_tokens"`
		Prompt  *string         `json:"prompt_name"`
	}{}
	if err := json.Unmarshal(body, &in); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			plainFault(w, http.StatusBadRequest, "Failed to parse the request body as JSON: "+err.Error())
			return
		}
		plainFault(w, http.StatusUnprocessableEntity, "Failed to deserialize the JSON body into the target type: "+err.Error())
		return
	}
	texts, ok := inputs(in.Inputs)
	switch {
	case !ok:
		plainFault(w, http.StatusUnprocessableEntity, "Failed to deserialize the JSON body into the target type: inputs")
		return
	case in.Prompt != nil:
		fault(w, false, http.StatusUnprocessableEntity, "Validation", "Input validation error: `default-prompt-name` is set to `%s` but it was not found in the Sentence Transformers prompts", *in.Prompt)
		return
	case !s.admitTexts(w, texts):
		return
	}
	answer := make([][]map[string]any, len(texts))
	for i, text := range texts {
		answer[i] = s.tokens(text, in.Special == nil || *in.Special)
	}
	answerJSON(w, http.StatusOK, answer)
}

// inputs are a string or an array of strings.
func inputs(raw json.RawMessage) ([]string, bool) {
	var one string
	var all []string
	if json.Unmarshal(raw, &one) == nil && len(raw) > 0 && raw[0] == '"' {
		return []string{one}, true
	}
	return all, json.Unmarshal(raw, &all) == nil && len(raw) > 0 && raw[0] == '['
}

// admitTexts is the checks of texts that are to be tokenized.
func (s *TEI) admitTexts(w http.ResponseWriter, texts []string) bool {
	switch {
	case len(texts) == 0:
		fault(w, false, http.StatusBadRequest, "Empty", "`inputs` cannot be empty")
		return false
	case len(texts) > s.BatchTexts:
		fault(w, false, http.StatusUnprocessableEntity, "Validation", "batch size %d > maximum allowed batch size %d", len(texts), s.BatchTexts)
		return false
	}
	for _, text := range texts {
		if text == "" {
			fault(w, false, http.StatusUnprocessableEntity, "Validation", "Input validation error: `inputs` cannot be empty")
			return false
		}
		if n := utf8.RuneCountInString(text); n > charactersPerToken*s.MaxTokens {
			fault(w, false, http.StatusUnprocessableEntity, "Validation", "Input validation error: `inputs` must have less than %d characters. Given: %d", charactersPerToken*s.MaxTokens, n)
			return false
		}
	}
	return true
}

// tokens are those of a text behind the server's prompt, as /tokenize gives them. Places
// are counted from the start of the prompt.
func (s *TEI) tokens(text string, special bool) []map[string]any {
	t, whole := s.tokenizer(), s.Prompt+text
	all := t.AppendTokens(nil, whole)
	before, out := 0, make([]map[string]any, 0, len(all)+t.Special())
	if special {
		before = (t.Special() + 1) / 2
		out = appendSpecial(out, before)
	}
	for _, token := range all {
		out = append(out, map[string]any{"id": token.ID, "text": whole[token.Start:token.End], "special": false, "start": token.Start, "stop": token.End})
	}
	if special {
		out = appendSpecial(out, t.Special()-before)
	}
	return out
}

func appendSpecial(out []map[string]any, n int) []map[string]any {
	for range n {
		out = append(out, map[string]any{"id": 0, "text": "[SPECIAL]", "special": true, "start": nil, "stop": nil})
	}
	return out
}
