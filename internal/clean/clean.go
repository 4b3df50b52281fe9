// Package clean turns what a source sent of a page into the text that is kept:
// normalised markdown, with title, description and language.
//
// Markdown keeps its structure; it is never parsed, only walked line by line.
// HTML goes through a readability extractor and becomes markdown. Both are
// linear in the size of the page, whatever is in it, and bounded in memory: HTML
// that is too large or too deep for a tree is converted tag by tag instead.
//
// The package is pure. Clean of its own markdown is that markdown again.
package clean

import (
	"fmt"
	"html"
	"net/url"
	"strings"

	"pulse"
)

// The bounds of what stands beside the text, in bytes. Longer ones are cut at a
// word, and end in "…".
const (
	MaxTitleBytes       = 1024
	MaxDescriptionBytes = 4096
)

// Page is a page as it is kept.
type Page struct {
	Text        string // normalised markdown, at most pulse.MaxTextBytes
	Title       string // one line; "" when there is none
	Description string // one line
	Language    string // like "en", "en-US", "zh-Hans"; "" when unknown
}

// Refusal says why a page cannot be kept. Trying again changes nothing.
type Refusal struct{ Reason string }

// Error gives the reason.
func (r *Refusal) Error() string { return r.Reason }

// Clean reads the Markdown of a change, else its HTML, else its Text. What the
// change says of title, description and language goes before what is found in
// the content. The error is a *Refusal.
func Clean(c *pulse.Change) (Page, error) {
	text, found := content(c)
	if !hasContent(text.markdown) {
		return Page{}, &Refusal{Reason: "empty after cleaning"}
	}
	if len(text.markdown) > pulse.MaxTextBytes {
		return Page{}, &Refusal{Reason: fmt.Sprintf("text is longer than %d bytes after cleaning", pulse.MaxTextBytes)}
	}
	p := Page{
		Text:        text.markdown,
		Title:       firstOf(MaxTitleBytes, c.Title, found.title, found.heading, headingTitle(text.heading)),
		Description: firstOf(MaxDescriptionBytes, c.Description, found.description),
		Language:    language(c.Language, found.language),
	}
	if p.Language == "" {
		p.Language = detect(p.Text)
	}
	return p, nil
}

// content normalises the one form of the page that is used, and gives what the
// page says of itself.
func content(c *pulse.Change) (normalised, pageInfo) {
	switch {
	case c.Markdown != "":
		return normalise(c.Markdown, markdownSource), pageInfo{}
	case c.HTML != "":
		base, _ := url.Parse(c.URL) // links stay as they are without a base
		markdown, info := convert(c.HTML, base)
		return normalise(markdown, markdownSource), info
	default:
		return normalise(c.Text, textSource), pageInfo{}
	}
}

// firstOf is the first candidate that says something, as one bounded line.
func firstOf(limit int, candidates ...string) string {
	for _, candidate := range candidates {
		if line := oneLine(candidate, limit); line != "" {
			return line
		}
	}
	return ""
}

// oneLine drops what normalising drops, and collapses white space.
func oneLine(s string, limit int) string {
	if len(s) > 4*limit { // white space and junk are cut below; this bounds the work
		s = s[:4*limit]
	}
	s = strings.Join(strings.Fields(string(appendClean(nil, s))), " ")
	if len(s) <= limit {
		return s
	}
	s = strings.ToValidUTF8(s[:limit-len("…")], "")
	if i := strings.LastIndexByte(s, ' '); i > limit/2 {
		s = s[:i]
	}
	return s + "…"
}

// language is the first usable code.
func language(codes ...string) string {
	for _, code := range codes {
		if normalised := Language(code); normalised != "" {
			return normalised
		}
	}
	return ""
}

// headingTitle makes a plain title of a heading's markdown.
func headingTitle(heading string) string {
	if len(heading) > 4*MaxTitleBytes {
		heading = heading[:4*MaxTitleBytes]
	}
	heading = linkMarkup.ReplaceAllString(heading, "$1")
	heading = headingID.ReplaceAllString(heading, "")
	heading = emphasis.ReplaceAllString(heading, "$1")
	heading = escapedMark.ReplaceAllString(heading, "$1")
	return html.UnescapeString(strings.ReplaceAll(heading, "`", ""))
}
