package queue

import (
	"context"
	"sync"
)

// Budget is a number of bytes that receiving bodies and running pages share.
// Those that wait are served in order, so that a large page is not starved by
// small ones. TryAcquire, the receiver's way, may pass those that wait by a
// quarter of the budget per grant: receiving goes on while large pages wait their
// turn, yet cannot hold them up for ever.
type Budget struct {
	size int64

	mu     sync.Mutex
	used   int64
	passed int64   // taken past the first waiter since it became the first
	first  *demand // a list, first come first served
	last   *demand
}

type demand struct {
	bytes      int64
	granted    chan struct{}
	next, prev *demand
}

// NewBudget makes a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{size: max(1, bytes)} }

// Size is the whole budget.
func (b *Budget) Size() int64 { return b.size }

// clamp lets a demand larger than the whole budget run when it has all of it.
func (b *Budget) clamp(n int64) int64 { return max(0, min(n, b.size)) }

// TryAcquire takes n bytes if they are free now. What was taken is given back by
// Release, in any portions.
func (b *Budget) TryAcquire(n int64) bool {
	n = b.clamp(n)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.size {
		return false
	}
	if b.first != nil {
		if b.passed+n > b.size/4 {
			return false
		}
		b.passed += n
	}
	b.used += n
	return true
}

// Acquire waits for n bytes. A demand larger than the budget is clamped to it,
// here and in Release, so that it runs alone. The error is the context's.
func (b *Budget) Acquire(ctx context.Context, n int64) error {
	n = b.clamp(n)
	b.mu.Lock()
	if b.first == nil && b.used+n <= b.size {
		b.used += n
		b.mu.Unlock()
		return nil
	}
	d := &demand{bytes: n, granted: make(chan struct{})}
	b.pushLocked(d)
	b.mu.Unlock()
	select {
	case <-d.granted:
		return nil
	case <-ctx.Done():
		return b.giveUp(ctx, d)
	}
}

// giveUp takes a demand back, unless it was granted at the same moment.
func (b *Budget) giveUp(ctx context.Context, d *demand) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-d.granted:
		return nil
	default:
	}
	b.removeLocked(d)
	b.grantLocked()
	return ctx.Err()
}

// Release gives n bytes back.
func (b *Budget) Release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = max(0, b.used-b.clamp(n))
	b.grantLocked()
}

// Used is the bytes taken now, for metrics.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

func (b *Budget) grantLocked() {
	for b.first != nil && b.used+b.first.bytes <= b.size {
		d := b.first
		b.removeLocked(d)
		b.used += d.bytes
		close(d.granted)
	}
}

func (b *Budget) pushLocked(d *demand) {
	d.prev = b.last
	if b.last == nil {
		b.first = d
	} else {
		b.last.next = d
	}
	b.last = d
}

func (b *Budget) removeLocked(d *demand) {
	if d.prev == nil {
		b.first = d.next
		b.passed = 0
	} else {
		d.prev.next = d.next
	}
	if d.next == nil {
		b.last = d.prev
	} else {
		d.next.prev = d.prev
	}
}
