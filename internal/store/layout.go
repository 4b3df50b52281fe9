package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
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
	hash, text := spec.hash()
	err := s.group.do(ctx, true, 0, func(t *tx) error {
		if err := t.exec(`INSERT INTO layouts (hash, spec, made) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING`, hash, text, micros(s.opts.Now())); err != nil {
			return err
		}
		if _, err := t.row(`SELECT id FROM layouts WHERE hash = ?`, []any{hash}, &id); err != nil {
			return err
		}
		return t.exec(`INSERT INTO collections (name, layout) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, collection, id)
	})
	if err != nil {
		return 0, fmt.Errorf("keep layout: %w", err)
	}
	return id, nil
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
		return 0, spec, fmt.Errorf("read layout of collection %q: %w", collection, err)
	}
	return id, spec, nil
}

// FillLayout keeps a document's chunks and vectors of another layout than its
// active one, cut from the text of the commit basedOn; it is dropped (false) when
// the document has moved since.
func (s *Store) FillLayout(ctx context.Context, id pulse.DocumentID, basedOn pulse.CommitSeq, layout pulse.LayoutID, chunks []pulse.Chunk, vectors []pulse.Vector) (bool, error) {
	packed, packedVectors := packChunks(chunks), packVectors(vectors)
	filled := false
	err := s.group.do(ctx, false, int64(len(packed)+len(packedVectors)), func(t *tx) error {
		filled = false
		var seq pulse.CommitSeq
		found, err := t.row(`SELECT commit_seq FROM documents WHERE id = ? AND state = 'live'`, []any{id}, &seq)
		if err != nil || !found || seq != basedOn {
			return err
		}
		filled = true
		if err := t.exec(`INSERT INTO chunks (document, layout, commit_seq, n, packed) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (document, layout) DO UPDATE SET commit_seq = excluded.commit_seq, n = excluded.n, packed = excluded.packed`,
			id, layout, seq, len(chunks), packed); err != nil {
			return err
		}
		return replaceVectors(t, id, layout, vectors, packedVectors)
	})
	if err != nil {
		return false, fmt.Errorf("fill layout %d: %w", layout, err)
	}
	return filled, nil
}

// replaceVectors keeps a document's vectors of one layout, in place of former ones.
func replaceVectors(t *tx, id pulse.DocumentID, layout pulse.LayoutID, vectors []pulse.Vector, packed []byte) error {
	if err := t.exec(`DELETE FROM bodies WHERE id IN (SELECT body FROM vectors WHERE document = ? AND layout = ?)`, id, layout); err != nil {
		return err
	}
	if vectors == nil {
		return t.exec(`DELETE FROM vectors WHERE document = ? AND layout = ?`, id, layout)
	}
	body, err := insertBody(t, packed)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO vectors (document, layout, body) VALUES (?, ?, ?)
		ON CONFLICT (document, layout) DO UPDATE SET body = excluded.body`, id, layout, body)
}

// SwitchLayout makes another layout the collection's active one, once every live
// document has chunks in it (else pulse.ErrConflict, with how many lack them).
// Followers rebuild: the log begins a new history.
func (s *Store) SwitchLayout(ctx context.Context, collection string, layout pulse.LayoutID) error {
	err := s.group.do(ctx, false, 0, func(t *tx) error {
		var missing int
		if _, err := t.row(`SELECT count(*) FROM documents d WHERE d.collection = ? AND d.state = 'live' AND d.layout <> ? AND NOT EXISTS (
			SELECT 1 FROM chunks c WHERE c.document = d.id AND c.layout = ? AND c.commit_seq = d.commit_seq)`, []any{collection, layout, layout}, &missing); err != nil {
			return err
		}
		if missing > 0 {
			return fmt.Errorf("%d documents are not in it yet: %w", missing, pulse.ErrConflict)
		}
		if err := activate(t, collection, layout); err != nil {
			return err
		}
		if err := dropOtherLayouts(t, collection, layout); err != nil {
			return err
		}
		if err := t.exec(`UPDATE collections SET layout = ? WHERE name = ?`, layout, collection); err != nil {
			return err
		}
		return s.newHistory(t)
	})
	if err != nil {
		return fmt.Errorf("switch collection %q to layout %d: %w", collection, layout, err)
	}
	return nil
}

// activate moves the live documents of a collection to a layout that they all have,
// and counts their chunks, and the vectors that they still lack, anew.
func activate(t *tx, collection string, layout pulse.LayoutID) error {
	const count = `SELECT coalesce(sum(chunks), 0), coalesce(sum(vectors_pending), 0) FROM documents WHERE collection = ? AND state = 'live'`
	var chunks, pending, chunksThen, pendingThen int64
	if _, err := t.row(count, []any{collection}, &chunks, &pending); err != nil {
		return err
	}
	if err := t.exec(`UPDATE documents SET layout = ?1, chunks = (SELECT n FROM chunks WHERE document = id AND layout = ?1),
		vectors_pending = vectors_pending AND NOT EXISTS (SELECT 1 FROM vectors WHERE document = id AND layout = ?1)
		WHERE collection = ?2 AND state = 'live'`, layout, collection); err != nil {
		return err
	}
	if _, err := t.row(count, []any{collection}, &chunksThen, &pendingThen); err != nil {
		return err
	}
	t.counters.chunks += chunksThen - chunks
	t.counters.vectorsPending += pendingThen - pending
	return nil
}

// dropOtherLayouts forgets what the collection is no longer searched by.
func dropOtherLayouts(t *tx, collection string, layout pulse.LayoutID) error {
	const mine = `document IN (SELECT id FROM documents WHERE collection = ?) AND layout <> ?`
	if err := t.exec(`DELETE FROM bodies WHERE id IN (SELECT body FROM vectors WHERE `+mine+`)`, collection, layout); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM vectors WHERE `+mine, collection, layout); err != nil {
		return err
	}
	return t.exec(`DELETE FROM chunks WHERE `+mine, collection, layout)
}

// CommitVectors adds the vectors of a page that was committed without them, and
// ends their job. They are dropped, and the job superseded, if the document has
// moved since the commit that they were computed from.
func (s *Store) CommitVectors(ctx context.Context, job *pulse.Job, basedOn pulse.CommitSeq, layout pulse.LayoutID, vectors []pulse.Vector) (Committed, error) {
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

func (s *Store) addVectors(t *tx, cur current, vectors []pulse.Vector, packed []byte, now time.Time) (pulse.CommitSeq, error) {
	if int64(len(vectors)) != cur.chunks {
		return 0, fmt.Errorf("%d vectors for %d chunks of document %d", len(vectors), cur.chunks, cur.id)
	}
	if err := replaceVectors(t, cur.id, cur.layout, vectors, packed); err != nil {
		return 0, err
	}
	c := commit{w: &Write{Vectors: vectors}}
	t.counters.vectorsPending--
	t.counters.commitSeq++
	seq := pulse.CommitSeq(t.counters.commitSeq)
	if err := t.exec(`UPDATE chunks SET commit_seq = ? WHERE document = ? AND commit_seq = ?`, seq, cur.id, cur.commitSeq); err != nil {
		return 0, err
	}
	if err := t.exec(`UPDATE documents SET commit_seq = ?, committed_at = ?, vectors_pending = 0, partial = ? WHERE id = ?`,
		seq, micros(now), c.partial(), cur.id); err != nil {
		return 0, err
	}
	return seq, t.rows(selectCommits+` WHERE d.id = ?`, []any{cur.id}, func(r *sql.Rows) error {
		commit, err := s.scanCommit(r)
		t.commits = append(t.commits, commit)
		return err
	})
}
