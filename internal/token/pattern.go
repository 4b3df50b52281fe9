package token

import (
	"sync"
	"unicode/utf8"
)

// Known patterns, as definitions write them.
const (
	gpt2Split   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	cl100kSplit = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Split  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// splitters are the known patterns'.
var splitters = sync.OnceValue(func() map[string]*splitter {
	return map[string]*splitter{
		gpt2Split:   newSplitter(true, 0),
		cl100kSplit: newSplitter(false, 3),
		qwen2Split:  newSplitter(false, 1),
	}
})

// newFinder makes a finder of a definition's pattern.
func newFinder(text string, regex bool) (finder, error) {
	if !regex {
		return literal(text), nil
	}
	if s, ok := splitters()[text]; ok {
		return s, nil
	}
	return newExpression(text)
}

// A splitter is a known split pattern. Its matches follow each other without gaps, and
// each depends on where it begins and what follows, not on what stands before.
type splitter struct {
	gpt2    bool // gpt2Split; else cl100kSplit with numbers of at most digits characters
	digits  int
	table   *cutTable
	classes *runeClasses
}

func newSplitter(gpt2 bool, digits int) *splitter {
	return &splitter{gpt2: gpt2, digits: digits, table: newCutTable(gpt2, digits), classes: regexClasses()}
}

func (p *splitter) find(dst []match, text string) []match {
	for at := 0; at < len(text); {
		end := p.end(text, at)
		dst = append(dst, match{at, end, true})
		at = end
	}
	return dst
}

// end is where the match that begins at a position ends.
func (p *splitter) end(text string, at int) int {
	if p.gpt2 {
		return p.endGPT2(text, at)
	}
	return p.endCL100K(text, at)
}

const splitClasses = classLetter | classNumber | classSpace

// classAt is the class and the size of the character at a position; 0, 0 at the end.
func (p *splitter) classAt(text string, at int) (uint8, int) {
	if at >= len(text) {
		return 0, 0
	}
	r, size := utf8.DecodeRuneInString(text[at:])
	return p.classes.of(r) & splitClasses, size
}

// run passes characters of a class; 0 is what is neither letter, number nor space.
func (p *splitter) run(text string, at int, class uint8) int {
	for at < len(text) {
		r, size := rune(0), 3
		if c := text[at]; c&0xF0 == 0xE0 {
			r = rune(c&0x0F)<<12 | rune(text[at+1]&0x3F)<<6 | rune(text[at+2]&0x3F)
		} else {
			r, size = utf8.DecodeRuneInString(text[at:])
		}
		if p.classes.of(r)&splitClasses != class {
			break
		}
		at += size
	}
	return at
}

// endGPT2 is end for gpt2Split.
func (p *splitter) endGPT2(text string, at int) int {
	if n := contraction(text[at:], false); n > 0 {
		return at + n
	}
	class, size := p.classAt(text, at)
	if text[at] == ' ' {
		if next, n := p.classAt(text, at+1); n > 0 && next != classSpace {
			return p.run(text, at+1, next)
		}
	}
	if class == classSpace {
		return p.spaceEnd(text, at)
	}
	return p.run(text, at+size, class)
}

// spaceEnd is \s+(?!\S)|\s+ : a run of white space without its last character, which
// goes with what follows, if it is not the only one.
func (p *splitter) spaceEnd(text string, at int) int {
	end := p.run(text, at, classSpace)
	if end == len(text) {
		return end
	}
	_, last := utf8.DecodeLastRuneInString(text[at:end])
	if end-last > at {
		return end - last
	}
	return end
}

// contraction is the length of 's|'t|'re|'ve|'m|'ll|'d at the start of s; 0 if there is
// none. Folded, the case does not matter, and ſ is an s.
func contraction(s string, folded bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	if folded && len(s) > 2 && s[1:3] == "\u017f" {
		return 3
	}
	c, d := s[1], byte(0)
	if len(s) > 2 {
		d = s[2]
	}
	if folded {
		c, d = c|0x20, d|0x20
	}
	switch {
	case c == 's', c == 't', c == 'm', c == 'd':
		return 2
	case c == 'r' && d == 'e', c == 'v' && d == 'e', c == 'l' && d == 'l':
		return 3
	}
	return 0
}

// endCL100K is end for cl100kSplit, with numbers of at most p.digits characters.
func (p *splitter) endCL100K(text string, at int) int {
	if n := contraction(text[at:], true); n > 0 {
		return at + n
	}
	class, size := p.classAt(text, at)
	if class == classLetter {
		return p.run(text, at+size, classLetter)
	}
	if class == classNumber {
		return p.numberEnd(text, at)
	}
	c := text[at]
	if next, n := p.classAt(text, at+size); n > 0 && c != '\r' && c != '\n' {
		if next == classLetter {
			return p.run(text, at+size, classLetter)
		}
		if c == ' ' && next == 0 {
			return newlines(text, p.run(text, at+1, 0))
		}
	}
	if class == 0 {
		return newlines(text, p.run(text, at, 0))
	}
	return p.lineEnd(text, at)
}

func (p *splitter) numberEnd(text string, at int) int {
	for range p.digits {
		c, size := p.classAt(text, at)
		if c != classNumber {
			break
		}
		at += size
	}
	return at
}

// newlines is [\r\n]*.
func newlines(text string, at int) int {
	for at < len(text) && (text[at] == '\r' || text[at] == '\n') {
		at++
	}
	return at
}

// lineEnd is \s*[\r\n]+|\s+(?!\S)|\s+ : a run of white space up to its last line end, else
// as spaceEnd.
func (p *splitter) lineEnd(text string, at int) int {
	end := p.run(text, at, classSpace)
	for i := end; i > at; i-- {
		if text[i-1] == '\r' || text[i-1] == '\n' {
			return i
		}
	}
	return p.spaceEnd(text, at)
}
