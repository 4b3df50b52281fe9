package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/ingest"
	"pulse/internal/source/file"
)

// ImportOptions say what is imported. Paths are files or folders as file.Open takes
// them.
type ImportOptions struct {
	Paths      []string
	Collection string // "" means the default one
	BaseURL    string // of a folder's pages
	Again      bool   // queue pages too that an earlier run over the same file has queued
}

// Import is one bulk import. One of Into and To runs it; Progress and Report may be
// called meanwhile.
type Import struct {
	o     ImportOptions
	ahead int // pages that may wait for workers
	began time.Time

	pages, queued, repeated, ended atomic.Int64

	mu       sync.Mutex
	into     string
	reader   *file.Reader // the file that is read now
	passed   int64        // bytes of the files before it
	outcomes map[pulse.Outcome]int64
	reasons  map[string]int64
	examples []string
	files    []error
	left     int64 // jobs that wait for a retry
	took     time.Duration
}

// NewImport prepares an import.
func NewImport(o ImportOptions) *Import {
	return &Import{o: o, ahead: maxAhead, began: time.Now(), outcomes: map[pulse.Outcome]int64{}, reasons: map[string]int64{}}
}

// ImportProgress is how far an import is.
type ImportProgress struct {
	Bytes, TotalBytes   int64 // of the files; total counts those that were opened so far
	Read, Queued, Ended int64 // pages
	Elapsed             time.Duration
}

// Progress reads how far the import is.
func (i *Import) Progress() ImportProgress {
	i.mu.Lock()
	defer i.mu.Unlock()
	p := ImportProgress{Bytes: i.passed, TotalBytes: i.passed, Read: i.pages.Load(), Queued: i.queued.Load(), Ended: i.ended.Load(), Elapsed: time.Since(i.began)}
	if i.reader != nil {
		read, total := i.reader.Progress()
		p.Bytes += read
		p.TotalBytes += max(read, total)
	}
	return p
}

// ImportReport is what became of the pages.
type ImportReport struct {
	Into       string           `json:"into"` // the server's address, or the data folder
	Read       int64            `json:"read"`
	Queued     int64            `json:"queued"`
	Repeated   int64            `json:"repeated"` // queued by an earlier run over the same file
	Indexed    int64            `json:"indexed"`
	Unchanged  int64            `json:"unchanged"`
	Superseded int64            `json:"superseded"`
	Deleted    int64            `json:"deleted"`
	Refused    int64            `json:"refused"`
	Reasons    map[string]int64 `json:"reasons,omitempty"`  // of refusals and failures
	Examples   []string         `json:"examples,omitempty"` // the first of them, by file and line
	Failed     int64            `json:"failed"`
	Retrying   int64            `json:"retrying"`        // will be tried again by a server
	Files      []string         `json:"files,omitempty"` // that could not be read to their end, and why
	Seconds    float64          `json:"seconds"`
	PerSecond  float64          `json:"pages_per_second"`
}

// Report is what became of the pages so far.
func (i *Import) Report() ImportReport {
	i.mu.Lock()
	defer i.mu.Unlock()
	took := i.took
	if took == 0 {
		took = time.Since(i.began)
	}
	r := ImportReport{
		Into: i.into, Read: i.pages.Load(), Queued: i.queued.Load(), Repeated: i.repeated.Load(),
		Indexed: i.outcomes[pulse.OutcomeIndexed], Unchanged: i.outcomes[pulse.OutcomeUnchanged],
		Superseded: i.outcomes[pulse.OutcomeSuperseded], Deleted: i.outcomes[pulse.OutcomeDeleted],
		Refused: i.outcomes[pulse.OutcomeRefused], Failed: i.outcomes[pulse.OutcomeFailed], Retrying: i.left,
		Reasons: map[string]int64{}, Examples: slices.Clone(i.examples),
		Seconds: took.Seconds(), PerSecond: float64(i.pages.Load()) / max(took.Seconds(), 1e-3),
	}
	for reason, n := range i.reasons {
		r.Reasons[reason] = n
	}
	for _, err := range i.files {
		r.Files = append(r.Files, err.Error())
	}
	return r
}

// OK says whether every page came to an end that its sender would want, or to a
// refusal by name, and there were others than refused ones.
func (r *ImportReport) OK() bool {
	return r.Failed == 0 && r.Retrying == 0 && len(r.Files) == 0 && r.InVain() == ""
}

// InVain says why an import that went well brought no page; "" where it did. One page that
// is wrong may be the sender's; a file of them is the wrong file, or of another kind.
func (r *ImportReport) InVain() string {
	switch {
	case len(r.Files) > 0:
		return "" // the files say it
	case r.Read == 0:
		return "no page was found"
	case r.Refused >= r.Read:
		return "every page was refused: nothing was imported"
	}
	return ""
}

// reading notes the file that is read from now on.
func (i *Import) reading(r *file.Reader) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.reader != nil {
		_, total := i.reader.Progress()
		i.passed += total
	}
	i.reader = r
}

func (i *Import) noteFile(path string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.files = append(i.files, fmt.Errorf("%s: %w", path, err))
}

// maxExamples and maxReasons bound what is told of pages that were refused.
const (
	maxExamples = 20
	maxReasons  = 50
)

func (i *Import) noteRefused(reason, example string) {
	i.note(pulse.OutcomeRefused, reason, example, 1)
}

// note counts n pages that ended in an outcome; the reason may be "".
func (i *Import) note(o pulse.Outcome, reason, example string, n int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.outcomes[o] += n
	if reason == "" {
		return
	}
	if _, known := i.reasons[reason]; !known && len(i.reasons) >= maxReasons {
		reason = "other reasons"
	}
	i.reasons[reason] += n
	if len(i.examples) < maxExamples {
		i.examples = append(i.examples, example)
	}
}

func (i *Import) finished(left int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left, i.took = left, time.Since(i.began)
}

// Run imports into the server that --server names; else, where no data folder is named, into
// the local server if it runs; else straight into the data folder, or through the local
// server that holds it.
func (i *Import) Run(ctx context.Context, cfg *Config) error {
	if cfg.Server != "" {
		c, err := Dial(ctx, cfg)
		if err != nil {
			return err
		}
		return i.through(ctx, c, cfg)
	}
	if !cfg.Given("data") { // what the other commands ask is meant here too
		if c, err := Dial(ctx, cfg); err == nil {
			return i.through(ctx, c, cfg)
		}
	}
	a, err := StartOwn(ctx, cfg, true)
	if err == nil {
		i.goesInto(cfg.DataDir())
		return errors.Join(i.Into(ctx, a), a.Stop())
	}
	if !errors.Is(err, pulse.ErrLocked) {
		return whyEnded(ctx, err)
	}
	c, dialErr := Dial(ctx, cfg)
	if dialErr != nil {
		return fmt.Errorf("%w; %w", err, dialErr)
	}
	return i.through(ctx, c, cfg)
}

func (i *Import) through(ctx context.Context, c *client.Client, cfg *Config) error {
	defer c.Close()
	i.goesInto(cfg.shownURL())
	return i.To(ctx, c)
}

func (i *Import) goesInto(where string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.into = where
}

// maxAhead bounds the pages that wait for workers, so that memory and the time to
// the first searchable page do not grow with the file.
const maxAhead = 4096

// Into imports straight into an app's store and returns when all is searchable that
// can be now. Jobs that an earlier run left are done too. Its error is the context's,
// or the store's; what is wrong with pages and files stands in the Report. A full disk
// ends it: a server's jobs wait until there is room, a command would never end.
func (i *Import) Into(ctx context.Context, a *App) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	nudge := make(chan struct{}, 1)
	a.OnJob(func(r ingest.JobReport) {
		i.jobEnded(r, nudge)
		if errors.Is(r.Err, pulse.ErrDiskFull) {
			cancel(r.Err)
		}
	})
	defer a.OnJob(nil)

	batches, readErr := make(chan *batch, 2), make(chan error, 1)
	go func() { readErr <- i.read(ctx, batches) }()
	var failed error
	for b := range batches {
		if failed == nil {
			if failed = errors.Join(i.room(ctx, a, nudge), i.accept(ctx, a, b)); failed != nil {
				cancel(failed)
			}
		}
	}
	err := errors.Join(failed, <-readErr)
	if err == nil {
		err = a.settle(ctx)
	}
	if err != nil {
		i.finished(0)
		return whyEnded(ctx, err)
	}
	i.finished(int64(a.pool.Queue.Counts().Retrying))
	return nil
}

// whyEnded is the first thing that went wrong, and what to do where that is known. All
// that was queued before is kept.
func whyEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, pulse.ErrDiskFull) {
		return fmt.Errorf("%w: free some space and run the same command again to go on", err)
	}
	return err
}

// room waits until few enough pages wait.
func (i *Import) room(ctx context.Context, a *App, nudge <-chan struct{}) error {
	for a.pool.Queue.Counts().Waiting[pulse.PriorityBulk] > i.ahead {
		select {
		case <-nudge:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// accept keeps a batch as one delivery and queues its jobs.
func (i *Import) accept(ctx context.Context, a *App, b *batch) error {
	if ctx.Err() != nil {
		return nil // room has said so
	}
	if err := a.checkDisk(); err != nil {
		return err
	}
	d := &pulse.Delivery{
		Source: b.source, Key: b.key, EventType: "ingest", Collection: i.o.Collection, Result: pulse.ResultQueued,
		Bytes: b.bytes, Priority: pulse.PriorityBulk, Elements: b.elements,
	}
	if i.o.Again {
		d.Key = ""
	}
	receipt, err := a.pool.Store.Accept(ctx, d)
	if err != nil {
		return fmt.Errorf("keep %d pages: %w", len(b.elements), err)
	}
	if receipt.Duplicate {
		i.repeated.Add(int64(len(b.elements)))
		return nil
	}
	for _, r := range receipt.Refused {
		i.noteRefused(r.Reason, r.URL+": "+r.Reason)
	}
	i.queued.Add(int64(len(receipt.Jobs)))
	a.pool.Queue.Add(receipt.Jobs...)
	return nil
}

func (i *Import) jobEnded(r ingest.JobReport, nudge chan<- struct{}) {
	if j := r.Job; j.State != pulse.JobAvailable {
		i.ended.Add(1)
		reason := j.Reason
		if j.Outcome == pulse.OutcomeFailed {
			reason = j.LastError
		}
		i.note(j.Outcome, reason, j.URL+": "+reason, 1)
	}
	select {
	case nudge <- struct{}{}:
	default:
	}
}
