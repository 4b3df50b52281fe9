package embed

import (
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// secret is a key that was sent to an endpoint, which may repeat it in what it answers:
// an error that names a request's headers would bring it into logs and /v1/stats.
// SECURITY: every text of an endpoint's that becomes an error goes through it. A nil
// secret is none.
type secret struct{ forms *strings.Replacer }

func newSecret(key string) *secret {
	if key == "" {
		return nil
	}
	escaped, _ := json.Marshal(key) // a string always can be
	quoted := unquoted(strconv.Quote(key))
	forms := []string{
		key, unquoted(string(escaped)), quoted, strings.ReplaceAll(quoted, "/", `\/`),
		html.EscapeString(key), url.QueryEscape(key),
	}
	var pairs []string
	for _, form := range forms {
		pairs = append(pairs, form, "***")
	}
	return &secret{strings.NewReplacer(pairs...)}
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// redact is a text without the secret, in any form that an answer may have it in.
func (s *secret) redact(text string) string {
	if s == nil {
		return text
	}
	return s.forms.Replace(text)
}

// redactError is an error whose text does not hold the secret. What it wraps is found as
// before.
func (s *secret) redactError(err error) error {
	if err == nil {
		return nil
	}
	if text := s.redact(err.Error()); text != err.Error() {
		return &redactedError{text, err}
	}
	return err
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }
