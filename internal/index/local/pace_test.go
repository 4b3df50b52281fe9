package local

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPace waits for searches after some work, until they end, and not for long.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &Index{}
		f := func(work, search, want time.Duration) {
			t.Helper()
			p := x.newPace()
			time.Sleep(work)
			if search > 0 {
				x.searching.Add(1)
				time.AfterFunc(search, func() { x.searching.Add(-1) })
			}
			begin := time.Now()
			p.giveWay()
			if took := time.Since(begin); took != want {
				t.Errorf("after %v of work, with a search of %v: waited %v, want %v", work, search, took, want)
			}
			time.Sleep(search)
		}
		f(paceWork/2, time.Second, 0)
		f(paceWork, 0, 0)
		f(paceWork, paceLook*3/2, 2*paceLook)
		f(paceWork, time.Second, paceWait)
	})
}
