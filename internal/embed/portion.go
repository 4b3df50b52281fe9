package embed

import "time"

// portion bounds the tokens of a request by what its endpoint answers in time. One that
// timed out would do so again, and a server may compute it to its end for nobody, so the
// next are half as large; an endpoint that is always in time has no such bound.
type portion struct {
	tokens int // 0 is no bound
}

const (
	spareTime   = 4       // of what a request takes must pass before the time-out, for a larger one to be tried
	lastPortion = 1 << 20 // tokens: more than any request holds
)

// late notes a request that timed out. Those that were on their way with it were as large,
// and halve nothing again.
func (p *portion) late(tokens int) {
	if half := max(1, tokens/2); p.tokens == 0 || half < p.tokens {
		p.tokens = half
	}
}

// done notes an answer in time. Twice as much is tried once that would take half of the
// time at most, so that it is not too much again.
func (p *portion) done(tokens int, took, timeout time.Duration) {
	size := max(p.tokens, tokens)
	if p.tokens == 0 || spareTime*took.Seconds()*float64(size) > timeout.Seconds()*float64(tokens) {
		return
	}
	if p.tokens = 2 * size; p.tokens >= lastPortion {
		p.tokens = 0
	}
}
