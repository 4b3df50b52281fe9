package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	passiveAt = 64 << 20        // bytes of WAL at which pages are copied back
	idleAfter = 2 * time.Second // without a commit: empty the WAL
	forceAt   = 512 << 20       // bytes at which a truncating checkpoint is tried while busy
)

// checkpointer copies the write-ahead log back into the database by a connection
// of its own, so that the writer never pays for it. Passive while commits run
// (it waits for nobody); truncating when idle, or when readers have let it grow.
type checkpointer struct {
	store *Store
	db    *sql.DB
	hint  chan struct{} // capacity 1: a group has committed
}

func newCheckpointer(s *Store) *checkpointer {
	db, err := sql.Open("sqlite", s.dsn("rw"))
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
			c.checkpoint(ctx, "TRUNCATE")
		}
	}
}

// relieve keeps a busy store's log from growing.
func (c *checkpointer) relieve(ctx context.Context) {
	switch size := c.store.WALBytes(); {
	case size > forceAt:
		c.checkpoint(ctx, "RESTART")
	case size > passiveAt:
		c.checkpoint(ctx, "PASSIVE")
	}
}

// checkpoint runs one. A failed fsync ends the process as in the group; any other
// failure leaves the log as it was, for the next time.
func (c *checkpointer) checkpoint(ctx context.Context, mode string) {
	var busy, pages, moved int
	err := c.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &moved)
	if err == nil || ctx.Err() != nil {
		return
	}
	if fsyncFailed(err) {
		c.store.opts.Fatal(fmt.Errorf("sync a checkpoint to disk: %w", err))
		return
	}
	c.store.opts.Log.Warn("Checkpoint failed, the log stays", "mode", mode, "error", err)
}

// truncate empties the log at the end and closes the connection.
func (c *checkpointer) truncate() {
	c.checkpoint(context.Background(), "TRUNCATE")
	c.db.Close()
}
