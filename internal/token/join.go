package token

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Join is the number of tokens of head's text followed by text[start:end], as one text,
// exactly. It costs what Span does: of head only the last word is counted again, with
// the span's first one, whatever the tokenizer makes of the two together.
func (c *Counts) Join(head *Counts, start, end int) int {
	from := c.cutsTo(c.wholeFrom(start))
	to := c.cutsTo(end) - 1
	for to >= from && !c.endsWhole(c.cuts[to].at, end) {
		to--
	}
	if from > to {
		return c.joint(head, start, end)
	}
	a, b := c.cuts[from], c.cuts[to]
	n := c.joined(head, start, from) + b.tokens - a.tokens
	if b.at < end {
		n += c.tokenizer.count(c.text[b.at:end], true)
	}
	return n
}

// endsWhole reports whether text[at:end] is empty or begins with a whole character.
func (c *Counts) endsWhole(at, end int) bool {
	if at == end || c.text[at] < utf8.RuneSelf {
		return true
	}
	_, size := utf8.DecodeRuneInString(c.text[at:])
	return at+size <= end
}

// joined counts head's text with the text from start to the cut of that index. If there
// is a cut at start, behind the very character that head ends with, there is one between
// head and text: whether a place is one follows from the characters next to it.
func (c *Counts) joined(head *Counts, start, next int) int {
	a := c.cuts[next]
	if next > 0 && c.cuts[next-1].at == start && head.text != "" {
		if last := head.text[len(head.text)-1]; last == c.text[start-1] && last < utf8.RuneSelf {
			return head.total + a.tokens - c.cuts[next-1].tokens
		}
	}
	return c.joint(head, start, a.at)
}

// joint counts head's text with text[start:end] behind it. It counts from head's last
// cut that some other character than white space follows: an added token may take all
// white space before it (lstrip), so that cuts there need not hold when more text comes.
// The last answer is kept, since Join asks for what Reach did.
func (c *Counts) joint(head *Counts, start, end int) int {
	asked := joint{head, head.measured, start, end, 0}
	if j := c.lastJoint; j.head == asked.head && j.measured == asked.measured && j.start == start && j.end == end {
		return j.tokens
	}
	asked.tokens = c.countJoint(head, start, end)
	c.lastJoint = asked
	return asked.tokens
}

// joint is an answer of Counts.joint.
type joint struct {
	head       *Counts
	measured   int // by Measure, so many times
	start, end int
	tokens     int
}

func (c *Counts) countJoint(head *Counts, start, end int) int {
	if head.text == "" {
		return c.tokenizer.Count(c.text[start:end])
	}
	last := head.lastCut(len(strings.TrimSpace(head.text)))
	var k cut
	if last >= 0 {
		k = head.cuts[last]
	}
	c.scratch = append(append(c.scratch[:0], head.text[k.at:]...), c.text[start:end]...)
	return k.tokens + c.tokenizer.count(unsafe.String(unsafe.SliceData(c.scratch), len(c.scratch)), last >= 0)
}

// Reach is the farthest end for which head's text followed by text[start:end] has at
// most budget tokens, among the cuts and the end of the text; start itself if there is
// none.
func (c *Counts) Reach(head *Counts, start, budget int) int {
	first := c.cutsTo(c.wholeFrom(start))
	if first == len(c.cuts) {
		if c.joint(head, start, len(c.text)) <= budget {
			return len(c.text)
		}
		return start
	}
	k := c.cuts[first]
	limit := budget - c.joined(head, start, first) + k.tokens
	if c.total <= limit {
		return len(c.text)
	}
	n := c.cutsWithin(first, limit)
	if n == first {
		return start
	}
	c.near = n - 1
	return c.cuts[n-1].at
}

// Back is the first of the cuts at or behind low from which about budget tokens lie
// before end; end itself if there is none. It counts nothing, and may be wrong by what
// is cut at both ends.
func (c *Counts) Back(low, end, budget int) int {
	n := c.cutsTo(end)
	if n == 0 {
		return end
	}
	limit := c.cuts[n-1].tokens - budget
	if c.cuts[n-1].at < end {
		limit++
	}
	last := n
	for n > 0 && c.cuts[n-1].tokens >= limit && c.cuts[n-1].at >= low {
		n--
	}
	if n == last {
		return end
	}
	return c.cuts[n].at
}

// Measured reports whether c holds a text.
func (c *Counts) Measured() bool { return c.tokenizer != nil }

// Cut is the last cut at or before a place; 0 is the start of the text.
func (c *Counts) Cut(at int) int {
	if n := c.cutsTo(at); n > 0 {
		return c.cuts[n-1].at
	}
	return 0
}

// NextCut is the first cut behind a place; the end of the text if there is none.
func (c *Counts) NextCut(at int) int {
	if n := c.cutsTo(at); n < len(c.cuts) {
		return c.cuts[n].at
	}
	return len(c.text)
}

// cutsTo is the number of cuts at or before a place. It begins where it ended last:
// who asks goes through the text.
func (c *Counts) cutsTo(at int) int {
	low, high, step := 0, len(c.cuts), 1
	i := min(c.near, len(c.cuts)-1)
	if i >= 0 && c.cuts[i].at <= at {
		for low = i + 1; low < high && c.cuts[min(high, low+step)-1].at <= at; step *= 2 {
			low = min(high, low+step)
		}
		high = min(high, low+step)
	} else if i >= 0 {
		for high = i; high > 0 && c.cuts[max(0, high-step)].at > at; step *= 2 {
			high = max(0, high-step)
		}
		low = max(0, high-step)
	}
	for low < high {
		if m := int(uint(low+high) / 2); c.cuts[m].at <= at {
			low = m + 1
		} else {
			high = m
		}
	}
	c.near = low
	return low
}

// cutsWithin is the number of cuts with at most so many tokens before them, of which
// the first low are known.
func (c *Counts) cutsWithin(low, tokens int) int {
	high, step := len(c.cuts), 16
	for ; low < high && c.cuts[min(high, low+step)-1].tokens <= tokens; step *= 2 {
		low = min(high, low+step)
	}
	high = min(high, low+step)
	for low < high {
		if m := int(uint(low+high) / 2); c.cuts[m].tokens <= tokens {
			low = m + 1
		} else {
			high = m
		}
	}
	return low
}

// wholeFrom is the first place at or behind another where a character begins.
func (c *Counts) wholeFrom(at int) int {
	for at < len(c.text) && !utf8.RuneStart(c.text[at]) {
		at++
	}
	return at
}
