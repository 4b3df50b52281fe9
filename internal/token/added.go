package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// addedToken is a token that is found in the text before the model sees it.
type addedToken struct {
	id      uint32
	content string
	// singleWord: not beside a letter, a digit or an underscore. lstrip, rstrip: takes
	// the white space before, after it.
	singleWord, lstrip, rstrip bool
	normalized                 bool // is found in the normalized text
}

// addedTokens finds added tokens as the reference does: the leftmost, of those the
// longest. nil has none.
type addedTokens struct {
	groups []addedGroup
	lead   [256]bool // first bytes, where there are more groups than scans keep
	// For mayCross: the pairs of bytes inside of tokens, and the first and last bytes of
	// those that stand alone.
	inside       [256 * 256 / 64]uint64
	starts, ends [256]bool
	single       bool
}

// addedGroup holds the tokens that begin with the same byte.
type addedGroup struct {
	prefix string       // of all of them
	tokens []addedToken // longest first
}

// maxGroups is how many groups a scan looks ahead for by itself.
const maxGroups = 8

func newAddedTokens(tokens []addedToken) (*addedTokens, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	sorted := slices.Clone(tokens)
	slices.SortFunc(sorted, func(a, b addedToken) int { return strings.Compare(a.content, b.content) })
	a := &addedTokens{}
	for i, t := range sorted {
		if i > 0 && t.content == sorted[i-1].content {
			return nil, fmt.Errorf("added token %q is given twice", t.content)
		}
		a.add(t)
		a.know(t)
	}
	for _, g := range a.groups {
		a.lead[g.prefix[0]] = true
		slices.SortFunc(g.tokens, func(a, b addedToken) int { return len(b.content) - len(a.content) })
	}
	return a, nil
}

func (a *addedTokens) add(t addedToken) {
	n := len(a.groups)
	if n == 0 || a.groups[n-1].prefix[0] != t.content[0] {
		a.groups = append(a.groups, addedGroup{prefix: t.content, tokens: []addedToken{t}})
		return
	}
	g := &a.groups[n-1]
	g.prefix = g.prefix[:commonPrefix(g.prefix, t.content)]
	g.tokens = append(g.tokens, t)
}

// know notes what mayCross asks for.
func (a *addedTokens) know(t addedToken) {
	for i := range len(t.content) - 1 {
		pair := uint(t.content[i])<<8 | uint(t.content[i+1])
		a.inside[pair/64] |= 1 << (pair % 64)
	}
	if t.singleWord {
		a.single = true
		a.starts[t.content[0]], a.ends[t.content[len(t.content)-1]] = true, true
	}
}

// mayCross reports whether cutting s at a place between two characters could change
// which tokens are found: because one may lie across it, or stands alone only by it.
func (a *addedTokens) mayCross(s string, at int) bool {
	pair := uint(s[at-1])<<8 | uint(s[at])
	return a.inside[pair/64]>>(pair%64)&1 != 0 || a.single && a.standsAlone(s, at)
}

// standsAlone reports whether a token that stands alone could end or begin at a place
// only because of what is on the other side.
func (a *addedTokens) standsAlone(s string, at int) bool {
	return a.ends[s[at-1]] && startsWithWord(s[at:]) || a.starts[s[at]] && endsWithWord(s[:at])
}

func startsWithWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && regexClasses().of(r)&classWord != 0
}

func endsWithWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && regexClasses().of(r)&classWord != 0
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// addedScan walks over the tokens found in a text.
type addedScan struct {
	added *addedTokens
	text  string
	pos   int            // tokens begin here or later
	taken int            // what the last one took, with its white space, ends here
	ahead [maxGroups]int // where each group's prefix comes next, at or after pos; -1: not known

	id         uint32
	start, end int
}

func (a *addedTokens) scan(text string) addedScan {
	s := addedScan{added: a, text: text}
	for i := range s.ahead {
		s.ahead[i] = -1
	}
	return s
}

// next finds the next token; start and end include the white space that it takes.
func (s *addedScan) next() bool {
	for s.added != nil {
		t, at := s.find()
		if t == nil {
			return false
		}
		s.pos = at + len(t.content)
		if t.singleWord && !s.alone(at, s.pos) {
			continue
		}
		s.id, s.start, s.end = t.id, at, s.pos
		if t.lstrip {
			s.start = max(at-trailingSpace(s.text[:at]), s.taken)
		}
		if t.rstrip {
			s.end += leadingSpace(s.text[s.end:])
		}
		s.taken = s.end
		return true
	}
	return false
}

// find returns the leftmost longest token at or after pos.
func (s *addedScan) find() (*addedToken, int) {
	for {
		g, at := s.candidate()
		if g == nil {
			return nil, 0
		}
		for i := range g.tokens {
			if strings.HasPrefix(s.text[at:], g.tokens[i].content) {
				return &g.tokens[i], at
			}
		}
		s.pos = at + 1
	}
}

// candidate returns the next place where a group's prefix stands.
func (s *addedScan) candidate() (*addedGroup, int) {
	if len(s.added.groups) > maxGroups {
		return s.candidateByLead()
	}
	best, at := -1, len(s.text)
	for i := range s.added.groups {
		if s.ahead[i] < s.pos {
			s.ahead[i] = s.look(s.added.groups[i].prefix)
		}
		if s.ahead[i] < at {
			best, at = i, s.ahead[i]
		}
	}
	if best < 0 {
		return nil, 0
	}
	return &s.added.groups[best], at
}

// look finds a prefix at or after pos; the end of the text stands for nowhere.
func (s *addedScan) look(prefix string) int {
	n := -1
	if len(prefix) == 1 {
		n = strings.IndexByte(s.text[s.pos:], prefix[0])
	} else {
		n = strings.Index(s.text[s.pos:], prefix)
	}
	if n < 0 {
		return len(s.text)
	}
	return s.pos + n
}

func (s *addedScan) candidateByLead() (*addedGroup, int) {
	for at := s.pos; at < len(s.text); at++ {
		if !s.added.lead[s.text[at]] {
			continue
		}
		i, _ := slices.BinarySearchFunc(s.added.groups, s.text[at], func(g addedGroup, b byte) int {
			return int(g.prefix[0]) - int(b)
		})
		return &s.added.groups[i], at
	}
	return nil, 0
}

// alone reports whether no word character stands before start or behind end.
func (s *addedScan) alone(start, end int) bool {
	return !endsWithWord(s.text[:start]) && !startsWithWord(s.text[end:])
}

func trailingSpace(s string) int {
	n, classes := 0, regexClasses()
	for n < len(s) {
		r, size := utf8.DecodeLastRuneInString(s[:len(s)-n])
		if classes.of(r)&classSpace == 0 {
			break
		}
		n += size
	}
	return n
}

func leadingSpace(s string) int {
	n, classes := 0, regexClasses()
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if classes.of(r)&classSpace == 0 {
			break
		}
		n += size
	}
	return n
}
