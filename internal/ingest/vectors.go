package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pulse"
	"pulse/internal/chunk"
	"pulse/internal/embed"
	"pulse/internal/store"
)

// leastVectorsWait is what a page waits for its vectors even where it is late already: an
// embedder that keeps up answers in less, and a second commit costs more.
const leastVectorsWait = 100 * time.Millisecond

// vectors adds the vectors of a page to its write, or marks them as pending: the
// page is not held up by an embedder that is slow or away, nor embedded again
// when nothing of it has changed. The only error is that of the job's own
// context.
func (w *Workers) vectors(ctx context.Context, r *run, write *store.Write, pieces []chunk.Piece) error {
	if r.layout.Embedder == nil || len(pieces) == 0 {
		return nil
	}
	if r.layout.Rough != nil && isRough(write.Chunks) {
		write.VectorsPending = true
		return ctx.Err()
	}
	patience := w.patience(r)
	if w.embed.closed() || patience <= 0 || r.layout.Embedder.Wait(embed.LaneOf(r.job.Priority)) > patience {
		write.VectorsPending = true
		return ctx.Err()
	}
	former := w.former(ctx, write)
	if former.unchanged {
		write.VectorsPending = true
		return ctx.Err()
	}
	start := w.now()
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w.waiting.Add(1)
	defer w.waiting.Add(-1)
	vectors, err := w.embedPieces(soon, r, pieces, former.vectors)
	w.operation(ctx, r, opEmbed, &r.job.Stages.Embed, start)
	if err != nil {
		write.VectorsPending = true
		return ctx.Err()
	}
	write.Vectors, r.report.Refused = vectors, countRefused(vectors)
	return nil
}

// patience is how long a page may wait for its vectors: what is left of VectorsWait since
// it was accepted. A page that is late already waits a moment where the embedder keeps up,
// and not at all where most workers wait for it: it is what made the page late.
func (w *Workers) patience(r *run) time.Duration {
	left := w.opts.VectorsWait
	if !r.job.AcceptedAt.IsZero() {
		left -= w.now().Sub(r.job.AcceptedAt)
	}
	if left <= 0 && 4*int(w.waiting.Load()) >= 3*w.opts.Workers {
		return 0
	}
	return max(left, min(leastVectorsWait, w.opts.VectorsWait))
}

// embedPieces takes the vectors of chunks that say what they said, and embeds the rest.
func (w *Workers) embedPieces(ctx context.Context, r *run, pieces []chunk.Piece, former map[uint64]pulse.Vector) ([]pulse.Vector, error) {
	vectors := make([]pulse.Vector, len(pieces))
	request := requestOf(r.job)
	var at []int
	for i := range pieces {
		if v := former[pieces[i].Hash]; v != nil {
			vectors[i] = v
			continue
		}
		request.Texts, request.Tokens = append(request.Texts, pieces[i].Embed), append(request.Tokens, pieces[i].Tokens)
		at = append(at, i)
	}
	r.report.Reused = len(pieces) - len(at)
	if len(at) == 0 {
		return vectors, nil
	}
	made, err := w.embedTexts(ctx, r, request)
	if err != nil {
		return nil, err
	}
	for i, v := range made {
		vectors[at[i]] = v
	}
	return vectors, nil
}

// requestOf is an empty request in a job's lane and turn.
func requestOf(job *pulse.Job) embed.Request {
	return embed.Request{Lane: embed.LaneOf(job.Priority), Turn: job.Turn}
}

// formerPage is what the store holds of a page that is about to be replaced.
type formerPage struct {
	unchanged bool                    // this very content, by this layout
	vectors   map[uint64]pulse.Vector // of its chunks, by what was embedded
}

// former looks at the page as it is stored. If that is wrong by the time of the commit,
// because another job came between, an unchanged page's vectors follow by an embed job
// (VectorsPending is set with it), and vectors are right for what was embedded anyway. A
// page that cannot be read is embedded whole: the commit meets the same fault, if it lasts.
func (w *Workers) former(ctx context.Context, write *store.Write) formerPage {
	c, err := w.deps.Store.Former(ctx, write.Document.Collection, write.Document.Key)
	if err != nil || c == nil || c.Document.State != pulse.StateLive || c.Document.Layout != write.Layout {
		return formerPage{}
	}
	if c.Document.ContentHash == write.Document.ContentHash {
		return formerPage{unchanged: true}
	}
	return formerPage{vectors: vectorsByHash(c)}
}

// vectorsByHash are a document's vectors by the hash of what was embedded.
func vectorsByHash(c *pulse.Commit) map[uint64]pulse.Vector {
	if len(c.Vectors) != len(c.Chunks) {
		return nil
	}
	m := make(map[uint64]pulse.Vector, len(c.Chunks))
	for i := range c.Chunks {
		m[c.Chunks[i].Hash] = c.Vectors[i]
	}
	return m
}

// embedTexts embeds, and notes how the embedder does. When it fails, the gate
// closes for a while; when it merely takes too long for one page while others got
// their answer, it does not.
func (w *Workers) embedTexts(ctx context.Context, r *run, request embed.Request) ([]pulse.Vector, error) {
	start := w.now()
	vectors, err := r.layout.Embedder.Embed(ctx, request)
	if err == nil && len(vectors) != len(request.Texts) {
		err = fmt.Errorf("embedder answered %d vectors for %d texts", len(vectors), len(request.Texts))
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
	if r.layout.Embedder == nil || d.State != pulse.StateLive || d.Layout != r.layout.ID {
		return pulse.ErrSuperseded // another layout's vectors are that layout's affair
	}
	if w.embed.closed() {
		return &awayError{errGateClosed, w.embed.opens()}
	}
	if isRough(record.Chunks) {
		return w.embedAnew(ctx, r, d)
	}
	texts, err := storedTexts(record)
	if err != nil {
		return err
	}
	return w.embedStored(ctx, r, d, nil, texts)
}

// embedAnew embeds a page that a stand-in has cut, by its own tokens.
func (w *Workers) embedAnew(ctx context.Context, r *run, d *pulse.Document) error {
	pieces, err := r.layout.Chunker.Split(ctx, d.Title, d.Text)
	if err != nil {
		return fmt.Errorf("cut into chunks: %w", err)
	}
	chunks, texts := make([]pulse.Chunk, len(pieces)), make([]string, len(pieces))
	for i := range pieces {
		chunks[i], texts[i] = pieces[i].Chunk, pieces[i].Embed
	}
	return w.embedStored(ctx, r, d, chunks, texts)
}

// embedStored embeds a page's chunks; chunks are nil where the stored ones stand.
func (w *Workers) embedStored(ctx context.Context, r *run, d *pulse.Document, chunks []pulse.Chunk, texts []string) error {
	r.report.Chunks = len(texts)
	start := w.now()
	request := requestOf(r.job)
	request.Texts = texts
	vectors, err := w.embedTexts(ctx, r, request)
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
	committed, err := w.deps.Store.CommitVectors(ctx, r.job, d.CommitSeq, d.Layout, chunks, vectors)
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
