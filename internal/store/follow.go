package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"pulse"
)

// Head is the last commit that is on disk.
func (s *Store) Head() pulse.CommitSeq {
	head, _ := s.tail.now()
	return head
}

// Changed is closed at the first commit after the call, or when the log becomes
// another one.
func (s *Store) Changed() <-chan struct{} {
	_, changed := s.tail.now()
	return changed
}

// Commits reads the log after a position, in order: about maxBytes of it, at least
// one commit. A document that was committed again later may appear only at its last
// commit. next is the position after them; it is after itself when nothing is there.
// A document whose content is damaged comes without it, and says so.
func (s *Store) Commits(ctx context.Context, after pulse.CommitSeq, maxBytes int) (commits []pulse.Commit, next pulse.CommitSeq, err error) {
	if commits, next, ok := s.tail.after(after, int64(maxBytes)); ok {
		return commits, next, nil
	}
	commits, next, err = s.readCommits(ctx, after, int64(maxBytes))
	if err != nil {
		return nil, after, fmt.Errorf("read commits after %d: %w", after, explain(err))
	}
	return commits, next, nil
}

// selectCommits reads whole documents as followers see them.
const selectCommits = `SELECT d.id, d.collection, d.key, coalesce(d.url, d.key), d.title, d.description, d.language, d.country, d.is_mobile,
	coalesce(d.metadata, ''), d.content_hash, d.version, d.job, d.state, d.source, d.delivery, coalesce(d.crawl, ''), d.layout, d.commit_seq,
	d.received_at, d.committed_at, d.seen_at, d.vectors_pending, b.data, c.packed, vb.data
	FROM documents d LEFT JOIN bodies b ON b.id = d.body
	LEFT JOIN chunks c ON c.document = d.id AND c.layout = d.layout
	LEFT JOIN vectors v ON v.document = d.id AND v.layout = d.layout LEFT JOIN bodies vb ON vb.id = v.body`

// readCommits reads from disk, by one statement.
func (s *Store) readCommits(ctx context.Context, after pulse.CommitSeq, maxBytes int64) ([]pulse.Commit, pulse.CommitSeq, error) {
	// What is on disk may be ahead of what was published: nothing past it is told.
	head := s.Head()
	rows, err := s.read.QueryContext(ctx, selectCommits+` WHERE d.commit_seq > ? AND d.commit_seq <= ? ORDER BY d.commit_seq LIMIT 4096`, after, head)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	var commits []pulse.Commit
	for sum := int64(0); rows.Next(); {
		c, err := s.scanCommit(rows)
		if err != nil {
			return nil, 0, err
		}
		commits = append(commits, c)
		if sum += commitSize(&c); sum >= maxBytes {
			return commits, c.Seq, nil
		}
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	if len(commits) == 4096 {
		return commits, commits[4095].Seq, nil
	}
	return commits, max(head, after), nil
}

// scanCommit reads one row of selectCommits.
func (s *Store) scanCommit(rows *sql.Rows) (pulse.Commit, error) {
	var c pulse.Commit
	var text, packed, vectors sql.RawBytes
	d, receive := documentScan(&c.Document)
	if err := rows.Scan(append(d, &c.VectorsPending, &text, &packed, &vectors)...); err != nil {
		return c, err
	}
	err := receive()
	c.Seq = c.Document.CommitSeq
	if err == nil && c.Document.State == pulse.StateLive {
		err = s.openCommit(&c, text, packed, vectors)
	}
	if err != nil {
		c.Document.Text, c.Chunks, c.Vectors, c.Damage = "", nil, nil, err
	}
	return c, nil
}

// openCommit opens what is kept packed of a live document.
func (s *Store) openCommit(c *pulse.Commit, text, packed, vectors []byte) error {
	b, err := openBody(text)
	if err != nil {
		return fmt.Errorf("document %d: %w", c.Document.ID, err)
	}
	whole, err := b.whole(s.decoder, sectionText)
	if err != nil {
		return fmt.Errorf("document %d: %w", c.Document.ID, err)
	}
	c.Document.Text = string(whole)
	if c.Chunks, err = openChunks(packed); err != nil {
		return fmt.Errorf("chunks of document %d: %w", c.Document.ID, err)
	}
	if vectors != nil {
		if c.Vectors, err = openVectors(vectors); err != nil {
			return fmt.Errorf("vectors of document %d: %w", c.Document.ID, err)
		}
	}
	return nil
}

// documentScan gives the targets for a document's columns, and what turns them
// into the document once scanned.
func documentScan(d *pulse.Document) (into []any, receive func() error) {
	var metadata string
	var received, committed, seen int64
	into = []any{&d.ID, &d.Collection, &d.Key, &d.URL, &d.Title, &d.Description, &d.Language, &d.Country, &d.IsMobile,
		&metadata, &d.ContentHash, &d.Version, &d.Job, &d.State, &d.Source, &d.Delivery, &d.Crawl, &d.Layout, &d.CommitSeq,
		&received, &committed, &seen}
	return into, func() error {
		d.ReceivedAt, d.CommittedAt, d.SeenAt = fromMicros(received), fromMicros(committed), fromMicros(seen)
		if metadata == "" {
			return nil
		}
		if err := json.Unmarshal([]byte(metadata), &d.Metadata); err != nil {
			return fmt.Errorf("metadata of document %d: %w: %w", d.ID, err, pulse.ErrDamaged)
		}
		return nil
	}
}

// appliedNotes are followers' positions that wait to ride in the next group.
type appliedNotes struct {
	mu      sync.Mutex
	waiting map[string]appliedNote
	writing map[string]appliedNote // in the group that is running
	highest map[string]pulse.CommitSeq
	since   time.Time // of the oldest that waits
}

type appliedNote struct {
	seq pulse.CommitSeq
	at  int64
}

// load reads how far followers had come, so that a rebuild after a restart does not
// note old commits again.
func (a *appliedNotes) load(ctx context.Context, db *sql.DB) error {
	a.highest, a.waiting = map[string]pulse.CommitSeq{}, map[string]appliedNote{}
	for follower := ""; ; { // from name to name: the table is too long to be read
		var seq pulse.CommitSeq
		err := db.QueryRowContext(ctx, `SELECT follower FROM applied WHERE follower > ? ORDER BY follower LIMIT 1`, follower).Scan(&follower)
		if isNoRows(err) {
			return nil
		}
		if err == nil {
			err = db.QueryRowContext(ctx, `SELECT max(seq) FROM applied WHERE follower = ?`, follower).Scan(&seq)
		}
		if err != nil {
			return fmt.Errorf("read followers: %w", err)
		}
		a.highest[follower] = seq
	}
}

// NoteApplied keeps that a follower has applied the log up to seq: telemetry, so it
// costs no commit of its own but after a second without one. A rebuild that passes
// old commits again notes nothing.
func (s *Store) NoteApplied(follower string, seq pulse.CommitSeq, at time.Time) {
	a := &s.applied
	a.mu.Lock()
	defer a.mu.Unlock()
	if seq <= a.highest[follower] {
		return
	}
	a.highest[follower] = seq
	if len(a.waiting) == 0 {
		a.since = time.Now()
	}
	a.waiting[follower] = appliedNote{seq: seq, at: micros(at)}
}

// at is the time of a note that waits and reaches a commit; zero when none does.
func (a *appliedNotes) at(follower string, seq pulse.CommitSeq) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := a.waiting[follower]; n.seq >= seq {
		return fromMicros(n.at)
	}
	return time.Time{}
}

// write adds what waits to the group's transaction.
func (a *appliedNotes) write(t *tx) error {
	a.mu.Lock()
	a.writing = make(map[string]appliedNote, len(a.waiting))
	for f, n := range a.waiting {
		a.writing[f] = n
	}
	a.mu.Unlock()
	for f, n := range a.writing {
		if err := t.exec(`INSERT INTO applied (follower, seq, at) VALUES (?, ?, ?) ON CONFLICT (follower, seq) DO NOTHING`, f, n.seq, n.at); err != nil {
			return err
		}
	}
	return nil
}

// landed forgets what is on disk.
func (a *appliedNotes) landed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for f, n := range a.writing {
		if a.waiting[f] == n {
			delete(a.waiting, f)
		}
	}
	a.writing = nil
}

// restart forgets all: the log is another one.
func (a *appliedNotes) restart() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.highest)
	clear(a.waiting)
}

// flushApplied writes notes that no group has taken along for a second.
func (s *Store) flushApplied(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.applied.mu.Lock()
		due := len(s.applied.waiting) > 0 && time.Since(s.applied.since) >= time.Second
		s.applied.mu.Unlock()
		if due {
			// An error here is the group's own: the notes stay for the next one.
			_ = s.group.do(ctx, false, 0, func(*tx) error { return nil })
		}
	}
}
