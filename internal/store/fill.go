package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"pulse"
)

// Another layout is filled beside the active one, document by document, from the
// stored text; then every collection switches to it at once and all followers
// rebuild. Until then search goes on by the old one. What a layout that is neither
// active nor being filled has left behind is swept in slices.

// StartFilling finds or makes a layout and notes that it is the one being filled, so
// that its rows are not swept. What an earlier one has got is swept from then on.
func (s *Store) StartFilling(ctx context.Context, spec LayoutSpec) (pulse.LayoutID, error) {
	var id pulse.LayoutID
	err := s.group.do(ctx, true, 0, func(t *tx) (err error) {
		if id, err = s.keepLayout(t, spec); err != nil {
			return err
		}
		return t.exec(`INSERT INTO settings (name, value) VALUES ('filling', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			strconv.FormatInt(int64(id), 10))
	})
	if err != nil {
		return 0, fmt.Errorf("start to fill a layout: %w", err)
	}
	return id, nil
}

// unfilled are the live documents that lack chunks of layout ?1.
const unfilled = ` d.state = 'live' AND d.layout <> ?1 AND NOT EXISTS (
	SELECT 1 FROM chunks f WHERE f.document = d.id AND f.layout = ?1 AND f.commit_seq = d.commit_seq)`

// Unfilled reads live documents that a layout lacks, with their chunks and vectors by
// the active one, in the order of their commits, after a position: about maxBytes of
// them, at least one. None is the end.
func (s *Store) Unfilled(ctx context.Context, layout pulse.LayoutID, after pulse.CommitSeq, maxBytes int64) ([]pulse.Commit, error) {
	rows, err := s.read.QueryContext(ctx, selectCommits+` WHERE d.commit_seq > ?2 AND`+unfilled+` ORDER BY d.commit_seq LIMIT 1024`, layout, after)
	if err != nil {
		return nil, fmt.Errorf("read documents to fill: %w", explain(err))
	}
	defer rows.Close()
	var commits []pulse.Commit
	for sum := int64(0); sum < maxBytes && rows.Next(); {
		c, err := s.scanCommit(rows)
		if err != nil {
			return nil, fmt.Errorf("read documents to fill: %w", err)
		}
		commits = append(commits, c)
		sum += commitSize(&c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read documents to fill: %w", explain(err))
	}
	return commits, nil
}

// CountUnfilled counts the live documents that a layout lacks.
func (s *Store) CountUnfilled(ctx context.Context, layout pulse.LayoutID) (n int64, err error) {
	if err := s.lists.QueryRowContext(ctx, `SELECT count(*) FROM documents d WHERE`+unfilled, layout).Scan(&n); err != nil {
		return 0, fmt.Errorf("count documents to fill: %w", explain(err))
	}
	return n, nil
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
		if err := t.exec(`INSERT INTO chunks (document, layout, commit_seq, n, packed, refused) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (document, layout) DO UPDATE SET commit_seq = excluded.commit_seq, n = excluded.n, packed = excluded.packed, refused = excluded.refused`,
			id, layout, seq, len(chunks), packed, refusedOf(vectors)); err != nil {
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

// SwitchLayout makes another layout every collection's active one, once all live
// documents have chunks in it (else pulse.ErrConflict, with how many lack them). The
// log begins a new history, so that followers rebuild. From then on a commit by the
// former layout is ErrOtherLayout, and SweepLayouts removes what it has left.
func (s *Store) SwitchLayout(ctx context.Context, layout pulse.LayoutID) error {
	err := s.group.do(ctx, false, 0, func(t *tx) error {
		var missing int
		if _, err := t.row(`SELECT count(*) FROM documents d WHERE`+unfilled, []any{layout}, &missing); err != nil {
			return err
		}
		if missing > 0 {
			return fmt.Errorf("%d documents are not in it yet: %w", missing, pulse.ErrConflict)
		}
		if err := activate(t, layout); err != nil {
			return err
		}
		if err := t.exec(`UPDATE collections SET layout = ?`, layout); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM settings WHERE name = 'filling'`); err != nil {
			return err
		}
		t.onCommit(func() { clear(s.active) })
		return s.newHistory(t)
	})
	if err != nil {
		return fmt.Errorf("switch to layout %d: %w", layout, err)
	}
	return nil
}

// activate moves the live documents to a layout that they all have, and counts their
// chunks, and the vectors that they still lack, anew. What pages with vectors pending have
// in the layout before is filled anew if that should be switched to again: their embed jobs
// end without having been done.
func activate(t *tx, layout pulse.LayoutID) error {
	if err := t.exec(`UPDATE chunks SET commit_seq = 0 WHERE layout <> ?1 AND document IN
		(SELECT id FROM documents WHERE state = 'live' AND layout <> ?1 AND vectors_pending)`, layout); err != nil {
		return err
	}
	if err := t.exec(`UPDATE documents SET layout = ?1, chunks = (SELECT n FROM chunks WHERE document = id AND layout = ?1),
		partial = (SELECT refused FROM chunks WHERE document = id AND layout = ?1),
		vectors_pending = vectors_pending AND NOT EXISTS (SELECT 1 FROM vectors WHERE document = id AND layout = ?1)
		WHERE state = 'live' AND layout <> ?1`, layout); err != nil {
		return err
	}
	_, err := t.row(`SELECT coalesce(sum(chunks), 0), coalesce(sum(vectors_pending), 0) FROM documents WHERE state = 'live'`, nil,
		&t.counters.chunks, &t.counters.vectorsPending)
	return err
}

// SweepLayouts removes chunks and vectors of layouts that are neither active nor being
// filled, of at most limit documents from a document id on. It answers where the next
// slice begins, 0 at the end.
func (s *Store) SweepLayouts(ctx context.Context, from pulse.DocumentID, limit int) (next pulse.DocumentID, err error) {
	stale, next, err := s.staleRows(ctx, from, limit)
	if err != nil {
		return 0, fmt.Errorf("read what layouts have left: %w", explain(err))
	}
	if len(stale) == 0 {
		return 0, nil
	}
	err = s.group.do(ctx, false, 0, func(t *tx) error {
		for _, r := range stale {
			if err := r.remove(t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("sweep layouts: %w", err)
	}
	return next, nil
}

// keptLayouts are those whose rows stay.
const keptLayouts = `SELECT layout FROM collections UNION SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'filling'`

// layoutRow is one document's chunks and vectors of one layout.
type layoutRow struct {
	document pulse.DocumentID
	layout   pulse.LayoutID
}

// staleRows reads rows of layouts that are not kept, from a document id on, by a
// reader: the writer must not scan the table.
func (s *Store) staleRows(ctx context.Context, from pulse.DocumentID, limit int) (stale []layoutRow, next pulse.DocumentID, err error) {
	rows, err := s.lists.QueryContext(ctx, `SELECT document, layout FROM chunks WHERE document >= ? AND layout NOT IN (`+keptLayouts+`)
		ORDER BY document LIMIT ?`, from, limit)
	if err != nil {
		return nil, 0, err
	}
	err = eachRow(rows, func(r *sql.Rows) error {
		var row layoutRow
		err := r.Scan(&row.document, &row.layout)
		stale = append(stale, row)
		return err
	})
	if len(stale) == limit {
		next = stale[limit-1].document // its other layouts may follow
	}
	return stale, next, err
}

// remove deletes the row, unless its layout is kept by now.
func (r layoutRow) remove(t *tx) error {
	if kept, err := t.row(`SELECT 1 FROM (`+keptLayouts+`) WHERE layout = ?`, []any{r.layout}, new(int)); err != nil || kept {
		return err
	}
	if err := replaceVectors(t, r.document, r.layout, nil, nil); err != nil {
		return err
	}
	return t.exec(`DELETE FROM chunks WHERE document = ? AND layout = ?`, r.document, r.layout)
}
