package firecrawl

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"pulse"
	"pulse/internal/jsonscan"
	"pulse/internal/pagekey"
)

// maxURL bounds an address as sent, in bytes; white space around it is not part
// of it for its key.
const maxURL = 2 * pagekey.MaxBytes

// address is the page's URL as sent: the final one, else the one asked for, else
// what stands beside the metadata. One longer than maxURL comes back too long.
func (p *page) address() string {
	for _, v := range [...]jsonscan.Value{p.meta.url, p.meta.sourceURL, p.url, p.source} {
		if !v.Blank() {
			return v.Cut(maxURL + utf8.UTFMax)
		}
	}
	return ""
}

// text is what is indexed: markdown, else html, else rawHtml, else content (which
// v0 fills with markdown); the first that is not blank. nil without one.
func (p *page) text() (name string, v jsonscan.Value) {
	switch {
	case !p.markdown.Blank():
		return "markdown", p.markdown
	case !p.html.Blank():
		return "html", p.html
	case !p.rawHTML.Blank():
		return "rawHtml", p.rawHTML
	case !p.content.Blank():
		return "content", p.content
	}
	return "", nil
}

// misfit names the first field that is of the wrong kind; "" when all are right.
func (p *page) misfit() string {
	switch {
	case p.meta.raw.Given() && p.meta.raw.Kind() != jsonscan.Object:
		return "metadata is not an object"
	case p.meta.status.Given() && p.meta.status.Kind() != jsonscan.Number:
		return "metadata.statusCode is not a number"
	}
	for _, f := range [...]struct {
		name  string
		value jsonscan.Value
	}{{"markdown", p.markdown}, {"html", p.html}, {"rawHtml", p.rawHTML}, {"content", p.content}} {
		if f.value.Given() && f.value.Kind() != jsonscan.String {
			return f.name + " is not a string"
		}
	}
	return ""
}

// verdict is the kind of the page's job by its origin's status and its text, or
// the reason why there is none.
func (p *page) verdict() (pulse.Kind, string) {
	switch status, _ := p.meta.status.Int(); {
	case status == 404 || status == 410:
		return pulse.KindDelete, ""
	case status >= 400:
		return "", fmt.Sprintf("origin answered %d", status)
	}
	name, text := p.text()
	switch {
	case text == nil:
		return "", "empty"
	case tooLarge(text):
		return "", fmt.Sprintf("%s is too large: %d bytes, at most %d", name, text.TextBytes(), pulse.MaxTextBytes)
	}
	return pulse.KindUpsert, ""
}

// tooLarge measures the decoded text only where its bytes may be too many.
func tooLarge(v jsonscan.Value) bool {
	return len(v) > pulse.MaxTextBytes && v.TextBytes() > pulse.MaxTextBytes
}

// place is the page's URL as sent and its key, or why it has none; then the URL
// is only good to be shown.
func (p *page) place() (url, key, reason string) {
	url = p.address()
	switch {
	case url == "":
		return "", "", "no url"
	case len(url) > maxURL:
		return shown(url), "", fmt.Sprintf("url is longer than %d bytes", pagekey.MaxBytes)
	}
	key, err := pagekey.Normalise(url)
	if err != nil {
		return shown(url), "", reasonOf(err)
	}
	return url, key, ""
}

// shown is the URL of a refused page: bounded, without controls, and without the
// user name and password that it may have been refused for.
func shown(url string) string {
	url = printable(cut(url, maxReason))
	start := strings.Index(url, "//") + len("//")
	if start < len("//") {
		return url
	}
	authority, _, _ := strings.Cut(url[start:], "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return url[:start] + "***" + url[start+at:]
	}
	return url
}

// judge is what becomes of a page: its place, and the kind of its job or the
// reason why there is none.
func (p *page) judge() (url, key string, kind pulse.Kind, reason string) {
	url, key, reason = p.place()
	if misfit := p.misfit(); misfit != "" {
		reason = misfit
	}
	if reason == "" {
		kind, reason = p.verdict()
	}
	return url, key, kind, reason
}

// reasonOf bounds a message that may quote what a page says of itself.
func reasonOf(err error) string { return printable(cut(err.Error(), maxReason)) }

// cached is when the content was fetched, if it came from Firecrawl's cache,
// at the latest now; else zero.
func (p *page) cached(now time.Time) time.Time {
	if !p.meta.cacheState.Is("hit") {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, p.meta.cachedAt.Cut(maxID))
	switch {
	case err != nil:
		return time.Time{}
	case at.After(now):
		return now
	}
	return at
}

// Element judges one Document of Firecrawl's, as in the data of a page event or
// of a result file: it becomes a job to upsert or delete its page, or is refused.
// Body is kept as it is.
func Element(index int, body []byte, now time.Time) pulse.Element {
	e := pulse.Element{Index: index, Body: body}
	p, err := scan(body)
	if err != nil {
		e.Refused = reasonOf(err)
		return e
	}
	e.URL, e.Key, e.Kind, e.Refused = p.judge()
	if e.Refused == "" {
		e.CachedAt = p.cached(now)
	}
	return e
}

// failedElement is a page that Firecrawl could not scrape.
func failedElement(index int, body []byte, reason string) pulse.Element {
	e := pulse.Element{Index: index, Body: body, Refused: reason, Failed: true}
	if p, err := scan(body); err == nil {
		e.URL, e.Key, _ = p.place()
	}
	return e
}
