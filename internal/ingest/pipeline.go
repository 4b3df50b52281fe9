package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/clean"
	"pulse/internal/pagekey"
	"pulse/internal/store"
)

// eraseSlice is how many documents a mass deletion tombstones in one transaction.
const eraseSlice = 1000

// run does one job. When it returns nil the store has ended the job; an error
// goes to fate, which decides.
func (w *Workers) run(ctx context.Context, r *run) error {
	switch {
	case r.job.Kind == pulse.KindUpsert:
		return w.upsert(ctx, r)
	case isErasure(r.job):
		return w.erase(ctx, r)
	case r.job.Kind == pulse.KindDelete:
		return w.delete(ctx, r)
	case r.job.Kind == pulse.KindEmbed:
		return w.embedLater(ctx, r)
	default:
		return permanentf("no worker does jobs of kind %q", r.job.Kind)
	}
}

// upsert is the way of a page: decode, clean, chunk, embed, commit.
func (w *Workers) upsert(ctx context.Context, r *run) error {
	change, err := w.decode(ctx, r)
	if err != nil {
		return err
	}
	if change.Kind == pulse.KindDelete {
		return w.delete(ctx, r)
	}
	page, err := w.clean(ctx, r, change)
	if err != nil {
		return err
	}
	pieces, err := w.chunk(ctx, r, page)
	if err != nil {
		return err
	}
	write, err := w.write(r, change, page, pieces)
	if err != nil {
		return err
	}
	if err := w.vectors(ctx, r, write, pieces); err != nil {
		return err
	}
	return w.commit(ctx, r, write)
}

// decode reads the job's part. Its time counts to cleaning. What a source cannot
// decode once, it never can.
func (w *Workers) decode(ctx context.Context, r *run) (*pulse.Change, error) {
	decoder := w.deps.Decoders[r.job.Source]
	if decoder == nil {
		return nil, permanentf("no decoder for source %q", r.job.Source)
	}
	start := w.now()
	part, err := w.deps.Store.Part(ctx, r.job.Delivery, r.job.Element)
	if err != nil {
		return nil, fmt.Errorf("read part %d of delivery %d: %w", r.job.Element, r.job.Delivery, err)
	}
	change, err := decoder(part)
	if err != nil {
		return nil, permanentf("decode part %d of delivery %d: %w", r.job.Element, r.job.Delivery, err)
	}
	r.job.Stages.Clean += w.now().Sub(start)
	return change, w.acquireForHTML(ctx, r, change)
}

func (w *Workers) clean(ctx context.Context, r *run, change *pulse.Change) (clean.Page, error) {
	start := w.now()
	page, err := clean.Clean(change)
	if err != nil {
		return clean.Page{}, cleanError(err)
	}
	w.operation(ctx, r, opClean, &r.job.Stages.Clean, start)
	return page, ctx.Err()
}

func (w *Workers) chunk(ctx context.Context, r *run, page clean.Page) ([]chunk.Piece, error) {
	start := w.now()
	pieces, err := w.split(ctx, r, page)
	if err != nil {
		return nil, fmt.Errorf("cut into chunks: %w", err)
	}
	r.report.Chunks = len(pieces)
	w.operation(ctx, r, opChunk, &r.job.Stages.Chunk, start)
	return pieces, ctx.Err()
}

// split cuts a page. Where its tokens cannot be counted in the time that a page waits for
// vectors, it is cut by those of a stand-in, for keyword search: such chunks say no number
// of tokens, and the page is cut anew when it is embedded.
func (w *Workers) split(ctx context.Context, r *run, page clean.Page) ([]chunk.Piece, error) {
	if r.layout.Rough == nil {
		return r.layout.Chunker.Split(ctx, page.Title, page.Text)
	}
	soon, cancel := context.WithTimeout(ctx, w.patience(r))
	defer cancel()
	pieces, err := r.layout.Chunker.Split(soon, page.Title, page.Text)
	if err == nil || ctx.Err() != nil {
		return pieces, err
	}
	pieces, err = r.layout.Rough.Split(ctx, page.Title, page.Text)
	for i := range pieces {
		pieces[i].Tokens = 0
	}
	return pieces, err
}

// isRough says whether chunks were cut by a stand-in.
func isRough(chunks []pulse.Chunk) bool {
	return slices.ContainsFunc(chunks, func(c pulse.Chunk) bool { return c.Tokens == 0 })
}

// write gathers what the store commits, but the vectors.
func (w *Workers) write(r *run, change *pulse.Change, page clean.Page, pieces []chunk.Piece) (*store.Write, error) {
	job := r.job
	write := &store.Write{
		Job: job,
		Document: pulse.Document{
			Collection: job.Collection, Key: job.Key, URL: job.URL,
			Title: page.Title, Description: page.Description, Language: page.Language,
			Country: change.Country, IsMobile: change.IsMobile, Metadata: change.Metadata, Text: page.Text,
		},
		Layout:  r.layout.ID,
		Chunks:  chunksOf(pieces),
		Aliases: aliases(job, change),
	}
	if !w.opts.DropSource && change.Markdown != page.Text && change.Markdown != "" {
		write.Source = []byte(change.Markdown)
	}
	if w.opts.KeepHTML && change.HTML != "" {
		write.HTML = []byte(change.HTML)
	}
	hash, err := contentHash(&write.Document)
	if err != nil {
		return nil, permanentf("hash content: %w", err)
	}
	write.Document.ContentHash = hash
	return write, nil
}

// aliases is the key of the address that was asked for, where it led elsewhere.
// An address that has no key can be asked for by nobody.
func aliases(job *pulse.Job, change *pulse.Change) []string {
	if change.AskedURL == "" || change.AskedURL == job.URL {
		return nil
	}
	key, err := pagekey.Normalise(change.AskedURL)
	if err != nil || key == job.Key {
		return nil
	}
	return []string{key}
}

func (w *Workers) commit(ctx context.Context, r *run, write *store.Write) error {
	start := w.now()
	committed, err := w.deps.Store.Commit(ctx, write)
	if err != nil {
		return fmt.Errorf("commit %d chunks: %w", len(write.Chunks), err)
	}
	w.operation(ctx, r, opCommit, &r.job.Stages.Commit, start)
	r.report.VectorsPending = write.VectorsPending && committed.Outcome == pulse.OutcomeIndexed
	w.committed(r, committed)
	return nil
}

func (w *Workers) committed(r *run, c store.Committed) {
	r.job.Outcome, r.job.CommitSeq = c.Outcome, c.Seq
	w.deps.Queue.Add(c.Jobs...)
}

// delete writes the tombstone of one key. Its part is not read: what it says is
// in the job.
func (w *Workers) delete(ctx context.Context, r *run) error {
	return w.commit(ctx, r, &store.Write{Job: r.job, Gone: true})
}

// isErasure tells a mass deletion from the deletion of one page.
func isErasure(job *pulse.Job) bool { return job.Kind == pulse.KindDelete && job.Key == "" }

// erasePart is the part of a mass deletion's job.
type erasePart struct {
	Scope store.EraseScope `json:"scope"`
	Value string           `json:"value"`
}

// erase tombstones the documents of a mass deletion, slice by slice. The erasure
// itself was written when the deletion was accepted, so that nothing older can
// come back between two slices, and starting again from the front is right.
func (w *Workers) erase(ctx context.Context, r *run) error {
	part, err := w.deps.Store.Part(ctx, r.job.Delivery, r.job.Element)
	if err != nil {
		return fmt.Errorf("read part %d of delivery %d: %w", r.job.Element, r.job.Delivery, err)
	}
	var p erasePart
	if err := json.Unmarshal(part, &p); err != nil {
		return permanentf("decode mass deletion: %w", err)
	}
	e := store.Erasure{Collection: r.job.Collection, Scope: p.Scope, Value: p.Value, Version: r.job.Version, Job: r.job.ID}
	if err := w.eraseSlices(ctx, r, e); err != nil {
		return fmt.Errorf("erase %s %q: %w", p.Scope, p.Value, err)
	}
	return deletedError{}
}

// eraseSlices gives each slice the time that a job has, because a mass deletion
// may rightly be long.
func (w *Workers) eraseSlices(ctx context.Context, r *run, e store.Erasure) error {
	start := w.now()
	defer func() { r.job.Stages.Commit += w.now().Sub(start) }()
	for from := pulse.DocumentID(0); ; {
		slice, cancel := context.WithTimeout(ctx, w.opts.JobTimeout)
		next, _, err := w.deps.Store.EraseSlice(slice, e, from, eraseSlice)
		cancel()
		if err != nil {
			return err
		}
		if next == 0 {
			return nil
		}
		from = next
	}
}

// timeout is what bounds a whole run of a job; 0 is no bound.
func (w *Workers) timeout(job *pulse.Job) time.Duration {
	if isErasure(job) {
		return 0
	}
	return w.opts.JobTimeout
}
