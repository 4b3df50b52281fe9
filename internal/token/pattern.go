package token

import "unicode/utf8"

// Known patterns, as definitions write them.
const (
	gpt2Split   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	cl100kSplit = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Split  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var splitters = map[string]*splitter{
	gpt2Split:   {slow: gpt2End, gpt2: true, table: newCutTable(true, 0)},
	cl100kSplit: newCL100K(3),
	qwen2Split:  newCL100K(1),
}

func newCL100K(digits int) *splitter {
	slow := func(text string, at int) int { return cl100kEnd(text, at, digits) }
	return &splitter{slow: slow, digits: digits, table: newCutTable(false, digits)}
}

// newFinder makes a finder of a definition's pattern.
func newFinder(text string, regex bool) (finder, error) {
	if !regex {
		return literal(text), nil
	}
	if s, ok := splitters[text]; ok {
		return s, nil
	}
	return newExpression(text)
}

// classAt is the class and the size of the character at a position; 0, 0 at the end.
func classAt(text string, at int) (uint8, int) {
	if at >= len(text) {
		return 0, 0
	}
	r, size := utf8.DecodeRuneInString(text[at:])
	return regexClasses().of(r) & (classLetter | classNumber | classSpace), size
}

// run passes characters of a class; 0 is what is neither letter, number nor space.
func run(text string, at int, class uint8) int {
	for {
		c, size := classAt(text, at)
		if size == 0 || c != class {
			return at
		}
		at += size
	}
}

// gpt2End is gpt2Split.
func gpt2End(text string, at int) int {
	if n := contraction(text[at:], false); n > 0 {
		return at + n
	}
	class, size := classAt(text, at)
	if text[at] == ' ' {
		if next, n := classAt(text, at+1); n > 0 && next != classSpace {
			return run(text, at+1, next)
		}
	}
	if class == classSpace {
		return spaceEnd(text, at)
	}
	return run(text, at+size, class)
}

// spaceEnd is \s+(?!\S)|\s+ : a run of white space without its last character, which
// goes with what follows, if it is not the only one.
func spaceEnd(text string, at int) int {
	end := run(text, at, classSpace)
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

// cl100kEnd is cl100kSplit with numbers of at most digits characters.
func cl100kEnd(text string, at, digits int) int {
	if n := contraction(text[at:], true); n > 0 {
		return at + n
	}
	class, size := classAt(text, at)
	if class == classLetter {
		return run(text, at+size, classLetter)
	}
	if class == classNumber {
		return numberEnd(text, at, digits)
	}
	c := text[at]
	if next, n := classAt(text, at+size); n > 0 && c != '\r' && c != '\n' {
		if next == classLetter {
			return run(text, at+size, classLetter)
		}
		if c == ' ' && next == 0 {
			return newlines(text, run(text, at+1, 0))
		}
	}
	if class == 0 {
		return newlines(text, run(text, at, 0))
	}
	return lineEnd(text, at)
}

func numberEnd(text string, at, digits int) int {
	for range digits {
		c, size := classAt(text, at)
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
func lineEnd(text string, at int) int {
	end := run(text, at, classSpace)
	for i := end; i > at; i-- {
		if text[i-1] == '\r' || text[i-1] == '\n' {
			return i
		}
	}
	return spaceEnd(text, at)
}
