package clean

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// pageInfo is what an HTML page says of itself, as it says it.
type pageInfo struct{ title, heading, description, language string }

// survey is what one pass over the tokens of a page finds: what the page says of
// itself, and whether a tree of it would stay small.
type survey struct {
	info  pageInfo
	nodes int // an upper bound of the tree's nodes, roughly
	// unclosed counts open formatting elements (b, i, font, …): the parser opens
	// each of them again in every paragraph that follows, which makes trees that
	// are far larger than their page.
	unclosed   int
	attributes int       // the most of one tag
	within     atom.Atom // title or h1, while in the first one
	social     string    // og:description, where there is no other
}

func surveyOf(src string) survey {
	var s survey
	t := newTokens(src)
	for {
		switch t.next() {
		case html.ErrorToken:
			if s.info.description == "" {
				s.info.description = s.social
			}
			return s
		case html.TextToken:
			s.nodes += 1 + s.unclosed
			s.text(t)
		case html.StartTagToken, html.SelfClosingTagToken:
			s.startTag(t)
		case html.EndTagToken:
			s.endTag(t.name)
		}
	}
}

// text takes the text of the first title, and of the first heading of level 1:
// the extractor may drop that from the content.
func (s *survey) text(t *tokens) {
	switch s.within {
	case atom.Title:
		s.info.title += string(t.z.Text())
	case atom.H1:
		if len(s.info.heading) < MaxTitleBytes {
			s.info.heading += string(t.z.Text())
		}
	}
}

func (s *survey) startTag(t *tokens) {
	s.nodes += 1 + s.unclosed
	if t.name == atom.Title && s.info.title == "" || t.name == atom.H1 && s.info.heading == "" {
		s.within = t.name
	}
	switch {
	case t.name == atom.Html && s.info.language == "":
		s.info.language = t.attributes("lang")[0]
	case t.name == atom.Meta:
		s.meta(t.attributes("name", "property", "content"))
	case t.isLong():
		s.attributes = max(s.attributes, t.countAttributes())
	}
	if isFormatting(t.name) {
		s.unclosed++
	}
}

func (s *survey) endTag(name atom.Atom) {
	if name == s.within {
		s.within = 0
	}
	if isFormatting(name) && s.unclosed > 0 {
		s.unclosed--
	}
}

// meta takes a meta element's name, property and content.
func (s *survey) meta(values []string) {
	name, property, content := values[0], values[1], strings.TrimSpace(values[2])
	switch {
	case strings.EqualFold(name, "description") && s.info.description == "":
		s.info.description = content
	case strings.EqualFold(property, "og:description") && s.social == "":
		s.social = content
	}
}

// isFormatting: the elements that HTML opens again behind every block. An anchor
// is one as well, but it closes the one before: the parser never has two.
func isFormatting(name atom.Atom) bool {
	switch name {
	case atom.B, atom.Big, atom.Code, atom.Em, atom.Font, atom.I, atom.S, atom.Small,
		atom.Strike, atom.Strong, atom.Tt, atom.U:
		return true
	}
	return false
}
