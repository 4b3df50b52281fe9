package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"pulse"
)

// loadErasures reads the mass deletions that every commit is held against. There
// are few: one per accepted mass deletion.
func (s *Store) loadErasures(ctx context.Context) error {
	rows, err := s.read.QueryContext(ctx, `SELECT collection, scope, value, version, job FROM erasures ORDER BY id`)
	if err != nil {
		return fmt.Errorf("read erasures: %w", err)
	}
	var all []Erasure
	err = eachRow(rows, func(r *sql.Rows) error {
		var e Erasure
		err := r.Scan(&e.Collection, &e.Scope, &e.Value, &e.Version, &e.Job)
		all = append(all, e)
		return err
	})
	if err != nil {
		return fmt.Errorf("read erasures: %w", err)
	}
	s.erasures.Store(&all)
	return nil
}

// addErasure keeps an erasure; it holds for the callers of later groups.
func (s *Store) addErasure(t *tx, e Erasure) error {
	t.onCommit(func() {
		all := append((*s.erasures.Load())[:len(*s.erasures.Load()):len(*s.erasures.Load())], e)
		s.erasures.Store(&all)
	})
	return t.exec(`INSERT INTO erasures (collection, scope, value, version, job) VALUES (?, ?, ?, ?, ?)`,
		e.Collection, string(e.Scope), e.Value, e.Version, e.Job)
}

// erased says whether a mass deletion covers content of this version. Commits of
// the very group that accepts an erasure may miss it: its slices find them.
func (s *Store) erased(collection, key, crawl string, version pulse.Version) bool {
	for i := range *s.erasures.Load() {
		if (*s.erasures.Load())[i].covers(collection, key, crawl, version) {
			return true
		}
	}
	return false
}

// EraseSlice tombstones those of the next limit documents from a document id on that
// the erasure covers. It answers where the next slice begins, 0 at the end. A
// tombstone keeps the version of what it covers, so that it stands in the way of
// nothing that is newer.
func (s *Store) EraseSlice(ctx context.Context, e Erasure, from pulse.DocumentID, limit int) (next pulse.DocumentID, erased int, err error) {
	now := s.opts.Now()
	err = s.group.do(ctx, false, 0, func(t *tx) error {
		next, erased = 0, 0
		docs, last, err := coveredFrom(t, e, from, limit)
		if err != nil {
			return err
		}
		for i := range docs {
			if err := eraseOne(t, &docs[i], now); err != nil {
				return err
			}
		}
		next, erased = last, len(docs)
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("erase documents: %w", err)
	}
	return next, erased, nil
}

// erasable is a live document that an erasure covers.
type erasable struct {
	tomb tombstone
	cur  current
}

// coveredFrom scans limit documents; next is 0 when they were the last.
func coveredFrom(t *tx, e Erasure, from pulse.DocumentID, limit int) (docs []erasable, next pulse.DocumentID, err error) {
	n := 0
	err = t.rows(`SELECT id, collection, key, coalesce(url, key), version, job, state, source, delivery, coalesce(crawl, ''), commit_seq, body, chunks, vectors_pending, received_at
		FROM documents WHERE id >= ? ORDER BY id LIMIT ?`, []any{from, limit}, func(r *sql.Rows) error {
		var d erasable
		var state string
		if err := r.Scan(&d.cur.id, &d.tomb.collection, &d.tomb.key, &d.tomb.url, &d.tomb.version, &d.tomb.job, &state, &d.tomb.source, &d.tomb.delivery,
			&d.tomb.crawl, &d.cur.commitSeq, &d.cur.body, &d.cur.chunks, &d.cur.vectorsPending, &d.tomb.received); err != nil {
			return err
		}
		n++
		next = d.cur.id + 1
		d.cur.live = state == string(pulse.StateLive)
		if d.cur.live && e.covers(d.tomb.collection, d.tomb.key, d.tomb.crawl, d.tomb.version) {
			docs = append(docs, d)
		}
		return nil
	})
	if n < limit {
		next = 0
	}
	return docs, next, err
}

func eraseOne(t *tx, d *erasable, now time.Time) error {
	d.tomb.now = micros(now)
	_, err := d.tomb.write(t, d.cur)
	return err
}
