package chunk

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of one part of a prefix, in bytes; longer ones lose their middle.
const (
	maxTitleBytes   = 128
	maxHeadingBytes = 200
)

const (
	ellipsis  = "…"
	separator = " > "
)

// Embed composes what is embedded and indexed of a chunk: the title and the heading
// path, then the text of its span. It is the one place that does, and it needs
// nothing but what the store keeps.
//
// A part that says what the part before it says is left out, and so are the last
// parts where the span itself begins with these headings. Headings of nothing but
// "…" mean no prefix at all: the limit of the layout has no room for one.
func Embed(title string, headings []string, span string) string {
	if len(headings) == 1 && headings[0] == ellipsis {
		return span
	}
	parts := make([]string, 0, 8)
	if title = titlePart(title); title != "" {
		parts = append(parts, title)
	}
	for _, h := range headings {
		if len(parts) == 0 || parts[len(parts)-1] != h {
			parts = append(parts, h)
		}
	}
	if parts = withoutLeading(parts, span); len(parts) == 0 {
		return span
	}
	prefix := strings.Join(parts, separator)
	if span == "" {
		return prefix
	}
	return prefix + "\n\n" + span
}

// titlePart is what a prefix says of a title.
func titlePart(title string) string {
	return cutMiddle(strings.Join(strings.Fields(title), " "), maxTitleBytes)
}

// withoutLeading drops the last parts that the span's first lines say as headings.
func withoutLeading(parts []string, span string) []string {
	if len(parts) == 0 || !beginsWithHeading(span) {
		return parts
	}
	leading := make([]string, 0, maxLevel)
	for s := (scanner{text: span}); len(leading) < maxLevel; {
		b, ok := s.next()
		if !ok || b.kind != heading {
			break
		}
		leading = append(leading, b.heading)
	}
	for len(parts) > 0 {
		last := parts[len(parts)-1]
		if last != ellipsis && !slices.Contains(leading, last) {
			break
		}
		parts = parts[:len(parts)-1]
	}
	return parts
}

// path is the headings above the current block, with what they cost.
type path struct {
	title   pathEntry // as titlePart gives it
	entries [maxLevel]pathEntry
}

type pathEntry struct {
	text   string // "" is none
	tokens int
}

// set enters a section of the level, and leaves those below it.
func (p *path) set(level int, text string, tokens int) {
	p.entries[level-1] = pathEntry{text, tokens}
	clear(p.entries[level:])
}

// headings gives the path within a number of tokens, and what it costs, its title
// included. Too long a path loses its middle: the title and the last heading say
// most. Where even these do not fit there is no prefix.
func (p *path) headings(budget int, count func(string) int) (headings []string, tokens int) {
	tokens = p.title.tokens
	last := p.title.text
	for _, e := range p.entries {
		if e.text == "" {
			continue
		}
		headings = append(headings, e.text)
		if e.text != last {
			tokens += e.tokens
		}
		if e.text != last && last != "" {
			tokens += count(separator)
		}
		last = e.text
	}
	if tokens <= budget {
		return headings, tokens
	}
	if len(headings) > 0 {
		around := p.title.tokens + count(separator+ellipsis+separator)
		for limit := len(last); limit >= min(len(last), minCutBytes); limit /= 2 {
			short := cutMiddle(last, limit)
			if tokens = around + count(short); tokens <= budget {
				return []string{ellipsis, short}, tokens
			}
		}
	}
	return []string{ellipsis}, 0
}

// minCutBytes: a heading cut shorter says nothing.
const minCutBytes = 16

// cutMiddle keeps the front and a shorter end of a text that is too long.
func cutMiddle(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	keep := limit - len(ellipsis)
	front := runeFloor(s, keep*2/3)
	back := runeCeil(s, len(s)-keep/3)
	return strings.TrimSpace(s[:front]) + ellipsis + strings.TrimSpace(s[back:])
}

// runeFloor and runeCeil move an offset to a rune boundary; in what is not UTF-8
// they give up after the length of a rune.
func runeFloor(s string, i int) int {
	for range utf8.UTFMax - 1 {
		if i <= 0 || i >= len(s) || utf8.RuneStart(s[i]) {
			break
		}
		i--
	}
	return i
}

func runeCeil(s string, i int) int {
	for range utf8.UTFMax - 1 {
		if i >= len(s) || utf8.RuneStart(s[i]) {
			break
		}
		i++
	}
	return i
}
