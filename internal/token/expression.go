package token

import (
	"fmt"
	"strings"

	"github.com/dlclark/regexp2/v2"
)

// expression is a pattern without a hand-written scanner: slower, not wrong.
type expression struct{ regexp *regexp2.Regexp }

// newExpression compiles a pattern with the character classes of the reference.
func newExpression(pattern string) (finder, error) {
	re, err := regexp2.Compile(withClasses(pattern))
	if err != nil {
		return nil, fmt.Errorf("is not supported: %w", err)
	}
	return expression{re}, nil
}

// find panics if the engine gives up; it does so only on a time limit, and none is set.
func (e expression) find(dst []match, text string) []match {
	found, err := e.regexp.FindAllStringIndex(text, -1)
	if err != nil {
		panic(fmt.Sprintf("token: pattern %q: %v", e.regexp, err))
	}
	at := 0
	for _, m := range found {
		if at < m[0] {
			dst = append(dst, match{at, m[0], false})
		}
		dst = append(dst, match{m[0], m[1], true})
		at = m[1]
	}
	if at < len(text) {
		dst = append(dst, match{at, len(text), false})
	}
	return dst
}

// withClasses spells out the character classes that the engine has from another version
// of Unicode than the reference.
func withClasses(pattern string) string {
	var out strings.Builder
	inSet := false
	for i := 0; i < len(pattern); {
		class, negated, size := classEscape(pattern[i:])
		switch {
		case size > 0:
			writeClass(&out, class, negated, inSet)
		case pattern[i] == '\\' && i+1 < len(pattern):
			size = 2
			out.WriteString(pattern[i : i+2])
		default:
			size = 1
			inSet = pattern[i] == '[' || inSet && pattern[i] != ']'
			out.WriteByte(pattern[i])
		}
		i += size
	}
	return out.String()
}

// classEscape reads \s, \p{L}, \p{N}, \p{M} or one of their opposites.
func classEscape(s string) (class uint8, negated bool, size int) {
	for name, class := range map[string]uint8{`s`: classSpace, `p{L}`: classLetter, `p{N}`: classNumber, `p{M}`: classMark} {
		opposite := strings.ToUpper(name[:1]) + name[1:]
		if strings.HasPrefix(s, `\`+name) {
			return class, false, len(name) + 1
		}
		if strings.HasPrefix(s, `\`+opposite) {
			return class, true, len(name) + 1
		}
	}
	return 0, false, 0
}

// writeClass writes a class as ranges, in a set or as a set of its own.
func writeClass(out *strings.Builder, class uint8, negated, inSet bool) {
	if !inSet {
		out.WriteByte('[')
	}
	first := rune(0) // of the range that is open
	classes := regexClasses()
	for r := rune(0); r <= 0x110000; r++ {
		in := r < 0x110000 && (classes.of(r)&class != 0) != negated
		if in {
			continue
		}
		if first < r {
			fmt.Fprintf(out, `\x{%X}-\x{%X}`, first, r-1)
		}
		first = r + 1
	}
	if !inSet {
		out.WriteByte(']')
	}
}
