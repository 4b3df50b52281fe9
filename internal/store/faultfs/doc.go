// Package faultfs is a file layer under SQLite for tests: a disk that forgets
// what was not synced, and that fails when it is told to. It is a VFS of
// modernc.org/sqlite that forwards to the default one and keeps, beside the
// real files, a model of what a disk would hold.
//
//	fs := faultfs.Register(t)
//	db, _ := sql.Open("sqlite", "file:"+path+"?vfs="+fs.Name())
//	fs.Inject(faultfs.Nth(faultfs.Sync, faultfs.WAL, 3, faultfs.EIO))
//	fs.Crash(t.TempDir(), rand.New(rand.NewPCG(seed, 0))) // then open the copy, with or without a layer
//
// A crash at one exact operation is a hook that calls Crash, notes what was
// acknowledged until then, and answers EIO from there on, so that the process
// that lost its power acknowledges nothing more.
//
// # What survives a crash
//
// Data: a file's content at its last successful xSync, and of each write after
// that any part, in 512-byte sectors: lost, torn and reordered across sectors
// and files. Within one sector the disk shows the state after some number of its
// writes, never a later write without an earlier one, because the page cache
// hands whole sectors to the disk. Bytes outside a write never change, which is
// the powersafe overwrite that SQLite assumes by default. A file can also have
// grown without its data; what was never written reads as zeros, never as
// another file's old blocks (ext4 with data=ordered, xfs).
//
// Truncations since the last sync: some number of them, in order. What was
// written behind the cut of a truncation that is lost is lost with it, since it
// went to blocks that nothing refers to.
//
// Names: creations and deletions are durable after a sync of the directory only,
// as POSIX has it (ext4 and xfs are kinder to a new file that is itself synced).
// SQLite syncs the directory at the first xSync of each handle on a journal or
// WAL, and in xDelete with dirSync; the layer takes exactly these. Of later
// creations and deletions a crash keeps some number, in order, as a journaling
// file system does. Data and names are otherwise independent of each other.
//
// The wal-index (-shm) never survives. Temporary files do not either.
//
// # Failed syncs
//
// After an fsync that failed, what was written before it is taken as clean:
// each sector of it has reached the disk or not (Seed decides), and no later
// sync tries again. The running process still reads it from the page cache.
// Linux does this on ext4 and xfs, and it is why the store must not try twice.
//
// # What is assumed
//
// Nobody else writes the files while they are open through the layer, and files
// found at their first open are durable as they are. All of a layer's files are
// taken for one directory. Real fsyncs are left out (the model decides, and tests
// run at the speed of memory), memory mapping is off, and hints that would
// grow a file behind the layer's back are swallowed.
//
// # How it sits in the driver
//
// SQLite is translated Go here: a C function pointer is the address of a Go
// func value, and C memory lies outside the Go heap. The layer's own functions
// are top-level ones, so that their addresses never move and are never freed;
// what belongs to a layer or a file is found by a number kept in C memory.
package faultfs
