package token

import "unicode/utf8"

// newPreTokenizers reads a pre-tokenizer as the steps it consists of.
func newPreTokenizers(p *part) ([]preTokenizer, error) {
	if p == nil {
		return nil, nil
	}
	if p.kind == "Sequence" {
		var all []preTokenizer
		for _, sub := range p.list("pretokenizers", p.role) {
			steps, err := newPreTokenizers(sub)
			if err != nil {
				return nil, err
			}
			all = append(all, steps...)
		}
		return all, p.end()
	}
	step := newPreTokenizer(p)
	if step == nil {
		return nil, p.unsupported()
	}
	return []preTokenizer{step}, p.end()
}

// newPreTokenizer makes one step; nil for a kind that is not known.
func newPreTokenizer(p *part) preTokenizer {
	switch p.kind {
	case "ByteLevel":
		p.ignore("trim_offsets")
		return byteLevel{prefix: p.flag("add_prefix_space", true), splits: p.flag("use_regex", true)}
	case "Split":
		return newSplit(p)
	case "Metaspace":
		return newMetaspace(p)
	case "Digits":
		return newDigits(p)
	case "Punctuation":
		return splitting{classFinder{bertClasses, bertPunctuation}, p.behavior("behavior", isolated)}
	case "BertPreTokenizer":
		return bertPreTokenizer{}
	case "Whitespace":
		return splitting{whitespaceFinder{}, removed}
	case "WhitespaceSplit":
		return whitespaceSplit{}
	}
	return nil
}

// splitting splits where a finder finds.
type splitting struct {
	finder   finder
	behavior behavior
}

func (s splitting) preTokenize(n *aligned) { n.split(s.behavior, s.finder.find) }

// classFinder finds the characters of a class.
type classFinder struct {
	classes func() *runeClasses
	class   uint8
}

func (c classFinder) find(dst []match, text string) []match {
	classes := c.classes()
	at := 0
	for i, r := range text {
		if classes.of(r)&c.class == 0 {
			continue
		}
		if at < i {
			dst = append(dst, match{at, i, false})
		}
		at = i + utf8.RuneLen(r)
		dst = append(dst, match{i, at, true})
	}
	if at < len(text) {
		dst = append(dst, match{at, len(text), false})
	}
	return dst
}

// inverted finds what its finder does not.
type inverted struct{ finder finder }

func (v inverted) find(dst []match, text string) []match {
	from := len(dst)
	dst = v.finder.find(dst, text)
	for i := range dst[from:] {
		dst[from+i].is = !dst[from+i].is
	}
	return dst
}

func newDigits(p *part) preTokenizer {
	b := contiguous
	if p.flag("individual_digits", false) {
		b = isolated
	}
	return splitting{classFinder{regexClasses, classDigit}, b}
}

func newSplit(p *part) preTokenizer {
	pattern, regex := p.pattern("pattern")
	f, err := newFinder(pattern, regex)
	if err != nil {
		p.fail("pattern %q: %v", pattern, err)
		return splitting{}
	}
	s := splitting{f, p.behavior("behavior", removed)}
	if p.flag("invert", false) {
		s.finder = inverted{f}
	}
	return s
}

// behavior takes the name of a behavior; the reference knows two spellings.
func (p *part) behavior(name string, otherwise behavior) behavior {
	switch b := p.text(name, ""); b {
	case "":
		return otherwise
	case "Removed":
		return removed
	case "Isolated":
		return isolated
	case "MergedWithPrevious":
		return mergedWithPrevious
	case "MergedWithNext":
		return mergedWithNext
	case "Contiguous":
		return contiguous
	default:
		p.fail("%s %q is not supported", name, b)
		return otherwise
	}
}

// byteLevel splits as GPT-2 does. That it also turns bytes into characters that stand
// for them is left to the vocabulary, which is read as bytes.
type byteLevel struct{ prefix, splits bool }

func (b byteLevel) preTokenize(n *aligned) {
	if b.prefix {
		n.each(func(p piece, text string) {
			if text[0] == ' ' || n.continues(p) {
				n.keep(p.start, p.end)
			} else {
				n.prepend(" ", p)
			}
		})
	}
	if b.splits {
		n.split(isolated, splitters()[gpt2Split].find)
	}
}

// metaspace makes spaces its replacement, and begins a word at each.
type metaspace struct {
	replacement rune
	scheme      string // always, first, never
	splits      bool
}

func newMetaspace(p *part) preTokenizer {
	p.ignore("str_rep")
	m := metaspace{scheme: p.text("prepend_scheme", "always"), splits: p.flag("split", true)}
	text := p.text("replacement", "\u2581")
	m.replacement, _ = utf8.DecodeRuneInString(text)
	if utf8.RuneCountInString(text) != 1 {
		p.fail("replacement %q is not one character", text)
	}
	if !p.flag("add_prefix_space", true) && m.scheme != "never" {
		p.fail("add_prefix_space does not match prepend_scheme %q", m.scheme)
	}
	if m.scheme != "always" && m.scheme != "first" && m.scheme != "never" {
		p.fail("prepend_scheme %q is not supported", m.scheme)
	}
	return m
}

func (m metaspace) preTokenize(n *aligned) {
	n.each(func(p piece, text string) {
		n.matches = literal(" ").find(n.matches[:0], text)
		for _, found := range n.matches {
			if found.is {
				n.put(string(m.replacement), p.start+found.start)
			} else {
				n.keep(p.start+found.start, p.start+found.end)
			}
		}
	})
	n.each(func(p piece, text string) {
		if r, _ := utf8.DecodeRuneInString(text); r != m.replacement && m.prepends(n, p) {
			n.prepend(string(m.replacement), p)
		} else {
			n.keep(p.start, p.end)
		}
	})
	if m.splits {
		n.split(mergedWithNext, literal(string(m.replacement)).find)
	}
}

func (m metaspace) prepends(n *aligned, p piece) bool {
	return m.scheme == "always" && !n.continues(p) || m.scheme == "first" && n.first(p)
}
