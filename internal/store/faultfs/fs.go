package faultfs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// FS is one layer. Its methods are safe for concurrent use, and from a hook.
type FS struct {
	vfs  registration
	hook atomic.Pointer[func(Op) Fault]

	seq   atomic.Int64
	ops   [numKinds][numFiles]atomic.Int64
	bytes [numFiles]atomic.Int64
	open  atomic.Int64 // files

	// mu orders everything that changes a tracked file with its entry in the
	// model, so that a crash sees them together. It is not held around hooks.
	mu   sync.Mutex
	disk disk
	rng  *rand.Rand // of failed syncs
}

// Register makes a layer and registers it with SQLite, until the test ends. All
// databases opened through it must be closed by then: register their closing
// after it, or the test fails.
func Register(t testing.TB) *FS {
	t.Helper()
	f := &FS{disk: newDisk()}
	f.Seed(1)
	if err := f.register(); err != nil {
		t.Fatalf("register faultfs: %v", err)
	}
	t.Cleanup(func() {
		if n := f.open.Load(); n != 0 {
			// It stays registered: SQLite still calls through it.
			t.Errorf("faultfs: %d files are still open at the end of the test", n)
			return
		}
		f.unregister()
	})
	return f
}

// Name returns the VFS's name, for ?vfs= of a data source name.
func (f *FS) Name() string { return f.vfs.name }

// Seed sets what decides which writes a failed sync took to the disk; it is 1 at
// first.
func (f *FS) Seed(seed uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rng = rand.New(rand.NewPCG(seed, 0))
}

// Inject sets the hook that is asked before each operation whether it shall
// fail; nil takes it away. It is called on the goroutine of the operation, from
// several at once where several connections work, and must not use a database of
// this layer.
func (f *FS) Inject(hook func(Op) Fault) {
	if hook == nil {
		f.hook.Store(nil)
		return
	}
	f.hook.Store(&hook)
}

// Ops returns how many operations were tried so far: the Seq of the last.
func (f *FS) Ops() int64 { return f.seq.Load() }

// Counts returns how many operations were tried so far, by kind and file.
func (f *FS) Counts() Counts {
	var c Counts
	for k := range f.ops {
		for i := range f.ops[k] {
			c.ops[k][i] = f.ops[k][i].Load()
		}
	}
	for i := range f.bytes {
		c.bytes[i] = f.bytes[i].Load()
	}
	return c
}

// Crash writes into the directory dst, which it makes, what the disk may hold
// after a power cut at this instant. The running process is not touched and can
// go on. dst must not have files of the same names. The files are those of the
// databases that were opened through the layer, or are about to be; before the
// first there are none.
func (f *FS) Crash(dst string, rng *rand.Rand) error {
	f.mu.Lock()
	files, err := f.disk.survivors(rng)
	f.mu.Unlock()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return fmt.Errorf("make directory of the crash: %w", err)
	}
	for name, content := range files {
		if err := writeNew(filepath.Join(dst, name), content); err != nil {
			return fmt.Errorf("write survivor of the crash: %w", err)
		}
	}
	return nil
}

func writeNew(path string, content []byte) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

// begin counts an operation and asks the hook about it.
func (f *FS) begin(op Op) Fault {
	op.N = f.ops[op.Kind][op.File].Add(1)
	op.Seq = f.seq.Add(1)
	if op.Kind == Write {
		f.bytes[op.File].Add(op.Len)
	}
	if hook := f.hook.Load(); hook != nil {
		return (*hook)(op)
	}
	return None
}

// syncDir is the directory's own fsync. False: it failed, and creations and
// deletions stay as uncertain as they were.
func (f *FS) syncDir(path string) bool {
	if f.begin(Op{Kind: Sync, File: Dir, Path: filepath.Dir(path)}) != None {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disk.syncDir()
	return true
}

// named completes an operation on a name. It takes the file in first, so that a
// crash in the hook of the very first operation knows what was there.
func (f *FS) named(op Op) Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.nodeLocked(op.Path, op.File); n != nil {
		op.Size = n.size
	}
	return op
}

// nodeLocked returns the tracked file of a path that is about to be opened or
// deleted, nil where there is none. A database brings its journal and WAL along:
// SQLite may leave them unopened, and a crash must keep them all the same.
func (f *FS) nodeLocked(path string, file File) *inode {
	if file == Temp {
		return nil
	}
	f.adoptLocked(path)
	if file == DB {
		f.adoptLocked(path + "-journal")
		f.adoptLocked(path + "-wal")
	}
	return f.disk.live[path]
}

func (f *FS) adoptLocked(path string) {
	if _, err := os.Lstat(path); err != nil {
		f.disk.remove(path) // taken away from outside, if it ever was there
		return
	}
	if f.disk.live[path] != nil {
		return
	}
	// A tracked file is never read this way: closing any descriptor of it would
	// drop the process's POSIX locks on it.
	if content, err := os.ReadFile(path); err == nil {
		f.disk.adopt(path, content)
	}
}

// fileOfPath tells which file of a database a path names.
func fileOfPath(path string) File {
	switch {
	case strings.HasSuffix(path, "-wal"):
		return WAL
	case strings.HasSuffix(path, "-journal"), strings.Contains(filepath.Base(path), "-mj"):
		return Journal
	}
	return DB
}
