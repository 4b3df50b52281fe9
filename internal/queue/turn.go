package queue

import "pulse"

// turnName tells turns apart: the same crawl may wait in several lanes.
type turnName struct {
	priority pulse.Priority
	embed    bool
	name     string
}

// lane is the place in Queue.lanes: of each priority the pages, then their vectors.
func (n turnName) lane() int {
	if n.embed {
		return 2*int(n.priority) + 1
	}
	return 2 * int(n.priority)
}

// turn is the ready jobs of one crawl or host in one priority, by id. Jobs arrive
// by ascending id but for retries and what Load brings beside new ones, so most
// go through a plain fifo and only the late ones through a heap.
type turn struct {
	name    turnName
	jobs    fifo[*entry] // ascending by id
	late    heap[*entry] // came after a higher id
	waiting int          // ready, delayed and suspect, without embed jobs: what Admit counts
	classes int          // that name it; at 0 it is forgotten
}

func (t *turn) len() int { return t.jobs.len() + t.late.len() }

func (t *turn) push(e *entry) {
	if t.jobs.len() > 0 && e.id < t.jobs.last().id {
		t.late.push(e)
		return
	}
	t.jobs.push(e)
}

func (t *turn) pop() *entry {
	if t.late.len() > 0 && (t.jobs.len() == 0 || t.late.peek().id < t.jobs.peek().id) {
		return t.late.pop()
	}
	return t.jobs.pop()
}

func byID(a, b *entry) bool { return a.id < b.id }

func byRunAt(a, b *entry) bool {
	if a.runAt != b.runAt {
		return a.runAt < b.runAt
	}
	return a.id < b.id
}

// fifo is a queue in one slice, which is moved down when its front half is empty.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }
func (f *fifo[T]) peek() T  { return f.items[f.head] }
func (f *fifo[T]) last() T  { return f.items[len(f.items)-1] }
func (f *fifo[T]) push(v T) { f.items = append(f.items, v) }

func (f *fifo[T]) pop() T {
	var zero T
	v := f.items[f.head]
	f.items[f.head] = zero
	f.head++
	if f.head >= 32 && f.head*2 >= len(f.items) {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
		if cap(f.items) > 1024 && n < cap(f.items)/8 {
			f.items = append(make([]T, 0, 2*n), f.items...) // a flood that is over gives its memory back
		}
	}
	return v
}

// heap is a binary heap. container/heap would box every item.
type heap[T any] struct {
	items []T
	less  func(a, b T) bool
}

func (h *heap[T]) len() int { return len(h.items) }
func (h *heap[T]) peek() T  { return h.items[0] }

func (h *heap[T]) push(v T) {
	h.items = append(h.items, v)
	for i := len(h.items) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(h.items[i], h.items[up]) {
			return
		}
		h.items[i], h.items[up] = h.items[up], h.items[i]
		i = up
	}
}

func (h *heap[T]) pop() T {
	var zero T
	v := h.items[0]
	n := len(h.items) - 1
	h.items[0], h.items[n] = h.items[n], zero
	h.items = h.items[:n]
	for i := 0; ; {
		down := 2*i + 1
		if down >= n {
			return v
		}
		if down+1 < n && h.less(h.items[down+1], h.items[down]) {
			down++
		}
		if !h.less(h.items[down], h.items[i]) {
			return v
		}
		h.items[i], h.items[down] = h.items[down], h.items[i]
		i = down
	}
}
