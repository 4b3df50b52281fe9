package local

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
)

// crashFolder is a folder that keeps a journal of what is done to it, from which crash makes
// what a disk may hold after the power went, and that fails when it is told to.
//
// What survives: of a file, what was written before its last sync; of each sector written
// after, its bytes or zeros, and the file may end anywhere behind what was synced. Of names,
// all changes before the last sync of the folder, and of those after some number, in order,
// as a journaling file system keeps them. Data and names are independent of each other.
type crashFolder struct {
	directory
	fail func(op string) error // asked before each operation; nil: none fails

	mu   sync.Mutex
	ops  []folderOp
	onOp func() // after each operation
	next int    // the last number of a file
}

// folderOp is one operation that succeeded.
type folderOp struct {
	kind     string // create, write, sync, rename, remove, names
	name, to string
	inode    int
	data     []byte
}

func newCrashFolder(t testing.TB) *crashFolder {
	return &crashFolder{directory: directory(t.TempDir())}
}

// do notes an operation that try has done, unless it is to fail.
func (c *crashFolder) do(op folderOp, try func() error) error {
	if c.fail != nil {
		if err := c.fail(op.kind); err != nil {
			return err
		}
	}
	if err := try(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops = append(c.ops, op)
	if c.onOp != nil {
		c.onOp()
	}
	return nil
}

func (c *crashFolder) create(name string) (file, error) {
	c.mu.Lock()
	c.next++
	op := folderOp{kind: "create", name: name, inode: c.next}
	c.mu.Unlock()
	var f file
	err := c.do(op, func() (err error) {
		f, err = c.directory.create(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &crashFile{file: f, folder: c, inode: op.inode}, nil
}

func (c *crashFolder) rename(from, to string) error {
	return c.do(folderOp{kind: "rename", name: from, to: to}, func() error { return c.directory.rename(from, to) })
}

func (c *crashFolder) remove(name string) error {
	return c.do(folderOp{kind: "remove", name: name}, func() error { return c.directory.remove(name) })
}

func (c *crashFolder) sync() error {
	return c.do(folderOp{kind: "names"}, func() error { return nil })
}

type crashFile struct {
	file
	folder *crashFolder
	inode  int
}

// Write fails, as a full disk does, after half of the data.
func (f *crashFile) Write(data []byte) (n int, err error) {
	err = f.folder.do(folderOp{kind: "write", inode: f.inode, data: slices.Clone(data)}, func() error {
		n, err = f.file.Write(data)
		return err
	})
	if err != nil && n == 0 {
		n, _ = f.file.Write(data[:len(data)/2])
	}
	return n, err
}

func (f *crashFile) Sync() error {
	return f.folder.do(folderOp{kind: "sync", inode: f.inode}, func() error { return nil })
}

const sector = 512

// crash writes into dir what may be there when the power goes after n operations.
func (c *crashFolder) crash(n int, r *rand.Rand, dir string) error {
	data, synced, names := make(map[int][]byte), make(map[int]int), make(map[string]int)
	var pending []folderOp
	for _, op := range c.ops[:n] {
		switch op.kind {
		case "write":
			data[op.inode] = append(data[op.inode], op.data...)
		case "sync":
			synced[op.inode] = len(data[op.inode])
		case "names":
			renameAll(names, pending)
			pending = nil
		default:
			pending = append(pending, op)
		}
	}
	renameAll(names, pending[:r.IntN(len(pending)+1)])
	for _, name := range slices.Sorted(maps.Keys(names)) {
		inode := names[name]
		torn := tear(data[inode], synced[inode], r)
		if err := os.WriteFile(directory(dir).path(name), torn, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func renameAll(names map[string]int, ops []folderOp) {
	for _, op := range ops {
		switch op.kind {
		case "create":
			names[op.name] = op.inode
		case "rename":
			names[op.to] = names[op.name]
			delete(names, op.name)
		case "remove":
			delete(names, op.name)
		}
	}
}

// tear is what may be left of a file of which the first bytes were synced.
func tear(data []byte, synced int, r *rand.Rand) []byte {
	torn := slices.Clone(data[:synced+r.IntN(len(data)-synced+1)])
	for at := synced; at < len(torn); at += sector {
		if r.IntN(2) == 0 {
			clear(torn[at:min(at+sector, len(torn))])
		}
	}
	return torn
}

var errDisk = errors.New("no space left on the test's disk")

// failNth makes the n-th operation fail, and `more` after it.
func (c *crashFolder) failNth(n, more int) {
	done := 0
	c.fail = func(string) error {
		if done++; done > n && done <= n+1+more {
			return errDisk
		}
		return nil
	}
}
