package token

import "fmt"

// A pattern is a split pattern with a hand-written scanner. Every match begins where the
// one before ended, so that it splits the whole text.
type pattern struct {
	// end is where the match that begins at position at ends.
	end func(text string, at int) int
}

// patterns are the known ones, as definitions write them.
var patterns = map[string]pattern{}

var gpt2Pattern = pattern{}

// newFinder makes a finder of a definition's pattern.
func newFinder(text string, regex bool) (finder, error) {
	if !regex {
		return literal(text), nil
	}
	if p, ok := patterns[text]; ok {
		return patternFinder{p}, nil
	}
	return nil, fmt.Errorf("is not supported")
}

// patternFinder finds what a pattern matches.
type patternFinder struct{ pattern pattern }

func (f patternFinder) find(dst []match, text string) []match {
	for at := 0; at < len(text); {
		end := f.pattern.end(text, at)
		dst = append(dst, match{at, end, true})
		at = end
	}
	return dst
}
