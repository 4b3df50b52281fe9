package keyword

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Syntax is a query taken apart by its signs:
//
//	"some words"   a page must hold them in this order, one after the other
//	+word          a page must hold the word
//	-word          a page must not; likewise -"some words"
//	site:host      a page must be of the host or below it; -site:host must not
//
// All else is text, and so are signs that do not begin a word. In running text, which has the
// end of a sentence in it (see stops), the quotes are a title's, a message's
// or irony, and -word is a flag, a number or a dash: such a query is a question or was pasted,
// and pages that answer it seldom hold all that it quotes. There only a sign before a
// quotation mark and site:host, which nobody writes otherwise, are meant as such.
type Syntax struct {
	Text            string // what is scored: words and phrases that a page may or must hold, without signs
	must, mustNot   []string
	Sites, NotSites []string
}

// Parse reads a query. It takes every text.
func Parse(query string) Syntax {
	var s Syntax
	var text []string
	parts := cutParts(query)
	long := len(parts) >= minRunning
	running := slices.ContainsFunc(parts, func(p syntaxPart) bool { return p.stops(long) })
	for _, p := range parts {
		if s.add(p, running) {
			text = append(text, p.text)
		}
	}
	s.Text = strings.Join(text, " ")
	return s
}

func cutParts(query string) []syntaxPart {
	var parts []syntaxPart
	apart := true
	for rest := strings.TrimLeftFunc(query, unicode.IsSpace); rest != ""; {
		p, after := cutPart(rest, apart)
		parts = append(parts, p)
		rest = strings.TrimLeftFunc(after, unicode.IsSpace)
		apart = len(rest) < len(after)
	}
	return parts
}

// syntaxPart is one word or phrase with the sign before it.
type syntaxPart struct {
	sign   byte // '+', '-', or 0
	quoted bool
	text   string
}

// cutPart cuts the first part off a text that begins with no space. One that is not apart
// from a phrase before it has no sign: what follows "Model C" in "Model C"-School is a hyphen.
func cutPart(text string, apart bool) (part syntaxPart, rest string) {
	if c := text[0]; apart && (c == '+' || c == '-') && beginsPart(text[1:]) {
		part.sign, text = c, text[1:]
	}
	if quote := quoteBytes(text); quote > 0 {
		if end := strings.IndexAny(text[quote:], `"“”„`); end > 0 {
			part.text, text = text[quote:quote+end], text[quote+end:]
			part.quoted = true
			return part, text[quoteBytes(text):]
		}
	}
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	part.text = text[:end]
	return part, text[end:]
}

// minRunning: with fewer words and phrases "Acme Inc. -stock" is no sentence.
const minRunning = 4

// stops says whether a full stop, a question mark or what else ends a sentence stands where
// nothing is quoted. Those of ASCII stand inside names and at the ends of short forms too
// (node.js, Inc.), and count at the end of a word of a long query; others stand nowhere else,
// and where words have no spaces between them.
func (p syntaxPart) stops(long bool) bool {
	if p.quoted {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(p.text, closing))
	return long && isStop(last) || strings.ContainsFunc(p.text, func(r rune) bool { return r >= utf8.RuneSelf && isStop(r) })
}

// closing is what may stand between a word's stop and the space after it.
const closing = `)]}"'”’»`

func isStop(r rune) bool { return unicode.Is(unicode.Sentence_Terminal, r) }

// beginsPart says whether a sign before the text is meant as one.
func beginsPart(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r) || quoteBytes(text) > 0
}

// quoteBytes is the length of the quotation mark that the text begins with; 0 when
// it begins with none.
func quoteBytes(text string) int {
	for _, quote := range []string{`"`, "“", "”", "„"} {
		if strings.HasPrefix(text, quote) {
			return len(quote)
		}
	}
	return 0
}

// add takes a part of running text or of a query of words in, and says whether its text
// is scored.
func (s *Syntax) add(p syntaxPart, running bool) bool {
	site, isSite := strings.CutPrefix(p.text, "site:")
	switch {
	case isSite && !p.quoted && site != "" && p.sign == '-':
		s.NotSites = append(s.NotSites, hostOfSite(site))
		return false
	case isSite && !p.quoted && site != "":
		s.Sites = append(s.Sites, hostOfSite(site))
		return false
	case running && !(p.quoted && p.sign != 0):
	case p.sign == '-':
		s.mustNot = append(s.mustNot, p.text)
		return false
	case p.sign == '+' || p.quoted:
		s.must = append(s.must, p.text)
	}
	return true
}

// hostOfSite takes what people paste: https://host/path is host.
func hostOfSite(site string) string {
	if _, after, found := strings.Cut(site, "://"); found {
		site = after
	}
	site, _, _ = strings.Cut(site, "/")
	return strings.ToLower(site)
}
