package chunk

import (
	"context"

	"pulse/internal/token"
)

// measureBytes is how much of a text is measured at once, so that sums stay small and
// in the cache. What follows is measured when a chunk reaches for it, from that chunk's
// start: a chunk in so many bytes is counted twice.
const measureBytes = 64 << 10

// sums is the ruler of a tokenizer: one pass over the text, then differences of sums.
type sums struct {
	tokenizer *token.Tokenizer
	text      string
	from, to  int // what is measured of it
	counts    token.Counts
	heads     [4]token.Counts
	texts     [4]string     // of heads
	head      *token.Counts // one of heads
	next      int           // of heads, to be replaced
	tokens    []token.Token
}

func (s *sums) begin(_ context.Context, text string) {
	s.text, s.from, s.to = text, 0, -1
}

// setHead keeps the last few: the first chunk of a section has one, those that follow
// another, and the parts of a fence a third.
func (s *sums) setHead(head string) {
	for i := range s.heads {
		if s.texts[i] == head && s.heads[i].Measured() {
			s.head = &s.heads[i]
			return
		}
	}
	i := s.next
	s.next = (i + 1) % len(s.heads)
	s.head, s.texts[i] = &s.heads[i], head
	s.tokenizer.Measure(s.head, head)
}

func (s *sums) headCount() int { return s.head.Total() + s.special() }
func (s *sums) special() int   { return s.tokenizer.Special() }
func (s *sums) err() error     { return nil }
func (s *sums) settle() bool   { return false }

// measure makes counts hold the text from start to end, and more.
func (s *sums) measure(start, end int) {
	if s.from <= start && end <= s.to {
		return
	}
	s.from = start
	s.to = min(len(s.text), max(end, runeFloor(s.text, start+measureBytes)))
	s.tokenizer.Measure(&s.counts, s.text[s.from:s.to])
}

func (s *sums) count(start, end int) int {
	s.measure(start, end)
	return s.special() + s.counts.Join(s.head, start-s.from, end-s.from)
}

func (s *sums) bare(start, end int) int {
	s.measure(start, end)
	return s.special() + s.counts.Span(start-s.from, end-s.from)
}

func (s *sums) reach(start, end, limit int) int {
	limit -= s.special()
	s.measure(start, start)
	at := start
	if s.nextCut(start)-start < longWordBytes {
		at = s.from + s.counts.Reach(s.head, start-s.from, limit)
	}
	if at == s.to && at < end {
		s.measure(start, min(len(s.text), max(s.to+1, start+measureBytes)))
		at = s.from + s.counts.Reach(s.head, start-s.from, limit)
	}
	if at >= end {
		return end
	}
	if at > start && s.nextCut(at)-at < longWordBytes {
		return at
	}
	return s.into(start, at, end, limit)
}

// nextCut is the first cut behind a place.
func (s *sums) nextCut(at int) int { return s.from + s.counts.NextCut(at-s.from) }

// longWordBytes: less is not worth looking into.
const longWordBytes = 256

// into goes on from where reach came to into what tokenizes as one, if that is so long
// that half of the limit would be left: a word longer than a chunk.
func (s *sums) into(start, at, end, limit int) int {
	used := s.head.Total()
	if at > start {
		used = s.counts.Join(s.head, start-s.from, at-s.from)
	}
	if used >= limit || 2*used > limit && at > start {
		return at
	}
	for size := 8 * (limit - used + 1); ; size *= 4 {
		to := min(end, runeFloor(s.text, at+size))
		s.tokens = s.tokenizer.AppendTokens(s.tokens[:0], s.text[at:to])
		if n := limit - used; n < len(s.tokens) {
			return at + s.tokens[max(n, 0)].Start
		}
		if to == end {
			return end
		}
	}
}

func (s *sums) back(low, end, budget int) int {
	s.measure(low, end)
	return s.from + s.counts.Back(low-s.from, end-s.from, budget)
}

func (s *sums) cuts(dst []int, start, end int) ([]int, bool) {
	s.measure(start, start)
	from := runeFloor(s.text, max(start-maxCutBytes, s.from+s.counts.Cut(start-s.from)))
	to := runeFloor(s.text, min(len(s.text), end+lookAhead))
	s.tokens = s.tokenizer.AppendTokens(s.tokens[:0], s.text[from:to])
	for i := range s.tokens {
		if at := from + s.tokens[i].Start; at > start && (i == 0 || s.tokens[i-1].End <= s.tokens[i].Start) {
			dst = append(dst, at)
		}
	}
	return dst, true
}

// maxCutBytes is how far before a place the tokens around it are read from, where
// there is no cut.
const maxCutBytes = 1 << 10
