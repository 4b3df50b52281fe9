package chunk

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"pulse"
)

// Bounds of one part of a prefix, in bytes; longer ones lose their middle.
const (
	maxTitleBytes   = 128
	maxHeadingBytes = 200
)

const (
	ellipsis  = "…"
	separator = " > "
	behind    = "\n\n" // between the prefix and the text
)

// Embed composes the title, the heading path and the text of a chunk's span: what is
// indexed of it and, but for lines that are said again (see Embeds), embedded.
//
// A part that says what the part before it says is left out, and so are the last
// parts where the span itself begins with these headings. Headings of nothing but
// "…" mean no prefix at all: the limit of the layout has no room for one.
func Embed(title string, headings []string, span string) string {
	var buf [512]byte
	prefix, _ := appendPrefix(buf[:0], titlePart(title), headings, span)
	return string(prefix) + span
}

// appendPrefix appends what Embed puts before a span. It follows from the first used
// bytes of the span.
func appendPrefix(dst []byte, title string, headings []string, span string) (prefix []byte, used int) {
	if len(headings) == 1 && headings[0] == ellipsis {
		return dst, 0
	}
	var parts [maxLevel + 2]string
	all := parts[:0]
	if title != "" {
		all = append(all, title)
	}
	for _, h := range headings {
		if len(all) == 0 || all[len(all)-1] != h {
			all = append(all, h)
		}
	}
	all, used = withoutLeading(all, span)
	for i, part := range all {
		if i > 0 {
			dst = append(dst, separator...)
		}
		dst = append(dst, part...)
	}
	if len(all) > 0 {
		dst = append(dst, behind...)
	}
	return dst, used
}

// titlePart is what a prefix says of a title.
func titlePart(title string) string {
	if len(title) > 4*maxTitleBytes {
		title = title[:runeFloor(title, 2*maxTitleBytes)] + title[runeCeil(title, len(title)-2*maxTitleBytes):]
	}
	return cutMiddle(oneLine(title), maxTitleBytes)
}

// withoutLeading drops the last parts that the span's first lines say as headings.
func withoutLeading(parts []string, span string) (left []string, used int) {
	if len(parts) == 0 || span == "" {
		return parts, 0
	}
	var buf [maxLevel]string
	leading, used := leadingHeadings(buf[:0], span)
	for len(leading) > 0 && len(parts) > 0 {
		last := parts[len(parts)-1]
		if last != ellipsis && !slices.Contains(leading, last) {
			break
		}
		parts = parts[:len(parts)-1]
	}
	return parts, used
}

// minCutBytes: a heading cut shorter says nothing.
const minCutBytes = 16

// shortened gives the headings of a path, the longest way first, that a prefix of
// too many tokens is tried with: without its middle, then with the middle of its last
// heading cut out, then no prefix at all.
func shortened(path []string) [][]string {
	tries := [][]string{path}
	for i := 1; i < len(path); i++ {
		tries = append(tries, append([]string{ellipsis}, path[i:]...))
	}
	if len(path) > 0 {
		last := path[len(path)-1]
		for limit := len(last); limit >= min(len(last), minCutBytes) && limit > 0; limit /= 2 {
			tries = append(tries, []string{ellipsis, cutMiddle(last, limit)})
		}
	}
	return append(tries, []string{ellipsis})
}

// Embeds gives what is embedded of a text's chunks, as Split gave it in Embed. A chunk
// that begins inside of a fence or of a table has its first lines before it. They
// follow from the text; where the limit had no room for them, the chunk's hash tells.
func Embeds(title, text string, chunks []pulse.Chunk) []string {
	var o outline
	o.reset(text)
	all := make([]string, len(chunks))
	for i := range chunks {
		c := &chunks[i]
		o.readTo(c.Start, c.Start)
		all[i] = Embed(title, c.Headings, text[c.Start:c.End])
		if lead := o.leadAt(c.Start); lead != "" && xxhash.Sum64String(all[i]) != c.Hash {
			prefix := len(all[i]) - (c.End - c.Start)
			all[i] = all[i][:prefix] + lead + all[i][prefix:]
		}
		o.forget(c.Start)
	}
	return all
}

// maxLeadBytes bounds the lines that are said again.
const maxLeadBytes = 1024

// leadAt gives the lines that are said again before a chunk that begins at a
// position: "" unless that is inside of a fence or a table.
func (o *outline) leadAt(pos int) string {
	i := o.blockAt(pos)
	if i < 0 {
		return ""
	}
	b := &o.blocks[i]
	if pos < b.body || b.lead.end-b.lead.start == 0 || b.lead.end-b.lead.start > maxLeadBytes || pos >= b.end {
		return ""
	}
	return o.text[b.lead.start:min(b.body, len(o.text))]
}
