// Package bench is the load behind `pulse try` and `pulse bench`: a sender that
// produces webhooks exactly as a self-hosted Firecrawl does, synthetic pages, a load
// generator with a latency histogram, and the reports that the commands print.
//
// It knows the server from outside only, by HTTP. Who runs the server is told by a
// Start; the commands give one that starts it in their own process.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"pulse/internal/client"
)

// Server is a running Pulse as a load needs it.
type Server struct {
	Base   string // http://127.0.0.1:52100
	Key    string // API key; "" when none is asked for
	Secret string // signs webhooks; "" leaves them unsigned
	Stop   func() error
	// Import reads a JSON Lines file of pages as pulse ingest does, and returns when
	// all can be found.
	Import func(ctx context.Context, path string) error
}

// Start runs a server on a data folder and returns when it receives.
type Start func(ctx context.Context, dir string) (*Server, error)

// pollEvery is how often a server is asked again while something is waited for.
const pollEvery = 2 * time.Millisecond

// Until asks again and again, at the given distance, until done says yes, fails, or
// ctx ends.
func Until(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// WaitReady waits until search is warm.
func WaitReady(ctx context.Context, c *client.Client) error {
	var reasons []string
	err := Until(ctx, pollEvery, func() (bool, error) {
		r, err := c.Ready(ctx, false)
		if err != nil {
			return false, err
		}
		reasons = r.Reasons
		return r.Ready, nil
	})
	if err != nil && len(reasons) > 0 {
		err = fmt.Errorf("%w (not ready: %q)", err, reasons)
	}
	return err
}

// WaitSettled waits until everything that was accepted can be found by keyword, and
// returns the counts then. each, if not nil, is told of the counts on the way.
func WaitSettled(ctx context.Context, c *client.Client, every time.Duration, each func(*client.Stats)) (*client.Stats, error) {
	var last *client.Stats
	err := Until(ctx, every, func() (bool, error) {
		s, err := c.Stats(ctx)
		if err != nil {
			return false, err
		}
		if last = s; each != nil {
			each(s)
		}
		return s.Settled(), nil
	})
	if err != nil {
		return last, fmt.Errorf("wait until all is searchable: %w", err)
	}
	return last, nil
}

// on calls use with the server that runs, or with one of its own on a temporary folder.
func on(ctx context.Context, running *Server, start Start, tempDir string, use func(*Server, *client.Client) error) error {
	if running != nil {
		c, err := client.New(running.Base, client.Options{Key: running.Key})
		if err != nil {
			return err
		}
		defer c.Close()
		return use(running, c)
	}
	dir, err := os.MkdirTemp(tempDir, "pulse-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return run(ctx, start, dir, use)
}

// run starts a server on dir, waits for search to be warm, and calls use; the server
// is stopped whatever happens.
func run(ctx context.Context, start Start, dir string, use func(*Server, *client.Client) error) (err error) {
	s, err := start(ctx, dir)
	if err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	c, err := client.New(s.Base, client.Options{Key: s.Key})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := WaitReady(ctx, c); err != nil {
		return fmt.Errorf("wait for search: %w", err)
	}
	return use(s, c)
}
