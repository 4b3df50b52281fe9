package local

import (
	"sync/atomic"
	"time"
)

// A merge that has worked for a while lets searches have the processors, as long as there are
// any, but not for long: it is never slowed to less than a third.
const (
	paceWork = 2 * time.Millisecond
	paceWait = 4 * time.Millisecond
	paceLook = 500 * time.Microsecond
)

// pace is of work that can wait.
type pace struct {
	searching *atomic.Int32
	since     time.Time // of the last wait
}

func (x *Index) newPace() *pace { return &pace{&x.searching, time.Now()} }

// giveWay waits, if it is time to.
func (p *pace) giveWay() {
	if time.Since(p.since) < paceWork {
		return
	}
	for begin := time.Now(); p.searching.Load() > 0 && time.Since(begin) < paceWait; {
		time.Sleep(paceLook)
	}
	p.since = time.Now()
}
