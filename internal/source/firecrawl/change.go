package firecrawl

import (
	"strings"
	"unicode/utf8"

	"pulse"
	"pulse/internal/jsonscan"
	"pulse/internal/pagekey"
)

// Bounds of what is kept of a page's own fields, in bytes.
const (
	maxTitle       = 1 << 10
	maxDescription = 4 << 10
	maxLanguage    = 64 // of the country too
)

// Change decodes one element: a page, or its deletion where the origin answered
// 404 or 410. HTML is given beside markdown where both were sent. The error is a
// *pulse.InputError, for an element that Decode would have refused too.
func Change(body []byte) (*pulse.Change, error) {
	p, err := scan(body)
	if err != nil {
		return nil, err
	}
	url, key, kind, reason := p.judge()
	if reason != "" {
		return nil, wrong("", "%s", reason)
	}
	c := &pulse.Change{Kind: kind, URL: url, Key: key, AskedURL: p.asked(url)}
	if kind == pulse.KindUpsert {
		p.fill(c)
	}
	return c, nil
}

// asked is the address that was asked for, where it differs from the page's and
// could have a key itself.
func (p *page) asked(url string) string {
	asked := p.meta.sourceURL.Cut(maxURL + utf8.UTFMax)
	if asked == url || len(asked) > maxURL {
		return ""
	}
	if _, err := pagekey.Normalise(asked); err != nil {
		return ""
	}
	return asked
}

func (p *page) fill(c *pulse.Change) {
	c.Title = first(maxTitle, p.meta.title, p.title, p.meta.ogTitle)
	c.Description = joined(maxDescription, p.meta.description, p.description, p.meta.ogDescription)
	c.Language = first(maxLanguage, p.meta.language)
	c.Country = first(maxLanguage, p.meta.country, p.country)
	c.IsMobile = isTrue(p.meta.mobile) || isTrue(p.mobile)
	c.Metadata = keep(p.meta.raw)
	switch name, text := p.text(); name {
	case "markdown":
		c.Markdown = text.Text()
		if !tooLarge(p.html) {
			c.HTML = p.html.Text()
		}
	case "content":
		c.Markdown = text.Text()
	default:
		c.HTML = text.Text()
	}
}

func isTrue(v jsonscan.Value) bool {
	is, ok := v.Bool()
	return is && ok
}

// first is the first string that says something: each value is a string, an array
// of strings (several <meta> tags of one name), or null.
func first(limit int, values ...jsonscan.Value) string {
	for _, v := range values {
		if list := strs(v, limit, 1); len(list) > 0 {
			return list[0]
		}
	}
	return ""
}

// joined is the first value that says something; of an array all its strings, as
// Firecrawl itself joins several descriptions.
func joined(limit int, values ...jsonscan.Value) string {
	for _, v := range values {
		if list := strs(v, limit, maxItems); len(list) > 0 {
			return cut(strings.Join(list, ", "), limit)
		}
	}
	return ""
}

// strs are the strings of a string or an array of strings that say something,
// at most n of them and each at most limit bytes.
func strs(v jsonscan.Value, limit, n int) []string {
	var list []string
	add := func(v jsonscan.Value) {
		if s := strings.TrimSpace(v.Cut(limit)); s != "" && len(list) < n {
			list = append(list, s)
		}
	}
	switch v.Kind() {
	case jsonscan.String:
		add(v)
	case jsonscan.Array:
		s := jsonscan.New(v)
		for range s.Elements {
			add(s.Value())
		}
	}
	return list
}
