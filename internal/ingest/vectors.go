package ingest

import (
	"context"
	"errors"
	"fmt"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/store"
)

// vectors adds the vectors of a page to its write, or marks them as pending: the
// page is not held up by an embedder that is slow or away, nor embedded again
// when nothing of it has changed. The only error is that of the job's own
// context.
func (w *Workers) vectors(ctx context.Context, r *run, write *store.Write, pieces []chunk.Piece) error {
	if w.deps.Embedder == nil || len(pieces) == 0 {
		return nil
	}
	if w.embed.closed() || w.unchanged(ctx, write) {
		write.VectorsPending = true
		return ctx.Err()
	}
	texts := make([]string, len(pieces))
	for i := range pieces {
		texts[i] = pieces[i].Embed
	}
	start := w.now()
	soon, cancel := context.WithTimeout(ctx, w.opts.VectorsWait)
	defer cancel()
	vectors, err := w.embedTexts(soon, texts)
	w.operation(ctx, r, opEmbed, &r.job.Stages.Embed, start)
	if err != nil {
		write.VectorsPending = true
		return ctx.Err()
	}
	write.Vectors, r.report.Refused = vectors, countRefused(vectors)
	return nil
}

// unchanged says whether the store holds this very content by this layout. If it
// is wrong by the time of the commit, because another job came between, the
// vectors follow by an embed job: VectorsPending is set with it.
func (w *Workers) unchanged(ctx context.Context, write *store.Write) bool {
	record, err := w.deps.Store.Document(ctx, write.Document.Collection, write.Document.Key)
	if err != nil {
		return false // the commit meets the same fault, if it lasts
	}
	d := &record.Document
	return d.State == pulse.StateLive && d.ContentHash == write.Document.ContentHash && d.Layout == write.Layout
}

// embedTexts embeds, and notes how the embedder does. When it fails, the gate
// closes for a while; when it merely takes too long for one page while others got
// their answer, it does not.
func (w *Workers) embedTexts(ctx context.Context, texts []string) ([]pulse.Vector, error) {
	start := w.now()
	vectors, err := w.deps.Embedder.Embed(ctx, texts)
	if err == nil && len(vectors) != len(texts) {
		err = fmt.Errorf("embedder answered %d vectors for %d texts", len(vectors), len(texts))
	}
	if err == nil {
		w.embedded.Store(w.now().UnixNano())
		w.embed.over()
		return vectors, nil
	}
	var input *pulse.InputError
	switch {
	case errors.As(err, &input), errors.Is(ctx.Err(), context.Canceled):
	case ctx.Err() != nil && w.embedded.Load() >= start.UnixNano():
	default:
		w.embed.fault(err)
	}
	return nil, err
}

// embedLater embeds a page that was committed without vectors, from its stored
// text and spans.
func (w *Workers) embedLater(ctx context.Context, r *run) error {
	record, err := w.deps.Store.Document(ctx, r.job.Collection, r.job.Key)
	if errors.Is(err, pulse.ErrNotFound) {
		return pulse.ErrSuperseded
	}
	if err != nil {
		return fmt.Errorf("read document %s: %w", r.job.Key, err)
	}
	d := &record.Document
	if w.deps.Embedder == nil || d.State != pulse.StateLive || d.Layout != w.deps.Layout {
		return pulse.ErrSuperseded // another layout's vectors are that layout's affair
	}
	if w.embed.closed() {
		return &awayError{errGateClosed, w.embed.opens()}
	}
	texts, err := storedTexts(record)
	if err != nil {
		return err
	}
	return w.embedStored(ctx, r, d, texts)
}

func (w *Workers) embedStored(ctx context.Context, r *run, d *pulse.Document, texts []string) error {
	r.report.Chunks = len(texts)
	start := w.now()
	vectors, err := w.embedTexts(ctx, texts)
	w.operation(ctx, r, opEmbed, &r.job.Stages.Embed, start)
	var input *pulse.InputError
	switch {
	case errors.As(err, &input):
		return fmt.Errorf("embed %d chunks: %w", len(texts), err)
	case err != nil:
		return &awayError{fmt.Errorf("embed %d chunks: %w", len(texts), err), w.embed.opens()}
	}
	r.report.Refused = countRefused(vectors)
	start = w.now()
	committed, err := w.deps.Store.CommitVectors(ctx, r.job, d.CommitSeq, d.Layout, vectors)
	if err != nil {
		return fmt.Errorf("commit %d vectors: %w", len(vectors), err)
	}
	w.operation(ctx, r, opCommit, &r.job.Stages.Commit, start)
	w.committed(r, committed)
	return nil
}

// storedTexts composes what is embedded as the chunker did when the page was
// committed.
func storedTexts(record *store.DocumentRecord) ([]string, error) {
	d := &record.Document
	for i := range record.Chunks {
		c := &record.Chunks[i]
		if c.Start < 0 || c.Start > c.End || c.End > len(d.Text) {
			return nil, permanentf("chunk %d spans %d to %d of %d bytes", c.Ordinal, c.Start, c.End, len(d.Text))
		}
	}
	return chunk.Embeds(d.Title, d.Text, record.Chunks), nil
}

func countRefused(vectors []pulse.Vector) int {
	n := 0
	for _, v := range vectors {
		if v == nil {
			n++
		}
	}
	return n
}
