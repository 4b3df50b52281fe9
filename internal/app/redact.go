package app

import (
	"net/url"
	"regexp"
	"strings"
)

const hidden = "…"

// betweenURLs is a comma before another URL. One before anything else may be a password's.
var betweenURLs = regexp.MustCompile(`,\s*[a-z0-9+.-]+://`)

// redacted is a URL, or several as --embedder takes them, without what may be a secret:
// users, queries and fragments. SECURITY: no URL of the configuration is shown but so.
func redacted(value string) string {
	if strings.HasPrefix(value, staticScheme) {
		return value // a folder
	}
	var shown strings.Builder
	for {
		at := betweenURLs.FindStringIndex(value)
		if at == nil {
			shown.WriteString(redactedURL(value))
			return shown.String()
		}
		shown.WriteString(redactedURL(value[:at[0]]) + ",")
		value = strings.TrimSpace(value[at[0]+1:])
	}
}

// redactedURL goes by the text, since a secret in a URL that cannot be parsed is one too.
func redactedURL(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if _, err := url.Parse(text); err != nil {
		before, _, _ := strings.Cut(scheme, ":")
		return before + ":" + hidden
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i+1] + hidden
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = hidden + rest[i:]
	}
	return scheme + rest
}
