package local

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
)

// sectionChunks bounds the chunks that go in under one hold of the lock, so that a
// large batch stops no search for longer than about two milliseconds. A document
// is never divided.
const sectionChunks = 128

// prepared is one commit, analysed: all that does not need the lock.
type prepared struct {
	id         pulse.DocumentID
	seq        pulse.CommitSeq
	collection string
	size       int       // of its text, in bytes
	document   *document // nil for a tombstone
	keyword    keyword.Document
	vectors    []vector.Chunk // of one dimension
}

// Apply replaces each document wholly. Analysis goes first, on all processors and
// without the lock; then the documents go in by sections, in order. The position
// moves with the last of them: what a position promises is only true of whole
// batches, since a document that was committed again appears at its last commit.
func (x *Index) Apply(ctx context.Context, commits []pulse.Commit, to index.Position) error {
	x.applying.Lock()
	_, waited := x.dueIn()
	err := x.applyAll(ctx, commits)
	if err == nil {
		x.mu.Lock()
		x.data.position = to
		x.mu.Unlock()
	}
	x.applying.Unlock()
	switch {
	case err != nil || x.disk == nil:
		return err
	case x.fresh && x.full():
		return x.flush()
	case !waited || x.full():
		x.wake()
	}
	return nil
}

func (x *Index) applyAll(ctx context.Context, commits []pulse.Commit) error {
	work := x.prepareAll(ctx, commits)
	if err := ctx.Err(); err != nil {
		return err
	}
	for len(work) > 0 {
		n := section(work)
		x.applySection(work[:n])
		work = work[n:]
	}
	x.pack()
	return nil
}

func section(work []prepared) int {
	chunks := 0
	for i := range work {
		chunks += len(work[i].keyword.Chunks) + 1
		if chunks >= sectionChunks {
			return i + 1
		}
	}
	return len(work)
}

func (x *Index) applySection(work []prepared) {
	x.mu.Lock()
	defer x.mu.Unlock()
	chunks := 0
	for i := range work {
		x.data.apply(&work[i], &x.options)
		if x.disk != nil {
			x.data.waiting.add(&work[i], x.options.Now)
		}
		chunks += len(work[i].keyword.Chunks) + 1
	}
	for _, c := range x.data.collections {
		c.keyword.Tidy(chunks)
	}
}

// pack makes full segments of the keyword indexes smaller. The work is done without
// the lock: nothing else changes segments in memory while commits are applied.
func (x *Index) pack() {
	for _, c := range x.data.collections {
		for packing := x.unpacked(c); packing != nil; packing = x.unpacked(c) {
			packing.Run()
			x.mu.Lock()
			c.keyword.Pack(packing)
			x.mu.Unlock()
		}
	}
}

func (x *Index) unpacked(c *collection) *keyword.Packing {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return c.keyword.Unpacked()
}

// prepareAll analyses the commits, several at once where there is enough to do.
func (x *Index) prepareAll(ctx context.Context, commits []pulse.Commit) []prepared {
	work := make([]prepared, len(commits))
	workers := min(x.options.Workers, (len(commits)+7)/8)
	if workers <= 1 {
		x.prepareEvery(ctx, commits, work, 0, 1)
		return work
	}
	var running sync.WaitGroup
	for first := range workers {
		running.Go(func() { x.prepareEvery(ctx, commits, work, first, workers) })
	}
	running.Wait()
	return work
}

func (x *Index) prepareEvery(ctx context.Context, commits []pulse.Commit, work []prepared, first, step int) {
	counter, ok := x.counters.Get().(*keyword.Counter)
	if !ok {
		counter = keyword.NewCounter()
	}
	defer x.counters.Put(counter)
	for i := first; i < len(commits) && ctx.Err() == nil; i += step {
		work[i] = x.prepare(&commits[i], counter)
	}
}

func (x *Index) prepare(c *pulse.Commit, counter *keyword.Counter) prepared {
	d := &c.Document
	p := prepared{id: d.ID, seq: c.Seq, collection: collectionName(d.Collection), size: len(d.Text)}
	if d.State == pulse.StateGone {
		return p
	}
	p.document = x.newDocument(c)
	p.keyword = keyword.Document{Language: p.document.language, Chunks: make([]keyword.Counts, len(c.Chunks))}
	for i, chunk := range c.Chunks {
		if chunk.Start < 0 || chunk.Start > chunk.End || chunk.End > len(d.Text) {
			x.options.OnRefused(d.ID, i, fmt.Errorf("index chunk %d of %s: bytes %d to %d of a text of %d",
				i, d.Key, chunk.Start, chunk.End, len(d.Text)))
			continue
		}
		p.keyword.Chunks[i] = counter.Count(x.options.Compose(d.Title, chunk.Headings, d.Text[chunk.Start:chunk.End]), d.Language)
	}
	if x.options.TitleWeight > 0 && d.Title != "" {
		title := counter.Count(d.Title, d.Language)
		p.keyword.Title = &title
	}
	p.vectors = x.encode(c)
	if len(p.vectors) > 0 {
		p.document.dimension = p.vectors[0].Dimension()
		p.document.vectorWeight = float32(min(1, max(0, x.options.VectorWeight(excerpt(d.Text)))))
	}
	return p
}

// excerptBytes is how much of a text is looked at to tell what its vectors are worth: each
// third of it from another place, so that no menu speaks for the page below it.
const excerptBytes = 1500

// excerpt is a text, or three parts of it. It may cut characters.
func excerpt(text string) string {
	if len(text) <= excerptBytes {
		return text
	}
	const part = excerptBytes / 3
	middle := (len(text) - part) / 2
	return strings.ToValidUTF8(text[:part]+"\n"+text[middle:middle+part]+"\n"+text[len(text)-part:], "")
}

func collectionName(name string) string {
	if name == "" {
		return pulse.DefaultCollection
	}
	return name
}

// newDocument copies the strings that it keeps: those of a commit may be parts of
// the page's whole text, which must not stay in memory with them.
func (x *Index) newDocument(c *pulse.Commit) *document {
	d := &c.Document
	key := strings.Clone(d.Key)
	return &document{
		id: d.ID, key: key, host: x.options.Host(key),
		language: strings.Clone(d.Language), country: strings.Clone(d.Country), isMobile: d.IsMobile,
		metadata: pack(d.Metadata), received: d.ReceivedAt,
		contentHash: strings.Clone(d.ContentHash), seq: c.Seq, chunks: cloneChunks(c.Chunks),
	}
}

// cloneChunks copies chunks; neighbours with the same headings share one copy.
func cloneChunks(chunks []pulse.Chunk) []pulse.Chunk {
	own := slices.Clone(chunks)
	for i := range own {
		if i > 0 && slices.Equal(own[i].Headings, own[i-1].Headings) {
			own[i].Headings = own[i-1].Headings
			continue
		}
		own[i].Headings = slices.Clone(own[i].Headings)
		for j, heading := range own[i].Headings {
			own[i].Headings[j] = strings.Clone(heading)
		}
	}
	return own
}

// encode makes the commit's vectors ready. One that cannot be is refused by itself,
// as is one whose dimension is not that of the first.
func (x *Index) encode(c *pulse.Commit) []vector.Chunk {
	var chunks []vector.Chunk
	for i, v := range c.Vectors {
		if v == nil {
			continue
		}
		chunk, err := vector.Encode(x.options.Metric, uint32(i), v)
		if err == nil && len(chunks) > 0 && chunk.Dimension() != chunks[0].Dimension() {
			err = fmt.Errorf("%d numbers beside vectors of %d: %w", chunk.Dimension(), chunks[0].Dimension(), vector.ErrDimension)
		}
		if err != nil {
			x.options.OnRefused(c.Document.ID, i, fmt.Errorf("index vector %d of %s: %w", i, c.Document.Key, err))
			continue
		}
		chunks = append(chunks, chunk)
	}
	return chunks
}

// apply puts one commit in. A commit older than what is there changes nothing.
func (d *data) apply(p *prepared, o *Options) {
	old, known := d.places[p.id]
	if known && old.in.documents[old.number].seq > p.seq {
		return
	}
	delete(d.lost, p.seq)
	if known && (p.document == nil || d.collections[p.collection] != old.in) {
		old.in.remove(old.number)
		delete(d.places, p.id)
		known = false
	}
	if p.document == nil {
		return
	}
	if !known {
		in := d.collection(p.collection, o)
		old = place{in: in, number: in.number()}
		d.places[p.id] = old
	}
	old.in.put(old.number, p)
}

func (d *data) collection(name string, o *Options) *collection {
	c, ok := d.collections[name]
	if !ok {
		c = &collection{
			name:    name,
			numbers: make(map[string]uint32),
			keyword: keyword.New(o.bm25()),
			vectors: make(map[int]*vector.Index),
			metric:  o.Metric,
		}
		d.collections[name] = c
	}
	return c
}

// number gives a document of the collection its number.
func (c *collection) number() uint32 {
	if n := len(c.free); n > 0 {
		number := c.free[n-1]
		c.free = c.free[:n-1]
		return number
	}
	c.documents = append(c.documents, nil)
	return uint32(len(c.documents) - 1)
}

func (c *collection) put(number uint32, p *prepared) {
	if old := c.documents[number]; old != nil && old.key != p.document.key {
		delete(c.numbers, old.key)
	}
	c.documents[number] = p.document
	c.numbers[p.document.key] = number
	c.columns.put(number, p.document)
	c.keyword.Replace(number, p.keyword)
	c.putVectors(number, p.vectors)
}

func (c *collection) putVectors(number uint32, chunks []vector.Chunk) {
	dimension := 0
	if len(chunks) > 0 {
		dimension = chunks[0].Dimension()
		if c.vectors[dimension] == nil {
			c.vectors[dimension] = vector.New(dimension, c.metric)
		}
	}
	for d, v := range c.vectors {
		if d != dimension {
			c.dropVectors(v, number)
			continue
		}
		if err := v.Replace(number, chunks); err != nil {
			panic(err) // encode gives vectors of one dimension, for the metric
		}
	}
}

// dropVectors takes a document out of the vectors of one dimension, and these away
// with their last.
func (c *collection) dropVectors(v *vector.Index, number uint32) {
	v.Delete(number)
	if v.Chunks() == 0 {
		delete(c.vectors, v.Dimension())
	}
}

func (c *collection) remove(number uint32) {
	delete(c.numbers, c.documents[number].key)
	c.documents[number] = nil
	c.columns.drop(number)
	c.keyword.Delete(number)
	for _, v := range c.vectors {
		c.dropVectors(v, number)
	}
	c.free = append(c.free, number)
}
