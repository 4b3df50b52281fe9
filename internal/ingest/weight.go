package ingest

import (
	"cmp"
	"context"
	"strings"

	"pulse"
)

// What a page takes of memory at its worst, from its part to its commit: the
// part, the decoded strings, the cleaned text, the chunks with what is embedded,
// and what the store makes of it. Measured (TestMemoryOfAPage) at 4 to 6 times the part
// for markdown; at 12 times for prose in HTML, whose tree also takes 360 bytes a
// tag. What the chunks of another language or the store's packing add is a guess.
// Vectors are there as they were made and as the store packs them, and follow as they
// are kept.
const (
	bytesFactor = 8   // memory for a byte of a part
	htmlFactor  = 14  // memory for a byte of HTML
	tagBytes    = 400 // memory for a tag
	numberBytes = 10  // memory for a number of a vector
)

// defaultChunkBytes is the text of a chunk without its overlap where nobody says: 200
// tokens of 3 bytes.
const defaultChunkBytes = 600

// weight is what a job's part takes by this layout, as far as its length tells.
func (l *Layout) weight(part int64) int64 {
	weight := bytesFactor * part
	if l.Embedder != nil {
		weight += part * numberBytes * int64(l.Embedder.Model().Dimension) / int64(cmp.Or(l.ChunkBytes, defaultChunkBytes))
	}
	return weight
}

// htmlWeight is what converting a page from HTML takes; 0 when it is not needed.
func htmlWeight(c *pulse.Change) int64 {
	if c.Markdown != "" || c.HTML == "" {
		return 0
	}
	return htmlFactor*int64(len(c.HTML)) + tagBytes*int64(strings.Count(c.HTML, "<"))
}

// acquire takes a job's weight out of the byte budget. However large a page is, a quarter
// stays for bodies that are received, which would be refused while it runs.
func (w *Workers) acquire(ctx context.Context, r *run, weight int64) error {
	if w.deps.Budget == nil {
		return nil
	}
	weight = min(weight, w.deps.Budget.Size()/4*3)
	if err := w.deps.Budget.Acquire(ctx, weight); err != nil {
		return err
	}
	r.weight = weight
	return nil
}

func (w *Workers) release(r *run) {
	if w.deps.Budget != nil {
		w.deps.Budget.Release(r.weight)
		r.weight = 0
	}
}

// acquireForHTML makes a page's weight what its HTML takes, which only its
// decoding shows. It gives back what it has before it asks for more: two pages
// that hold some and wait for more would wait for ever.
func (w *Workers) acquireForHTML(ctx context.Context, r *run, c *pulse.Change) error {
	weight := htmlWeight(c)
	if weight <= r.weight {
		return nil
	}
	w.release(r)
	return w.acquire(ctx, r, weight)
}
