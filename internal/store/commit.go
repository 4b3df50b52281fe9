package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"pulse"
)

// stageAt is the size of a body from which it is written in a group of its own,
// ahead of the commit that refers to it, so that no acceptance waits behind it.
const stageAt = 1 << 20

// Commit ends a job with what it made of its page: it replaces the document and all
// its chunks, or writes a tombstone, or finds that nothing is to change, by the
// rules of truth, in one transaction with the job's end and its event.
// Errors: ErrOtherLayout, pulse.ErrDiskFull, pulse.ErrUnavailable, pulse.ErrClosed,
// pulse.ErrNotFound (no such job), ctx's.
func (s *Store) Commit(ctx context.Context, w *Write) (Committed, error) {
	c := &commit{s: s, w: w, now: s.opts.Now()}
	if err := c.prepare(ctx); err != nil {
		return Committed{}, err
	}
	s.opts.Failpoint("commit.before")
	err := s.group.do(ctx, false, c.bytes, c.run)
	if err != nil {
		c.forgetStaged()
		return Committed{}, fmt.Errorf("commit document: %w", err)
	}
	s.opts.Failpoint("commit.after")
	return c.done, nil
}

// forgetStaged deletes what was staged for a commit that failed. Where that fails too,
// the next open sweeps it.
func (c *commit) forgetStaged() {
	if c.bodyID == 0 && c.vectorsID == 0 {
		return
	}
	_ = c.s.group.do(context.Background(), false, 0, c.unstage)
}

// commit is one Write on its way in. prepare runs in the caller's goroutine, run in
// the group's, possibly more than once.
type commit struct {
	s   *Store
	w   *Write
	now time.Time

	metadata   any    // JSON, or nil
	body       []byte // nil once staged
	bodyID     int64  // when staged
	vectors    []byte
	vectorsID  int64
	chunks     []byte
	bytes      int64
	hasVectors bool

	active pulse.LayoutID // of the collection; 0 while it has none
	done   Committed
}

// prepare packs what will be written, outside the group.
func (c *commit) prepare(ctx context.Context) error {
	w := c.w
	if w.Gone {
		return nil
	}
	if len(w.Document.Metadata) > 0 {
		raw, err := json.Marshal(w.Document.Metadata)
		if err != nil {
			return fmt.Errorf("encode metadata: %w", err)
		}
		c.metadata = string(raw)
	}
	if err := checkSpans(w.Chunks, len(w.Document.Text)); err != nil {
		return err
	}
	if err := c.packVectors(); err != nil {
		return err
	}
	c.body = packBody(c.s.encoder, [numSections][]byte{[]byte(w.Document.Text), w.Source, w.HTML})
	c.chunks = packChunks(w.Chunks)
	c.bytes = int64(len(c.body) + len(c.vectors) + len(c.chunks))
	return c.stage(ctx)
}

// checkSpans holds the chunks to what packChunks can keep: spans in the text, none
// beginning before the one before it.
func checkSpans(chunks []pulse.Chunk, text int) error {
	former := 0
	for i := range chunks {
		if c := &chunks[i]; c.Start < former || c.End < c.Start || c.End > text {
			return fmt.Errorf("commit document: chunk %d is bytes %d to %d of a text of %d, after one from %d", i, c.Start, c.End, text, former)
		}
		former = chunks[i].Start
	}
	return nil
}

// packVectors leaves in the Write what will be read again: followers must not see more
// than is kept.
func (c *commit) packVectors() error {
	w := c.w
	if w.Vectors == nil {
		return nil
	}
	if len(w.Vectors) != len(w.Chunks) {
		return fmt.Errorf("commit document: %d vectors for %d chunks", len(w.Vectors), len(w.Chunks))
	}
	c.hasVectors, c.vectors = true, packVectors(w.Vectors)
	_, err := appendVectors(w.Vectors[:0], c.vectors) // one by one, so that a large page's are not there twice
	return err
}

// stage writes what is large ahead of the commit.
func (c *commit) stage(ctx context.Context) error {
	var err error
	if len(c.body) >= stageAt {
		if c.bodyID, err = c.s.stageBody(ctx, c.body); err != nil {
			return err
		}
		c.body = nil
	}
	if len(c.vectors) >= stageAt {
		if c.vectorsID, err = c.s.stageBody(ctx, c.vectors); err != nil {
			return err
		}
		c.vectors = nil
	}
	return nil
}

// stageBody writes a body that no document refers to yet.
func (s *Store) stageBody(ctx context.Context, data []byte) (id int64, err error) {
	err = s.group.do(ctx, false, int64(len(data)), func(t *tx) error {
		id, err = insertBody(t, data)
		if err != nil {
			return err
		}
		return t.exec(`INSERT INTO staged (body) VALUES (?)`, id)
	})
	if err != nil {
		return 0, fmt.Errorf("stage body: %w", err)
	}
	return id, nil
}

// sweepStaged deletes the bodies that a dead process has staged for commits that never came.
func (s *Store) sweepStaged(ctx context.Context) error {
	for _, statement := range []string{`DELETE FROM bodies WHERE id IN (SELECT body FROM staged)`, `DELETE FROM staged`} {
		if _, err := s.write.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("sweep staged bodies: %w", err)
		}
	}
	return nil
}

func insertBody(t *tx, data []byte) (int64, error) {
	t.counters.body++
	return t.counters.body, t.exec(`INSERT INTO bodies (id, data) VALUES (?, ?)`, t.counters.body, data)
}

// run is the transaction.
func (c *commit) run(t *tx) error {
	c.done = Committed{}
	j := c.w.Job
	cur, err := lookUp(t, j.Collection, j.Key)
	if err != nil {
		return err
	}
	if err := c.checkLayout(t); err != nil {
		return err
	}
	erased := c.s.erased(j.Collection, j.Key, j.Crawl, j.Version)
	v := decide(cur, incoming{version: j.Version, job: j.ID, gone: c.w.Gone || erased,
		hash: c.w.Document.ContentHash, layout: c.w.Layout})
	if err := c.apply(t, v, cur); err != nil {
		return err
	}
	if erased && v == buried {
		c.done.Outcome = pulse.OutcomeSuperseded
	}
	if v != replaced {
		if err := c.unstage(t); err != nil {
			return err
		}
	}
	return endJob(t, j, Ending{State: pulse.JobDone, Outcome: c.done.Outcome, Attempt: j.Attempt + 1}, c.done.Seq, c.now)
}

// checkLayout refuses chunks of a layout that the collection has left: they were cut
// before it switched.
func (c *commit) checkLayout(t *tx) (err error) {
	if c.w.Gone {
		return nil
	}
	c.active, err = c.s.activeLayout(t, c.w.Job.Collection)
	if err == nil && c.active != 0 && c.active != c.w.Layout {
		err = ErrOtherLayout
	}
	return err
}

func (c *commit) apply(t *tx, v verdict, cur current) error {
	switch v {
	case superseded:
		c.done.Outcome = pulse.OutcomeSuperseded
		return nil
	case repeated:
		c.done.Outcome = pulse.OutcomeUnchanged
		return nil
	case unchanged:
		c.done.Outcome = pulse.OutcomeUnchanged
		return c.touch(t, cur)
	case buried:
		c.done.Outcome = pulse.OutcomeDeleted
		return c.bury(t, cur)
	default:
		c.done.Outcome = pulse.OutcomeIndexed
		return c.replace(t, cur)
	}
}

// lookUp reads what is held of a document.
func lookUp(t *tx, collection, key string) (current, error) {
	var c current
	var state string
	_, err := t.row(`SELECT id, version, job, state, content_hash, layout, commit_seq, body, chunks, vectors_pending
		FROM documents WHERE key_hash = ? AND key = ? AND collection = ?`,
		[]any{hashOf(collection, key), key, collection},
		&c.id, &c.version, &c.job, &state, &c.hash, &c.layout, &c.commitSeq, &c.body, &c.chunks, &c.vectorsPending)
	c.live = state == string(pulse.StateLive)
	return c, err
}

// touch raises the version of an unchanged document. Whose version it is moves with
// it, so that any order of the same changes ends in the same document.
func (c *commit) touch(t *tx, cur current) error {
	j := c.w.Job
	return t.exec(`UPDATE documents SET version = ?, job = ?, url = ?, source = ?, delivery = ?, crawl = ?, seen_at = ? WHERE id = ?`,
		j.Version, j.ID, other(j.URL, j.Key), j.Source, j.Delivery, null(j.Crawl), micros(c.now), cur.id)
}

// bury writes a tombstone. Only the end of a live document is appended to the log.
func (c *commit) bury(t *tx, cur current) error {
	j := c.w.Job
	tomb := tombstone{collection: j.Collection, key: j.Key, url: j.URL, version: j.Version, job: j.ID,
		source: j.Source, delivery: j.Delivery, crawl: j.Crawl, received: micros(j.AcceptedAt), now: micros(c.now)}
	seq, err := tomb.write(t, cur)
	c.done.Seq = seq
	return err
}

// tombstone is a deletion as it is kept.
type tombstone struct {
	collection, key, url string
	version              pulse.Version
	job                  pulse.JobID
	source, crawl        string
	delivery             pulse.DeliverySeq
	received, now        int64
}

func (d *tombstone) write(t *tx, cur current) (pulse.CommitSeq, error) {
	seq := cur.commitSeq
	appended := pulse.CommitSeq(0)
	if cur.live {
		t.counters.commitSeq++
		seq = pulse.CommitSeq(t.counters.commitSeq)
		appended = seq
		if err := removeContent(t, cur, 0); err != nil {
			return 0, err
		}
		t.counters.documents--
		t.counters.chunks -= cur.chunks
		t.commits = append(t.commits, pulse.Commit{Seq: seq, Document: pulse.Document{
			ID: cur.id, Collection: d.collection, Key: d.key, URL: d.url, Version: d.version, Job: d.job, State: pulse.StateGone,
			Source: d.source, Delivery: d.delivery, Crawl: d.crawl, CommitSeq: seq, ReceivedAt: fromMicros(d.received), CommittedAt: fromMicros(d.now)}})
	}
	if cur.id != 0 {
		return appended, t.exec(`UPDATE documents SET url = ?, title = '', description = '', language = '', country = '', is_mobile = 0, metadata = NULL,
			content_hash = '', version = ?, job = ?, state = 'gone', source = ?, delivery = ?, crawl = ?, layout = 0, commit_seq = ?,
			received_at = ?, committed_at = ?, seen_at = ?, body = 0, chunks = 0, vectors_pending = 0, partial = 0 WHERE id = ?`,
			other(d.url, d.key), d.version, d.job, d.source, d.delivery, null(d.crawl), seq, d.received, d.now, d.now, cur.id)
	}
	return 0, t.exec(`INSERT INTO documents (collection, key, key_hash, host, url, title, description, language, country, is_mobile, content_hash,
		version, job, state, source, delivery, crawl, layout, commit_seq, received_at, committed_at, seen_at)
		VALUES (?, ?, ?, ?, ?, '', '', '', '', 0, '', ?, ?, 'gone', ?, ?, ?, 0, 0, ?, ?, ?)`,
		d.collection, d.key, hashOf(d.collection, d.key), hostOf(d.key), other(d.url, d.key), d.version, d.job, d.source, d.delivery, null(d.crawl), d.received, d.now, d.now)
}

// removeContent deletes a live document's body, and its chunks and vectors in every
// layout but keep.
func removeContent(t *tx, cur current, keep pulse.LayoutID) error {
	if cur.vectorsPending {
		t.counters.vectorsPending--
	}
	if err := t.exec(`DELETE FROM bodies WHERE id = ?`, cur.body); err != nil {
		return err
	}
	// Most collections have one layout and no vectors: asking first is cheaper.
	if err := t.exec(`DELETE FROM bodies WHERE id IN (SELECT body FROM vectors WHERE document = ? AND layout <> ?)`, cur.id, keep); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM vectors WHERE document = ? AND layout <> ?`, cur.id, keep); err != nil {
		return err
	}
	return t.exec(`DELETE FROM chunks WHERE document = ? AND layout <> ?`, cur.id, keep)
}

// replace writes the document anew and appends it to the commit log.
func (c *commit) replace(t *tx, cur current) error {
	if cur.live {
		if err := removeContent(t, cur, 0); err != nil {
			return err
		}
		t.counters.documents--
		t.counters.chunks -= cur.chunks
	}
	t.counters.commitSeq++
	t.counters.documents++
	t.counters.chunks += int64(len(c.w.Chunks))
	seq := pulse.CommitSeq(t.counters.commitSeq)
	body, err := c.keepBody(t, c.body, c.bodyID)
	if err != nil {
		return err
	}
	doc, err := c.writeDocument(t, cur.id, seq, body)
	if err != nil {
		return err
	}
	if err := c.writeChunks(t, doc.ID, seq); err != nil {
		return err
	}
	if err := c.writeAliases(t); err != nil {
		return err
	}
	if err := c.nameCollection(t); err != nil {
		return err
	}
	if err := c.queueEmbed(t, seq); err != nil {
		return err
	}
	c.done.Seq = seq
	t.commits = append(t.commits, pulse.Commit{Seq: seq, Document: *doc, Chunks: c.w.Chunks, Vectors: c.w.Vectors, VectorsPending: c.w.VectorsPending})
	return nil
}

// keepBody inserts a body, or takes a staged one.
func (c *commit) keepBody(t *tx, data []byte, staged int64) (int64, error) {
	if staged == 0 {
		return insertBody(t, data)
	}
	return staged, t.exec(`DELETE FROM staged WHERE body = ?`, staged)
}

// unstage deletes what was staged for a commit that does not need it.
func (c *commit) unstage(t *tx) error {
	for _, id := range []int64{c.bodyID, c.vectorsID} {
		if id == 0 {
			continue
		}
		if err := errors.Join(t.exec(`DELETE FROM bodies WHERE id = ?`, id), t.exec(`DELETE FROM staged WHERE body = ?`, id)); err != nil {
			return err
		}
	}
	return nil
}

func (c *commit) writeDocument(t *tx, id pulse.DocumentID, seq pulse.CommitSeq, body int64) (*pulse.Document, error) {
	j, now := c.w.Job, micros(c.now)
	d := c.w.Document
	d.ID, d.Collection, d.Key, d.URL, d.Version, d.Job, d.State = id, j.Collection, j.Key, j.URL, j.Version, j.ID, pulse.StateLive
	d.Source, d.Delivery, d.Crawl, d.Layout, d.CommitSeq = j.Source, j.Delivery, j.Crawl, c.w.Layout, seq
	d.ReceivedAt, d.CommittedAt, d.SeenAt = j.AcceptedAt, fromMicros(now), fromMicros(now)
	args := []any{other(d.URL, d.Key), d.Title, d.Description, d.Language, d.Country, d.IsMobile, c.metadata, d.ContentHash,
		d.Version, d.Job, d.Source, d.Delivery, null(d.Crawl), d.Layout, seq, micros(d.ReceivedAt), now, now, body,
		len(c.w.Chunks), c.w.VectorsPending, c.refused()}
	if id != 0 {
		return &d, t.exec(`UPDATE documents SET url = ?, title = ?, description = ?, language = ?, country = ?, is_mobile = ?, metadata = ?, content_hash = ?,
			version = ?, job = ?, state = 'live', source = ?, delivery = ?, crawl = ?, layout = ?, commit_seq = ?, received_at = ?, committed_at = ?, seen_at = ?,
			body = ?, chunks = ?, vectors_pending = ?, partial = ? WHERE id = ?`, append(args, id)...)
	}
	found, err := t.row(`INSERT INTO documents (url, title, description, language, country, is_mobile, metadata, content_hash,
		version, job, state, source, delivery, crawl, layout, commit_seq, received_at, committed_at, seen_at, body, chunks, vectors_pending, partial,
		collection, key, key_hash, host) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		append(args, d.Collection, d.Key, hashOf(d.Collection, d.Key), hostOf(d.Key)), &d.ID)
	if err == nil && !found {
		err = errors.New("insert document: no id came back")
	}
	return &d, err
}

// refused counts the chunks that stay without a vector; none of those whose vectors are
// to follow is one yet.
func (c *commit) refused() int {
	if c.w.VectorsPending {
		return 0
	}
	return refusedOf(c.w.Vectors)
}

// refusedOf counts the chunks that the embedder refused.
func refusedOf(vectors []pulse.Vector) (n int) {
	for _, v := range vectors {
		if v == nil {
			n++
		}
	}
	return n
}

func (c *commit) writeChunks(t *tx, doc pulse.DocumentID, seq pulse.CommitSeq) error {
	if err := t.exec(`INSERT INTO chunks (document, layout, commit_seq, n, packed) VALUES (?, ?, ?, ?, ?)`, doc, c.w.Layout, seq, len(c.w.Chunks), c.chunks); err != nil {
		return err
	}
	if !c.hasVectors {
		return nil
	}
	id, err := c.keepBody(t, c.vectors, c.vectorsID)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO vectors (document, layout, body) VALUES (?, ?, ?)`, doc, c.w.Layout, id)
}

// writeAliases remembers which asked addresses led to the page.
func (c *commit) writeAliases(t *tx) error {
	for _, asked := range c.w.Aliases {
		if err := t.exec(`INSERT INTO aliases (collection, asked, key, version) VALUES (?, ?, ?, ?)
			ON CONFLICT (collection, asked) DO UPDATE SET key = excluded.key, version = excluded.version WHERE excluded.version >= version`,
			c.w.Job.Collection, asked, c.w.Job.Key, c.w.Job.Version); err != nil {
			return err
		}
	}
	return nil
}

// nameCollection gives a collection that is new its row, with the page's layout as
// the active one.
func (c *commit) nameCollection(t *tx) error {
	name := c.w.Job.Collection
	if c.active != 0 {
		return nil
	}
	return t.exec(`INSERT INTO collections (name, layout) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, c.w.Layout)
}

// queueEmbed queues the job that will add the vectors that the commit lacks.
func (c *commit) queueEmbed(t *tx, seq pulse.CommitSeq) error {
	if !c.w.VectorsPending {
		return nil
	}
	t.counters.vectorsPending++
	t.counters.job++
	j := *c.w.Job
	j.ID, j.Kind, j.State, j.Attempt, j.CommitSeq, j.Bytes = pulse.JobID(t.counters.job), pulse.KindEmbed, pulse.JobAvailable, 0, seq, int64(len(c.w.Document.Text))
	j.AcceptedAt, j.RunAt, j.Suspect, j.Deaths = c.now, time.Time{}, false, 0
	j.Stages, j.Outcome, j.LastError = pulse.StageDurations{}, "", ""
	c.done.Jobs = []pulse.Job{j}
	return insertJobs(t, c.done.Jobs)
}
