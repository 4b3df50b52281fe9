// Package store is the truth: deliveries, jobs, documents with their text, chunks
// and vectors, in one SQLite file. All writes go through one commit group; the
// rules of truth of ARCHITECTURE.md live here and in ingest's fate, nowhere else.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"modernc.org/sqlite" // also the database/sql driver "sqlite"

	"pulse"
)

// FileName is the database's name in the data folder.
const FileName = "pulse.db"

// Options configure Open. The zero value of each field is its default.
type Options struct {
	Dir           string // the data folder; made if missing
	Now           func() time.Time
	Log           *slog.Logger
	MaxGroupBytes int64 // of pages taken into one commit group (4 MiB)
	TailBytes     int64 // of recent commits kept in memory for followers (64 MiB)
	Readers       int   // connections that read (8)
	OnGroup       func(GroupStats)
	// Fatal ends the process after a failed fsync; it must not return but in tests.
	Fatal func(error)
	// Failpoint is called with a name before and after each acceptance and commit;
	// tests kill the process in it.
	Failpoint func(name string)

	vfs    string                          // tests: the file layer under SQLite
	inject func(n int, query string) error // tests: an error for a group's n-th statement
}

// GroupStats is what one commit group did, for metrics.
type GroupStats struct {
	Callers, Statements int
	Bytes               int64
	Duration            time.Duration
}

// Store is open until Close. Its methods are safe for concurrent use.
type Store struct {
	opts          Options
	lock          *os.File
	write         *sql.DB // one connection, owned by the group
	read          *sql.DB // for workers, followers and hits
	lists         *sql.DB // for lists and their counts, which may be long
	readPart      *sql.Stmt
	readBody      *sql.Stmt
	readDocuments *sql.Stmt // documentsAtOnce by id
	group         *group
	tail          *tail
	identity      atomic.Pointer[Identity]
	sessions      []session // ascending by their begin; not changed after open
	openJob       pulse.JobID
	encoder       *zstd.Encoder
	decoder       *zstd.Decoder

	counted  atomic.Pointer[counters] // as of the last group, for readers
	erasures atomic.Pointer[[]Erasure]
	applied  appliedNotes
	active   map[string]pulse.LayoutID // by collection; owned by the group's loop
	files    *checkpointer

	background sync.WaitGroup
	stop       context.CancelFunc
	closeOnce  sync.Once
	closeErr   error
}

// Open opens the store in opts.Dir, making or migrating it, and starts its commit
// group. Errors: pulse.ErrLocked when another process holds the folder,
// pulse.ErrNewerSchema, pulse.ErrDamaged.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	lock, err := lockFolder(opts.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, lock: lock}
	if err := s.open(ctx); err != nil {
		s.closeFiles()
		err = fmt.Errorf("open store %s: %w", filepath.Join(opts.Dir, FileName), explain(err))
		if errors.Is(err, pulse.ErrDamaged) {
			err = fmt.Errorf("%w; the file is left as it is: put a copy in its place, or start on an empty folder", err)
		}
		return nil, err
	}
	s.start()
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxGroupBytes == 0 {
		o.MaxGroupBytes = 4 << 20
	}
	if o.TailBytes == 0 {
		o.TailBytes = 64 << 20
	}
	if o.Readers == 0 {
		o.Readers = 8
	}
	if o.Fatal == nil {
		o.Fatal = func(err error) {
			fmt.Fprintf(os.Stderr, "pulse: %v: what the disk holds is unknown; start again to read it afresh\n", err)
			os.Exit(1)
		}
	}
	if o.Failpoint == nil {
		o.Failpoint = func(string) {}
	}
	return o
}

// open does all of Open's I/O behind the lock.
func (s *Store) open(ctx context.Context) error {
	var err error
	if s.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return fmt.Errorf("make encoder: %w", err)
	}
	if s.decoder, err = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxFrameBytes)); err != nil {
		return fmt.Errorf("make decoder: %w", err)
	}
	// As durable as fsync, without the file's times. Where the system has none, fsync stays.
	_, _ = sqlite.Fdatasync(true)
	if s.write, err = sql.Open("sqlite", s.dsn("rwc", patience)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err := migrate(ctx, s.write, s.opts.Dir); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", s.dsn("ro", patience)); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(s.opts.Readers)
	s.read.SetMaxIdleConns(s.opts.Readers)
	if s.lists, err = sql.Open("sqlite", s.dsn("ro", patience)); err != nil {
		return err
	}
	s.lists.SetMaxOpenConns(2)
	return s.load(ctx)
}

// patience is how long a connection waits for another's lock.
const patience = 10 * time.Second

// dsn names the database with the settings of a connection: fsync at every commit,
// no checkpoint by the writer (the checkpointer does them), times as we give them.
func (s *Store) dsn(mode string, patience time.Duration) string {
	path := (&fileURL{path: filepath.Join(s.opts.Dir, FileName)}).String()
	dsn := path + "?mode=" + mode +
		fmt.Sprintf("&_pragma=busy_timeout(%d)&_pragma=synchronous(FULL)&_pragma=temp_store(MEMORY)", patience.Milliseconds())
	if mode != "ro" { // readers keep SQLite's 2 MiB of cache: the system's serves them all
		dsn += "&_pragma=cache_size(-65536)&_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=wal_autocheckpoint(0)"
	}
	if s.opts.vfs != "" {
		dsn += "&vfs=" + s.opts.vfs
	}
	return dsn
}

// load reads what the store keeps in memory.
func (s *Store) load(ctx context.Context) error {
	var c counters
	if err := s.read.QueryRowContext(ctx, readCounters).Scan(c.fields()...); err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	s.counted.Store(&c)
	s.openJob = pulse.JobID(c.job)
	if ahead := fromMicros(c.receivedAt).Sub(s.opts.Now()); ahead > time.Minute {
		s.opts.Log.Warn("The clock is behind the last delivery: was it ahead before, or is it wrong now? Until it has caught up, deliveries and pages stand at that time",
			"last_delivery", fromMicros(c.receivedAt), "behind", ahead.Round(time.Second))
	}
	if err := s.prepareReads(ctx); err != nil {
		return err
	}
	if err := s.loadIdentity(ctx); err != nil {
		return err
	}
	if err := s.sweepStaged(ctx); err != nil {
		return err
	}
	if err := s.beginSession(ctx, pulse.CommitSeq(c.commitSeq)); err != nil {
		return err
	}
	if err := s.loadErasures(ctx); err != nil {
		return err
	}
	if err := s.applied.load(ctx, s.read); err != nil {
		return err
	}
	s.active = map[string]pulse.LayoutID{}
	s.tail = newTail(s.opts.TailBytes, pulse.CommitSeq(c.commitSeq))
	s.group = &group{
		open:   func(ctx context.Context) (*sql.Conn, error) { return s.write.Conn(ctx) },
		inject: s.opts.inject, now: s.opts.Now, fatal: s.opts.Fatal, onDone: s.opts.OnGroup, max: s.opts.MaxGroupBytes,
		before: s.beforeCommit, landed: s.landed, counters: c,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	return nil
}

// prepareReads makes the statements that every job and every hit runs.
func (s *Store) prepareReads(ctx context.Context) (err error) {
	for into, query := range map[**sql.Stmt]string{
		&s.readPart:      `SELECT body FROM parts WHERE id = ?`,
		&s.readBody:      `SELECT d.commit_seq, b.data FROM documents d LEFT JOIN bodies b ON b.id = d.body WHERE d.id = ?`,
		&s.readDocuments: documentsByID,
	} {
		if *into, err = s.read.PrepareContext(ctx, query); err != nil {
			return fmt.Errorf("prepare reads: %w", err)
		}
	}
	return nil
}

// start runs the loops that Close ends.
func (s *Store) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go s.group.loop()
	s.files = newCheckpointer(s)
	s.background.Go(func() { s.files.run(ctx) })
	s.background.Go(func() { s.flushApplied(ctx) })
}

// Close lets what the commit group holds finish, then closes the files.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.stop()
		s.background.Wait()
		s.group.stop()
		s.files.truncate()
		s.closeErr = s.closeFiles()
	})
	return s.closeErr
}

func (s *Store) closeFiles() error {
	var first error
	for _, db := range []*sql.DB{s.lists, s.read, s.write} {
		if db == nil {
			continue
		}
		if err := db.Close(); err != nil && first == nil {
			first = fmt.Errorf("close store: %w", err)
		}
	}
	if s.decoder != nil {
		s.decoder.Close()
	}
	s.lock.Close()
	return first
}

// beforeCommit writes what the group's callers add up to.
func (s *Store) beforeCommit(t *tx) error {
	for _, d := range addUp(t.crawls) {
		if err := d.write(t); err != nil {
			return err
		}
	}
	if !t.newHistory {
		if err := s.applied.write(t); err != nil {
			return err
		}
	}
	if t.counters == s.group.counters {
		return nil
	}
	return t.counters.write(t)
}

// landed publishes what a group has put on disk.
func (s *Store) landed(t *tx) {
	c := t.counters
	s.counted.Store(&c)
	s.applied.landed()
	s.tail.add(t.commits)
	s.files.nudge()
}

// LastJobAtOpen is the store's counter when it was opened: jobs up to it are read
// by AvailableJobs, later ones come with the receipt of Accept.
func (s *Store) LastJobAtOpen() pulse.JobID { return s.openJob }

// micros is a time as the store keeps it; 0 is none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros is the inverse of micros.
func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
