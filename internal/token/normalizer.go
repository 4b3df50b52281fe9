package token

import (
	"strings"
	"unicode/utf8"
)

// newNormalizers reads a normalizer as the steps it consists of.
func newNormalizers(p *part) ([]normalizer, error) {
	if p == nil {
		return nil, nil
	}
	if p.kind == "Sequence" {
		var all []normalizer
		for _, sub := range p.list("normalizers", p.role) {
			steps, err := newNormalizers(sub)
			if err != nil {
				return nil, err
			}
			all = append(all, steps...)
		}
		return all, p.end()
	}
	step := newNormalizer(p)
	if step == nil {
		return nil, p.unsupported()
	}
	return []normalizer{step}, p.end()
}

// newNormalizer makes one step; nil for a kind that is not known.
func newNormalizer(p *part) normalizer {
	switch p.kind {
	case "NFC":
		return formNFC()
	case "NFD":
		return formNFD()
	case "NFKC":
		return formNFKC()
	case "NFKD":
		return formNFKD()
	case "Lowercase":
		return lowercase{}
	case "Strip":
		return strip{left: p.flag("strip_left", false), right: p.flag("strip_right", false)}
	case "StripAccents":
		return stripAccents{}
	case "Nmt":
		return nmt{}
	case "Prepend":
		return prepend{p.text("prepend", "")}
	case "Replace":
		return newReplace(p)
	case "Precompiled":
		return newPrecompiled(p)
	case "BertNormalizer":
		return newBertNormalizer(p)
	}
	return nil
}

// normalize brings every piece into the form.
func (f *form) normalize(n *aligned) {
	n.each(func(p piece, text string) {
		if f.unchanged(text) == len(text) {
			n.keep(p.start, p.end)
			return
		}
		n.changes = f.appendChanges(n.changes[:0], text)
		n.transform(p, 0, n.changes)
	})
}

// lowercase is char::to_lowercase, character by character.
type lowercase struct{}

func (lowercase) normalize(n *aligned) {
	lower := lowerTexts()
	n.each(func(p piece, text string) {
		n.changes = n.changes[:0]
		for _, r := range text {
			to, ok := lower[r]
			if !ok {
				n.changes = append(n.changes, changedRune{r: r})
				continue
			}
			for i, l := range to {
				n.changes = append(n.changes, changedRune{r: l, change: min(i, 1)})
			}
		}
		n.transform(p, 0, n.changes)
	})
}

// strip drops white space at the ends.
type strip struct{ left, right bool }

func (s strip) normalize(n *aligned) {
	n.each(func(p piece, text string) {
		if s.left {
			p.start += leadingSpace(text)
		}
		if s.right && p.start < p.end {
			p.end -= trailingSpace(text)
		}
		n.keep(p.start, p.end)
	})
}

// filter drops characters.
func (n *aligned) filter(drops func(r rune) bool) {
	n.each(func(p piece, text string) {
		for i := 0; i < len(text); {
			r, size := utf8.DecodeRuneInString(text[i:])
			if !drops(r) {
				n.keep(p.start+i, p.start+i+size)
			}
			i += size
		}
	})
}

// stripAccents drops combining marks.
type stripAccents struct{}

func (stripAccents) normalize(n *aligned) {
	classes := bertClasses()
	n.filter(func(r rune) bool { return classes.of(r)&markStripped != 0 })
}

// nmt is the cleaning of the reference's Nmt: controls go, special spaces become spaces.
type nmt struct{}

func (nmt) normalize(n *aligned) {
	n.filter(func(r rune) bool {
		return 0x01 <= r && r <= 0x08 || r == 0x0B || 0x0E <= r && r <= 0x1F || r == 0x7F || r == 0x8F || r == 0x9F
	})
	n.each(func(p piece, text string) {
		for i, r := range text {
			if nmtSpace(r) {
				n.put(" ", p.start+i)
			} else {
				n.keep(p.start+i, p.start+i+utf8.RuneLen(r))
			}
		}
	})
}

func nmtSpace(r rune) bool {
	switch r {
	case '\t', '\n', '\f', '\r', 0x1680, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
		return true
	}
	return 0x200B <= r && r <= 0x200F
}

// prepend puts content before the stretch.
type prepend struct{ content string }

func (s prepend) normalize(n *aligned) {
	n.each(func(p piece, _ string) {
		if n.continues(p) {
			n.keep(p.start, p.end)
		} else {
			n.prepend(s.content, p)
		}
	})
}

// replace puts content for what is found.
type replace struct {
	finder  finder
	content string
}

func newReplace(p *part) normalizer {
	r := replace{content: p.text("content", "")}
	pattern, regex := p.pattern("pattern")
	var err error
	if r.finder, err = newFinder(pattern, regex); err != nil {
		p.fail("pattern %q: %v", pattern, err)
	}
	return r
}

func (s replace) normalize(n *aligned) {
	n.each(func(p piece, text string) {
		n.matches = s.finder.find(n.matches[:0], text)
		for _, m := range n.matches {
			switch {
			case !m.is:
				n.keep(p.start+m.start, p.start+m.end)
			case p.start+m.end > 0:
				n.put(s.content, p.start+m.end-1)
			}
		}
	})
}

// A finder finds the parts of a text that match, and those between, as split wants them.
type finder interface {
	find(dst []match, text string) []match
}

// literal finds a string; the empty one is found nowhere.
type literal string

func (l literal) find(dst []match, text string) []match {
	at := 0
	for l != "" {
		n := strings.Index(text[at:], string(l))
		if n < 0 {
			break
		}
		if n > 0 {
			dst = append(dst, match{at, at + n, false})
		}
		dst = append(dst, match{at + n, at + n + len(l), true})
		at += n + len(l)
	}
	if at < len(text) {
		dst = append(dst, match{at, len(text), false})
	}
	return dst
}
