package app

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pulse"
)

func TestStartRefuses(t *testing.T) {
	t.Run("held folder", func(t *testing.T) {
		a := startApp(t)
		_, err := Start(t.Context(), testConfig(t, func(c *Config) { c.Data = a.cfg.Data }))
		if !errors.Is(err, pulse.ErrLocked) {
			t.Errorf("start: %v", err)
		}
	})
	t.Run("held address", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		dir := t.TempDir()
		_, err = Start(t.Context(), testConfig(t, func(c *Config) { c.Data, c.Listen = dir, l.Addr().String() }))
		if err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("start: %v", err)
		}
		startApp(t, func(c *Config) { c.Data = dir }) // the folder was let go of
	})
	t.Run("other layout", func(t *testing.T) {
		dir := t.TempDir()
		a := startApp(t, func(c *Config) { c.Data = dir })
		if err := a.Stop(); err != nil {
			t.Fatal(err)
		}
		_, err := Start(t.Context(), testConfig(t, func(c *Config) { c.Data, c.MaxChunkTokens = dir, 128 }))
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--max-chunk-tokens was 256 and is 128 now") {
			t.Errorf("start: %v", err)
		}
		startApp(t, func(c *Config) { c.Data = dir })
	})
	t.Run("bad configuration", func(t *testing.T) {
		var usage *UsageError
		if _, err := Start(t.Context(), testConfig(t, func(c *Config) { c.Queue = "redis://x" })); !errors.As(err, &usage) {
			t.Errorf("start: %v", err)
		}
	})
	t.Run("folder that is a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Start(t.Context(), testConfig(t, func(c *Config) { c.Data = path })); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("start: %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 20 {
			if a, err := Start(ctx, testConfig(t)); err == nil {
				err = a.Stop() // it was there before the end was seen
				if err != nil {
					t.Error(err)
				}
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("start: %v", err)
			}
		}
	})
}
