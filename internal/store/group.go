package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"pulse"
)

// group is the commit group: the one writer. A caller hands it a function and
// blocks until that function's statements are in a committed, fsync'd
// transaction. The group takes what waits, without a timer: while one
// transaction is being written and synced, the callers of the next gather.
//
// What holds:
//   - Each caller runs in a savepoint of its own, so a caller's failure undoes
//     that caller alone.
//   - Statements run under the group's context, never a caller's: a deadline
//     inside a statement makes the driver interrupt it, SQLite then rolls the whole
//     transaction back, and what follows would run in autocommit.
//   - After a failure that leaves the transaction in doubt (see stops) nothing more
//     runs on that connection: it is closed, which rolls back what was not
//     committed, and the innocent callers are run again on a new one.
//   - After a failed fsync the process ends (Options.Fatal): what the disk holds is
//     unknown, and only a restart reads it afresh.
//
// Acceptances go before all else, so that a webhook never waits for more than the
// transaction that is running.
type group struct {
	open   func(ctx context.Context) (*sql.Conn, error)
	inject func(n int, query string) error
	now    func() time.Time
	fatal  func(error)
	onDone func(GroupStats)
	max    int64 // bytes of commits taken into one group
	before func(*tx) error
	landed func(*tx) // counters and commits are on disk: publish them

	mu     sync.Mutex
	accept []*call
	commit []*call
	closed bool
	wake   chan struct{} // capacity 1
	done   chan struct{} // closed when the loop has ended

	// Owned by the loop.
	tx       *tx
	counters counters
}

// call is one caller's work.
type call struct {
	ctx   context.Context // read only while it waits
	run   func(*tx) error
	bytes int64
	err   chan error // capacity 1
}

// passes bounds how often innocent callers are run again. Two failures in doubt in
// a row mean that the disk, not a caller, is the cause.
const passes = 3

// do hands over work and waits for its end. A caller that goes away while its work
// still waits takes it back; work that has begun is waited for.
func (g *group) do(ctx context.Context, first bool, bytes int64, run func(*tx) error) error {
	c := &call{ctx: ctx, run: run, bytes: bytes, err: make(chan error, 1)}
	if err := g.put(c, first); err != nil {
		return err
	}
	return <-c.err
}

func (g *group) put(c *call, first bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return fmt.Errorf("hand work to the commit group: %w", pulse.ErrClosed)
	}
	if first {
		g.accept = append(g.accept, c)
	} else {
		g.commit = append(g.commit, c)
	}
	select {
	case g.wake <- struct{}{}:
	default:
	}
	return nil
}

// besideAcceptances is how many commits at most share a group with acceptances, so
// that a burst of webhooks does not wait for the pages of those before.
const besideAcceptances = 16

// take removes what waits: all acceptances, then commits up to max bytes (at least
// one). It blocks while nothing waits, and returns nil once closed and empty.
func (g *group) take() []*call {
	for {
		g.mu.Lock()
		batch := g.accept
		g.accept = nil
		var sum int64
		n, most := 0, len(g.commit)
		if len(batch) > 0 {
			most = min(most, besideAcceptances)
		}
		for n < most && (n == 0 || sum+g.commit[n].bytes <= g.max) {
			sum += g.commit[n].bytes
			n++
		}
		batch = append(batch, g.commit[:n]...)
		g.commit = append(g.commit[:0:0], g.commit[n:]...)
		closed := g.closed
		g.mu.Unlock()
		if len(batch) > 0 || closed {
			return batch
		}
		<-g.wake
	}
}

// loop runs groups until stop, and what waits then.
func (g *group) loop() {
	defer close(g.done)
	defer g.drop()
	for {
		batch := g.take()
		if batch == nil {
			return
		}
		g.runAll(batch)
	}
}

// stop lets what waits finish and ends the loop.
func (g *group) stop() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
	<-g.done
}

// runAll commits a batch, again without the culprit after a failure in doubt.
func (g *group) runAll(batch []*call) {
	batch = waiting(batch)
	for pass := 1; len(batch) > 0; pass++ {
		culprit, err := g.attempt(batch)
		switch {
		case err == nil:
			return
		case culprit == nil || pass == passes:
			answer(batch, explain(err))
			return
		}
		culprit.err <- explain(err)
		batch = without(batch, culprit)
	}
}

// waiting drops the calls whose callers have gone away.
func waiting(batch []*call) []*call {
	kept := batch[:0]
	for _, c := range batch {
		if err := c.ctx.Err(); err != nil {
			c.err <- err
			continue
		}
		kept = append(kept, c)
	}
	return kept
}

func without(batch []*call, gone *call) []*call {
	kept := make([]*call, 0, len(batch))
	for _, c := range batch {
		if c != gone {
			kept = append(kept, c)
		}
	}
	return kept
}

func answer(batch []*call, err error) {
	for _, c := range batch {
		c.err <- err
	}
}

// attempt runs one transaction over the batch. An error means that nothing of it
// was committed and the connection is gone; culprit is the caller whose statement
// failed, nil when it was the group's own.
func (g *group) attempt(batch []*call) (culprit *call, err error) {
	start := time.Now()
	if err := g.begin(); err != nil {
		g.inDoubt(err)
		return nil, err
	}
	results := make([]error, len(batch))
	for i, c := range batch {
		results[i] = nil
		stop, err := g.one(c)
		if stop {
			g.inDoubt(err)
			return c, err
		}
		results[i] = err
	}
	if err := g.end(); err != nil {
		g.inDoubt(err)
		return nil, err
	}
	g.finish(batch, results, start)
	return nil, nil
}

// begin starts a transaction on the connection, opening one if there is none.
func (g *group) begin() error {
	if g.tx == nil {
		ctx := context.Background()
		conn, err := g.open(ctx)
		if err != nil {
			return fmt.Errorf("open the write connection: %w", err)
		}
		g.tx = &tx{ctx: ctx, conn: conn, stmts: map[string]*sql.Stmt{}, inject: g.inject, now: g.now}
	}
	t := g.tx
	t.n = 0
	t.counters = g.counters
	t.crawls, t.commits, t.after, t.newHistory = t.crawls[:0], nil, t.after[:0], false
	return t.exec("BEGIN IMMEDIATE")
}

// one runs a caller in its savepoint. stop says that the transaction is in doubt.
func (g *group) one(c *call) (stop bool, err error) {
	t := g.tx
	if err := t.exec("SAVEPOINT caller"); err != nil {
		return true, err
	}
	m := t.mark()
	if err := runCaller(t, c.run); err != nil {
		if stops(err) {
			return true, err
		}
		t.back(m)
		if rerr := t.exec("ROLLBACK TO caller"); rerr != nil {
			return true, errors.Join(err, rerr)
		}
		if rerr := t.exec("RELEASE caller"); rerr != nil {
			return true, errors.Join(err, rerr)
		}
		return false, explain(err)
	}
	if err := t.exec("RELEASE caller"); err != nil {
		return true, err
	}
	return false, nil
}

// errPanic is a caller's function that panicked: its fault, and its transaction's end.
var errPanic = errors.New("panic in the commit group")

// runCaller keeps a caller's panic from ending the process, and with it all others.
func runCaller(t *tx, run func(*tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return run(t)
}

// end writes what the group adds up and commits.
func (g *group) end() error {
	if err := g.before(g.tx); err != nil {
		return err
	}
	return g.tx.exec("COMMIT")
}

// inDoubt ends the connection after a failure that leaves its transaction in doubt,
// and the process after a failed fsync, whichever statement met it.
func (g *group) inDoubt(err error) {
	if fsyncFailed(err) {
		g.fatal(fmt.Errorf("sync a commit to disk: %w", err))
	}
	g.drop()
}

// finish publishes what is on disk, then answers the callers.
func (g *group) finish(batch []*call, results []error, start time.Time) {
	t := g.tx
	g.counters = t.counters
	g.landed(t)
	for _, f := range t.after {
		f()
	}
	if g.onDone != nil {
		g.onDone(GroupStats{Callers: len(batch), Statements: t.n, Duration: time.Since(start), Bytes: weight(batch)})
	}
	for i, c := range batch {
		c.err <- results[i]
	}
}

func weight(batch []*call) (sum int64) {
	for _, c := range batch {
		sum += c.bytes
	}
	return sum
}

// drop closes the connection, and with it any transaction that is still open.
func (g *group) drop() {
	if g.tx == nil {
		return
	}
	for _, st := range g.tx.stmts {
		st.Close()
	}
	// A connection in doubt must not go back to the pool: ErrBadConn makes
	// database/sql close it.
	_ = g.tx.conn.Raw(func(any) error { return errBadConn })
	g.tx.conn.Close()
	g.tx = nil
}
