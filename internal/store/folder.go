package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"pulse"
)

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
