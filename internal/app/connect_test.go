package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/store"
)

// commandConfig is what a command has whose flags name a folder and an address.
func commandConfig(t *testing.T, args ...string) *Config {
	t.Helper()
	c := mustLoad(t, append(args, "--min-free", "0"), []string{"PULSE_API_KEY=" + testKey}, "")
	c.Log = quiet
	return c
}

func TestConnect(t *testing.T) {
	server := startApp(t)
	putPages(t, server, 3)
	find := func(t *testing.T, c *Config, wantOwn bool, wantDocuments int64) {
		t.Helper()
		conn, err := Connect(t.Context(), c, false)
		if err != nil {
			t.Fatal(err)
		}
		stats, err := conn.Stats(t.Context())
		if err != nil || stats.Documents != wantDocuments || conn.Own() != wantOwn {
			t.Errorf("own %v, stats %+v, %v; want own %v and %d documents", conn.Own(), stats, err, wantOwn, wantDocuments)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	free := t.TempDir()
	other := startApp(t, func(c *Config) { c.Data = free })
	putPages(t, other, 1)
	if err := other.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Run("named server", func(t *testing.T) { find(t, commandConfig(t, "--server", server.URL(), "--data", free), false, 3) })
	t.Run("held folder", func(t *testing.T) {
		find(t, commandConfig(t, "--data", server.cfg.Data, "--listen", server.Addr()), false, 3)
	})
	t.Run("local server", func(t *testing.T) {
		t.Chdir(t.TempDir())
		find(t, commandConfig(t, "--listen", server.Addr()), false, 3)
	})
	t.Run("named free folder, though another server runs", func(t *testing.T) {
		find(t, commandConfig(t, "--data", free, "--listen", server.Addr()), true, 1)
	})
	t.Run("no server", func(t *testing.T) { find(t, commandConfig(t, "--data", free, "--listen", "127.0.0.1:1"), true, 1) })

	fail := func(name string, c *Config, want ...string) {
		t.Run(name, func(t *testing.T) {
			_, err := Connect(t.Context(), c, false)
			for _, w := range want {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("error %v does not say %q", err, w)
				}
			}
		})
	}
	fail("nothing there", commandConfig(t, "--data", filepath.Join(free, "nothing"), "--listen", "127.0.0.1:1"), "no server answers at http://127.0.0.1:1", "pulse serve")
	fail("held folder, wrong address", commandConfig(t, "--data", server.cfg.Data, "--listen", "127.0.0.1:1"), "held by another pulse", "--server")
	fail("named server away", commandConfig(t, "--server", "http://127.0.0.1:1", "--data", free), "http://127.0.0.1:1", "pulse serve")
	fail("no address", commandConfig(t, "--server", "nonsense"), "nonsense")
	if _, err := os.Stat(filepath.Join(free, "nothing")); err == nil {
		t.Error("a look made a data folder")
	}
}

// TestOwnWorkIsDone deletes a page without a server: it is gone when the command ends.
func TestOwnWorkIsDone(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, func(c *Config) { c.Data = dir })
	putPages(t, a, 2)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	conn, err := Connect(t.Context(), commandConfig(t, "--data", dir, "--listen", "127.0.0.1:1", "--workers", "0"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Delete(t.Context(), client.Target{URL: "https://example.com/1"}, false); err != nil {
		t.Fatal(err)
	}
	if err := conn.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	stats, err := conn.Stats(t.Context())
	if err != nil || stats.Documents != 1 || !stats.Settled() {
		t.Errorf("stats %+v, %v", stats, err)
	}
}

func TestDoctor(t *testing.T) {
	level := func(findings []Finding, name string) string {
		for _, f := range findings {
			if f.Name == name {
				return f.Level
			}
		}
		return "nothing"
	}
	f := func(name string, c *Config, want map[string]string) {
		t.Helper()
		findings := Doctor(context.Background(), c)
		for part, l := range want {
			if got := level(findings, part); got != l {
				t.Errorf("%s: %s is %s, want %s: %+v", name, part, got, l, findings)
			}
		}
	}
	dir := t.TempDir()
	a := startApp(t, func(c *Config) { c.Data = dir })
	putPages(t, a, 2)
	f("running", commandConfig(t, "--data", dir, "--listen", a.Addr()), map[string]string{"server": "ok", "store": "ok", "API key": "ok", "webhook secret": "warn"})
	f("held elsewhere", commandConfig(t, "--data", dir, "--listen", "127.0.0.1:0"), map[string]string{"store": "warn"})
	f("another's address", commandConfig(t, "--data", t.TempDir(), "--server", "http://127.0.0.1:1"), map[string]string{"server": "fail"})
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	stopped := commandConfig(t, "--data", dir, "--listen", "127.0.0.1:0")
	f("stopped", stopped, map[string]string{"address": "ok", "store": "ok", "store file": "ok", "fsync": "ok", "data folder": "ok", "settings": "nothing"})
	f("other settings", commandConfig(t, "--data", dir, "--listen", "127.0.0.1:0", "--max-chunk-tokens", "99"), map[string]string{"settings": "fail"})
	f("no folder", commandConfig(t, "--data", filepath.Join(dir, "none"), "--listen", "127.0.0.1:0"), map[string]string{"data folder": "warn"})
	f("bad options", commandConfig(t, "--data", dir, "--queue", "redis://x"), map[string]string{"options": "fail"})

	file := filepath.Join(dir, store.FileName)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(raw); i++ {
		raw[i] ^= 0xa5
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	findings := Doctor(context.Background(), stopped)
	if got := level(findings, "store") + level(findings, "store file"); !strings.Contains(got, "fail") {
		t.Errorf("a damaged file is %s", got)
	}
	for _, f := range findings {
		if f.Level == LevelFail && (!strings.Contains(f.Next, "copy it back") || strings.Contains(f.Next, "backup")) {
			t.Errorf("of a damaged file doctor says %q", f.Next)
		}
	}
}

func TestDoctorAdvisesByTheCause(t *testing.T) {
	f := func(err error, want string) {
		t.Helper()
		if got := writeAdvice(err, "other"); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	f(&os.PathError{Op: "write", Path: "x", Err: unix.ENOSPC}, "free some space on its disk")
	f(fmt.Errorf("migrate: %w", pulse.ErrDiskFull), "free some space on its disk")
	f(&os.PathError{Op: "write", Path: "x", Err: unix.EDQUOT}, "quota")
	f(&os.PathError{Op: "open", Path: "x", Err: unix.EACCES}, "other")
	f(&os.PathError{Op: "open", Path: "x", Err: unix.EROFS}, "other")
}
