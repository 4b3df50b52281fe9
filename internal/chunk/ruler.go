package chunk

import "context"

// ruler counts tokens in the spans of one text. All counts are of a text by itself,
// special tokens included.
type ruler interface {
	// begin takes a text. What fails later is kept for err.
	begin(ctx context.Context, text string)
	// setHead sets what is put before each span that count and reach count.
	setHead(head string)
	headCount() int
	count(start, end int) int
	// bare counts a span without the head.
	bare(start, end int) int
	// reach finds an end for which count is at most limit, at most end, and far enough
	// that not much more would fit; start where nothing does.
	reach(start, end, limit int) int
	// back finds a start from which about budget tokens lie before end, at least low;
	// end where none do.
	back(low, end, budget int) int
	// cuts appends places in a span that lie between two of its tokens; ok is false
	// where nobody knows.
	cuts(dst []int, start, end int) (places []int, ok bool)
	err() error
}

// probe is the ruler of a Counter: it asks for the count of each text that it wants to
// know about.
type probe struct {
	counter Counter
	ctx     context.Context
	text    string
	head    string
	heads   int
	perByte float64 // tokens, by the last answer
	failed  error
}

func (p *probe) begin(ctx context.Context, text string) {
	*p = probe{counter: p.counter, ctx: ctx, text: text, perByte: 0.25}
}

func (p *probe) setHead(head string) { p.head, p.heads = head, -1 }

func (p *probe) headCount() int {
	if p.heads < 0 {
		p.heads = p.ask(p.head)
	}
	return p.heads
}

func (p *probe) count(start, end int) int { return p.ask(p.head + p.text[start:end]) }
func (p *probe) bare(start, end int) int  { return p.ask(p.text[start:end]) }
func (p *probe) err() error               { return p.failed }

func (p *probe) cuts(dst []int, _, _ int) ([]int, bool) { return dst, false }

// ask counts a text. After a failure everything counts nothing, so that cutting soon
// comes to its end.
func (p *probe) ask(text string) int {
	if p.failed != nil || text == "" {
		return 0
	}
	n, err := p.counter.Count(p.ctx, text)
	if err != nil {
		p.failed = err
		return 0
	}
	p.perByte = max(1e-3, float64(n)/float64(len(text)))
	return n
}

// maxProbes bounds how often reach and back ask.
const maxProbes = 12

func (p *probe) reach(start, end, limit int) int {
	to := func(n int) int { return max(start, runeFloor(p.text, start+n)) }
	return to(p.search(end-start, limit, len(p.head), func(n int) int { return p.count(start, to(n)) }))
}

func (p *probe) back(low, end, budget int) int {
	from := func(n int) int { return min(end, runeCeil(p.text, end-n)) }
	return from(p.search(end-low, budget, 0, func(n int) int { return p.bare(from(n), end) }))
}

// search finds a length in bytes, at most most, whose count is at most limit and more
// than nine tenths of it, by the tokens per byte of what it saw last. Beside these
// bytes there are extra ones that count too.
func (p *probe) search(most, limit, extra int, count func(n int) int) int {
	fits, over := 0, most+1
	for range maxProbes {
		n := int(0.97*float64(limit)/p.perByte) - extra
		if n <= fits || n >= over {
			n = fits + (over-fits+1)/2
		}
		if n = min(n, most, over-1); n <= fits {
			break
		}
		got := count(n)
		if got > limit {
			over = n
			continue
		}
		if fits = n; n == most || 10*got > 9*limit {
			break
		}
	}
	return fits
}
