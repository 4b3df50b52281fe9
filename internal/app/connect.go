package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/store"
)

// Connection is a command's way to a store: a server that runs, or an app of the
// command's own on the data folder.
type Connection struct {
	*client.Client
	own *App // nil when it is a server
}

// Connect finds the way. A server named by --server is the only way then; else a
// data folder that was named and that nobody holds is opened; else the local server
// is asked, and if there is none, the data folder is opened. With work, an own app
// also runs jobs.
func Connect(ctx context.Context, cfg *Config, work bool) (*Connection, error) {
	if cfg.Server != "" {
		c, err := dial(ctx, cfg)
		var wrong *UsageError
		if errors.As(err, &wrong) {
			return nil, err // of an address that is none, it is no question what runs there
		}
		if err != nil {
			return nil, fmt.Errorf("%w: is it running? Start it with `pulse serve`, or name another with --server", err)
		}
		return c, nil
	}
	there := cfg.hasStore()
	if there && cfg.Given("data") {
		c, err := connectOwn(ctx, cfg, work)
		if !errors.Is(err, pulse.ErrLocked) {
			return c, err
		}
	}
	c, err := dial(ctx, cfg)
	switch {
	case err == nil || ctx.Err() != nil:
		return c, err
	case !there:
		return nil, fmt.Errorf("no server answers at %s, and there is no store in %s: start a server with `pulse serve`, or name one with --server or a folder with --data", cfg.shownURL(), cfg.DataDir())
	}
	c, err = connectOwn(ctx, cfg, work)
	if errors.Is(err, pulse.ErrLocked) {
		return nil, fmt.Errorf("%w; no server answers at %s: name its address with --server", err, cfg.shownURL())
	}
	return c, err
}

// hasStore says whether the data folder holds a store already.
func (c *Config) hasStore() bool {
	dir, err := c.storeDir()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, store.FileName))
	return err == nil
}

// Dial connects to the server that the configuration names, or the local one.
func Dial(ctx context.Context, cfg *Config) (*client.Client, error) {
	c, err := dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return c.Client, nil
}

// dialPatience is how long a server has to say that it is there.
const dialPatience = 3 * time.Second

func dial(ctx context.Context, cfg *Config) (*Connection, error) {
	c, err := client.New(cfg.URL(), client.Options{Key: cfg.APIKey})
	if err != nil {
		return nil, usagef("%s: %w", cfg.shownURL(), err)
	}
	short, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	if _, err := c.Ready(short, true); err != nil {
		c.Close()
		return nil, fmt.Errorf("no server answers at %s: %w", cfg.shownURL(), err)
	}
	return &Connection{Client: c}, nil
}

// StartOwn starts an app of a command's own on the data folder: on a free port of
// this machine, with a key that nobody else knows, saying only what goes wrong.
func StartOwn(ctx context.Context, cfg *Config, work bool) (*App, error) {
	own := *cfg
	own.own, own.Server, own.Listen, own.DebugListen = true, "", "127.0.0.1:0", ""
	own.APIKey, own.FirecrawlSecret = rand.Text(), rand.Text()
	switch {
	case !work:
		own.Workers = 0
	case own.Workers == 0: // nobody else could do the work while this app holds the folder
		own.Workers = DefaultConfig().Workers
	}
	if !cfg.Given("log-level") {
		own.LogLevel.Level = slog.LevelWarn
	}
	a, err := Start(ctx, &own)
	if err != nil {
		return nil, err
	}
	if err := a.readyOwn(ctx); err != nil {
		return nil, errors.Join(err, a.Stop())
	}
	return a, nil
}

// standingPatience is how long a command waits for an index that stands still.
const standingPatience = 30 * time.Second

// readyOwn waits as Ready does, as long as the index comes on: who ran a command must not wait
// for what will never be.
func (a *App) readyOwn(ctx context.Context) error {
	for before := pulse.CommitSeq(-1); ; {
		short, cancel := context.WithTimeout(ctx, standingPatience)
		err := a.Ready(short)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		applied := a.pool.Follower.Applied()
		if applied == before {
			return fmt.Errorf("the index does not come on: %s; see pulse doctor", strings.Join(a.pool.Follower.Reasons(), "; "))
		}
		before = applied
	}
}

// ConnectToReembed finds the way as Connect does. An app of the command's own goes by the
// settings of the data, whatever the configuration says: that is what is to change.
func ConnectToReembed(ctx context.Context, cfg *Config) (*Connection, error) {
	asIs := *cfg
	asIs.asIs = true
	return Connect(ctx, &asIs, false)
}

func connectOwn(ctx context.Context, cfg *Config, work bool) (*Connection, error) {
	a, err := StartOwn(ctx, cfg, work)
	if err != nil {
		return nil, err
	}
	c, err := client.New(a.URL(), client.Options{Key: a.cfg.APIKey, Own: true})
	if err != nil {
		return nil, errors.Join(err, a.Stop())
	}
	return &Connection{Client: c, own: a}, nil
}

// Own says whether the app is the command's own, so that what it queues is done
// only while the command runs.
func (c *Connection) Own() bool { return c.own != nil }

// Settle waits, on an own app, until what can be done now is done and searchable.
// A server does it by itself.
func (c *Connection) Settle(ctx context.Context) error {
	if c.own == nil {
		return nil
	}
	return c.own.settle(ctx)
}

// Close drops the connection and stops an own app.
func (c *Connection) Close() error {
	c.Client.Close()
	if c.own == nil {
		return nil
	}
	return c.own.Stop()
}

// settleLook is how often settle looks; a command's user does not notice it.
const settleLook = 5 * time.Millisecond

// settle waits until no job waits but for its time, none runs, and the index holds
// every commit.
func (a *App) settle(ctx context.Context) error {
	select {
	case <-a.pool.Queue.Loaded():
	case <-ctx.Done():
		return ctx.Err()
	}
	for ctx.Err() == nil && !a.idle() {
		pause(ctx, settleLook)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.pool.Follower.Wait(ctx, a.pool.Store.Head())
}

// idle looks at the workers last: a job that the queue let go is theirs until its report
// was heard.
func (a *App) idle() bool {
	c := a.pool.Queue.Counts()
	waiting := c.Vectors - c.Retrying
	for _, n := range c.Waiting {
		waiting += n
	}
	return waiting <= 0 && c.Leased == 0 && (a.pool.Workers == nil || a.pool.Workers.Running() == 0)
}
