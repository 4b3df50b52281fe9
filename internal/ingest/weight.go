package ingest

import (
	"context"
	"strings"

	"pulse"
)

// What a page takes of memory at its worst, from its part to its commit: the
// part, the decoded strings, the cleaned text, the chunks with what is embedded,
// and what the store makes of it. Measured (TestMemoryOfAPage) at 4 to 6 times the part
// for markdown; at 12 times for prose in HTML, whose tree also takes 360 bytes a
// tag. What the chunks of another language or the store's packing add is a guess.
const (
	bytesFactor = 8   // memory for a byte of a part
	htmlFactor  = 14  // memory for a byte of HTML
	tagBytes    = 400 // memory for a tag
)

// htmlWeight is what converting a page from HTML takes; 0 when it is not needed.
func htmlWeight(c *pulse.Change) int64 {
	if c.Markdown != "" || c.HTML == "" {
		return 0
	}
	return htmlFactor*int64(len(c.HTML)) + tagBytes*int64(strings.Count(c.HTML, "<"))
}

// acquire takes a job's weight out of the byte budget.
func (w *Workers) acquire(ctx context.Context, r *run, weight int64) error {
	if w.deps.Budget == nil {
		return nil
	}
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
