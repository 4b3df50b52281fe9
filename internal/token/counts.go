package token

import (
	"sort"
	"unicode/utf8"
)

// Counts holds the tokens of one text as prefix sums over its cuts, the places where it
// falls into parts that tokenize independently. The zero value is ready for Measure;
// it keeps its memory from text to text. It belongs to one goroutine at a time.
type Counts struct {
	tokenizer *Tokenizer
	added     *addedTokens // its
	text      string
	total     int // while measuring: before the stretch
	cuts      []cut
	stretch   stretch // being measured
	measured  int     // texts so far
	// Of Join: where the last search among cuts ended, and the last joint.
	near      int
	scratch   []byte
	lastJoint joint
}

// cut is a place between two characters, and the number of tokens before it.
type cut struct{ at, tokens int }

// cut adds a cut at position at of the current stretch, after n tokens of the stretch,
// unless an added token could reach across it. See model.measure.
func (c *Counts) cut(at, n int) {
	if c.added != nil && c.added.mayCross(c.stretch.text, at) {
		return
	}
	c.cuts = append(c.cuts, cut{c.stretch.base + at, c.total + n})
}

// Measure makes c hold the tokens of text, in one pass.
func (t *Tokenizer) Measure(c *Counts, text string) {
	*c = Counts{tokenizer: t, added: t.added, text: text, cuts: c.cuts[:0], measured: c.measured + 1, scratch: c.scratch}
	if valid(text) {
		t.measure(c, text)
		return
	}
	r := repair(text)
	defer r.release()
	t.measure(c, r.text())
	for i := range c.cuts {
		c.cuts[i].at = r.start(c.cuts[i].at)
	}
}

func (t *Tokenizer) measure(c *Counts, text string) {
	for p := t.parts(text, false); p.next(); {
		if p.isToken {
			c.total++
			continue
		}
		c.stretch = p.stretch
		c.total += t.model.measure(c, p.stretch)
	}
}

// Total is the number of tokens of the whole text.
func (c *Counts) Total() int { return c.total }

// Span is the number of tokens of text[start:end] as a text of its own, exactly. It
// costs two binary searches and the counting of what lies between both ends and the
// cuts next to them, a word or two each.
func (c *Counts) Span(start, end int) int {
	if start == 0 && end == len(c.text) {
		return c.total
	}
	from, to := c.firstCut(start), c.lastCut(end)
	if from > to {
		return c.tokenizer.Count(c.text[start:end])
	}
	a, b := c.cuts[from], c.cuts[to]
	return c.tokenizer.Count(c.text[start:a.at]) + b.tokens - a.tokens + c.tokenizer.count(c.text[b.at:end], true)
}

// firstCut is the index of the first cut behind start with a whole character between.
func (c *Counts) firstCut(start int) int {
	for start < len(c.text) && !utf8.RuneStart(c.text[start]) {
		start++
	}
	return sort.Search(len(c.cuts), func(i int) bool { return c.cuts[i].at > start })
}

// lastCut is the index of the last cut before end with a whole character between.
func (c *Counts) lastCut(end int) int {
	i := sort.Search(len(c.cuts), func(i int) bool { return c.cuts[i].at >= end }) - 1
	for i >= 0 {
		_, size := utf8.DecodeRuneInString(c.text[c.cuts[i].at:])
		if c.cuts[i].at+size <= end {
			break
		}
		i--
	}
	return i
}
