package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"pulse"
)

var errBadConn = driver.ErrBadConn

// tx is what a caller's function works with inside a commit group: the one write
// connection with its prepared statements, the counters, and what is to happen
// once the group is on disk. It is used by the group's goroutine alone.
type tx struct {
	ctx    context.Context // the group's, never a caller's: see group
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	inject func(n int, query string) error // tests: an error for the n-th statement
	n      int                             // statements run on this connection in this group
	now    func() time.Time

	counters counters
	crawls   []crawlDelta   // added up and written once at the end of the group
	commits  []pulse.Commit // for followers, once on disk
	after    []func()       // run once on disk, in order

	newHistory bool // the log becomes another one: followers' notes on the old one end
}

// mark is a point that a caller's failure returns to.
type mark struct {
	counters   counters
	newHistory bool
	commits    int
	after      int
	crawls     int
}

// exec runs one statement that returns no rows.
func (t *tx) exec(query string, args ...any) error {
	_, err := t.execCount(query, args...)
	return err
}

// execCount is exec, and tells how many rows it changed.
func (t *tx) execCount(query string, args ...any) (int64, error) {
	st, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("run %.40q: %w", query, err)
	}
	return res.RowsAffected()
}

// row runs a statement and scans its first row; false when there is none.
func (t *tx) row(query string, args []any, into ...any) (bool, error) {
	st, err := t.prepare(query)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(t.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %.40q: %w", query, err)
	}
	return true, nil
}

// rows runs a statement and calls scan for every row.
func (t *tx) rows(query string, args []any, scan func(*sql.Rows) error) error {
	st, err := t.prepare(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(t.ctx, args...)
	if err != nil {
		return fmt.Errorf("read %.40q: %w", query, err)
	}
	return eachRow(rows, scan)
}

// eachRow scans and closes rows.
func eachRow(rows *sql.Rows, scan func(*sql.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("scan row: %w", err)
		}
	}
	return rows.Err()
}

// prepare finds or makes the connection's statement for a query, and counts it.
func (t *tx) prepare(query string) (*sql.Stmt, error) {
	t.n++
	if t.inject != nil {
		if err := t.inject(t.n, query); err != nil {
			return nil, err
		}
	}
	if st := t.stmts[query]; st != nil {
		return st, nil
	}
	st, err := t.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %.40q: %w", query, err)
	}
	t.stmts[query] = st
	return st, nil
}

// onCommit has f run once the group is on disk; never, if it is not.
func (t *tx) onCommit(f func()) { t.after = append(t.after, f) }

// mark remembers the state beside the database, for back.
func (t *tx) mark() mark {
	return mark{counters: t.counters, newHistory: t.newHistory, commits: len(t.commits), after: len(t.after), crawls: len(t.crawls)}
}

// back restores the state beside the database; the savepoint does the rest.
func (t *tx) back(m mark) {
	t.counters, t.newHistory = m.counters, m.newHistory
	t.commits = t.commits[:m.commits]
	t.after = t.after[:m.after]
	t.crawls = t.crawls[:m.crawls]
}
