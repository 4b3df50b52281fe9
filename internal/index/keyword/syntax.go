package keyword

import (
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
// end of a sentence in it (see isRunning), the quotes are a title's, a message's
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
	running := isRunning(parts)
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

// isRunning says whether a query is running text: a sentence ends in it. Stops that are not
// ASCII stand nowhere else than there, and where words have no spaces between them. Those of
// ASCII stand inside names and in short forms too (node.js, vs., Yahoo!): they count at the
// end of a word of a long query, a question mark always, others at its end or before a
// capital, if the word is none of a few letters.
func isRunning(parts []syntaxPart) bool {
	for i, p := range parts {
		if p.quoted {
			continue
		}
		text := strings.TrimRight(p.text, closing)
		if strings.ContainsFunc(p.text, func(r rune) bool { return r >= utf8.RuneSelf && isStop(r) }) {
			return true
		}
		last := len(text) - 1
		if len(parts) < minRunning || last < 0 || !isStop(rune(text[last])) {
			continue
		}
		if text[last] == '?' || last > shortForm && !strings.Contains(text[:last], ".") && (i+1 == len(parts) || parts[i+1].isCapital()) {
			return true
		}
	}
	return false
}

// shortForm is how many letters a word may have that a full stop shortens.
const shortForm = 3

func (p syntaxPart) isCapital() bool {
	first, _ := utf8.DecodeRuneInString(p.text)
	return !p.quoted && p.sign == 0 && unicode.IsUpper(first)
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
	site := ""
	if !p.quoted {
		site = siteOf(p.text)
	}
	switch {
	case site != "" && p.sign == '-':
		s.NotSites = append(s.NotSites, site)
		return false
	case site != "":
		s.Sites = append(s.Sites, site)
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

// siteOf is the host of site:host, also of what people paste and type: Site:https://host/path,
// (site:host:443), site:*.host?. It is "" where there is none.
func siteOf(text string) string {
	const prefix = "site:"
	text = strings.Trim(text, around)
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return ""
	}
	site := strings.TrimLeft(text[len(prefix):], around)
	if _, after, found := strings.Cut(site, "://"); found {
		site = after
	}
	if end := strings.IndexAny(site, "/?#\\"); end >= 0 {
		site = site[:end]
	}
	site = site[strings.LastIndexByte(site, '@')+1:]
	if at := strings.LastIndexByte(site, ':'); at >= 0 && !strings.HasSuffix(site, "]") {
		site = site[:at]
	}
	return strings.ToLower(strings.Trim(strings.TrimPrefix(site, "*."), around))
}

// around is what may stand before and behind a site in a sentence, but for the brackets of an
// IPv6 address.
const around = `"'“”„‘’«»(){}<>.,;:!?`
