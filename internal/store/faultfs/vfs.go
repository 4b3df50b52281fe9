package faultfs

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// registration is what SQLite knows of a layer.
type registration struct {
	name   string
	number uintptr // of the layer in things
	base   uintptr // *sqlite3_vfs of the VFS below
	vfs    uintptr // *sqlite3_vfs of this one, in C memory
	zName  uintptr // name, in C memory
	thread *libc.TLS
}

// things finds a layer (*FS) or an open file (*handle) by the number that C
// memory holds of it: a Go pointer there would be invisible to the collector.
var things sync.Map

var lastNumber atomic.Uintptr

func keep(thing any) uintptr {
	number := lastNumber.Add(1)
	things.Store(number, thing)
	return number
}

func thing[T any](number uintptr) T {
	v, _ := things.Load(number)
	return v.(T)
}

// register makes the VFS: a copy of the default one, which thereby goes on
// answering for paths, time and randomness (none of these look at the VFS that
// they are called with), with its own xOpen and xDelete.
func (f *FS) register() error {
	tls := libc.NewTLS()
	base := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if base == 0 {
		tls.Close()
		return errors.New("find the default VFS: there is none")
	}
	r := registration{base: base, thread: tls, number: keep(f)}
	r.name = fmt.Sprintf("faultfs-%d", r.number)
	var err error
	if r.zName, err = libc.CString(r.name); err != nil {
		return fmt.Errorf("copy the name: %w", err)
	}
	vfs := *at[sqlite3.Tsqlite3_vfs](base)
	vfs.FpNext = 0
	vfs.FzName = r.zName
	vfs.FpAppData = r.number
	vfs.FszOsFile += fileBytes
	vfs.FxOpen = address(shimOpen)
	vfs.FxDelete = address(shimDelete)
	if r.vfs = libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(vfs))); r.vfs == 0 {
		return errors.New("allocate the VFS: out of memory")
	}
	*at[sqlite3.Tsqlite3_vfs](r.vfs) = vfs
	f.vfs = r
	if rc := sqlite3.Xsqlite3_vfs_register(tls, r.vfs, 0); rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("register the VFS: SQLite code %d", rc)
	}
	return nil
}

func (f *FS) unregister() {
	r := f.vfs
	sqlite3.Xsqlite3_vfs_unregister(r.thread, r.vfs)
	libc.Xfree(r.thread, r.vfs)
	libc.Xfree(r.thread, r.zName)
	r.thread.Close()
	things.Delete(r.number)
}

// shimFile is the head of the memory that SQLite gives to an open file; the file
// of the VFS below follows at fileBytes.
type shimFile struct {
	methods uintptr // *sqlite3_io_methods; SQLite reads it
	number  uintptr // of the handle in things
}

// fileBytes is room for a shimFile that keeps what follows aligned everywhere.
const fileBytes = 16

// handle is one open file.
type handle struct {
	fs   *FS
	file File
	path string
	node *inode // nil for a temporary file, which is not tracked
	// dirSync says that the next sync is also one of the directory, as the unix
	// VFS does once for every handle on a journal or WAL. The handle's connection
	// owns it.
	dirSync bool
}

func handleOf(pFile uintptr) *handle {
	return thing[*handle](at[shimFile](pFile).number)
}

// shimOpen is xOpen. The layer's mutex is held across the open below, so that a
// creation and its entry in the model are one.
func shimOpen(tls *libc.TLS, pVfs, zName, pFile uintptr, flags int32, pOut uintptr) int32 {
	f := thing[*FS](at[sqlite3.Tsqlite3_vfs](pVfs).FpAppData)
	*at[shimFile](pFile) = shimFile{}
	h := &handle{fs: f, file: fileOfFlags(flags)}
	if zName != 0 {
		h.path = libc.GoString(zName)
	}
	if f.begin(f.named(Op{Kind: Open, File: h.file, Path: h.path})) != None {
		return sqlite3.SQLITE_CANTOPEN
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	h.node = f.nodeLocked(h.path, h.file)
	if rc := baseOpen(tls, f.vfs.base, zName, pFile, flags, pOut); rc != sqlite3.SQLITE_OK {
		return rc
	}
	if h.file != Temp && h.node == nil {
		h.node = f.disk.create(h.path)
	}
	creates := flags&sqlite3.SQLITE_OPEN_CREATE != 0
	h.dirSync = creates && (h.file == Journal || h.file == WAL)
	f.open.Add(1)
	*at[shimFile](pFile) = shimFile{
		methods: uintptr(unsafe.Pointer(&ioMethods)),
		number:  keep(h),
	}
	return sqlite3.SQLITE_OK
}

func baseOpen(tls *libc.TLS, base, zName, pFile uintptr, flags int32, pOut uintptr) int32 {
	open := at[sqlite3.Tsqlite3_vfs](base).FxOpen
	below := pFile + fileBytes
	rc := function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](open)(
		tls, base, zName, below, flags, pOut)
	if rc != sqlite3.SQLITE_OK && at[sqlite3.Tsqlite3_file](below).FpMethods != 0 {
		// SQLite would close a file that failed to open but has its methods; it
		// does not see this one.
		function[plainFunc](methodsBelow(pFile).FxClose)(tls, below)
	}
	return rc
}

func fileOfFlags(flags int32) File {
	switch {
	case flags&sqlite3.SQLITE_OPEN_MAIN_DB != 0:
		return DB
	case flags&sqlite3.SQLITE_OPEN_WAL != 0:
		return WAL
	case flags&(sqlite3.SQLITE_OPEN_MAIN_JOURNAL|sqlite3.SQLITE_OPEN_SUPER_JOURNAL) != 0:
		return Journal
	}
	return Temp
}

// shimDelete is xDelete. The sync of the directory is the model's alone.
func shimDelete(tls *libc.TLS, pVfs, zPath uintptr, dirSync int32) int32 {
	f := thing[*FS](at[sqlite3.Tsqlite3_vfs](pVfs).FpAppData)
	path := libc.GoString(zPath)
	if f.begin(f.named(Op{Kind: Delete, File: fileOfPath(path), Path: path})) != None {
		return sqlite3.SQLITE_IOERR_DELETE
	}
	if rc := f.remove(tls, path, zPath); rc != sqlite3.SQLITE_OK {
		return rc
	}
	if dirSync&1 != 0 && !f.syncDir(path) {
		return sqlite3.SQLITE_IOERR_DIR_FSYNC
	}
	return sqlite3.SQLITE_OK
}

func (f *FS) remove(tls *libc.TLS, path string, zPath uintptr) int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	del := at[sqlite3.Tsqlite3_vfs](f.vfs.base).FxDelete
	rc := function[func(*libc.TLS, uintptr, uintptr, int32) int32](del)(tls, f.vfs.base, zPath, 0)
	if rc == sqlite3.SQLITE_OK {
		f.disk.remove(path)
	}
	return rc
}

// at sees C memory as a T. The detour through a pointer to p says what holds: p
// is not a Go pointer, and neither vet nor checkptr has to judge it as one.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// address is how translated C sees a Go function, function the way back. A
// func value is a pointer to what it is made of, which is static for a top-level
// function; address is for these only.
func address[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }
