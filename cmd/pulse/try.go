package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"pulse/internal/app"
	"pulse/internal/bench"
)

// tryCmd shows the main job on real input, with nothing to set up.
type tryCmd struct {
	Exit bool   `help:"End when the results are shown, instead of staying up."`
	Port int    `default:"52100" help:"Port to answer on, if it is free; else another is taken."`
	Seed uint64 `help:"Seed of the order in which pages are delivered; 0 draws one."`
}

// Help is shown by pulse try --help.
func (tryCmd) Help() string {
	return "Starts a server on a temporary folder, delivers a bundled crawl of kubernetes.io as signed Firecrawl webhooks, " +
		"shows what became of it and what searches find, and stays up until Ctrl-C. Everything is removed at the end."
}

// Run is pulse try.
func (c *tryCmd) Run(ctx context.Context, given *app.Config, out *output) error {
	dir, err := os.MkdirTemp("", "pulse-try-*")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	begin := time.Now()
	a, cfg, err := startOwn(ctx, dir, fmt.Sprintf("127.0.0.1:%d", c.Port), given.Embedder)
	if err != nil {
		return err
	}
	screen := out.screen()
	screen.Line("A server on %s, receiving after %v", dir, time.Since(begin).Round(time.Millisecond))
	err = bench.Try(ctx, bench.TryOptions{
		Server: bench.Server{Base: a.URL(), Key: cfg.APIKey, Secret: cfg.FirecrawlSecret},
		Seed:   seedOr(c.Seed), Screen: screen, Ends: c.Exit,
	})
	if err == nil && !c.Exit {
		screen.Line("%s", screen.Dim("Ctrl-C ends the server and removes its folder."))
		select {
		case <-ctx.Done():
		case <-a.Failed():
			err = a.Err()
		}
	}
	if ctx.Err() != nil {
		err = nil // told to end
	}
	return errors.Join(err, a.Stop())
}

// startOwn starts a server in this process with random secrets, its log in its folder,
// on the address or, where that is taken, on a free one.
func startOwn(ctx context.Context, dir, address, embedder string) (*app.App, *app.Config, error) {
	log, err := os.OpenFile(filepath.Join(dir, "pulse.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("make the server's log: %w", err)
	}
	cfg := app.DefaultConfig()
	cfg.Data = filepath.Join(dir, "data")
	cfg.Listen, cfg.Embedder = address, embedder
	cfg.MinFree = 64 << 20 // what is written goes away again
	cfg.APIKey, cfg.FirecrawlSecret = rand.Text()[:16], rand.Text()
	cfg.Log = app.NewLog(log, cfg.LogFormat, cfg.LogLevel.Level)
	a, err := app.Start(ctx, cfg)
	if errors.Is(err, syscall.EADDRINUSE) {
		cfg.Listen = "127.0.0.1:0"
		a, err = app.Start(ctx, cfg)
	}
	if err != nil {
		return nil, nil, err
	}
	return a, cfg, nil
}

// seedOr is a seed, drawn where none is given.
func seedOr(seed uint64) uint64 {
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	return seed
}
