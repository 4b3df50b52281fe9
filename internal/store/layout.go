package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pulse"
)

// newID is 130 random bits in lower-case letters and digits.
func newID() string { return strings.ToLower(rand.Text()) }

// hash names a layout by what decides it.
func (l LayoutSpec) hash() (string, string) {
	spec, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings and integers
	}
	sum := sha256.Sum256(spec)
	return hex.EncodeToString(sum[:16]), string(spec)
}

// EnsureLayout finds or makes a layout and, for a collection that has none, makes
// it the active one.
func (s *Store) EnsureLayout(ctx context.Context, collection string, spec LayoutSpec) (pulse.LayoutID, error) {
	var id pulse.LayoutID
	err := s.group.do(ctx, true, 0, func(t *tx) (err error) {
		if id, err = s.keepLayout(t, spec); err != nil {
			return err
		}
		return t.exec(`INSERT INTO collections (name, layout) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, collection, id)
	})
	if err != nil {
		return 0, fmt.Errorf("keep layout: %w", err)
	}
	return id, nil
}

// keepLayout finds or makes a layout.
func (s *Store) keepLayout(t *tx, spec LayoutSpec) (id pulse.LayoutID, err error) {
	hash, text := spec.hash()
	if err := t.exec(`INSERT INTO layouts (hash, spec, made) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING`, hash, text, micros(s.opts.Now())); err != nil {
		return 0, err
	}
	_, err = t.row(`SELECT id FROM layouts WHERE hash = ?`, []any{hash}, &id)
	return id, err
}

// activeLayout is the layout that a collection is searched by; 0 when it has none.
// It is kept in memory but where this very transaction may have changed it.
func (s *Store) activeLayout(t *tx, collection string) (id pulse.LayoutID, err error) {
	if id := s.active[collection]; id != 0 && !t.newHistory {
		return id, nil
	}
	if _, err = t.row(`SELECT layout FROM collections WHERE name = ?`, []any{collection}, &id); err == nil && id != 0 {
		t.onCommit(func() { s.active[collection] = id })
	}
	return id, err
}

// ActiveLayout is the layout that a collection is searched by; 0 when it has none.
func (s *Store) ActiveLayout(ctx context.Context, collection string) (pulse.LayoutID, LayoutSpec, error) {
	var id pulse.LayoutID
	var spec LayoutSpec
	var text string
	err := s.read.QueryRowContext(ctx, `SELECT l.id, l.spec FROM collections c JOIN layouts l ON l.id = c.layout WHERE c.name = ?`, collection).Scan(&id, &text)
	if isNoRows(err) {
		return 0, spec, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &spec)
	}
	if err != nil {
		return 0, spec, fmt.Errorf("read layout of collection %q: %w", collection, explain(err))
	}
	return id, spec, nil
}

// CompleteLayout says of a layout what was not known when it was made: the model that
// embeds it. Nothing of it has a vector yet, else it is pulse.ErrConflict.
func (s *Store) CompleteLayout(ctx context.Context, id pulse.LayoutID, spec LayoutSpec) error {
	hash, text := spec.hash()
	err := s.group.do(ctx, true, 0, func(t *tx) error {
		if any, err := t.row(`SELECT 1 FROM vectors WHERE layout = ? LIMIT 1`, []any{id}, new(int)); err != nil || any {
			return errors.Join(err, pulse.ErrConflict)
		}
		// One that was given up has the same name; what is left of it is swept.
		if err := t.exec(`UPDATE layouts SET hash = 'left ' || id WHERE hash = ? AND id <> ?`, hash, id); err != nil {
			return err
		}
		return t.exec(`UPDATE layouts SET hash = ?, spec = ? WHERE id = ?`, hash, text, id)
	})
	if err != nil {
		return fmt.Errorf("complete layout %d: %w", id, err)
	}
	return nil
}

// KeepProbe keeps the vector that a layout's model made of the probe text, so that
// another model under the same name is noticed. The first one stands.
func (s *Store) KeepProbe(ctx context.Context, layout pulse.LayoutID, probe pulse.Vector) error {
	err := s.group.do(ctx, true, 0, func(t *tx) error {
		return t.exec(`UPDATE layouts SET probe = ? WHERE id = ? AND probe IS NULL`, packVectors([]pulse.Vector{probe}), layout)
	})
	if err != nil {
		return fmt.Errorf("keep probe of layout %d: %w", layout, err)
	}
	return nil
}

// Probe is the vector that KeepProbe kept; nil when none was.
func (s *Store) Probe(ctx context.Context, layout pulse.LayoutID) (pulse.Vector, error) {
	var packed []byte
	err := s.read.QueryRowContext(ctx, `SELECT probe FROM layouts WHERE id = ?`, layout).Scan(&packed)
	if isNoRows(err) || err == nil && packed == nil {
		return nil, nil
	}
	var probe []pulse.Vector
	if err == nil {
		probe, err = openVectors(packed)
	}
	if err == nil && len(probe) != 1 {
		err = errPacked
	}
	if err != nil {
		return nil, fmt.Errorf("read probe of layout %d: %w", layout, explain(err))
	}
	return probe[0], nil
}

// CommitVectors adds the vectors of a page that was committed without them, and
// ends their job. They are dropped, and the job superseded, if the document has
// moved since the commit that they were computed from. chunks replace those that the
// page was cut into; nil leaves them.
func (s *Store) CommitVectors(ctx context.Context, job *pulse.Job, basedOn pulse.CommitSeq, layout pulse.LayoutID, chunks []pulse.Chunk, vectors []pulse.Vector) (Committed, error) {
	packed := packVectors(vectors)
	var done Committed
	now := s.opts.Now()
	s.opts.Failpoint("commit.before")
	err := s.group.do(ctx, false, int64(len(packed)), func(t *tx) error {
		done = Committed{Outcome: pulse.OutcomeSuperseded}
		cur, err := lookUp(t, job.Collection, job.Key)
		if err != nil {
			return err
		}
		if cur.live && cur.commitSeq == basedOn && cur.layout == layout && cur.vectorsPending {
			if err := recut(t, &cur, chunks); err != nil {
				return err
			}
			if done.Seq, err = s.addVectors(t, cur, vectors, packed, now); err != nil {
				return err
			}
			done.Outcome = pulse.OutcomeIndexed
		}
		return endJob(t, job, Ending{State: pulse.JobDone, Outcome: done.Outcome, Attempt: job.Attempt + 1}, done.Seq, now)
	})
	if err != nil {
		return Committed{}, fmt.Errorf("commit vectors: %w", err)
	}
	s.opts.Failpoint("commit.after")
	return done, nil
}

// recut replaces the chunks of a document, unless there are none to replace them.
func recut(t *tx, cur *current, chunks []pulse.Chunk) error {
	if chunks == nil {
		return nil
	}
	n := int64(len(chunks))
	t.counters.chunks += n - cur.chunks
	cur.chunks = n
	if err := t.exec(`UPDATE chunks SET n = ?, packed = ? WHERE document = ? AND layout = ?`, n, packChunks(chunks), cur.id, cur.layout); err != nil {
		return err
	}
	return t.exec(`UPDATE documents SET chunks = ? WHERE id = ?`, n, cur.id)
}

func (s *Store) addVectors(t *tx, cur current, vectors []pulse.Vector, packed []byte, now time.Time) (pulse.CommitSeq, error) {
	if int64(len(vectors)) != cur.chunks {
		return 0, fmt.Errorf("%d vectors for %d chunks of document %d", len(vectors), cur.chunks, cur.id)
	}
	if err := replaceVectors(t, cur.id, cur.layout, vectors, packed); err != nil {
		return 0, err
	}
	t.counters.vectorsPending--
	t.counters.commitSeq++
	seq := pulse.CommitSeq(t.counters.commitSeq)
	if err := t.exec(`UPDATE chunks SET commit_seq = ? WHERE document = ? AND commit_seq = ?`, seq, cur.id, cur.commitSeq); err != nil {
		return 0, err
	}
	if err := t.exec(`UPDATE documents SET commit_seq = ?, committed_at = ?, vectors_pending = 0, partial = ? WHERE id = ?`,
		seq, micros(now), refusedOf(vectors), cur.id); err != nil {
		return 0, err
	}
	return seq, t.rows(selectCommits+` WHERE d.id = ?`, []any{cur.id}, func(r *sql.Rows) error {
		commit, err := s.scanCommit(r)
		t.commits = append(t.commits, commit)
		return err
	})
}
