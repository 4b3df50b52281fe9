package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pulse"
)

// applicationID marks the file as Pulse's in SQLite's header ("Puls").
const applicationID = 0x50756c73

//go:embed migrations/*.sql
var migrations embed.FS

// fileURL writes a path as SQLite's URI form, whatever characters it holds.
type fileURL struct{ path string }

func (f *fileURL) String() string {
	return "file:" + (&url.URL{Path: f.path}).EscapedPath()
}

// lockFolder makes the data folder and takes it for this process. The lock is
// the kernel's and goes with the process, however it ends.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s cannot be written to: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("data folder %s is held by another pulse (process %s): stop it, or talk to it with --server: %w",
			dir, strings.TrimSpace(string(holder)), pulse.ErrLocked)
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data folder %s cannot be written to: %w", dir, err)
	}
	return f, nil
}

// schemaVersion is the number of the last migration that this binary has.
func schemaVersion() (int, []string) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is constant
	}
	sort.Strings(names)
	return len(names), names
}

// migrate brings the file to this binary's schema, one transaction a migration.
func migrate(ctx context.Context, db *sql.DB, dir string) error {
	var have, app int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return err
	}
	if have != 0 && app != applicationID {
		return fmt.Errorf("%s is not a store of Pulse: %w", filepath.Join(dir, FileName), pulse.ErrDamaged)
	}
	if have < 0 {
		return fmt.Errorf("%s says that its schema is %d, which Pulse never writes: %w", filepath.Join(dir, FileName), have, pulse.ErrDamaged)
	}
	want, names := schemaVersion()
	if have > want {
		return fmt.Errorf("schema %d was written by a newer Pulse (this one knows up to %d): start that one, or stop Pulse and copy the data folder back from a copy that you made before: %w",
			have, want, pulse.ErrNewerSchema)
	}
	for i := have; i < want; i++ {
		if err := migrateOne(ctx, db, names[i], i+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", i+1, err)
		}
	}
	return nil
}

func migrateOne(ctx context.Context, db *sql.DB, name string, version int) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	script := string(text) + fmt.Sprintf("; PRAGMA user_version = %d; PRAGMA application_id = %d;", version, applicationID)
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return err
	}
	return tx.Commit()
}

// FreeDisk is the number of bytes that may still be written to the data folder's disk.
func (s *Store) FreeDisk() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(s.opts.Dir, &st); err != nil {
		return 0, fmt.Errorf("read free disk of %s: %w", s.opts.Dir, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// WALBytes is the size of the write-ahead log.
func (s *Store) WALBytes() int64 {
	info, err := os.Stat(filepath.Join(s.opts.Dir, FileName+"-wal"))
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return 0
	}
	return info.Size()
}
