package faultfs

import (
	"fmt"
	"sync"
)

// Kind is what an operation does.
type Kind uint8

// The kinds of operations that are counted and can fail.
const (
	Read Kind = iota
	Write
	Sync
	Truncate
	Open
	Delete
	numKinds
)

func (k Kind) String() string {
	return [numKinds]string{"read", "write", "sync", "truncate", "open", "delete"}[k]
}

// File is which of a database's files an operation is on.
type File uint8

// The files of a database. A sync of Dir follows the one of a new journal or WAL
// and a durable deletion: SQLite ignores its failure in the first case.
const (
	DB File = iota
	WAL
	Journal
	Temp
	Dir
	numFiles
)

func (f File) String() string {
	return [numFiles]string{"db", "wal", "journal", "temp", "dir"}[f]
}

// Op is one operation, as a hook sees it before it happens.
type Op struct {
	Kind Kind
	File File
	Path string // "" for a nameless temporary file
	N    int64  // the how-manieth of this kind on this file, from 1
	Seq  int64  // the how-manieth of all, from 1
	Off  int64  // of a read or write; the new size of a truncation
	Len  int64  // of a read or write, bytes
	Size int64  // of the file before it; 0 for a file that is not tracked (Temp, Dir)
}

func (o Op) String() string {
	return fmt.Sprintf("%s of %s #%d (op %d, off %d, len %d)", o.Kind, o.File, o.N, o.Seq, o.Off, o.Len)
}

// Fault is how an operation fails.
type Fault uint8

// The faults. SQLite sees the code that its own unix layer would give:
// SQLITE_IOERR_READ, _WRITE, _FSYNC, _DIR_FSYNC, _TRUNCATE or _DELETE,
// SQLITE_CANTOPEN for an open, and SQLITE_FULL for a write that meets ENOSPC.
const (
	None Fault = iota
	EIO
	ENOSPC
)

// Nth returns a hook for Inject that fails the n-th operation (from 1) of a kind
// on a file, counted from now, and no other.
func Nth(k Kind, f File, n int64, fault Fault) func(Op) Fault {
	return matching(k, f, fault, func(seen int64) bool { return seen == n })
}

// From is Nth for the n-th operation and all that follow.
func From(k Kind, f File, n int64, fault Fault) func(Op) Fault {
	return matching(k, f, fault, func(seen int64) bool { return seen >= n })
}

func matching(k Kind, f File, fault Fault, hit func(seen int64) bool) func(Op) Fault {
	var mu sync.Mutex
	var seen int64
	return func(op Op) Fault {
		if op.Kind != k || op.File != f {
			return None
		}
		mu.Lock()
		defer mu.Unlock()
		seen++
		if hit(seen) {
			return fault
		}
		return None
	}
}

// FullAfter returns a hook for Inject under which the tracked files can grow by
// free bytes in all, counted from now; a write that needs more meets ENOSPC. As
// on a real disk, overwriting needs no room, and truncation and deletion give
// theirs back.
func FullAfter(free int64) func(Op) Fault {
	var mu sync.Mutex
	return func(op Op) Fault {
		mu.Lock()
		defer mu.Unlock()
		switch op.Kind {
		case Write:
			grow := max(0, op.Off+op.Len-op.Size)
			if op.File == Temp || grow == 0 {
				return None
			}
			if grow > free {
				return ENOSPC
			}
			free -= grow
		case Truncate:
			free += op.Size - op.Off
		case Delete:
			free += op.Size
		}
		return None
	}
}

// Counts says how many operations were tried, failed ones included.
type Counts struct {
	ops   [numKinds][numFiles]int64
	bytes [numFiles]int64
}

// Of returns the number of operations of a kind on a file.
func (c Counts) Of(k Kind, f File) int64 { return c.ops[k][f] }

// All returns the number of operations of a kind on all files, Dir included.
func (c Counts) All(k Kind) int64 {
	var n int64
	for _, v := range c.ops[k] {
		n += v
	}
	return n
}

// WrittenBytes returns the bytes of all writes to a file.
func (c Counts) WrittenBytes(f File) int64 { return c.bytes[f] }

// Since returns what was counted after before.
func (c Counts) Since(before Counts) Counts {
	for k := range c.ops {
		for f := range c.ops[k] {
			c.ops[k][f] -= before.ops[k][f]
		}
	}
	for f := range c.bytes {
		c.bytes[f] -= before.bytes[f]
	}
	return c
}
