package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

const (
	passiveAt = 64 << 20        // bytes of WAL at which pages are copied back
	idleAfter = 2 * time.Second // without a commit: empty the WAL
	walFrame  = 4096 + 24       // bytes of a frame: SQLite's page and its header
)

// checkpointer copies the write-ahead log back into the database by a connection
// of its own, so that the writer never pays for it. Passive while commits run;
// truncating when idle. It waits for no reader: a checkpoint that truncates holds
// SQLite's write lock while it waits, and webhooks would wait with it. So its
// connection has no busy time-out, and what cannot be done now is tried again.
type checkpointer struct {
	store *Store
	db    *sql.DB
	hint  chan struct{} // capacity 1: a group has committed
}

func newCheckpointer(s *Store) *checkpointer {
	db, err := sql.Open("sqlite", s.dsn("rw", 0))
	if err != nil {
		panic(err) // the driver's name is constant
	}
	db.SetMaxOpenConns(1)
	return &checkpointer{store: s, db: db, hint: make(chan struct{}, 1)}
}

// nudge tells that a group has committed.
func (c *checkpointer) nudge() {
	if c == nil {
		return
	}
	select {
	case c.hint <- struct{}{}:
	default:
	}
}

func (c *checkpointer) run(ctx context.Context) {
	idle := time.NewTimer(idleAfter)
	defer idle.Stop()
	looked := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.hint:
			idle.Reset(idleAfter)
			if now := time.Now(); now.Sub(looked) > 100*time.Millisecond {
				looked = now
				c.relieve(ctx)
			}
		case <-idle.C:
			c.try(ctx, "TRUNCATE")
		}
	}
}

// relieve keeps a busy store's log from growing. The file does not shrink while it
// is in use, so what counts are the frames that are not copied back yet.
func (c *checkpointer) relieve(ctx context.Context) {
	if c.store.WALBytes() < passiveAt {
		return
	}
	frames, moved, err := c.checkpoint(ctx, "NOOP")
	if err == nil && (frames-moved)*walFrame >= passiveAt {
		c.try(ctx, "PASSIVE")
	}
}

// try runs a checkpoint. A failed fsync ends the process as in the group; any other
// failure leaves the log as it was, for the next time.
func (c *checkpointer) try(ctx context.Context, mode string) {
	_, _, err := c.checkpoint(ctx, mode)
	switch {
	case err == nil || ctx.Err() != nil || code(err)&0xff == sqlite3.SQLITE_BUSY:
	case fsyncFailed(err):
		c.store.opts.Fatal(fmt.Errorf("sync a checkpoint to disk: %w", err))
	default:
		c.store.opts.Log.Warn("Checkpoint failed, the log stays", "mode", mode, "error", err)
	}
}

// checkpoint answers how many frames the log has, and how many of them are copied.
func (c *checkpointer) checkpoint(ctx context.Context, mode string) (frames, moved int, err error) {
	var busy int
	err = c.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &moved)
	return frames, moved, err
}

// truncate empties the log at the end and closes the connection.
func (c *checkpointer) truncate() {
	c.try(context.Background(), "TRUNCATE")
	c.db.Close()
}
