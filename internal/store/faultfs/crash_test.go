package faultfs_test

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "modernc.org/sqlite"

	"pulse/internal/store/faultfs"
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of the crash tests")
	numSeeds  = flag.Uint64("seeds", 12, "how many seeds the crash tests run")
)

// settings are the pragmas of a test database.
type settings struct {
	journal, synchronous string
}

// open opens the database in dir through the VFS; "" is the plain one.
func open(t *testing.T, dir, vfs string, s settings) *sql.DB {
	t.Helper()
	query := url.Values{"_pragma": {
		"journal_mode(" + s.journal + ")",
		"synchronous(" + s.synchronous + ")",
		"wal_autocheckpoint(8)", // pages: a checkpoint every few rows
		"busy_timeout(10000)",
	}}
	if vfs != "" {
		query.Set("vfs", vfs)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "rows.db")+"?"+query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { db.Close() })
	return db
}

// body is what row id holds: 0 to 3,000 bytes that follow from id.
func body(id int) []byte {
	sum := sha256.Sum256(fmt.Append(nil, id))
	out := []byte{}
	for len(out) < int(sum[0])*12 {
		out = append(out, sum[:]...)
	}
	return out
}

// insertRows adds the rows after those that are there, one transaction each, and
// counts each in acked once its transaction is committed.
func insertRows(db *sql.DB, n int, acked *atomic.Int64) error {
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS rows(id INTEGER PRIMARY KEY, body BLOB NOT NULL)"); err != nil {
		return err
	}
	var last int
	if err := db.QueryRow("SELECT ifnull(max(id), 0) FROM rows").Scan(&last); err != nil {
		return err
	}
	for id := last + 1; id <= last+n; id++ {
		if _, err := db.Exec("INSERT INTO rows VALUES(?, ?)", id, body(id)); err != nil {
			return err
		}
		acked.Store(int64(id))
	}
	return nil
}

// errDamaged is a copy whose content nothing explains; rows that are only
// missing are not damage.
var errDamaged = errors.New("damaged")

// rowsIn opens the survivors in dir, where speed is all that matters from now on,
// and returns how many rows there are.
func rowsIn(t *testing.T, dir string, s settings) (n int, err error) {
	t.Helper()
	db := open(t, dir, "", settings{s.journal, "off"})
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil {
		return 0, fmt.Errorf("%w: integrity_check: %w", errDamaged, err)
	}
	if verdict != "ok" {
		return 0, fmt.Errorf("%w: integrity_check: %s", errDamaged, verdict)
	}
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	rows, err := db.Query("SELECT id, body FROM rows ORDER BY id")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		var got []byte
		if err := rows.Scan(&id, &got); err != nil {
			return 0, err
		}
		if n++; id != n || string(got) != string(body(id)) {
			return 0, fmt.Errorf("%w: row %d where %d should be, or not as it was written", errDamaged, id, n)
		}
	}
	return n, rows.Err()
}

// tally counts what happened in the crashes of a run.
type tally struct {
	crashes, lost, damaged int
	notes                  []string // of the first few losses and damages
}

func (s *tally) note(format string, args ...any) {
	if len(s.notes) < 3 {
		s.notes = append(s.notes, fmt.Sprintf(format, args...))
	}
}

func (s *tally) add(o tally) {
	s.crashes += o.crashes
	s.lost += o.lost
	s.damaged += o.damaged
	for _, note := range o.notes {
		s.note("%s", note)
	}
}

// crashOften inserts rows and cuts the power at about one in eight operations,
// the process going on, then looks at all survivors.
func crashOften(t *testing.T, seed uint64, s settings) tally {
	t.Helper()
	var sum tally
	for _, c := range crashes(t, seed, s) {
		sum.crashes++
		n, err := rowsIn(t, c.dir, s)
		switch {
		case errors.Is(err, errDamaged):
			sum.damaged++
			sum.note("seed %d, before %v: %v", seed, c.op, err)
		case err != nil:
			t.Fatalf("seed %d, before %v: %v", seed, c.op, err)
		case int64(n) < c.acked:
			sum.lost++
			sum.note("seed %d, before %v: %d rows of %d acknowledged", seed, c.op, n, c.acked)
		case int64(n) > c.acked+1:
			t.Fatalf("seed %d, before %v: %d rows, %d acknowledged", seed, c.op, n, c.acked)
		}
	}
	return sum
}

// crash is a power cut before op, when acked rows were acknowledged.
type crash struct {
	dir   string // its survivors
	acked int64
	op    faultfs.Op
}

func crashes(t *testing.T, seed uint64, s settings) []crash {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	fs := faultfs.Register(t)
	var all []crash
	var acked atomic.Int64
	dir := t.TempDir()
	// One connection: the hook is never called twice at once.
	fs.Inject(func(op faultfs.Op) faultfs.Fault {
		if op.Kind == faultfs.Read || rng.IntN(8) != 0 {
			return faultfs.None
		}
		c := crash{filepath.Join(dir, fmt.Sprint("crash-", len(all))), acked.Load(), op}
		if err := fs.Crash(c.dir, rng); err != nil {
			t.Error(err)
		}
		all = append(all, c)
		return faultfs.None
	})
	db := open(t, dir, fs.Name(), s)
	if err := insertRows(db, 20, &acked); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func crashSeeds(t *testing.T, s settings) tally {
	t.Helper()
	var sum tally
	for seed := *firstSeed; seed < *firstSeed+*numSeeds; seed++ {
		sum.add(crashOften(t, seed, s))
	}
	return sum
}

// TestCrash has SQLite's own promises as its measure: where it syncs, nothing
// acknowledged is lost; where it does not, the layer must lose something, or it
// proves nothing about us.
func TestCrash(t *testing.T) {
	f := func(journal, synchronous string, loses, damages bool) {
		t.Helper()
		t.Run(journal+"/"+synchronous, func(t *testing.T) {
			sum := crashSeeds(t, settings{journal, synchronous})
			t.Log(sum.crashes, "crashes,", sum.lost, "lost acknowledged rows,", sum.damaged, "damaged")
			t.Log(strings.Join(sum.notes, "\n"))
			if got := sum.lost > 0; got != loses {
				t.Errorf("acknowledged rows lost: %v, want %v (-seed %d -seeds %d)", got, loses, *firstSeed, *numSeeds)
			}
			if got := sum.damaged > 0; got != damages {
				t.Errorf("databases damaged: %v, want %v (-seed %d -seeds %d)", got, damages, *firstSeed, *numSeeds)
			}
		})
	}
	f("wal", "full", false, false)
	f("wal", "normal", true, false)
	f("wal", "off", true, true)
	f("delete", "extra", false, false)
	f("delete", "full", true, false) // the journal's deletion is not synced, and comes back
	f("delete", "off", true, true)
}

// TestCrashAfterCrash cuts the power at one operation of each of several lives of
// a database, recovery included; what a life finds is what the former left.
func TestCrashAfterCrash(t *testing.T) {
	wal := settings{"wal", "full"}
	for seed := *firstSeed; seed < *firstSeed+*numSeeds; seed++ {
		rng := rand.New(rand.NewPCG(seed, 2))
		dir := t.TempDir()
		var acked atomic.Int64
		for life := range 6 {
			dir = liveAndCrash(t, dir, rng, &acked)
			n, err := rowsIn(t, clone(t, dir), wal)
			if err != nil || int64(n) < acked.Load() {
				t.Fatalf("seed %d, life %d: %d rows of %d acknowledged, %v", seed, life, n, acked.Load(), err)
			}
		}
	}
}

// liveAndCrash runs a database until the power goes at some operation, from
// which on nothing succeeds, and returns where the survivors are.
func liveAndCrash(t *testing.T, dir string, rng *rand.Rand, acked *atomic.Int64) (survivors string) {
	t.Helper()
	fs := faultfs.Register(t)
	survivors = t.TempDir()
	last := 1 + rng.Int64N(150)
	fs.Inject(func(op faultfs.Op) faultfs.Fault {
		switch {
		case op.Seq < last:
			return faultfs.None
		case op.Seq == last:
			if err := fs.Crash(survivors, rng); err != nil {
				t.Error(err)
			}
		}
		return faultfs.EIO
	})
	db := open(t, dir, fs.Name(), settings{"wal", "full"})
	db.SetMaxOpenConns(1)
	if err := insertRows(db, 1000, acked); err == nil {
		t.Fatal("1,000 rows were written without power")
	}
	db.Close() // fails like the rest
	return survivors
}

// clone copies the files of dir, so that looking at them changes nothing.
func clone(t *testing.T, dir string) string {
	t.Helper()
	dst := t.TempDir()
	if err := os.CopyFS(dst, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return dst
}
