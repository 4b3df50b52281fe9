package embed

import "time"

// pace finds how many requests at once an endpoint turns into throughput. While texts
// wait it measures tokens a second, tries one request more, and keeps it if that brought
// at least minGain; past that point another request only waits in the endpoint's queue,
// and every query behind it. An overload takes a third away.
type pace struct {
	limit int // requests in flight
	most  int

	began    time.Time // of the window
	requests int
	tokens   int
	best     float64 // tokens a second at the limit that stands
	trying   bool    // limit is one more than the one that stands
	hold     int     // windows until the next try
	nextHold int
}

const (
	firstRequests = 2
	minGain       = 1.03
	firstHold     = 4
	lastHold      = 64
	perWindow     = 4 // requests a window, for each that is in flight
)

func newPace(most int) pace {
	return pace{limit: min(firstRequests, most), most: most, nextHold: firstHold}
}

// done counts a request that ended well; busy says that texts waited for its slot.
func (p *pace) done(now time.Time, tokens int, busy bool) {
	if !busy {
		p.requests = 0
		return
	}
	if p.requests == 0 {
		p.began, p.tokens = now, 0 // the window begins at the end of a request
		p.requests = 1
		return
	}
	p.requests++
	p.tokens += tokens
	if p.requests <= perWindow*max(p.limit, firstRequests) {
		return
	}
	rate := float64(p.tokens) / max(now.Sub(p.began).Seconds(), 1e-9)
	p.requests = 0
	p.judge(rate)
}

func (p *pace) judge(rate float64) {
	switch {
	case p.trying && rate >= minGain*p.best:
		p.best, p.nextHold = rate, firstHold
		p.try()
	case p.trying:
		p.limit--
		p.trying, p.hold = false, p.nextHold
		p.nextHold = min(2*p.nextHold, lastHold)
	case p.hold > 0:
		p.hold--
		p.best = (p.best + rate) / 2
	default:
		p.best = rate
		p.try()
	}
}

func (p *pace) try() {
	if p.trying = p.limit < p.most; p.trying {
		p.limit++
	}
}

// overloaded lowers the limit and tries nothing for a while.
func (p *pace) overloaded() {
	p.limit = max(1, p.limit*2/3)
	p.trying, p.hold, p.requests = false, p.nextHold, 0
}
