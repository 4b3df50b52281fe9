package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"pulse"
)

// partBits is the width of the element in a part's id.
const partBits = 14 // pulse.MaxElements < 1<<14

func partID(seq pulse.DeliverySeq, element int) int64 { return int64(seq)<<partBits | int64(element) }

// hashOf indexes a pair of texts; a match is verified against them.
func hashOf(a, b string) int64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(a)
	d.Write([]byte{0})
	d.WriteString(b)
	return int64(d.Sum64())
}

// Accept keeps a delivery with its parts and jobs. When it returns without error
// they are on disk; a repeat of a kept delivery answers with what that one got.
// Errors: pulse.ErrDiskFull, pulse.ErrUnavailable, pulse.ErrClosed, ctx's.
func (s *Store) Accept(ctx context.Context, d *pulse.Delivery) (*pulse.Receipt, error) {
	return s.acceptWith(ctx, d, nil)
}

// AcceptErasure keeps a mass deletion: a delivery with one element, whose job
// tombstones the documents in slices, and the erasure itself, which holds from now
// on for every commit, however late. The erasure's version is that of the job.
func (s *Store) AcceptErasure(ctx context.Context, d *pulse.Delivery, e Erasure) (*pulse.Receipt, error) {
	return s.acceptWith(ctx, d, func(t *tx, r *pulse.Receipt) error {
		if r.Duplicate || len(r.Jobs) != 1 {
			return nil
		}
		e := e
		e.Collection, e.Version, e.Job = r.Jobs[0].Collection, r.Jobs[0].Version, r.Jobs[0].ID
		return s.addErasure(t, e)
	})
}

func (s *Store) acceptWith(ctx context.Context, d *pulse.Delivery, also func(*tx, *pulse.Receipt) error) (*pulse.Receipt, error) {
	if len(d.Elements) > pulse.MaxElements {
		return nil, &pulse.InputError{Code: "too_large", Message: fmt.Sprintf("more than %d elements in one delivery", pulse.MaxElements)}
	}
	a := &acceptance{d: d, now: s.opts.Now(), parts: packParts(d)}
	s.opts.Failpoint("accept.before")
	err := s.group.do(ctx, true, d.Bytes, func(t *tx) error {
		a.receipt, a.cached = &pulse.Receipt{Result: d.Result}, nil
		if err := a.run(t); err != nil {
			return err
		}
		if also == nil {
			return nil
		}
		return also(t, a.receipt)
	})
	if err != nil {
		return nil, fmt.Errorf("keep delivery: %w", err)
	}
	s.opts.Failpoint("accept.after")
	return a.receipt, nil
}

// packParts compresses the bodies of the elements that get a job, outside the group.
func packParts(d *pulse.Delivery) [][]byte {
	parts := make([][]byte, len(d.Elements))
	for i := range d.Elements {
		if e := &d.Elements[i]; e.Refused == "" {
			parts[i] = packPart(e.Body)
		}
	}
	return parts
}

// acceptance is one delivery on its way into the log.
type acceptance struct {
	d       *pulse.Delivery
	now     time.Time
	parts   [][]byte                // by element; nil for a refused one
	cached  map[int64]pulse.Version // by time of caching, within one run
	receipt *pulse.Receipt
}

func (a *acceptance) run(t *tx) error {
	d := a.d
	if d.Collection == "" {
		d.Collection = pulse.DefaultCollection
	}
	var keyHash sql.NullInt64
	if d.Key != "" {
		keyHash = sql.NullInt64{Int64: hashOf(d.Source, d.Key), Valid: true}
		if known, err := a.findRepeat(t, keyHash.Int64); known || err != nil {
			return err
		}
	}
	a.number(t)
	jobs, err := a.makeJobs(t)
	if err != nil {
		return err
	}
	if err := t.exec(`INSERT INTO deliveries (seq, key, key_hash, source, event_type, collection, received_at, result, bytes, crawl, elements, first_job, jobs, last_job)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Seq, null(d.Key), keyHash, d.Source, d.EventType, d.Collection, micros(d.ReceivedAt), string(d.Result), d.Bytes,
		null(d.Crawl.ID), len(d.Elements), t.counters.job-int64(len(jobs))+1, len(jobs), t.counters.job); err != nil {
		return err
	}
	if err := a.insertParts(t); err != nil {
		return err
	}
	if err := insertJobs(t, jobs); err != nil {
		return err
	}
	a.noteCrawl(t, len(jobs))
	a.receipt.Seq, a.receipt.Jobs = d.Seq, jobs
	for i := range jobs {
		a.receipt.JobIDs = append(a.receipt.JobIDs, jobs[i].ID)
	}
	return nil
}

// number gives the delivery its place and time. Times always go forward, so that a
// time can be mapped to a version by binary search, and lists by time have no ties.
func (a *acceptance) number(t *tx) {
	t.counters.delivery++
	t.counters.receivedAt = max(t.counters.receivedAt+1, micros(a.now))
	a.d.Seq = pulse.DeliverySeq(t.counters.delivery)
	a.d.ReceivedAt = fromMicros(t.counters.receivedAt)
}

// findRepeat fills the receipt from the kept delivery of the same key.
func (a *acceptance) findRepeat(t *tx, keyHash int64) (bool, error) {
	var seq, first, jobs int64
	var result string
	found, err := t.row(`SELECT seq, first_job, jobs, result FROM deliveries WHERE key_hash = ? AND key = ? AND source = ?`,
		[]any{keyHash, a.d.Key, a.d.Source}, &seq, &first, &jobs, &result)
	if !found || err != nil {
		return false, err
	}
	r := a.receipt
	r.Seq, r.Result, r.Duplicate = pulse.DeliverySeq(seq), pulse.Result(result), true
	for i := range jobs {
		r.JobIDs = append(r.JobIDs, pulse.JobID(first+i))
	}
	r.Refused, err = refusals(func(query string, args []any, scan func(*sql.Rows) error) error {
		return t.rows(query, args, scan)
	}, r.Seq)
	return true, err
}

// makeJobs draws a number for each element that has work, and its version.
func (a *acceptance) makeJobs(t *tx) ([]pulse.Job, error) {
	var jobs []pulse.Job
	for i := range a.d.Elements {
		e := &a.d.Elements[i]
		if e.Failed {
			continue // the source told of it: counted with its crawl, not refused by us
		}
		if e.Refused != "" {
			a.receipt.Refused = append(a.receipt.Refused, pulse.Refusal{Index: e.Index, URL: e.URL, Reason: e.Refused})
			continue
		}
		t.counters.job++
		t.counters.available++
		version, err := a.version(t, e)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, a.job(e, pulse.JobID(t.counters.job), version))
	}
	return jobs, nil
}

func (a *acceptance) job(e *pulse.Element, id pulse.JobID, version pulse.Version) pulse.Job {
	d := a.d
	turn := d.Crawl.ID
	if turn == "" {
		turn = hostOf(e.Key)
	}
	return pulse.Job{
		ID: id, Delivery: d.Seq, Element: e.Index, Kind: e.Kind, Source: d.Source, Collection: d.Collection,
		Key: e.Key, URL: e.URL, Version: version, Priority: d.Priority, Turn: turn, Crawl: d.Crawl.ID,
		Bytes: int64(len(e.Body)), State: pulse.JobAvailable, AcceptedAt: d.ReceivedAt,
	}
}

// version is the job's own number, unless the content is older than its delivery.
func (a *acceptance) version(t *tx, e *pulse.Element) (pulse.Version, error) {
	us := micros(e.CachedAt)
	// After a clock that was ahead has been set right, receivedAt stands in the future.
	if e.CachedAt.IsZero() || us >= min(t.counters.receivedAt, micros(a.now)) {
		return pulse.Version(t.counters.job), nil
	}
	if v, known := a.cached[us]; known { // the elements of one delivery mostly share it
		return v, nil
	}
	v, err := versionAt(t, us, a.d.Seq)
	if a.cached == nil {
		a.cached = map[int64]pulse.Version{}
	}
	a.cached[us] = v
	return v, err
}

// versionAt maps a time, in microseconds, to the counter's value then: that of the
// last delivery received by that time, of those before next. Content from before the
// first delivery is older than any version (beforeAll).
func versionAt(t *tx, us int64, next pulse.DeliverySeq) (pulse.Version, error) {
	low, high := int64(0), int64(next) // received(low) <= us < received(high)
	version := int64(beforeAll)
	for high-low > 1 {
		mid := low + (high-low)/2
		var seq, received, last int64
		// Rows may have been pruned: take the nearest at or after mid.
		found, err := t.row(`SELECT seq, received_at, last_job FROM deliveries WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT 1`,
			[]any{mid, high}, &seq, &received, &last)
		if err != nil {
			return 0, err
		}
		switch {
		case !found:
			high = mid
		case received <= us:
			low, version = seq, last
		default:
			high = mid
		}
	}
	return pulse.Version(version), nil
}

// beforeAll is the version of content older than anything that was ever delivered.
const beforeAll = -1

// insertParts keeps what a job will read, and a small row for each refusal.
func (a *acceptance) insertParts(t *tx) error {
	for i := range a.d.Elements {
		e := &a.d.Elements[i]
		id := partID(a.d.Seq, e.Index)
		if e.Refused == "" {
			if err := t.exec(`INSERT INTO parts (id, body) VALUES (?, ?)`, id, a.parts[i]); err != nil {
				return err
			}
			continue
		}
		var keyHash sql.NullInt64
		if e.Key != "" {
			keyHash = sql.NullInt64{Int64: hashOf(a.d.Collection, e.Key), Valid: true}
		}
		if err := t.exec(`INSERT INTO parts (id, key, key_hash, url, reason, failed) VALUES (?, ?, ?, ?, ?, ?)`,
			id, null(e.Key), keyHash, null(e.URL), e.Refused, e.Failed); err != nil {
			return err
		}
	}
	return nil
}

// noteCrawl adds the delivery to its crawl's counts.
func (a *acceptance) noteCrawl(t *tx, jobs int) {
	c := a.d.Crawl
	if c.ID == "" {
		return
	}
	delta := crawlDelta{id: c.ID, source: a.d.Source, state: c.State, at: micros(a.d.ReceivedAt)}
	delta.counts.Failed = int64(c.Failed)
	delta.counts.Received = int64(jobs + c.Failed)
	for i := range a.d.Elements {
		e := &a.d.Elements[i]
		if delta.origin == "" {
			delta.origin = originOf(e.Key)
		}
		if e.Refused != "" && !e.Failed {
			delta.counts.Refused++
			delta.counts.Received++
		}
	}
	t.crawls = append(t.crawls, delta)
}

// insertJobs keeps new jobs.
func insertJobs(t *tx, jobs []pulse.Job) error {
	for i := range jobs {
		j := &jobs[i]
		if err := t.exec(`INSERT INTO jobs (id, delivery, element, kind, source, collection, key, key_hash, url, version,
			priority, turn, crawl, bytes, state, accepted_at, run_at, commit_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'available', ?, ?, ?)`,
			j.ID, j.Delivery, j.Element, string(j.Kind), j.Source, j.Collection, j.Key, hashOf(j.Collection, j.Key), other(j.URL, j.Key), j.Version,
			int(j.Priority), j.Turn, null(j.Crawl), j.Bytes, micros(j.AcceptedAt), micros(j.RunAt), j.CommitSeq); err != nil {
			return err
		}
	}
	return nil
}

// null keeps an empty text as NULL.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// other keeps a text that equals another as NULL.
func other(s, usual string) any {
	if s == usual {
		return nil
	}
	return s
}
