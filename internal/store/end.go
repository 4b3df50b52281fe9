package store

import (
	"context"
	"fmt"
	"time"

	"pulse"
)

// End ends, buries or retries a job that made no commit.
func (s *Store) End(ctx context.Context, job *pulse.Job, e Ending) error {
	now := s.opts.Now()
	err := s.group.do(ctx, false, 0, func(t *tx) error { return endJob(t, job, e, 0, now) })
	if err != nil {
		return fmt.Errorf("end job %d: %w", job.ID, err)
	}
	return nil
}

// endJob writes a job's fate in the caller's transaction, counts it with its crawl
// and appends its event. now is when it was asked for: the time from there to the
// writing of the row is kept as the job's commit stage, what the disk takes after that
// is not.
func endJob(t *tx, j *pulse.Job, e Ending, seq pulse.CommitSeq, now time.Time) error {
	var ended int64
	if e.State != pulse.JobAvailable {
		ended = micros(now)
	}
	if j.Kind == pulse.KindEmbed && seq == 0 {
		seq = j.CommitSeq // it goes on naming the commit that it adds to
	}
	st := j.Stages
	st.Commit += t.now().Sub(now)
	n, err := t.execCount(`UPDATE jobs SET state = ?, attempt = ?, run_at = ?, started_at = ?, ended_at = ?, outcome = ?, reason = ?, last_error = ?,
		commit_seq = ?, suspect = 0, wait_us = ?, clean_us = ?, chunk_us = ?, embed_us = ?, commit_us = ? WHERE id = ? AND state = 'available'`,
		string(e.State), e.Attempt, micros(e.RunAt), micros(j.StartedAt), ended, null(string(e.Outcome)), null(e.Reason), null(e.Error), seq,
		st.Wait.Microseconds(), st.Clean.Microseconds(), st.Chunk.Microseconds(), st.Embed.Microseconds(), st.Commit.Microseconds(), j.ID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("job %d does not wait: %w", j.ID, pulse.ErrConflict)
	}
	t.counters.moveJob(pulse.JobAvailable, e.State, j.Kind)
	if e.State == pulse.JobAvailable {
		return nil
	}
	countInCrawl(t, j, e.Outcome, 1)
	if err := dropExpired(t, j, e.State); err != nil {
		return err
	}
	return addEvent(t, j, string(e.Outcome), now)
}

// dropExpired forgets the body of a job that ends after its delivery has expired.
func dropExpired(t *tx, j *pulse.Job, s pulse.JobState) error {
	if s != pulse.JobDone || int64(j.Delivery) > t.counters.expired {
		return nil
	}
	return t.exec(`UPDATE parts SET body = NULL WHERE id = ?`, partID(j.Delivery, j.Element))
}

// countInCrawl adds n of a job's outcome to its crawl.
func countInCrawl(t *tx, j *pulse.Job, o pulse.Outcome, n int64) {
	if j.Crawl == "" || j.Kind == pulse.KindEmbed {
		return
	}
	d := crawlDelta{id: j.Crawl, source: j.Source}
	switch o {
	case pulse.OutcomeIndexed:
		d.counts.Indexed = n
	case pulse.OutcomeUnchanged, pulse.OutcomeSuperseded:
		d.counts.Unchanged = n
	case pulse.OutcomeRefused:
		d.counts.Refused = n
	case pulse.OutcomeFailed:
		d.counts.Failed = n
	default:
		return
	}
	t.crawls = append(t.crawls, d)
}

// addEvent appends the end of a job to the events.
func addEvent(t *tx, j *pulse.Job, kind string, now time.Time) error {
	t.counters.event++
	return t.exec(`INSERT INTO events (seq, kind, collection, key, version, job, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		t.counters.event, kind, j.Collection, j.Key, j.Version, j.ID, micros(now))
}

// MarkDeath notes that the process died while these jobs ran. They are suspects from
// now on: they run last and alone. Only a death in which a job ran alone counts
// against it.
func (s *Store) MarkDeath(ctx context.Context, ids []pulse.JobID, alone bool) error {
	add := 0
	if alone {
		add = 1
	}
	err := s.group.do(ctx, true, 0, func(t *tx) error {
		for _, id := range ids {
			if err := t.exec(`UPDATE jobs SET suspect = 1, deaths = deaths + ? WHERE id = ? AND state = 'available'`, add, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mark %d suspect jobs: %w", len(ids), err)
	}
	return nil
}

// Retry puts done or dead jobs back under their old version, or with force under a
// new one. Errors: pulse.ErrNotFound, pulse.ErrConflict for a job that waits or
// runs, pulse.ErrGone when its body has expired; then nothing is put back.
func (s *Store) Retry(ctx context.Context, ids []pulse.JobID, force bool) ([]pulse.Job, error) {
	var jobs []pulse.Job
	now := s.opts.Now()
	err := s.group.do(ctx, true, 0, func(t *tx) error {
		jobs = jobs[:0]
		for _, id := range ids {
			j, err := retryOne(t, id, force, now)
			if err != nil {
				return fmt.Errorf("job %d: %w", id, err)
			}
			jobs = append(jobs, *j)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("put jobs back: %w", err)
	}
	return jobs, nil
}

func retryOne(t *tx, id pulse.JobID, force bool, now time.Time) (*pulse.Job, error) {
	var j pulse.Job
	found, err := t.row(`SELECT `+jobColumns+` FROM jobs WHERE id = ?`, []any{id}, scanJob(&j)...)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, pulse.ErrNotFound
	case j.State == pulse.JobAvailable:
		return nil, fmt.Errorf("it waits or runs: %w", pulse.ErrConflict)
	case force && j.Key == "":
		return nil, fmt.Errorf("a mass deletion has one version: delete again: %w", pulse.ErrConflict)
	}
	if j.Kind != pulse.KindEmbed {
		var there bool
		if found, err = t.row(`SELECT body IS NOT NULL FROM parts WHERE id = ?`, []any{partID(j.Delivery, j.Element)}, &there); err != nil {
			return nil, err
		}
		if !found || !there {
			return nil, fmt.Errorf("its body has expired: %w", pulse.ErrGone)
		}
	}
	if force {
		t.counters.job++
		j.Version = pulse.Version(t.counters.job)
	}
	t.counters.moveJob(j.State, pulse.JobAvailable, j.Kind)
	countInCrawl(t, &j, j.Outcome, -1) // its new end counts anew
	if j.Kind == pulse.KindEmbed {
		j.AcceptedAt = now // its time to wait for the embedder begins again
	}
	j.State, j.Attempt, j.Deaths, j.Suspect, j.RunAt, j.EndedAt, j.Outcome, j.Reason = pulse.JobAvailable, 0, 0, false, time.Time{}, time.Time{}, "", ""
	return &j, t.exec(`UPDATE jobs SET state = 'available', version = ?, attempt = 0, deaths = 0, suspect = 0, accepted_at = ?, run_at = 0, ended_at = 0, outcome = NULL, reason = NULL WHERE id = ?`,
		j.Version, micros(j.AcceptedAt), id)
}

// Replay puts all jobs of a delivery back; those that still wait or run are left.
func (s *Store) Replay(ctx context.Context, seq pulse.DeliverySeq, force bool) ([]pulse.Job, error) {
	rec, err := s.Delivery(ctx, seq)
	if err != nil {
		return nil, err
	}
	var ids []pulse.JobID
	for i := range rec.Jobs {
		if rec.Jobs[i].State != pulse.JobAvailable {
			ids = append(ids, rec.Jobs[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return s.Retry(ctx, ids, force)
}
