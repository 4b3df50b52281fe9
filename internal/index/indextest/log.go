// Package indextest has what tests of followers and of their targets share: a
// commit log in memory, and the suite that every target must pass.
package indextest

import (
	"context"
	"sync"
	"time"

	"pulse"
	"pulse/internal/store"
)

// Log is a commit log in memory. Like the store's, it shows a document that was
// committed again only at its last commit. It is safe for use by many goroutines.
type Log struct {
	mu      sync.Mutex
	id      store.Identity
	session string // "" for the first
	former  string // that ended at began
	began   pulse.CommitSeq
	head    pulse.CommitSeq
	commits []pulse.Commit // ascending; one of each document
	changed chan struct{}
	err     error
	notes   []pulse.CommitSeq
	reads   int
}

// NewLog returns an empty log of one history.
func NewLog(history string) *Log {
	return &Log{id: store.Identity{Store: "test", History: history}, changed: make(chan struct{})}
}

// Add appends a commit, with the next sequence, and returns it.
func (l *Log) Add(c pulse.Commit) pulse.CommitSeq {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head++
	c.Seq, c.Document.CommitSeq = l.head, l.head
	kept := make([]pulse.Commit, 0, len(l.commits)+1)
	for _, old := range l.commits {
		if old.Document.ID != c.Document.ID {
			kept = append(kept, old)
		}
	}
	l.commits = append(kept, c)
	l.wake()
	return l.head
}

// wake needs the lock.
func (l *Log) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Restart makes the log another history that holds its first commits up to head.
func (l *Log) Restart(history string, head pulse.CommitSeq) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id.History = history
	l.cut(head)
}

// cut needs the lock.
func (l *Log) cut(head pulse.CommitSeq) {
	l.head = head
	var kept []pulse.Commit
	for _, c := range l.commits {
		if c.Seq <= head {
			kept = append(kept, c)
		}
	}
	l.commits = kept
	l.wake()
}

// Fail makes every read fail with the error, until Fail(nil).
func (l *Log) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// Notes are the sequences that were noted as applied, in order.
func (l *Log) Notes() []pulse.CommitSeq {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]pulse.CommitSeq(nil), l.notes...)
}

// Reads counts the calls of Commits.
func (l *Log) Reads() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

// Identity is as of the store.
func (l *Log) Identity() store.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// Session is as of the store.
func (l *Log) Session() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// Reached is as of the store.
func (l *Log) Reached(session string, seq pulse.CommitSeq) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return session == l.session && seq <= l.head || session == l.former && seq <= l.began
}

// Reopen makes the log one of a store that was started again, with its first commits up to
// head: another session.
func (l *Log) Reopen(session string, head pulse.CommitSeq) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.former, l.session, l.began = l.session, session, head
	l.cut(head)
}

// Head is as of the store.
func (l *Log) Head() pulse.CommitSeq {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Changed is as of the store.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// NoteApplied is as of the store.
func (l *Log) NoteApplied(_ string, seq pulse.CommitSeq, _ time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, seq)
}

// Commits is as of the store.
func (l *Log) Commits(_ context.Context, after pulse.CommitSeq, maxBytes int) ([]pulse.Commit, pulse.CommitSeq, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.err != nil {
		return nil, after, l.err
	}
	var batch []pulse.Commit
	size := 0
	for _, c := range l.commits {
		if c.Seq <= after {
			continue
		}
		if size += len(c.Document.Text); len(batch) > 0 && size > maxBytes {
			return batch, batch[len(batch)-1].Seq, nil
		}
		batch = append(batch, c)
	}
	return batch, l.head, nil
}
