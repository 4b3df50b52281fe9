package httpapi

import (
	"sync/atomic"
	"time"
)

// diskGuard knows whether the disk is below its bound, from a look at most once a second.
type diskGuard struct {
	min    int64
	looked atomic.Int64 // unix nanoseconds
	low    atomic.Bool
}

// check returns errLowDisk below the bound. A disk that cannot be looked at passes: the
// store will say what is wrong with it.
func (d *diskGuard) check(free func() (int64, error)) error {
	if d.min < 0 {
		return nil
	}
	last, now := d.looked.Load(), time.Now().UnixNano()
	if now-last > int64(time.Second) && d.looked.CompareAndSwap(last, now) {
		n, err := free()
		d.low.Store(err == nil && n < d.min)
	}
	if d.low.Load() {
		return errLowDisk
	}
	return nil
}
