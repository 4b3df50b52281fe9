package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"pulse/internal/mapped"
)

// folder is where an index keeps its files. Tests give one that loses and fails.
type folder interface {
	// create makes a file, or empties one, to be written.
	create(name string) (file, error)
	rename(from, to string) error
	remove(name string) error
	// sync makes creations, renames and removals last.
	sync() error
	names() ([]string, error)
	// path is where a file can be read.
	path(name string) string
}

type file interface {
	io.WriteCloser
	Sync() error
}

// directory is a folder of the system.
type directory string

func (d directory) create(name string) (file, error) { return os.Create(d.path(name)) }

func (d directory) rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

func (d directory) remove(name string) error { return os.Remove(d.path(name)) }

func (d directory) sync() (err error) {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

func (d directory) names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names, nil
}

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

// disk is a folder and the numbers that its files are named by, shared by an index and
// those that are filled to replace it.
type disk struct {
	folder
	last atomic.Uint64 // number that was given
}

// kinds of files, which are what their names end with.
const (
	documentsKind = "documents"
	termsKind     = "terms"
	vectorsKind   = "vectors"
)

// name is of a new file.
func (d *disk) name(kind string) string { return fmt.Sprintf("%08d.%s", d.last.Add(1), kind) }

// passOver sees to it that no new file is named like one of these.
func (d *disk) passOver(names ...string) {
	for _, name := range names {
		if n, ok := numberOf(name); ok && n > d.last.Load() {
			d.last.Store(n)
		}
	}
}

// numberOf is the number in a file's name; ok is false of other names.
func numberOf(name string) (number uint64, ok bool) {
	digits, kind, _ := strings.Cut(name, ".")
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && (kind == documentsKind || kind == termsKind || kind == vectorsKind)
}

// kind is what the file holds.
func (e *entry) kind() string {
	_, kind, _ := strings.Cut(e.Name, ".")
	return kind
}

// regular refuses what is no file, which might never be read to its end.
func (d *disk) regular(name string) error {
	info, err := os.Stat(d.path(name))
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file: %w", d.path(name), mapped.ErrDamaged)
	}
	return err
}

// write makes a whole file that lasts, but for its name: see folder.sync. What it made of
// one that failed is taken away.
func (d *disk) write(name string, write func(io.Writer) error) (err error) {
	f, err := d.create(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", d.path(name), err)
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = d.remove(name) // the next start does it otherwise
		return fmt.Errorf("write %s: %w", d.path(name), err)
	}
	return nil
}
