package queue

import "sync"

// waiter is one caller blocked in Take. Exactly one value is sent to it unless
// it was removed first: a leased job, or nil after Drain.
type waiter struct {
	ready      chan *entry // holds one, so that the sender never blocks
	next, prev *waiter
	linked     bool
}

// waiters is a list of blocked callers, first come first served.
type waiters struct {
	first, last *waiter
	spare       sync.Pool // of *waiter
}

func (l *waiters) empty() bool { return l.first == nil }

func (l *waiters) push() *waiter {
	w, _ := l.spare.Get().(*waiter)
	if w == nil {
		w = &waiter{ready: make(chan *entry, 1)}
	}
	w.linked, w.prev, w.next = true, l.last, nil
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	return w
}

// pop is the first waiter; nil when there is none.
func (l *waiters) pop() *waiter {
	w := l.first
	if w != nil {
		l.remove(w)
	}
	return w
}

// remove takes w out and says whether it was in.
func (l *waiters) remove(w *waiter) bool {
	if !w.linked {
		return false
	}
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.linked, w.next, w.prev = false, nil, nil
	return true
}
