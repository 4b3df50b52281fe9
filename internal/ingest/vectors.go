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
// when nothing of it has changed. What the former version's chunks say already is
// known without an embedder, so that of a page that is pending only the rest waits.
// The only error is that of the job's own context.
func (w *Workers) vectors(ctx context.Context, r *run, write *store.Write, pieces []chunk.Piece) error {
	if r.layout.Embedder == nil || len(pieces) == 0 {
		return nil
	}
	former := w.former(ctx, write)
	if former.unchanged {
		write.VectorsPending = true
		return ctx.Err()
	}
	set := keepVectors(pieces, former.vectors)
	r.report.Reused = set.kept()
	rough := r.layout.Rough != nil && isRough(write.Chunks)
	write.VectorsPending = rough || !w.embedNow(ctx, r, set)
	if !write.VectorsPending {
		write.Vectors, r.report.Refused = set.vectors, countRefused(set.vectors)
		return nil
	}
	if set.kept() > 0 {
		write.Vectors = set.vectors
	}
	return ctx.Err()
}

// embedNow embeds what a page lacks in the time that it may wait, and says whether that
// was enough.
func (w *Workers) embedNow(ctx context.Context, r *run, set *vectorSet) bool {
	if len(set.lacking) == 0 {
		return true
	}
	patience := w.patience(r)
	if w.embed.closed() || patience <= 0 || r.layout.Embedder.Wait(embed.LaneOf(r.job.Priority)) > patience {
		return false
	}
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w.waiting.Add(1)
	defer w.waiting.Add(-1)
	return w.embedLacking(soon, r, set) == nil
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

// embedLacking embeds what a set lacks, if anything.
func (w *Workers) embedLacking(ctx context.Context, r *run, set *vectorSet) error {
	if len(set.lacking) == 0 {
		return nil
	}
	start := w.now()
	made, err := w.embedTexts(ctx, r, set.request(embed.LaneOf(r.job.Priority), r.job.Turn))
	w.operation(ctx, r, opEmbed, &r.job.Stages.Embed, start)
	set.add(made)
	return err
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

// embedLater embeds what a page that was committed with vectors pending lacks, from its
// stored text and spans.
func (w *Workers) embedLater(ctx context.Context, r *run) error {
	c, err := w.deps.Store.Former(ctx, r.job.Collection, r.job.Key)
	if err != nil {
		return fmt.Errorf("read document %s: %w", r.job.Key, err)
	}
	if c == nil || r.layout.Embedder == nil || c.Document.State != pulse.StateLive || c.Document.Layout != r.layout.ID {
		return pulse.ErrSuperseded // another layout's vectors are that layout's affair
	}
	if c.Damage != nil {
		return fmt.Errorf("read document %s: %w", r.job.Key, c.Damage)
	}
	if w.embed.closed() {
		return &awayError{errGateClosed, w.embed.opens()}
	}
	if isRough(c.Chunks) {
		return w.embedAnew(ctx, r, c)
	}
	pieces, err := storedPieces(c)
	if err != nil {
		return err
	}
	return w.embedStored(ctx, r, c, nil, pieces)
}

// embedAnew embeds a page that a stand-in has cut, by its own tokens.
func (w *Workers) embedAnew(ctx context.Context, r *run, c *pulse.Commit) error {
	pieces, err := r.layout.Chunker.Split(ctx, c.Document.Title, c.Document.Text)
	if err != nil {
		return fmt.Errorf("cut into chunks: %w", err)
	}
	return w.embedStored(ctx, r, c, chunksOf(pieces), pieces)
}

// embedStored gives a stored page its vectors; chunks are nil where the stored ones stand.
// The vectors that it has were reused, and counted so, when it was committed.
func (w *Workers) embedStored(ctx context.Context, r *run, c *pulse.Commit, chunks []pulse.Chunk, pieces []chunk.Piece) error {
	r.report.Chunks = len(pieces)
	set := keepVectors(pieces, vectorsByHash(c))
	err := w.embedLacking(ctx, r, set)
	var input *pulse.InputError
	switch {
	case errors.As(err, &input):
		return fmt.Errorf("embed %d chunks: %w", len(set.lacking), err)
	case err != nil:
		return &awayError{fmt.Errorf("embed %d chunks: %w", len(set.lacking), err), w.embed.opens()}
	}
	r.report.Refused = countRefused(set.vectors)
	start := w.now()
	committed, err := w.deps.Store.CommitVectors(ctx, r.job, c.Seq, c.Document.Layout, chunks, set.vectors)
	if err != nil {
		return fmt.Errorf("commit %d vectors: %w", len(set.vectors), err)
	}
	w.operation(ctx, r, opCommit, &r.job.Stages.Commit, start)
	w.committed(r, committed)
	return nil
}

// storedPieces composes what is embedded as the chunker did when the page was
// committed.
func storedPieces(c *pulse.Commit) ([]chunk.Piece, error) {
	d := &c.Document
	pieces := make([]chunk.Piece, len(c.Chunks))
	for i, at := range c.Chunks {
		if at.Start < 0 || at.Start > at.End || at.End > len(d.Text) {
			return nil, permanentf("chunk %d spans %d to %d of %d bytes", at.Ordinal, at.Start, at.End, len(d.Text))
		}
		pieces[i].Chunk = at
	}
	for i, text := range chunk.Embeds(d.Title, d.Text, c.Chunks) {
		pieces[i].Embed = text
	}
	return pieces, nil
}

func chunksOf(pieces []chunk.Piece) []pulse.Chunk {
	chunks := make([]pulse.Chunk, len(pieces))
	for i := range pieces {
		chunks[i] = pieces[i].Chunk
	}
	return chunks
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
