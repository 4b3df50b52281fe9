package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"pulse"
)

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// Part is the bytes of one element as they arrived. Errors: pulse.ErrNotFound,
// pulse.ErrGone when they have expired.
func (s *Store) Part(ctx context.Context, seq pulse.DeliverySeq, element int) ([]byte, error) {
	var data []byte
	err := s.readPart.QueryRowContext(ctx, partID(seq, element)).Scan(&data)
	switch {
	case isNoRows(err):
		err = pulse.ErrNotFound
	case err == nil && data == nil:
		err = pulse.ErrGone
	case err == nil:
		data, err = openFrame(s.decoder, nil, data)
	}
	if err != nil {
		return nil, fmt.Errorf("read part %d of delivery %d: %w", element, seq, explain(err))
	}
	return data, nil
}

const jobColumns = `id, delivery, element, kind, source, collection, key, coalesce(url, key), version, priority, turn, coalesce(crawl, ''), bytes,
	state, attempt, deaths, suspect, accepted_at, run_at, started_at, ended_at, coalesce(outcome, ''), coalesce(reason, ''), coalesce(last_error, ''), commit_seq,
	wait_us, clean_us, chunk_us, embed_us, commit_us`

// scanJob gives the targets for jobColumns.
func scanJob(j *pulse.Job) []any {
	return []any{&j.ID, &j.Delivery, &j.Element, &j.Kind, &j.Source, &j.Collection, &j.Key, &j.URL, &j.Version, &j.Priority, &j.Turn, &j.Crawl, &j.Bytes,
		&j.State, &j.Attempt, &j.Deaths, &j.Suspect, (*microTime)(&j.AcceptedAt), (*microTime)(&j.RunAt), (*microTime)(&j.StartedAt), (*microTime)(&j.EndedAt),
		&j.Outcome, &j.Reason, &j.LastError, &j.CommitSeq,
		(*microDuration)(&j.Stages.Wait), (*microDuration)(&j.Stages.Clean), (*microDuration)(&j.Stages.Chunk), (*microDuration)(&j.Stages.Embed), (*microDuration)(&j.Stages.Commit)}
}

// microTime scans a time kept in microseconds.
type microTime time.Time

// Scan implements sql.Scanner.
func (t *microTime) Scan(v any) error {
	us, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time is a %T", v)
	}
	*t = microTime(fromMicros(us))
	return nil
}

// microDuration scans a duration kept in microseconds.
type microDuration time.Duration

// Scan implements sql.Scanner.
func (d *microDuration) Scan(v any) error {
	us, ok := v.(int64)
	if !ok {
		return fmt.Errorf("duration is a %T", v)
	}
	*d = microDuration(us * int64(time.Microsecond))
	return nil
}

// queryJobs runs a query that selects jobColumns.
func (s *Store) queryJobs(ctx context.Context, db *sql.DB, query string, args ...any) ([]pulse.Job, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var jobs []pulse.Job
	err = eachRow(rows, func(r *sql.Rows) error {
		var j pulse.Job
		err := r.Scan(scanJob(&j)...)
		jobs = append(jobs, j)
		return err
	})
	return jobs, err
}

// AvailableJobs pages through the jobs that wait, ascending by id, after < id <= upTo.
func (s *Store) AvailableJobs(ctx context.Context, after, upTo pulse.JobID, limit int) ([]pulse.Job, error) {
	jobs, err := s.queryJobs(ctx, s.read, `SELECT `+jobColumns+` FROM jobs INDEXED BY jobs_open
		WHERE state <> 'done' AND state = 'available' AND id > ? AND id <= ? ORDER BY id LIMIT ?`, after, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("read waiting jobs: %w", explain(err))
	}
	return jobs, nil
}

// Job reads one job. ErrNotFound when there is none.
func (s *Store) Job(ctx context.Context, id pulse.JobID) (*pulse.Job, error) {
	jobs, err := s.queryJobs(ctx, s.read, `SELECT `+jobColumns+` FROM jobs WHERE id = ?`, id)
	if err == nil && len(jobs) == 0 {
		err = pulse.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read job %d: %w", id, explain(err))
	}
	return &jobs[0], nil
}

// Stats counts what the store holds, as of the last group.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	c := s.counted.Load()
	st := Stats{Documents: c.documents, Chunks: c.chunks, VectorsPending: c.vectorsPending, Head: pulse.CommitSeq(c.commitSeq)}
	st.Jobs = JobCounts{Available: c.available, Done: c.done, Dead: c.dead}
	return st, ctx.Err()
}

// documentColumns are those that documentScan takes, of a table or alias d.
const documentColumns = `d.id, d.collection, d.key, coalesce(d.url, d.key), d.title, d.description, d.language, d.country, d.is_mobile,
	coalesce(d.metadata, ''), d.content_hash, d.version, d.job, d.state, d.source, d.delivery, coalesce(d.crawl, ''), d.layout, d.commit_seq,
	d.received_at, d.committed_at, d.seen_at`

func (s *Store) queryDocuments(ctx context.Context, db *sql.DB, query string, args ...any) ([]pulse.Document, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var docs []pulse.Document
	err = eachDocument(rows, func(d pulse.Document) { docs = append(docs, d) })
	return docs, err
}

// eachDocument reads rows of documentColumns.
func eachDocument(rows *sql.Rows, yield func(pulse.Document)) error {
	return eachRow(rows, func(r *sql.Rows) error {
		var d pulse.Document
		into, receive := documentScan(&d)
		if err := r.Scan(into...); err != nil {
			return err
		}
		err := receive()
		yield(d)
		return err
	})
}

// documentsAtOnce is how many documents the prepared statement reads: a page of hits.
const documentsAtOnce = 10

// documentsByID is the statement that readDocuments is prepared from.
const documentsByID = `SELECT ` + documentColumns + ` FROM documents d WHERE d.id IN (?,?,?,?,?,?,?,?,?,?)`

// DocumentsByID reads documents without their text; ids that do not exist are left out.
func (s *Store) DocumentsByID(ctx context.Context, ids []pulse.DocumentID) (map[pulse.DocumentID]pulse.Document, error) {
	found := make(map[pulse.DocumentID]pulse.Document, len(ids))
	for slice := range slices.Chunk(ids, documentsAtOnce) {
		args := make([]any, documentsAtOnce)
		for i := range args {
			args[i] = slice[min(i, len(slice)-1)]
		}
		rows, err := s.readDocuments.QueryContext(ctx, args...)
		if err == nil {
			err = eachDocument(rows, func(d pulse.Document) { found[d.ID] = d })
		}
		if err != nil {
			return nil, fmt.Errorf("read %d documents: %w", len(slice), explain(err))
		}
	}
	return found, nil
}

// Passage reads bytes [start, end) of a document's text as of a commit, opening
// only the frames that hold them. ErrConflict when the document has moved since;
// ErrNotFound when it is gone.
func (s *Store) Passage(ctx context.Context, id pulse.DocumentID, seq pulse.CommitSeq, start, end int) (string, error) {
	var at pulse.CommitSeq
	var data []byte
	err := s.readBody.QueryRowContext(ctx, id).Scan(&at, &data)
	switch {
	case isNoRows(err) || err == nil && data == nil:
		err = pulse.ErrNotFound
	case err == nil && at != seq:
		err = pulse.ErrConflict
	}
	if err != nil {
		return "", fmt.Errorf("read passage of document %d: %w", id, explain(err))
	}
	text, err := s.section(data, sectionText, start, end)
	if err != nil {
		return "", fmt.Errorf("read passage of document %d: %w", id, err)
	}
	return string(text), nil
}

// section opens part of a body; end < 0 is its end.
func (s *Store) section(data []byte, which section, start, end int) ([]byte, error) {
	b, err := openBody(data)
	if err != nil {
		return nil, err
	}
	if end < 0 {
		return b.whole(s.decoder, which)
	}
	return b.read(s.decoder, which, start, end)
}

// Document reads one document with its chunks and the history of its key. A key
// that was refused or waits has a record with History alone; ErrNotFound when
// nothing is known of it.
func (s *Store) Document(ctx context.Context, collection, key string) (*DocumentRecord, error) {
	rec, err := s.document(ctx, collection, key)
	if err != nil {
		return nil, fmt.Errorf("read document %q: %w", key, explain(err))
	}
	return rec, nil
}

// Former is a document as a worker finds it that is about to replace it: with its chunks
// and vectors, without its history; nil when it was never seen.
func (s *Store) Former(ctx context.Context, collection, key string) (former *pulse.Commit, err error) {
	rows, err := s.read.QueryContext(ctx, selectCommits+` WHERE d.key_hash = ? AND d.key = ? AND d.collection = ?`, hashOf(collection, key), key, collection)
	if err == nil {
		err = eachRow(rows, func(r *sql.Rows) error {
			c, err := s.scanCommit(r)
			former = &c
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read former document %q: %w", key, explain(err))
	}
	return former, nil
}

func (s *Store) document(ctx context.Context, collection, key string) (*DocumentRecord, error) {
	rec := new(DocumentRecord)
	rows, err := s.read.QueryContext(ctx, selectCommits+` WHERE d.key_hash = ? AND d.key = ? AND d.collection = ?`, hashOf(collection, key), key, collection)
	if err != nil {
		return nil, err
	}
	err = eachRow(rows, func(r *sql.Rows) error {
		c, err := s.scanCommit(r)
		rec.Document, rec.Chunks = c.Document, c.Chunks
		return err
	})
	if err != nil {
		return nil, err
	}
	if rec.History, err = s.history(ctx, collection, key); err != nil {
		return nil, err
	}
	if rec.Document.ID == 0 && len(rec.History) == 0 {
		return nil, pulse.ErrNotFound
	}
	if rec.Document.CommitSeq == 0 {
		return rec, nil
	}
	rec.SearchableAt, err = s.appliedAt(ctx, rec.Document.CommitSeq)
	return rec, err
}

// LocalFollower is the name under which the local index notes what it has applied.
const LocalFollower = "local"

// appliedAt is when the local index first reached a commit; zero when it has not, as
// far as is kept.
func (s *Store) appliedAt(ctx context.Context, seq pulse.CommitSeq) (time.Time, error) {
	waiting := s.applied.at(LocalFollower, seq) // before the row: it goes once the row is there
	var at int64
	err := s.read.QueryRowContext(ctx, `SELECT at FROM applied WHERE follower = ? AND seq >= ? ORDER BY seq LIMIT 1`, LocalFollower, seq).Scan(&at)
	if isNoRows(err) {
		return waiting, nil
	}
	return fromMicros(at), err
}

// history lists the jobs of a key and its elements refused without one, newest first.
func (s *Store) history(ctx context.Context, collection, key string) ([]HistoryEntry, error) {
	const most = 100
	jobs, err := s.queryJobs(ctx, s.read, `SELECT `+jobColumns+` FROM jobs WHERE key_hash = ? AND key = ? AND collection = ? ORDER BY id DESC LIMIT ?`,
		hashOf(collection, key), key, collection, most)
	if err != nil {
		return nil, err
	}
	refused, err := s.refusedHistory(ctx, collection, key, most)
	if err != nil {
		return nil, err
	}
	var all []HistoryEntry
	for i := range jobs {
		all = append(all, entryOf(&jobs[i]))
	}
	return mergeHistory(all, refused), nil
}

func entryOf(j *pulse.Job) HistoryEntry {
	h := HistoryEntry{Version: j.Version, Source: j.Source, Delivery: j.Delivery, Job: j.ID, Outcome: string(j.Outcome), Reason: j.Reason, At: j.EndedAt}
	if h.Outcome == "" {
		h.Outcome = string(j.State)
	}
	if h.Reason == "" {
		h.Reason = j.LastError
	}
	if h.At.IsZero() {
		h.At = j.AcceptedAt
	}
	return h
}

func (s *Store) refusedHistory(ctx context.Context, collection, key string, most int) (all []HistoryEntry, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT d.seq, d.source, d.received_at, p.reason, p.failed FROM parts p JOIN deliveries d ON d.seq = p.id >> 14
		WHERE p.key_hash = ? AND p.key = ? ORDER BY p.id DESC LIMIT ?`, hashOf(collection, key), key, most)
	if err != nil {
		return nil, err
	}
	return all, eachRow(rows, func(r *sql.Rows) error {
		h := HistoryEntry{Outcome: string(pulse.OutcomeRefused)}
		var failed bool
		err := r.Scan(&h.Delivery, &h.Source, (*microTime)(&h.At), &h.Reason, &failed)
		if failed {
			h.Outcome = string(pulse.OutcomeFailed)
		}
		all = append(all, h)
		return err
	})
}

// mergeHistory joins two lists by delivery, newest first.
func mergeHistory(a, b []HistoryEntry) []HistoryEntry {
	all := make([]HistoryEntry, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].Delivery >= b[0].Delivery {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return all
}

// Check reads the whole file for damage; pulse.ErrDamaged says what was found first.
// It takes as long as reading the file does.
func (s *Store) Check(ctx context.Context) error {
	var verdict string
	err := s.read.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict)
	if err == nil && verdict != "ok" {
		err = fmt.Errorf("%w: %s", pulse.ErrDamaged, verdict)
	}
	if err != nil {
		return fmt.Errorf("check store: %w", explain(err))
	}
	return nil
}

// Damaged are the keys of documents whose content cannot be read, at most so many, of all
// that the commit log has. It reads all pages.
func (s *Store) Damaged(ctx context.Context, most int) (keys []string, err error) {
	const batch = 8 << 20
	for after := pulse.CommitSeq(0); ; {
		commits, next, err := s.Commits(ctx, after, batch)
		if err != nil {
			return keys, err
		}
		for i := range commits {
			if commits[i].Damage != nil && len(keys) < most {
				keys = append(keys, commits[i].Document.Key)
			}
		}
		if next <= after {
			return keys, nil
		}
		after = next
	}
}
