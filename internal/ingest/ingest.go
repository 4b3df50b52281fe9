// Package ingest turns jobs into commits. A worker takes a job, decodes its part,
// cleans, chunks, embeds and commits it; pipeline.go is that one function,
// fate.go alone decides what becomes of a job, running.go remembers across a
// death of the process which jobs ran.
//
// Everything a job needs is built once and shared: workers make no parts.
package ingest

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/embed"
	"pulse/internal/queue"
	"pulse/internal/store"
)

// Jobs is what the store keeps of jobs.
type Jobs interface {
	// Part is the bytes of one element; pulse.ErrGone when they expired.
	Part(ctx context.Context, seq pulse.DeliverySeq, element int) ([]byte, error)
	// End ends, retries or buries a job that made no commit.
	End(ctx context.Context, job *pulse.Job, e store.Ending) error
	// Job reads one job; pulse.ErrNotFound when there is none.
	Job(ctx context.Context, id pulse.JobID) (*pulse.Job, error)
	// MarkDeath notes that the process died while these jobs ran. Jobs that have
	// ended all the same are left as they are.
	MarkDeath(ctx context.Context, ids []pulse.JobID, alone bool) error
}

// Documents is what the store keeps of pages.
type Documents interface {
	// Former is a document with its chunks and vectors; nil when it was never seen.
	Former(ctx context.Context, collection, key string) (*pulse.Commit, error)
	Commit(ctx context.Context, w *store.Write) (store.Committed, error)
	CommitVectors(ctx context.Context, job *pulse.Job, basedOn pulse.CommitSeq, layout pulse.LayoutID, chunks []pulse.Chunk, vectors []pulse.Vector) (store.Committed, error)
	EraseSlice(ctx context.Context, e store.Erasure, from pulse.DocumentID, limit int) (next pulse.DocumentID, erased int, err error)
}

// Store is the truth that workers read and write: *store.Store, or a map in tests.
type Store interface {
	Jobs
	Documents
}

var _ Store = (*store.Store)(nil)

// Embedder turns texts into vectors, one each; nil where it refused that text
// alone. An error is about the embedder, unless it is a *pulse.InputError. It is a part
// of embed.Embedder.
type Embedder interface {
	Model() embed.Model
	Embed(ctx context.Context, r embed.Request) ([]pulse.Vector, error)
	// Wait is about how long a text that comes now will wait.
	Wait(l embed.Lane) time.Duration
}

// Chunker cuts texts as chunk.Chunker does. An *embed.AwayError says that nobody counts
// tokens at the moment.
type Chunker interface {
	Split(ctx context.Context, title, text string) ([]chunk.Piece, error)
}

// Layout is one way of cutting pages and embedding their chunks, with its parts.
type Layout struct {
	ID       pulse.LayoutID
	Chunker  Chunker
	Rough    Chunker  // cuts for keyword search alone while Chunker cannot; nil: it always can
	Embedder Embedder // nil: documents have no vectors

	ChunkBytes int // text of a chunk without its overlap, about, at the least; 0 is a guess
}

// Decoder reads one part of its source.
type Decoder func(part []byte) (*pulse.Change, error)

// Deps are the parts that all workers share.
type Deps struct {
	Store    Store
	Queue    *queue.Queue
	Budget   *queue.Budget // shared with receiving bodies; nil bounds nothing
	Layout   Layout
	Decoders map[string]Decoder // by source
}

// Options tunes Workers. The zero value is the default.
type Options struct {
	Workers         int           // jobs at once; 0 means 64
	MaxAttempts     int           // answers about a page before it is dead; 0 means 5
	JobTimeout      time.Duration // of one run; 0 means 10 minutes
	ShutdownTimeout time.Duration // that running jobs have to finish; 0 means 30 seconds
	SlowJob         time.Duration // own work that earns a warning; 0 means 5 seconds
	VectorsWait     time.Duration // before a page is committed for keyword search alone; 0 means 5 seconds
	RetryFor        time.Duration // that an embed job waits for an embedder that is away; 0 means 72 hours
	DropSource      bool          // do not keep markdown as sent
	KeepHTML        bool          // keep html as sent
	RunningFile     string        // path of the file of running jobs; "" keeps none
	Log             *slog.Logger
	Now             func() time.Time
	OnJob           func(JobReport) // called by the worker after each run
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&o.JobTimeout, 10*time.Minute)
	set(&o.ShutdownTimeout, 30*time.Second)
	set(&o.SlowJob, 5*time.Second)
	set(&o.VectorsWait, 5*time.Second)
	set(&o.RetryFor, 72*time.Hour)
	if o.Workers <= 0 {
		o.Workers = 64
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 5
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// JobReport is one run of a job, for metrics and for whoever watches.
type JobReport struct {
	// Job as the run left it: State (available: it will run again at RunAt),
	// Outcome, Reason, LastError, CommitSeq, StartedAt, EndedAt and Stages are set.
	Job            *pulse.Job
	Chunks         int
	Refused        int   // chunks that the embedder refused: the page is partial
	Reused         int   // chunks that kept their vectors
	VectorsPending bool  // committed for keyword search alone
	Err            error // why it did not end well; nil otherwise
}

// Workers runs jobs.
type Workers struct {
	deps    Deps
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	fate    *fate
	layout  atomic.Pointer[Layout] // each run of a job takes it once
	store   outage                 // the store does not take commits
	embed   outage                 // the embedder does not answer
	running *runningFile
	started atomic.Int64 // jobs since the start: the first are logged at info

	runningFailed atomic.Bool  // the running file is of no use; said once
	inRun         atomic.Int32 // jobs that are run or reported
	waiting       atomic.Int32 // pages that wait for their vectors
	embedded      atomic.Int64 // when the embedder last answered, Unix nanoseconds
}

// New makes workers. It does no I/O; Recover and Run do.
func New(d Deps, o Options) *Workers {
	o = o.withDefaults()
	w := &Workers{
		deps:  d,
		opts:  o,
		log:   o.Log,
		now:   o.Now,
		fate:  newFate(o),
		store: outage{part: "store", first: firstFastRetry, log: o.Log, now: o.Now},
		embed: outage{part: "embedder", first: time.Second, log: o.Log, now: o.Now},
	}
	w.Adopt(d.Layout)
	return w
}

// Adopt has runs that begin from here on cut and embed by another layout. What has
// begun by the former one is refused by the store (store.ErrOtherLayout) and runs again.
func (w *Workers) Adopt(l Layout) { w.layout.Store(&l) }
