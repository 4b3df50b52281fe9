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
	commits []sized // from first on
	first   int
	bytes   int64
	head    pulse.CommitSeq
	changed chan struct{} // closed at the next commit
}

type sized struct {
	commit pulse.Commit
	size   int64
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
		l.commits = append(l.commits, sized{commits[i], size})
		l.bytes += size
	}
	l.trim()
	l.advance(commits[len(commits)-1].Seq)
}

// trim forgets the oldest commits past the bound. What is forgotten stays in front of
// the slice, emptied, until it is half of it: moving the rest at every group would cost
// more than all else.
func (l *tail) trim() {
	for l.bytes > l.max && l.first < len(l.commits) {
		l.bytes -= l.commits[l.first].size
		l.commits[l.first] = sized{}
		l.first++
	}
	if l.first > len(l.commits)/2 {
		n := copy(l.commits, l.commits[l.first:])
		clear(l.commits[n:])
		l.commits, l.first = l.commits[:n], 0
	}
}

func (l *tail) advance(head pulse.CommitSeq) {
	l.head = head
	close(l.changed)
	l.changed = make(chan struct{})
}

// restart makes the log another one. In this order: what the old one held is forgotten,
// then the new one is named, then those who wait wake; so nobody reads the old log
// under the new name, or sleeps through the change.
func (l *tail) restart(name func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits, l.first, l.bytes = nil, 0, 0
	name()
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
	held := l.commits[l.first:]
	if len(held) == 0 || pos+1 < held[0].commit.Seq {
		return nil, pos, false
	}
	var commits []pulse.Commit
	sum := int64(0)
	for _, c := range held[pos+1-held[0].commit.Seq:] {
		if sum += c.size; sum > maxBytes && len(commits) > 0 {
			break
		}
		commits = append(commits, c.commit)
	}
	return commits, commits[len(commits)-1].Seq, true
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
