package local

import (
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
)

// waiting is what has been applied since the last flush began.
type waiting struct {
	documents map[pulse.DocumentID]pulse.CommitSeq
	bytes     int // of their texts
	since     time.Time
}

func newWaiting() waiting { return waiting{documents: make(map[pulse.DocumentID]pulse.CommitSeq)} }

func (w *waiting) add(p *prepared, now func() time.Time) {
	if len(w.documents) == 0 {
		w.since = now()
	}
	w.documents[p.id] = max(p.seq, w.documents[p.id])
	w.bytes += p.size
}

// dueIn is how long what waits may go on waiting; nothing is due when nothing waits.
func (w *waiting) dueIn(o *FlushOptions, now time.Time) (d time.Duration, any bool) {
	if len(w.documents) == 0 {
		return 0, false
	}
	most := o.Late
	switch {
	case w.bytes >= o.Bytes:
		return 0, true
	case w.bytes >= o.SoonBytes:
		most = o.Soon
	}
	return max(0, most-now.Sub(w.since)), true
}

// full says whether a flush should not wait for its time.
func (x *Index) full() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data.waiting.bytes >= x.options.Flush.Bytes
}

// flush is what was in memory at a position on its way into files.
type flush struct {
	of       *data
	position index.Position
	rows     []tableRow
	parts    []*flushPart
	table    *stored // of the rows, once it is written
}

// flushPart is what one keyword or vector index had in memory.
type flushPart struct {
	entry
	in     *collection
	terms  *keyword.Sealed
	of     *vector.Index // that vectors are of
	vector *vector.Sealed
	done   bool
}

// flush writes what is in memory into files, and begins with what a flush that failed has
// left. Only Maintain calls it, and who fills a fresh index.
func (x *Index) flush() error {
	if f := x.pending(); f != nil {
		if err := x.finish(f); err != nil {
			return err
		}
	}
	if f := x.seal(); f != nil {
		return x.finish(f)
	}
	return nil
}

// pending is the flush of the data that has failed.
func (x *Index) pending() *flush {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data.flushing
}

// seal takes what waits; nil when nothing does. From here on applied commits go elsewhere.
// While it holds applying nobody swaps the data: its rows are gathered beside searches.
func (x *Index) seal() *flush {
	x.applying.Lock()
	defer x.applying.Unlock()
	x.mu.RLock()
	d := x.data
	if d.position == d.stored && len(d.waiting.documents) == 0 {
		x.mu.RUnlock()
		return nil
	}
	f := &flush{of: d, position: d.position, rows: d.changed()}
	x.mu.RUnlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.collections)) {
		f.take(name, d.collections[name])
	}
	d.waiting, d.flushing = newWaiting(), f
	return f
}

// changed are the rows of what waits.
func (d *data) changed() []tableRow {
	rows := make([]tableRow, 0, len(d.waiting.documents))
	for id, seq := range d.waiting.documents {
		row := tableRow{id: id, seq: seq}
		if at, ok := d.places[id]; ok {
			row.document = at.in.documents[at.number]
			row.seq, row.collection = row.document.seq, at.in.name
		}
		rows = append(rows, row)
	}
	return rows
}

func (f *flush) take(name string, c *collection) {
	if sealed := c.keyword.Seal(c.termsState); sealed != nil {
		f.parts = append(f.parts, &flushPart{entry: entry{Collection: name}, in: c, terms: sealed})
	}
	for _, dimension := range slices.Sorted(maps.Keys(c.vectors)) {
		v := c.vectors[dimension]
		if sealed := v.Seal(c.vectorsState); sealed != nil {
			f.parts = append(f.parts, &flushPart{entry: entry{Collection: name, Dimension: dimension}, in: c, of: v, vector: sealed})
		}
	}
}

func (c *collection) termsState(number uint32) keyword.State {
	d := c.documents[number]
	return keyword.State{ID: uint64(d.id), Seq: uint64(d.seq)}
}

func (c *collection) vectorsState(number uint32) vector.State {
	d := c.documents[number]
	return vector.State{ID: uint64(d.id), Seq: uint64(d.seq)}
}

// finish writes what of a flush is not written yet, uses it, and has it named.
func (x *Index) finish(f *flush) error {
	began := x.options.Now()
	for _, p := range f.parts {
		if p.done {
			continue
		}
		if err := x.finishPart(f, p); err != nil {
			return err
		}
	}
	if err := x.finishTable(f); err != nil {
		return err
	}
	if x.fresh {
		return nil
	}
	if err := x.writeManifest(); err != nil {
		return err
	}
	x.options.Log.Debug("Index flushed", "documents", len(f.rows), "files", len(f.parts)+1, "applied", f.position.Seq,
		"duration_ms", x.options.Now().Sub(began).Milliseconds())
	return nil
}

func (x *Index) finishPart(f *flush, p *flushPart) error {
	s := &stored{entry: p.entry}
	var write func(io.Writer) (int64, error)
	if p.terms != nil {
		s.Name, write = x.disk.name(termsKind), p.terms.WriteTo
	} else {
		s.Name, write = x.disk.name(vectorsKind), p.vector.WriteTo
	}
	if err := x.disk.make(s, write); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	var err error
	switch {
	case x.data != f.of: // it was replaced meanwhile
	case p.terms != nil:
		err = p.in.keyword.Adopt(p.terms, s.terms)
	case p.in.vectors[p.Dimension] == p.of:
		err = p.of.Adopt(p.vector, s.vectors)
	}
	if err != nil {
		x.retired = append(x.retired, s)
		return err
	}
	p.done = true
	f.of.files = append(f.of.files, s)
	if x.data != f.of {
		x.retired = append(x.retired, s)
	}
	return nil
}

// make writes one file of terms or vectors and opens it.
func (d *disk) make(s *stored, write func(io.Writer) (int64, error)) error {
	if err := d.write(s.Name, func(w io.Writer) error {
		_, err := write(w)
		return err
	}); err != nil {
		return err
	}
	if err := d.open(s); err != nil {
		return errors.Join(err, d.remove(s.Name))
	}
	return nil
}

// open maps a file of terms or vectors.
func (d *disk) open(s *stored) (err error) {
	if err := d.regular(s.Name); err != nil {
		return err
	}
	switch s.kind() {
	case termsKind:
		s.terms, err = keyword.Open(d.path(s.Name))
	case vectorsKind:
		s.vectors, err = vector.Open(d.path(s.Name))
	}
	return err
}

func (x *Index) finishTable(f *flush) error {
	if f.table == nil && len(f.rows) > 0 {
		s := &stored{entry: entry{Name: x.disk.name(documentsKind)}, rows: len(f.rows)}
		var row []byte
		if err := x.disk.write(s.Name, func(w io.Writer) (err error) {
			s.bytes, err = writeRows(w, len(f.rows), func(i int) []byte {
				row = f.rows[i].append(row[:0])
				return row
			})
			return err
		}); err != nil {
			return err
		}
		f.table = s
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.table != nil {
		f.of.files = append(f.of.files, f.table)
		if x.data != f.of {
			x.retired = append(x.retired, f.table)
		}
	}
	f.of.stored, f.of.flushing = f.position, nil
	return nil
}
