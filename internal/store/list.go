package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"pulse"
)

// where gathers the conditions of a list.
type where struct {
	conds []string
	args  []any
}

// add adds a condition when its value is set.
func (w *where) add(set bool, cond string, args ...any) {
	if set {
		w.conds = append(w.conds, cond)
		w.args = append(w.args, args...)
	}
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}

// limit is a page's size within bounds.
func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return 50
	default:
		return min(p.Limit, 1000)
	}
}

// count counts what a list's conditions match, without its page.
func (s *Store) count(ctx context.Context, table string, w *where) (n int64, err error) {
	err = s.lists.QueryRowContext(ctx, `SELECT count(*) FROM `+table+w.String(), w.args...).Scan(&n)
	return n, err
}

// Jobs lists jobs, newest first.
func (s *Store) Jobs(ctx context.Context, f JobFilter, p Page) (l List[pulse.Job], err error) {
	w := f.where()
	if l.Total, err = s.count(ctx, "jobs", &w); err != nil {
		return l, fmt.Errorf("count jobs: %w", explain(err))
	}
	w.add(p.After != 0, "id < ?", p.After)
	l.Items, err = s.queryJobs(ctx, s.lists, `SELECT `+jobColumns+` FROM jobs`+w.String()+` ORDER BY id DESC LIMIT ?`, append(w.args, p.limit())...)
	if err != nil {
		return l, fmt.Errorf("list jobs: %w", explain(err))
	}
	if n := len(l.Items); n == p.limit() {
		l.Next = int64(l.Items[n-1].ID)
	}
	return l, nil
}

func (f JobFilter) where() (w where) {
	w.add(f.State != "", "state = ?", string(f.State))
	w.add(f.State == pulse.JobDead || f.State == pulse.JobAvailable, "state <> 'done'") // lets jobs_open serve
	w.add(f.Outcome != "", "outcome = ?", string(f.Outcome))
	w.add(f.Source != "", "source = ?", f.Source)
	w.add(f.Crawl != "", "crawl = ?", f.Crawl)
	w.add(f.Collection != "", "collection = ?", f.Collection)
	w.add(f.Key != "", "key_hash = ? AND key = ?", hashOf(orDefault(f.Collection), f.Key), f.Key)
	w.add(f.Delivery != 0, "delivery = ?", f.Delivery)
	w.add(!f.Since.IsZero(), "accepted_at >= ?", micros(f.Since))
	return w
}

func orDefault(collection string) string {
	if collection == "" {
		return pulse.DefaultCollection
	}
	return collection
}

// Documents lists documents, newest commit first.
func (s *Store) Documents(ctx context.Context, f DocumentFilter, p Page) (l List[pulse.Document], err error) {
	w := f.where()
	if l.Total, err = s.count(ctx, "documents d", &w); err != nil {
		return l, fmt.Errorf("count documents: %w", explain(err))
	}
	// A tombstone of a page never seen has no commit: those are listed by id.
	by, next := "d.commit_seq", func(d *pulse.Document) int64 { return int64(d.CommitSeq) }
	if f.State == pulse.StateGone {
		by, next = "d.id", func(d *pulse.Document) int64 { return int64(d.ID) }
	}
	w.add(p.After != 0, by+" < ?", p.After)
	l.Items, err = s.queryDocuments(ctx, s.lists, `SELECT `+documentColumns+` FROM documents d`+w.String()+` ORDER BY `+by+` DESC LIMIT ?`, append(w.args, p.limit())...)
	if err != nil {
		return l, fmt.Errorf("list documents: %w", explain(err))
	}
	if n := len(l.Items); n == p.limit() {
		l.Next = next(&l.Items[n-1])
	}
	return l, nil
}

func (f DocumentFilter) where() (w where) {
	state := f.State
	if state == "" {
		state = pulse.StateLive
	}
	w.add(true, "d.collection = ?", orDefault(f.Collection))
	w.add(true, "d.state = ?", string(state))
	w.add(f.Crawl != "", "d.crawl = ?", f.Crawl)
	domain := strings.ToLower(strings.TrimPrefix(f.Domain, "."))
	// A suffix of digits and dots is part of an address, and nothing lies below one.
	named := strings.Trim(domain, "0123456789.") != ""
	w.add(domain != "" && !named, "d.host = ?", domain)
	w.add(domain != "" && named, "(d.host = ? OR substr(d.host, -length(?)) = ?)", domain, "."+domain, "."+domain)
	return w
}

// Crawls lists crawls, the last started first. After is a start in microseconds.
func (s *Store) Crawls(ctx context.Context, f CrawlFilter, p Page) (l List[pulse.Crawl], err error) {
	var w where
	w.add(f.Source != "", "source = ?", f.Source)
	w.add(f.State != "", "state = ?", string(f.State))
	w.add(!f.Since.IsZero(), "started >= ?", micros(f.Since))
	if l.Total, err = s.count(ctx, "crawls", &w); err != nil {
		return l, fmt.Errorf("count crawls: %w", explain(err))
	}
	w.add(p.After != 0, "started < ?", p.After)
	if l.Items, err = s.queryCrawls(ctx, w.String()+` ORDER BY started DESC, id LIMIT ?`, append(w.args, p.limit())...); err != nil {
		return l, fmt.Errorf("list crawls: %w", explain(err))
	}
	if n := len(l.Items); n == p.limit() {
		l.Next = micros(l.Items[n-1].Started)
	}
	return l, nil
}

// Crawl reads one crawl by the source's id. ErrNotFound when there is none.
func (s *Store) Crawl(ctx context.Context, id string) (*pulse.Crawl, error) {
	all, err := s.queryCrawls(ctx, ` WHERE id = ?`, id)
	if err == nil && len(all) == 0 {
		err = pulse.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read crawl %q: %w", id, explain(err))
	}
	return &all[0], nil
}

func (s *Store) queryCrawls(ctx context.Context, tail string, args ...any) (all []pulse.Crawl, err error) {
	rows, err := s.lists.QueryContext(ctx, `SELECT id, source, origin, state, received, indexed, unchanged, refused, failed, missing, started, last_seen, ended FROM crawls`+tail, args...)
	if err != nil {
		return nil, err
	}
	return all, eachRow(rows, func(r *sql.Rows) error {
		var c pulse.Crawl
		n := &c.Counts
		err := r.Scan(&c.ID, &c.Source, &c.Origin, &c.State, &n.Received, &n.Indexed, &n.Unchanged, &n.Refused, &n.Failed, &n.Missing,
			(*microTime)(&c.Started), (*microTime)(&c.LastSeen), (*microTime)(&c.Ended))
		all = append(all, c)
		return err
	})
}

// Deliveries lists deliveries without their jobs, newest first.
func (s *Store) Deliveries(ctx context.Context, f DeliveryFilter, p Page) (l List[DeliveryRecord], err error) {
	var w where
	w.add(f.Source != "", "source = ?", f.Source)
	w.add(f.Result != "", "result = ?", f.Result)
	w.add(f.Crawl != "", "crawl = ?", f.Crawl)
	w.add(!f.Since.IsZero(), "received_at >= ?", micros(f.Since))
	if l.Total, err = s.count(ctx, "deliveries", &w); err != nil {
		return l, fmt.Errorf("count deliveries: %w", explain(err))
	}
	w.add(p.After != 0, "seq < ?", p.After)
	if l.Items, err = s.queryDeliveries(ctx, w.String()+` ORDER BY seq DESC LIMIT ?`, append(w.args, p.limit())...); err != nil {
		return l, fmt.Errorf("list deliveries: %w", explain(err))
	}
	if n := len(l.Items); n == p.limit() {
		l.Next = int64(l.Items[n-1].Delivery.Seq)
	}
	return l, nil
}

func (s *Store) queryDeliveries(ctx context.Context, tail string, args ...any) (all []DeliveryRecord, err error) {
	rows, err := s.lists.QueryContext(ctx, `SELECT seq, coalesce(key, ''), source, event_type, collection, received_at, result, bytes, coalesce(crawl, ''), first_job, jobs FROM deliveries`+tail, args...)
	if err != nil {
		return nil, err
	}
	return all, eachRow(rows, func(r *sql.Rows) error {
		var rec DeliveryRecord
		d := &rec.Delivery
		var first, jobs int64
		err := r.Scan(&d.Seq, &d.Key, &d.Source, &d.EventType, &d.Collection, (*microTime)(&d.ReceivedAt), &d.Result, &d.Bytes, &d.Crawl.ID, &first, &jobs)
		rec.Jobs = make([]pulse.Job, jobs)
		for i := range rec.Jobs {
			rec.Jobs[i].ID = pulse.JobID(first + int64(i))
		}
		all = append(all, rec)
		return err
	})
}

// Delivery reads one delivery with its jobs and refusals. ErrNotFound when there is none.
func (s *Store) Delivery(ctx context.Context, seq pulse.DeliverySeq) (*DeliveryRecord, error) {
	rec, err := s.delivery(ctx, seq)
	if err != nil {
		return nil, fmt.Errorf("read delivery %d: %w", seq, explain(err))
	}
	return rec, nil
}

func (s *Store) delivery(ctx context.Context, seq pulse.DeliverySeq) (*DeliveryRecord, error) {
	all, err := s.queryDeliveries(ctx, ` WHERE seq = ?`, seq)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, pulse.ErrNotFound
	}
	rec := &all[0]
	if n := len(rec.Jobs); n > 0 {
		if rec.Jobs, err = s.queryJobs(ctx, s.read, `SELECT `+jobColumns+` FROM jobs WHERE id BETWEEN ? AND ? ORDER BY id`, rec.Jobs[0].ID, rec.Jobs[n-1].ID); err != nil {
			return nil, err
		}
	}
	if rec.Refused, err = refusals(func(query string, args []any, scan func(*sql.Rows) error) error {
		rows, err := s.lists.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		return eachRow(rows, scan)
	}, seq); err != nil {
		return nil, err
	}
	err = s.lists.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM parts WHERE id >= ? AND id < ? AND body IS NOT NULL)`, partID(seq, 0), partID(seq+1, 0)).Scan(&rec.HasBody)
	return rec, err
}

// refusals reads why elements of a delivery have no job.
func refusals(query func(string, []any, func(*sql.Rows) error) error, seq pulse.DeliverySeq) (all []pulse.Refusal, err error) {
	const text = `SELECT id, coalesce(url, ''), reason FROM parts WHERE id >= ? AND id < ? AND reason IS NOT NULL AND failed = 0 ORDER BY id`
	err = query(text, []any{partID(seq, 0), partID(seq+1, 0)}, func(r *sql.Rows) error {
		var id int64
		var f pulse.Refusal
		err := r.Scan(&id, &f.URL, &f.Reason)
		f.Index = int(id & (1<<partBits - 1))
		all = append(all, f)
		return err
	})
	return all, err
}
