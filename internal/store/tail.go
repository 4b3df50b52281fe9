package store

import (
	"sync"

	"pulse"
)

// tail keeps the end of the commit log in memory, so that a follower that keeps up
// never reads what was just written. It holds an unbroken run of commits up to head.
type tail struct {
	max int64

	mu      sync.Mutex
	commits []pulse.Commit
	sizes   []int64
	bytes   int64
	head    pulse.CommitSeq
	changed chan struct{} // closed at the next commit
}

func newTail(max int64, head pulse.CommitSeq) *tail {
	return &tail{max: max, head: head, changed: make(chan struct{})}
}

// add appends a group's commits and wakes those who wait for them.
func (l *tail) add(commits []pulse.Commit) {
	if len(commits) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range commits {
		size := commitSize(&commits[i])
		l.commits = append(l.commits, commits[i])
		l.sizes = append(l.sizes, size)
		l.bytes += size
	}
	l.trim()
	l.advance(commits[len(commits)-1].Seq)
}

// trim forgets the oldest commits past the bound.
func (l *tail) trim() {
	n := 0
	for l.bytes > l.max && n < len(l.commits) {
		l.bytes -= l.sizes[n]
		n++
	}
	if n > 0 {
		l.commits = append([]pulse.Commit(nil), l.commits[n:]...)
		l.sizes = append([]int64(nil), l.sizes[n:]...)
	}
}

func (l *tail) advance(head pulse.CommitSeq) {
	l.head = head
	close(l.changed)
	l.changed = make(chan struct{})
}

// restart forgets all, and wakes those who wait: the log is another one.
func (l *tail) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits, l.sizes, l.bytes = nil, nil, 0
	l.advance(l.head)
}

// after returns the commits after a position, about maxBytes of them (at least
// one); false when the tail does not reach back that far.
func (l *tail) after(pos pulse.CommitSeq, maxBytes int64) ([]pulse.Commit, pulse.CommitSeq, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if pos >= l.head {
		return nil, pos, true
	}
	if len(l.commits) == 0 || pos+1 < l.commits[0].Seq {
		return nil, pos, false
	}
	first := int(pos + 1 - l.commits[0].Seq)
	end, sum := first, int64(0)
	for end < len(l.commits) && (end == first || sum+l.sizes[end] <= maxBytes) {
		sum += l.sizes[end]
		end++
	}
	return append([]pulse.Commit(nil), l.commits[first:end]...), l.commits[end-1].Seq, true
}

func (l *tail) now() (pulse.CommitSeq, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head, l.changed
}

// commitSize is about what a commit takes in memory.
func commitSize(c *pulse.Commit) int64 {
	n := 512 + len(c.Document.Text) + 96*len(c.Chunks)
	for _, v := range c.Vectors {
		n += 24 + 4*len(v)
	}
	return int64(n)
}
