package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"pulse"
)

// sqliteError stands for SQLite's own error, whose type cannot be made outside it.
type sqliteError int

func (e sqliteError) Error() string { return fmt.Sprintf("injected SQLite error %d", int(e)) }
func (e sqliteError) Code() int     { return int(e) }

// faults are the failures that leave a transaction in doubt, and one that does so only
// where the group's own statements meet it.
var faults = map[string]sqliteError{
	"FULL":      sqlite3.SQLITE_FULL,
	"IOERR":     sqlite3.SQLITE_IOERR | 3<<8,
	"NOMEM":     sqlite3.SQLITE_NOMEM,
	"INTERRUPT": sqlite3.SQLITE_INTERRUPT,
	"ERROR":     sqlite3.SQLITE_ERROR,
}

// gather hands the group callers that are sure to be taken together: the group is
// held inside one caller until all the others wait; then ready runs.
func gather(t *testing.T, s *Store, work []func(*tx) error, ready func()) []error {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.group.do(context.Background(), true, 0, func(t *tx) error {
			t.onCommit(ready)
			close(held)
			<-release
			return nil
		})
	})
	<-held
	calls := make([]*call, len(work))
	for i, run := range work {
		calls[i] = &call{ctx: context.Background(), run: run, err: make(chan error, 1)}
		if err := s.group.put(calls[i], false); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	wg.Wait()
	errs := make([]error, len(work))
	for i := range calls {
		errs[i] = <-calls[i].err
	}
	return errs
}

// markRow writes a row by which a test sees whose work is in the database.
func markRow(name string) func(*tx) error {
	return func(t *tx) error {
		t.counters.event++
		return t.exec(`INSERT INTO events (seq, kind, collection, key, version, job, at) VALUES (?, ?, '', '', 0, 0, 0)`, t.counters.event, name)
	}
}

func markedRows(t *testing.T, s *Store) map[string]int {
	t.Helper()
	rows, err := s.read.Query(`SELECT kind FROM events`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string]int{}
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			t.Fatal(err)
		}
		got[kind]++
	}
	return got
}

// TestErrorAtEveryStatement fails the n-th statement of a group of three callers and
// one that fails by itself, for every n and every kind of failure: who is told of
// success is in the database once, who is told of failure is not, and at most one of
// the three fails unless the group's own statement did. A ROLLBACK TO is among them.
func TestErrorAtEveryStatement(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			var failed []string
			for n := 1; ; n++ {
				query := failNth(t, fault, n)
				if query == "" {
					break
				}
				failed = append(failed, query)
			}
			if len(failed) < 14 || !slices.Contains(failed, "ROLLBACK TO caller") {
				t.Errorf("only %q were failed", failed)
			}
		})
	}
}

var errOwn = errors.New("own")

// failsItself writes a row and then fails for a reason of its own.
func failsItself(t *tx) error { return errors.Join(markRow("own")(t), errOwn) }

// failNth returns the statement that it failed, "" when the group has fewer.
func failNth(t *testing.T, fault sqliteError, n int) (failed string) {
	t.Helper()
	var armed atomic.Bool
	var fired atomic.Pointer[string]
	s := open(t, Options{inject: func(i int, query string) error {
		if armed.Load() && i == n && fired.CompareAndSwap(nil, &query) {
			return fmt.Errorf("statement %d %q: %w", i, query, fault)
		}
		return nil
	}})
	defer s.Close()
	// Armed once the holding caller's group is over, by its own callback.
	errs := gather(t, s, []func(*tx) error{markRow("a"), markRow("b"), markRow("c"), failsItself}, func() { armed.Store(true) })
	rows := markedRows(t, s)
	if errs[3] == nil || rows["own"] != 0 {
		t.Errorf("statement %d: the caller that fails by itself was told %v and has %d rows", n, errs[3], rows["own"])
	}
	errs = errs[:3]
	var failures int
	for i, err := range errs {
		name := string(rune('a' + i))
		if err == nil && rows[name] != 1 || err != nil && rows[name] != 0 {
			t.Errorf("statement %d: caller %s was told %v and has %d rows", n, name, err, rows[name])
		}
		if err != nil {
			failures++
			if fault == sqlite3.SQLITE_FULL && !errors.Is(err, pulse.ErrDiskFull) {
				t.Errorf("statement %d: %v is not ErrDiskFull", n, err)
			}
		}
	}
	if failures > 1 && failures < len(errs) {
		t.Errorf("statement %d: %d callers failed", n, failures)
	}
	if err := s.group.do(context.Background(), false, 0, markRow("after")); err != nil || markedRows(t, s)["after"] != 1 {
		t.Errorf("statement %d: the store does not go on: %v", n, err)
	}
	if got := s.counted.Load().event; int(got) != len(markedRows(t, s)) {
		t.Errorf("statement %d: counter says %d events, the table has %d", n, got, len(markedRows(t, s)))
	}
	if query := fired.Load(); query != nil {
		return *query
	}
	return ""
}

func TestCallerFailsAlone(t *testing.T) {
	s := open(t, Options{})
	errs := gather(t, s, []func(*tx) error{
		markRow("a"),
		func(t *tx) error {
			if err := markRow("b")(t); err != nil {
				return err
			}
			t.onCommit(func() { panic("a failed caller's callback ran") })
			return errOwn
		},
		markRow("c"),
		func(t *tx) error { return t.exec(`INSERT INTO settings (name, value) VALUES ('store', 'again')`) },
	}, func() {})
	rows := markedRows(t, s)
	if errs[0] != nil || errs[2] != nil || !errors.Is(errs[1], errOwn) || errs[3] == nil {
		t.Errorf("errors %v", errs)
	}
	if rows["a"] != 1 || rows["b"] != 0 || rows["c"] != 1 {
		t.Errorf("rows %v", rows)
	}
	if got := s.counted.Load().event; got != 2 {
		t.Errorf("counter %d, want 2", got)
	}
}

func TestFailedFsyncEndsTheProcess(t *testing.T) {
	var ended atomic.Pointer[error]
	var armed atomic.Bool
	s := open(t, Options{
		Fatal: func(err error) { ended.Store(&err) },
		inject: func(n int, query string) error {
			if armed.Load() && query == "COMMIT" {
				return sqliteError(sqlite3.SQLITE_IOERR_FSYNC)
			}
			return nil
		}})
	armed.Store(true)
	err := s.group.do(context.Background(), true, 0, markRow("a"))
	armed.Store(false)
	if err == nil || ended.Load() == nil {
		t.Errorf("caller was told %v, process ended: %v", err, ended.Load() != nil)
	}
}

func TestCallerThatWentAwayIsNotRun(t *testing.T) {
	s := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	held, release := make(chan struct{}), make(chan struct{})
	go s.group.do(context.Background(), true, 0, func(*tx) error { close(held); <-release; return nil })
	<-held
	c := &call{ctx: ctx, run: markRow("gone"), err: make(chan error, 1)}
	if err := s.group.put(c, false); err != nil {
		t.Fatal(err)
	}
	cancel()
	close(release)
	if err := <-c.err; !errors.Is(err, context.Canceled) {
		t.Errorf("told %v", err)
	}
	if n := markedRows(t, s)["gone"]; n != 0 {
		t.Errorf("%d rows of a caller that went away", n)
	}
}

// TestCallersDeadlineInsideAStatement shows why callers' contexts stay outside: the
// caller's deadline passes while its statements run, and all is committed all the same.
func TestCallersDeadlineInsideAStatement(t *testing.T) {
	s := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := s.group.do(ctx, false, 0, func(t *tx) error {
		cancel()
		return markRow("a")(t)
	})
	if n := markedRows(t, s)["a"]; err != nil || n != 1 {
		t.Errorf("told %v, %d rows", err, n)
	}
}

func TestClosedStoreRefusesWork(t *testing.T) {
	s := open(t, Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(context.Background(), page("https://example.com/", "{}")); !errors.Is(err, pulse.ErrClosed) {
		t.Errorf("accept after close: %v", err)
	}
}
