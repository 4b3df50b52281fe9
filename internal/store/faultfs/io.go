package faultfs

import (
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// pageBytes is the page cache's: a write that fails half-way has written the
// pages before the one that failed.
const pageBytes = 4096

// Types of the methods below, as the driver's translation of C has them.
type (
	plainFunc   = func(*libc.TLS, uintptr) int32
	accessFunc  = func(*libc.TLS, uintptr, uintptr, int32, int64) int32 // xRead, xWrite
	sizeFunc    = func(*libc.TLS, uintptr, int64) int32
	intFunc     = func(*libc.TLS, uintptr, int32) int32
	pointerFunc = func(*libc.TLS, uintptr, uintptr) int32
	controlFunc = func(*libc.TLS, uintptr, int32, uintptr) int32
	shmMapFunc  = func(*libc.TLS, uintptr, int32, int32, int32, uintptr) int32
	shmLockFunc = func(*libc.TLS, uintptr, int32, int32, int32) int32
	barrierFunc = func(*libc.TLS, uintptr)
)

// ioMethods serves every file of every layer. Version 2 has shared memory but no
// memory mapping, whose writes would pass the layer by.
var ioMethods = sqlite3.Tsqlite3_io_methods{
	FiVersion:               2,
	FxClose:                 address(shimClose),
	FxRead:                  address(shimRead),
	FxWrite:                 address(shimWrite),
	FxTruncate:              address(shimTruncate),
	FxSync:                  address(shimSync),
	FxFileSize:              address(shimFileSize),
	FxLock:                  address(shimLock),
	FxUnlock:                address(shimUnlock),
	FxCheckReservedLock:     address(shimCheckReservedLock),
	FxFileControl:           address(shimFileControl),
	FxSectorSize:            address(shimSectorSize),
	FxDeviceCharacteristics: address(shimDeviceCharacteristics),
	FxShmMap:                address(shimShmMap),
	FxShmLock:               address(shimShmLock),
	FxShmBarrier:            address(shimShmBarrier),
	FxShmUnmap:              address(shimShmUnmap),
}

func methodsBelow(pFile uintptr) *sqlite3.Tsqlite3_io_methods {
	below := at[sqlite3.Tsqlite3_file](pFile + fileBytes)
	return at[sqlite3.Tsqlite3_io_methods](below.FpMethods)
}

func shimClose(tls *libc.TLS, p uintptr) int32 {
	h := handleOf(p)
	rc := function[plainFunc](methodsBelow(p).FxClose)(tls, p+fileBytes)
	things.Delete(at[shimFile](p).number)
	h.fs.open.Add(-1)
	return rc
}

func shimRead(tls *libc.TLS, p, buf uintptr, n int32, off int64) int32 {
	h := handleOf(p)
	if h.begin(Op{Kind: Read, Off: off, Len: int64(n)}) != None {
		return sqlite3.SQLITE_IOERR_READ
	}
	return function[accessFunc](methodsBelow(p).FxRead)(tls, p+fileBytes, buf, n, off)
}

func shimWrite(tls *libc.TLS, p, buf uintptr, n int32, off int64) int32 {
	h := handleOf(p)
	switch h.begin(Op{Kind: Write, Off: off, Len: int64(n)}) {
	case None:
		return h.write(tls, p, buf, n, off)
	case ENOSPC:
		h.writePagesBefore(tls, p, buf, n, off)
		return sqlite3.SQLITE_FULL
	}
	h.writePagesBefore(tls, p, buf, n, off)
	return sqlite3.SQLITE_IOERR_WRITE
}

func shimTruncate(tls *libc.TLS, p uintptr, size int64) int32 {
	h := handleOf(p)
	if h.begin(Op{Kind: Truncate, Off: size}) != None {
		return sqlite3.SQLITE_IOERR_TRUNCATE
	}
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	rc := function[sizeFunc](methodsBelow(p).FxTruncate)(tls, p+fileBytes, size)
	if rc == sqlite3.SQLITE_OK && h.node != nil {
		h.node.truncate(size)
	}
	return rc
}

// shimSync is xSync, of the model alone.
func shimSync(_ *libc.TLS, p uintptr, _ int32) int32 {
	h := handleOf(p)
	failed := h.begin(Op{Kind: Sync}) != None
	h.sync(failed)
	if failed {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	if h.dirSync {
		// Like the unix VFS: once, whatever comes of it.
		h.dirSync = false
		h.fs.syncDir(h.path)
	}
	return sqlite3.SQLITE_OK
}

// shimFileControl forwards but for what would change the file behind the layer's
// back.
func shimFileControl(tls *libc.TLS, p uintptr, op int32, arg uintptr) int32 {
	switch op {
	case sqlite3.SQLITE_FCNTL_SIZE_HINT, sqlite3.SQLITE_FCNTL_CHUNK_SIZE:
		return sqlite3.SQLITE_OK
	case sqlite3.SQLITE_FCNTL_MMAP_SIZE:
		return sqlite3.SQLITE_NOTFOUND
	}
	return function[controlFunc](methodsBelow(p).FxFileControl)(tls, p+fileBytes, op, arg)
}

// begin is FS.begin with what the handle knows.
func (h *handle) begin(op Op) Fault {
	op.File, op.Path = h.file, h.path
	if h.node != nil && (op.Kind == Write || op.Kind == Truncate) {
		h.fs.mu.Lock()
		op.Size = h.node.size
		h.fs.mu.Unlock()
	}
	return h.fs.begin(op)
}

func (h *handle) write(tls *libc.TLS, p, buf uintptr, n int32, off int64) int32 {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	rc := function[accessFunc](methodsBelow(p).FxWrite)(tls, p+fileBytes, buf, n, off)
	if rc == sqlite3.SQLITE_OK && h.node != nil {
		h.node.write(off, unsafe.Slice(at[byte](buf), n))
	}
	return rc
}

// writePagesBefore writes what comes before the last page of a write that fails.
func (h *handle) writePagesBefore(tls *libc.TLS, p, buf uintptr, n int32, off int64) {
	last := (off + int64(n) - 1) / pageBytes * pageBytes
	if done := last - off; done > 0 {
		h.write(tls, p, buf, int32(done), off)
	}
}

func (h *handle) sync(failed bool) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	switch {
	case h.node == nil:
	case failed:
		h.node.drop(h.fs.rng)
	default:
		h.node.sync()
	}
}
