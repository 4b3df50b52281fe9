package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"pulse"
)

// What one call of Expire takes at most, so that no webhook waits long behind it.
const (
	expireParts = 512
	expireBytes = 4 << 20
)

// Expire deletes the bodies of the next few deliveries that came before a time: those
// of jobs that are done. A job that still waits, or is dead, keeps its body; a waiting
// one loses it with its end. It answers how many deliveries it has passed, 0 when none
// is left. Rows stay: they are the ledger.
func (s *Store) Expire(ctx context.Context, before time.Time) (passed int, err error) {
	err = s.group.do(ctx, false, 0, func(t *tx) error {
		var slice expiring
		if err := slice.read(t, micros(before)); err != nil {
			return err
		}
		passed = slice.deliveries
		if passed == 0 {
			return nil
		}
		from := t.counters.expired
		t.counters.expired = slice.to
		return t.exec(`UPDATE parts SET body = NULL WHERE id >= ?1 AND id < ?2 AND body IS NOT NULL AND id NOT IN (
			SELECT delivery << 14 | element FROM jobs WHERE id BETWEEN ?3 AND ?4 AND state <> 'done')`,
			partID(pulse.DeliverySeq(from+1), 0), partID(pulse.DeliverySeq(slice.to+1), 0), slice.firstJob, slice.lastJob)
	})
	if err != nil {
		return 0, fmt.Errorf("expire parts: %w", err)
	}
	return passed, nil
}

// expiring is a run of deliveries that expire together.
type expiring struct {
	deliveries, parts int
	bytes             int64
	to                int64 // the last of them
	firstJob, lastJob int64 // all their jobs lie between
	full              bool
}

// read takes deliveries in order until the next would be too much: at least one.
func (e *expiring) read(t *tx, before int64) error {
	return t.rows(`SELECT seq, elements, bytes, first_job, jobs FROM deliveries WHERE seq > ? AND received_at < ? ORDER BY seq LIMIT ?`,
		[]any{t.counters.expired, before, expireParts}, func(r *sql.Rows) error {
			var seq, bytes, first, jobs int64
			var elements int
			if err := r.Scan(&seq, &elements, &bytes, &first, &jobs); err != nil {
				return err
			}
			if e.full || e.deliveries > 0 && (e.parts+elements > expireParts || e.bytes+bytes > expireBytes) {
				e.full = true
				return nil
			}
			if e.deliveries == 0 {
				e.firstJob = first
			}
			e.deliveries, e.parts, e.bytes, e.to = e.deliveries+1, e.parts+elements, e.bytes+bytes, seq
			e.lastJob = max(e.lastJob, first+jobs-1)
			return nil
		})
}
