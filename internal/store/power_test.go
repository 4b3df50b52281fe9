package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pulse"
	"pulse/internal/store/faultfs"
)

// TestPowerCut cuts the power at a random operation of the file layer, lets what was
// not synced be lost, torn and reordered, and opens what a disk may then hold: all
// that was acknowledged is there, and the database is whole.
func TestPowerCut(t *testing.T) {
	rng := seed(t)
	cuts := 60
	if testing.Short() {
		cuts = 10
	}
	for i := range cuts {
		t.Run(fmt.Sprint(i), func(t *testing.T) { cutOnce(t, rand.New(rand.NewPCG(rng.Uint64(), 2))) })
	}
}

func cutOnce(t *testing.T, rng *rand.Rand) {
	fs := faultfs.Register(t)
	l := &load{s: mustOpen(t, Options{Dir: t.TempDir(), vfs: fs.Name(), Fatal: func(error) {}})}
	p := &powerCut{t: t, fs: fs, load: l, dst: t.TempDir() + "/after",
		at: fs.Ops() + 1 + rng.Int64N(400), disk: rand.New(rand.NewPCG(rng.Uint64(), 3))}
	fs.Inject(p.hook)
	l.run(rng.Uint64(), 40)
	fs.Inject(nil)
	l.s.Close()
	if !p.cut {
		t.Fatalf("the load ended after %d operations, before the cut at %d", fs.Ops(), p.at)
	}
	checkSurvivors(t, p.dst, p.acked)
}

// powerCut takes what the disk holds at one operation, and fails all that follow.
type powerCut struct {
	t    *testing.T
	fs   *faultfs.FS
	load *load
	dst  string
	at   int64
	disk *rand.Rand

	mu    sync.Mutex
	cut   bool
	acked []string // before the cut
}

func (p *powerCut) hook(op faultfs.Op) faultfs.Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if op.Seq < p.at && !p.cut {
		return faultfs.None
	}
	if !p.cut {
		p.cut = true
		p.acked = p.load.snapshot()
		if err := p.fs.Crash(p.dst, p.disk); err != nil {
			p.t.Error(err)
		}
	}
	return faultfs.EIO
}

func mustOpen(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// load delivers and commits pages from several goroutines and remembers what was
// acknowledged: "d KEY" a delivery, "p KEY VERSION" a page. A failed call is left.
type load struct {
	s     *Store
	mu    sync.Mutex
	acked []string
}

func (l *load) ack(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = append(l.acked, what)
}

func (l *load) snapshot() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.acked...)
}

func (l *load) run(seed uint64, each int) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			for n := range each {
				l.one(rng, w, n)
			}
		})
	}
	wg.Wait()
}

// one delivers a page of this goroutine's own and commits it.
func (l *load) one(rng *rand.Rand, worker, n int) {
	ctx := context.Background()
	key := fmt.Sprintf("https://w%d.example/%d", worker, rng.IntN(5))
	d := page(key, "{}")
	d.Key = fmt.Sprintf("%d-%d", worker, n)
	r, err := l.s.Accept(ctx, d)
	if err != nil {
		return
	}
	l.ack("d " + d.Key)
	text := fmt.Sprintf("text %d of worker %d %s", n, worker, string(make([]byte, rng.IntN(9000))))
	if _, err := l.s.Commit(ctx, write(r.Jobs[0], text)); err == nil {
		l.ack(fmt.Sprintf("p %s %d", key, r.Jobs[0].Version))
	}
}

// checkSurvivors opens what the disk holds and looks for everything acknowledged.
func checkSurvivors(t *testing.T, dir string, acked []string) {
	t.Helper()
	s := mustOpen(t, Options{Dir: dir})
	defer s.Close()
	var verdict string
	if err := s.read.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity: %s, %v", verdict, err)
	}
	for _, what := range acked {
		var kind, key string
		var version pulse.Version
		_, _ = fmt.Sscan(what, &kind, &key, &version) // a delivery has no version
		if kind == "d" {
			r, err := s.Accept(context.Background(), &pulse.Delivery{Source: "firecrawl", Key: key})
			if err != nil || !r.Duplicate {
				t.Fatalf("acknowledged delivery %s is not there: %+v, %v", key, r, err)
			}
			continue
		}
		rec, err := s.Document(context.Background(), pulse.DefaultCollection, key)
		if err != nil || rec.Document.Version < version {
			t.Fatalf("acknowledged version %d of %s is not there: %+v, %v", version, key, rec, err)
		}
	}
	checkCounters(t, s)
}

// checkCounters compares the counters with the tables that they count.
func checkCounters(t *testing.T, s *Store) {
	t.Helper()
	var live, chunks, waiting, done int64
	if err := s.read.QueryRow(`SELECT (SELECT count(*) FROM documents WHERE state = 'live'), (SELECT coalesce(sum(chunks), 0) FROM documents),
		(SELECT count(*) FROM jobs WHERE state = 'available'), (SELECT count(*) FROM jobs WHERE state = 'done')`).Scan(&live, &chunks, &waiting, &done); err != nil {
		t.Fatal(err)
	}
	got := s.counted.Load()
	if got.documents != live || got.chunks != chunks || got.available != waiting || got.done != done {
		t.Fatalf("counters %+v, tables say %d live, %d chunks, %d waiting, %d done", got, live, chunks, waiting, done)
	}
}

// TestDiskFaults injects one fault into the n-th operation of a kind while a load
// runs: who is told of success finds it after a restart, and unless a sync failed
// the store goes on.
func TestDiskFaults(t *testing.T) {
	f := func(name string, kind faultfs.Kind, file faultfs.File, fault faultfs.Fault, wantFatal bool) {
		t.Run(name, func(t *testing.T) {
			hits := 0
			for _, n := range []int64{1, 2, 3, 5, 9, 17, 40} {
				if faultOnce(t, kind, file, n, fault, wantFatal) {
					hits++
				}
			}
			if hits == 0 {
				t.Error("no operation was hit")
			}
		})
	}
	f("EIO on WAL write", faultfs.Write, faultfs.WAL, faultfs.EIO, false)
	f("ENOSPC on WAL write", faultfs.Write, faultfs.WAL, faultfs.ENOSPC, false)
	f("EIO on WAL sync", faultfs.Sync, faultfs.WAL, faultfs.EIO, true)
}

func faultOnce(t *testing.T, kind faultfs.Kind, file faultfs.File, n int64, fault faultfs.Fault, wantFatal bool) (hit bool) {
	t.Helper()
	fs := faultfs.Register(t)
	dir := t.TempDir()
	var fatal, fired atomic.Bool
	l := &load{s: mustOpen(t, Options{Dir: dir, vfs: fs.Name(), Fatal: func(error) { fatal.Store(true) }})}
	nth := faultfs.Nth(kind, file, n+fs.Counts().Of(kind, file), fault)
	fs.Inject(func(op faultfs.Op) faultfs.Fault {
		what := nth(op)
		if what != faultfs.None {
			fired.Store(true)
		}
		return what
	})
	l.run(uint64(n), 10)
	fs.Inject(nil)
	if fatal.Load() != (wantFatal && fired.Load()) {
		t.Fatalf("operation %d: the process ends: %v", n, fatal.Load())
	}
	if !fatal.Load() {
		if _, err := l.s.Accept(context.Background(), page("https://after.example/", "{}")); err != nil {
			t.Fatalf("operation %d: the store does not go on: %v", n, err)
		}
	}
	acked := l.snapshot()
	l.s.Close()
	checkSurvivors(t, dir, acked)
	return fired.Load()
}

// TestFullDisk says so to every caller, keeps nothing of what it refuses, and goes
// on once there is room.
func TestFullDisk(t *testing.T) {
	fs := faultfs.Register(t)
	s := mustOpen(t, Options{Dir: t.TempDir(), vfs: fs.Name()})
	defer s.Close()
	kept := accept(t, s, page("https://example.com/kept", "{}"))
	fs.Inject(faultfs.FullAfter(0))
	for range 3 {
		if _, err := s.Accept(t.Context(), page("https://example.com/refused", "{}")); !errors.Is(err, pulse.ErrDiskFull) {
			t.Fatalf("accept on a full disk: %v", err)
		}
	}
	if _, err := s.Part(t.Context(), kept.Seq, 0); err != nil {
		t.Errorf("read on a full disk: %v", err)
	}
	fs.Inject(nil)
	if r := accept(t, s, page("https://example.com/again", "{}")); r.Seq != kept.Seq+1 {
		t.Errorf("after the full disk comes delivery %d, want %d", r.Seq, kept.Seq+1)
	}
	checkCounters(t, s)
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	// Below a file nothing can be made, not even by the superuser.
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse := func(dir, named string) {
		t.Helper()
		s, err := Open(t.Context(), Options{Dir: dir})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("open %s: %v", dir, err)
		}
	}
	refuse(file+"/data", file)
	if os.Geteuid() == 0 {
		t.Log("the rest is skipped: the superuser may write everywhere")
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	refuse(dir, dir)
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, Options{Dir: dir}).Close()
	db, err := sql.Open("sqlite", dir+"/"+FileName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`PRAGMA user_version = 999`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, pulse.ErrNewerSchema) {
		t.Errorf("open: %v", err)
	}
}

// TestImpossibleSchemaIsRefused: a number that no migration has is no place to begin at.
func TestImpossibleSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, Options{Dir: dir}).Close()
	db, err := sql.Open("sqlite", dir+"/"+FileName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`PRAGMA user_version = -5`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, pulse.ErrDamaged) || !strings.Contains(err.Error(), "schema is -5") {
		t.Errorf("open: %v", err)
	}
}

func TestDamagedFileIsRefusedAndKept(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, Options{Dir: dir})
	accept(t, s, page("https://example.com/", "{}"))
	s.Close()
	path := dir + "/" + FileName
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data[:min(len(data), 8192)] {
		data[i] ^= 0x5a
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, pulse.ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "left as it is") {
		t.Errorf("open: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || string(after) != string(data) {
		t.Errorf("the damaged file was changed (%v)", err)
	}
}
