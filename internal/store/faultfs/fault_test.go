package faultfs_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"pulse/internal/store/faultfs"
)

// prepared returns a database of 50 rows on a layer, with one connection.
func prepared(t *testing.T, s settings) (*faultfs.FS, *sql.DB) {
	t.Helper()
	fs := faultfs.Register(t)
	db := open(t, t.TempDir(), fs.Name(), s)
	db.SetMaxOpenConns(1)
	if err := insertRows(db, 50, new(atomic.Int64)); err != nil {
		t.Fatal(err)
	}
	return fs, db
}

// codeOf returns the SQLite code of an error as the driver gives it, 0 for none.
func codeOf(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var coded *sqlite.Error
	if !errors.As(err, &coded) {
		t.Fatalf("error %v (%T) has no SQLite code", err, err)
	}
	return coded.Code()
}

func TestFault(t *testing.T) {
	const insert = "INSERT INTO rows SELECT max(id)+1, zeroblob(9000) FROM rows"
	wal, rollback := settings{"wal", "full"}, settings{"delete", "extra"}
	f := func(s settings, k faultfs.Kind, file faultfs.File, fault faultfs.Fault, statement string, want int) {
		t.Helper()
		name := fmt.Sprintf("%s/%v of %v/%d", s.journal, k, file, fault)
		t.Run(name, func(t *testing.T) {
			fs, db := prepared(t, s)
			fs.Inject(faultfs.Nth(k, file, 1, fault))
			_, err := db.Exec(statement)
			if got := codeOf(t, err); got != want {
				t.Errorf("%s: code %d (%v), want %d", statement, got, err, want)
			}
			fs.Inject(nil)
			if _, err := db.Exec(insert); err != nil {
				t.Errorf("insert after the fault: %v", err)
			}
		})
	}
	f(wal, faultfs.Write, faultfs.WAL, faultfs.EIO, insert, sqlite3.SQLITE_IOERR_WRITE)
	f(wal, faultfs.Write, faultfs.WAL, faultfs.ENOSPC, insert, sqlite3.SQLITE_FULL)
	f(wal, faultfs.Sync, faultfs.WAL, faultfs.EIO, insert, sqlite3.SQLITE_IOERR_FSYNC)
	f(wal, faultfs.Write, faultfs.DB, faultfs.EIO, "PRAGMA wal_checkpoint(TRUNCATE)", sqlite3.SQLITE_IOERR_WRITE)
	f(wal, faultfs.Write, faultfs.DB, faultfs.ENOSPC, "PRAGMA wal_checkpoint(TRUNCATE)", sqlite3.SQLITE_FULL)
	f(wal, faultfs.Sync, faultfs.DB, faultfs.EIO, "PRAGMA wal_checkpoint(TRUNCATE)", sqlite3.SQLITE_IOERR_FSYNC)
	f(wal, faultfs.Truncate, faultfs.WAL, faultfs.EIO, "PRAGMA wal_checkpoint(TRUNCATE)", sqlite3.SQLITE_IOERR_TRUNCATE)
	f(wal, faultfs.Read, faultfs.WAL, faultfs.EIO, "PRAGMA wal_checkpoint(TRUNCATE)", sqlite3.SQLITE_IOERR_READ)
	f(rollback, faultfs.Open, faultfs.Journal, faultfs.EIO, insert, sqlite3.SQLITE_CANTOPEN)
	f(rollback, faultfs.Write, faultfs.Journal, faultfs.ENOSPC, insert, sqlite3.SQLITE_FULL)
	f(rollback, faultfs.Sync, faultfs.Journal, faultfs.EIO, insert, sqlite3.SQLITE_IOERR_FSYNC)
	f(rollback, faultfs.Write, faultfs.DB, faultfs.EIO, insert, sqlite3.SQLITE_IOERR_WRITE)
	f(rollback, faultfs.Delete, faultfs.Journal, faultfs.EIO, insert, sqlite3.SQLITE_IOERR_DELETE)
	// The first sync of the directory follows the journal's first; its failure is
	// ignored there. The second follows the journal's deletion.
	f(rollback, faultfs.Sync, faultfs.Dir, faultfs.EIO, insert, sqlite3.SQLITE_OK)
}

func TestFailedSyncOfADeletion(t *testing.T) {
	fs, db := prepared(t, settings{"delete", "extra"})
	fs.Inject(faultfs.Nth(faultfs.Sync, faultfs.Dir, 2, faultfs.EIO))
	_, err := db.Exec("DELETE FROM rows WHERE id = 1")
	if got := codeOf(t, err); got != sqlite3.SQLITE_IOERR_DIR_FSYNC {
		t.Errorf("code %d (%v), want SQLITE_IOERR_DIR_FSYNC", got, err)
	}
}

func TestReadOfTheDatabaseFails(t *testing.T) {
	fs, db := prepared(t, settings{"delete", "extra"})
	if _, err := db.Exec("PRAGMA shrink_memory"); err != nil { // so that pages are read again
		t.Fatal(err)
	}
	fs.Inject(faultfs.From(faultfs.Read, faultfs.DB, 1, faultfs.EIO))
	err := db.QueryRow("SELECT sum(length(body)) FROM rows").Scan(new(int))
	if got := codeOf(t, err); got != sqlite3.SQLITE_IOERR_READ {
		t.Errorf("code %d (%v), want SQLITE_IOERR_READ", got, err)
	}
}

// TestDiskFull fills the disk, sees that what is there stays, and makes room.
func TestDiskFull(t *testing.T) {
	fs, db := prepared(t, settings{"wal", "full"})
	fs.Inject(faultfs.FullAfter(200_000))
	acked := atomic.Int64{}
	err := insertRows(db, 1000, &acked)
	if got := codeOf(t, err); got != sqlite3.SQLITE_FULL {
		t.Fatalf("code %d (%v), want SQLITE_FULL", got, err)
	}
	if acked.Load() < 100 {
		t.Errorf("full after row %d, want 100 at least in 200,000 bytes", acked.Load())
	}
	var rows int64
	if err := db.QueryRow("SELECT count(*) FROM rows").Scan(&rows); err != nil || rows != acked.Load() {
		t.Errorf("%d rows, want %d (%v)", rows, acked.Load(), err)
	}
	fs.Inject(faultfs.FullAfter(1 << 20))
	if err := insertRows(db, 10, &acked); err != nil {
		t.Errorf("insert after room was made: %v", err)
	}
}

// TestFailedCommitCanComeBack shows why the store ends after a failed sync: the
// transaction was reported as failed, and a crash can bring it back or not.
func TestFailedCommitCanComeBack(t *testing.T) {
	came, gone := 0, 0
	for seed := *firstSeed; seed < *firstSeed+2**numSeeds; seed++ {
		fs, db := prepared(t, settings{"wal", "full"})
		fs.Seed(seed)
		fs.Inject(faultfs.Nth(faultfs.Sync, faultfs.WAL, 1, faultfs.EIO))
		if err := insertRows(db, 1, new(atomic.Int64)); codeOf(t, err) != sqlite3.SQLITE_IOERR_FSYNC {
			t.Fatalf("seed %d: insert: %v, want SQLITE_IOERR_FSYNC", seed, err)
		}
		dir := t.TempDir()
		if err := fs.Crash(dir, rand.New(rand.NewPCG(seed, 3))); err != nil {
			t.Fatal(err)
		}
		n, err := rowsIn(t, dir, settings{"wal", "full"})
		switch {
		case err == nil && n == 50:
			gone++
		case err == nil && n == 51:
			came++
		default:
			t.Fatalf("seed %d: %d rows, %v", seed, n, err)
		}
	}
	if came == 0 || gone == 0 {
		t.Errorf("the row came back %d times and was gone %d times, want both", came, gone)
	}
}

func TestCounts(t *testing.T) {
	fs, db := prepared(t, settings{"wal", "full"})
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint(1000000)"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO rows VALUES(1000, 'starts the WAL')"); err != nil {
		t.Fatal(err)
	}
	before, ops := fs.Counts(), fs.Ops()
	for id := 2000; id < 2020; id++ {
		if _, err := db.Exec("INSERT INTO rows VALUES(?, 'one page')", id); err != nil {
			t.Fatal(err)
		}
	}
	c := fs.Counts().Since(before)
	if got := c.All(faultfs.Sync); got != 20 || got != c.Of(faultfs.Sync, faultfs.WAL) {
		t.Errorf("%d syncs, %d of them of the WAL, want 20 for 20 commits", got, c.Of(faultfs.Sync, faultfs.WAL))
	}
	const frame = 24 + 4096
	if got := c.WrittenBytes(faultfs.WAL); got < 20*frame || got%frame != 0 {
		t.Errorf("%d bytes written to the WAL, want whole frames of %d, 20 at least", got, frame)
	}
	var all int64
	for k := faultfs.Read; k <= faultfs.Delete; k++ {
		all += c.All(k)
	}
	if all != fs.Ops()-ops {
		t.Errorf("%d operations by kind, %d in all", all, fs.Ops()-ops)
	}
}

// TestReadersAndCrashes has readers on their own connections, and so the shared
// wal-index, at work while rows are written and the power is cut.
func TestReadersAndCrashes(t *testing.T) {
	wal := settings{"wal", "full"}
	fs := faultfs.Register(t)
	dir := t.TempDir()
	db := open(t, dir, fs.Name(), wal)
	var acked atomic.Int64
	if err := insertRows(db, 1, &acked); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { readUntil(t, db, &acked, done) })
	}
	rng := rand.New(rand.NewPCG(*firstSeed, 4))
	for range 10 {
		if err := insertRows(db, 15, &acked); err != nil {
			t.Fatal(err)
		}
		want := acked.Load()
		survivors := t.TempDir()
		if err := fs.Crash(survivors, rng); err != nil {
			t.Fatal(err)
		}
		if n, err := rowsIn(t, survivors, wal); err != nil || int64(n) != want {
			t.Errorf("%d rows after the crash, want %d (%v)", n, want, err)
		}
	}
	close(done)
	readers.Wait()
}

// readUntil checks that readers see every row that was acknowledged before they
// asked.
func readUntil(t *testing.T, db *sql.DB, acked *atomic.Int64, done chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		least := acked.Load()
		var n int64
		if err := db.QueryRow("SELECT count(*) FROM rows").Scan(&n); err != nil || n < least {
			t.Errorf("%d rows read, want %d at least (%v)", n, least, err)
			return
		}
	}
}

func TestLayerIsGoneAfterItsTest(t *testing.T) {
	var name string
	t.Run("use", func(t *testing.T) {
		fs, _ := prepared(t, settings{"wal", "full"})
		name = fs.Name()
	})
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/x.db?vfs="+name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "no such vfs") {
		t.Errorf("ping: %v, want no such vfs", err)
	}
}

func TestCrashOverwritesNothing(t *testing.T) {
	fs, _ := prepared(t, settings{"wal", "full"})
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(1, 0))
	if err := fs.Crash(dir, rng); err != nil {
		t.Fatal(err)
	}
	if err := fs.Crash(dir, rng); err == nil {
		t.Error("a second crash into one folder has no error")
	}
}

// TestCrashBeforeTheFirstOperation keeps what was there before the layer, the WAL
// included, which nothing has opened yet.
func TestCrashBeforeTheFirstOperation(t *testing.T) {
	wal := settings{"wal", "full"}
	first, _ := prepared(t, wal)
	left := t.TempDir()
	if err := first.Crash(left, rand.New(rand.NewPCG(1, 0))); err != nil {
		t.Fatal(err)
	}
	fs := faultfs.Register(t)
	survivors := t.TempDir()
	fs.Inject(func(op faultfs.Op) faultfs.Fault {
		if op.Seq == 1 {
			if err := fs.Crash(survivors, rand.New(rand.NewPCG(1, 0))); err != nil {
				t.Error(err)
			}
		}
		return faultfs.EIO
	})
	err := open(t, left, fs.Name(), wal).Ping()
	if got := codeOf(t, err); got != sqlite3.SQLITE_CANTOPEN {
		t.Errorf("ping: code %d (%v), want SQLITE_CANTOPEN", got, err)
	}
	if n, err := rowsIn(t, survivors, wal); err != nil || n != 50 {
		t.Errorf("%d rows, want 50 (%v)", n, err)
	}
}
