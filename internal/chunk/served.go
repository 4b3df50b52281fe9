package chunk

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// windowBytes is how much of a text a Counter is asked about at once: servers bound the
// length of a text by that of what their model takes.
const windowBytes = 16 << 10

// served is the ruler of a Counter. It asks once where the text's tokens end, and goes by
// that: a count that it has not been told is what lies between two ends. Whatever was so
// taken on trust is then counted, all of it at once, and the text is cut anew with what
// is known now, until nothing was taken on trust. Each round knows at least one count
// more of those that led to the last chunks, so there is an end; since most of what was
// trusted is right, there are few.
type served struct {
	counter Counter
	ctx     context.Context
	text    string
	ends    []int32 // of the text's tokens, about; a text has less than 2 GiB
	extra   int     // tokens of each text that stand for no part of it

	head  int            // the one that is put before spans; 0 is none
	heads []string       // by number, from 1
	named map[string]int // the number of a head

	known  map[spanCount]int
	asked  []spanCount // not known when they were asked for
	rounds int
	slack  int // that reach leaves
	failed error
}

// patientRounds is how often chunks may become smaller one after another, because words are
// cut in them that have more tokens in parts. Then reach leaves as much as was ever lacking,
// so that all of them fit.
const patientRounds = 8

// maxRounds is many times what any text has taken: of a server whose counts have nothing
// to do with where it says that tokens end.
const maxRounds = 100

// spanCount is what a count is of: a span behind a head.
type spanCount struct{ head, start, end int }

func (s *served) begin(ctx context.Context, text string) {
	*s = served{counter: s.counter, ctx: ctx, text: text, named: map[string]int{"": 0}, heads: []string{""}, known: map[spanCount]int{}}
	s.extra = -1
	for at := 0; at < len(text) && s.failed == nil; {
		at = s.addWindows(at)
	}
}

// addWindows asks about the windows from a place on, so many that not much has to be held,
// and gives the end of the last.
func (s *served) addWindows(at int) int {
	windows := make([]string, 0, windowsAtOnce)
	for end := at; end < len(s.text) && len(windows) < windowsAtOnce; {
		from := end
		end = windowEnd(s.text, from)
		windows = append(windows, s.text[from:end])
	}
	tokens := s.tokens(windows)
	if s.failed != nil {
		return at
	}
	if s.extra < 0 {
		s.extra = extraTokens(tokens)
	}
	for i := range tokens {
		s.addEnds(at, len(windows[i]), &tokens[i])
		at += len(windows[i])
	}
	return at
}

// What is asked in one call, so that a long text does not need many times its length.
const (
	windowsAtOnce = 32
	countsAtOnce  = 256
)

// windowEnd ends a window at white space, if there is any in its second half.
func windowEnd(text string, at int) int {
	if len(text)-at <= windowBytes {
		return len(text)
	}
	end := runeFloor(text, at+windowBytes)
	if i := strings.LastIndexAny(text[at+windowBytes/2:end], " \n\t"); i >= 0 {
		return at + windowBytes/2 + i
	}
	return end
}

// tokens asks the counter; a failure is kept.
func (s *served) tokens(texts []string) []Tokens {
	tokens, err := s.counter.Tokens(s.ctx, texts)
	if err == nil && len(tokens) != len(texts) {
		err = fmt.Errorf("count tokens: %d answers for %d texts", len(tokens), len(texts))
	}
	s.failed = err
	return tokens
}

// extraTokens is how many tokens of each text stand for no part of it: special ones, and
// those of a prompt that the server puts before it. Who tells no ends says nothing of it.
func extraTokens(tokens []Tokens) int {
	extra := -1
	for i := range tokens {
		if t := &tokens[i]; len(t.Ends) > 0 && (extra < 0 || t.Count-len(t.Ends) < extra) {
			extra = t.Count - len(t.Ends)
		}
	}
	return max(0, extra)
}

// addEnds takes the ends of a window's tokens. Where a server does not tell enough of
// them they lie evenly.
func (s *served) addEnds(start, size int, t *Tokens) {
	n := max(0, t.Count-s.extra)
	if len(t.Ends) < n-n/8 {
		for i := range n {
			s.ends = append(s.ends, int32(start+int(int64(size)*int64(i+1)/int64(n))))
		}
		return
	}
	last := 0
	for _, end := range t.Ends {
		last = max(last, min(end, size))
		s.ends = append(s.ends, int32(start+last))
	}
}

func (s *served) setHead(head string) {
	n, ok := s.named[head]
	if !ok {
		n = len(s.heads)
		s.heads = append(s.heads, head)
		s.named[head] = n
	}
	s.head = n
}

func (s *served) headCount() int { return s.ask(spanCount{head: s.head}) }

func (s *served) count(start, end int) int { return s.ask(spanCount{s.head, start, end}) }
func (s *served) bare(start, end int) int  { return s.ask(spanCount{0, start, end}) }
func (s *served) err() error               { return s.failed }

// of is the text that is counted.
func (s *served) of(c spanCount) string { return s.heads[c.head] + s.text[c.start:c.end] }

// ask counts, or guesses and keeps in mind what to ask for.
func (s *served) ask(c spanCount) int {
	if s.failed != nil || c.head == 0 && c.start == c.end {
		return 0
	}
	n, ok := s.known[c]
	if ok {
		return n
	}
	s.asked = append(s.asked, c)
	n = s.guess(c)
	s.known[c] = n // until it is told, so that it is asked for once
	return n
}

func (s *served) guess(c spanCount) int {
	n := s.extra + s.endsTo(c.end) - s.endsTo(c.start)
	if c.head != 0 {
		n += s.headTokens(c.head)
	}
	return n
}

// headTokens guesses the tokens of a head, without the extra ones, and has it counted.
func (s *served) headTokens(head int) int {
	c := spanCount{head: head}
	if n, ok := s.known[c]; ok {
		return n - s.extra
	}
	n := (len(s.heads[head]) + usualBytesPerToken - 1) / usualBytesPerToken
	s.known[c] = n + s.extra
	s.asked = append(s.asked, c)
	return n
}

// settle has the guesses counted. It reports whether one was wrong.
func (s *served) settle() bool {
	if s.failed != nil || len(s.asked) == 0 {
		return false
	}
	wrong, lacking := false, 0
	for asked := range slices.Chunk(s.asked, countsAtOnce) {
		texts := make([]string, len(asked))
		for i, c := range asked {
			texts[i] = s.of(c)
		}
		tokens := s.tokens(texts)
		if s.failed != nil {
			return false
		}
		for i, c := range asked {
			wrong = wrong || s.known[c] != tokens[i].Count
			lacking = max(lacking, tokens[i].Count-s.known[c])
			s.known[c] = tokens[i].Count
		}
	}
	s.asked = s.asked[:0]
	if s.rounds++; s.rounds >= patientRounds {
		s.slack = max(s.slack, lacking)
	}
	if wrong && s.rounds == maxRounds {
		s.failed = fmt.Errorf("count tokens: chunks still change after %d rounds of counting", maxRounds)
	}
	return wrong && s.failed == nil
}

// endsTo is the number of tokens that end at a place or before it.
func (s *served) endsTo(at int) int {
	n, _ := slices.BinarySearch(s.ends, int32(at+1))
	return n
}

func (s *served) reach(start, end, limit int) int {
	room := limit - s.extra - min(s.slack, limit/4)
	if s.head != 0 {
		room -= s.headTokens(s.head)
	}
	if room <= 0 {
		return start
	}
	last := s.endsTo(start) + room // the first token that has no room
	if last >= len(s.ends) {
		return end
	}
	return max(start, min(end, runeFloor(s.text, int(s.ends[last-1]))))
}

func (s *served) back(low, end, budget int) int {
	n := s.endsTo(end)
	if n == 0 {
		return end
	}
	from := max(n-budget, 0)
	at := 0
	if from > 0 {
		at = int(s.ends[from-1])
	}
	return min(end, max(low, runeCeil(s.text, at)))
}

func (s *served) cuts(dst []int, start, end int) ([]int, bool) {
	for i := s.endsTo(start); i < len(s.ends) && int(s.ends[i]) <= end+lookAhead; i++ {
		dst = append(dst, int(s.ends[i]))
	}
	return dst, true
}
