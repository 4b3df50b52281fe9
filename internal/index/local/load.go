package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"pulse"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
)

// Open returns an index that keeps its files in the folder, which it makes. It holds
// nothing before Load.
func Open(dir string, o Options) (*Index, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	return open(directory(dir), o), nil
}

func open(in folder, o Options) *Index {
	x := New(o)
	x.disk = &disk{folder: in}
	return x
}

// Load reads what the folder holds, before anything is applied. Files that cannot be used
// are no error: what they held is lost and comes from the log again.
func (x *Index) Load(ctx context.Context) error {
	if x.disk == nil {
		return nil
	}
	began := x.options.Now()
	d, err := x.load(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		x.options.Log.Warn("Files of the index cannot be used, it is filled from the store", "error", err)
		d = emptyData()
	}
	x.mu.Lock()
	x.data = d
	x.mu.Unlock()
	if len(d.lost) > 0 {
		x.tellLost()
	}
	size := x.Size()
	x.options.Log.Info("Index loaded", "documents", size.Documents, "chunks", size.Chunks, "files", len(d.files),
		"applied", d.position.Seq, "duration_ms", x.options.Now().Sub(began).Milliseconds())
	return nil
}

func (x *Index) load(ctx context.Context) (*data, error) {
	names, err := x.disk.names()
	if err != nil {
		return nil, fmt.Errorf("list files of the index: %w", err)
	}
	x.disk.passOver(names...)
	m, err := x.disk.readManifest()
	if err != nil || m == nil {
		x.retireOthers(names, nil)
		return emptyData(), err
	}
	if m.Edition != x.edition() {
		x.retireOthers(names, nil)
		x.options.Log.Info("Files of the index are of another edition, it is filled from the store", "edition", m.Edition)
		return emptyData(), nil
	}
	for _, e := range m.Files { // one that is missing is still to be removed
		x.disk.passOver(e.Name)
	}
	x.retireOthers(names, m)
	d, err := x.read(ctx, m)
	if err != nil {
		for i := range m.Files { // those that are open stay mapped till the process ends
			x.retired = append(x.retired, &stored{entry: m.Files[i]})
		}
		return emptyData(), err
	}
	x.manifest = m.encode()
	return d, nil
}

// retireOthers has files removed that the manifest does not name: a crash has left them.
func (x *Index) retireOthers(names []string, m *manifest) {
	used := make(map[string]bool)
	if m != nil {
		for _, e := range m.Files {
			used[e.Name] = true
		}
	}
	for _, name := range names {
		if _, ok := numberOf(name); ok && !used[name] {
			x.retired = append(x.retired, &stored{entry: entry{Name: name}})
		}
	}
}

// read makes the data that a manifest names. An error of a file of documents is one of
// the whole; those of other files make their documents lost.
func (x *Index) read(ctx context.Context, m *manifest) (*data, error) {
	l := &loading{Index: x, data: emptyData()}
	l.data.position, l.data.stored = m.Position, m.Position
	table, err := l.table(ctx, m)
	if err != nil {
		return nil, err
	}
	for id, row := range table {
		if row.document != nil {
			l.put(id, row)
		}
	}
	if err := l.attach(ctx, m); err != nil {
		return nil, err
	}
	l.findLost(table)
	return l.data, nil
}

// loading is data that is being read.
type loading struct {
	*Index
	data *data
	mu   sync.Mutex // over data.files and retired, while files are attached
}

// table reads all rows; of each document the last of its highest commit stands.
func (l *loading) table(ctx context.Context, m *manifest) (map[pulse.DocumentID]*tableRow, error) {
	table := make(map[pulse.DocumentID]*tableRow)
	files := slices.Clone(m.Files)
	slices.SortFunc(files, func(a, b entry) int { return cmp.Compare(a.Name, b.Name) }) // as they were written
	for _, e := range files {
		if e.kind() != documentsKind {
			continue
		}
		if err := l.disk.regular(e.Name); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := &stored{entry: e}
		var err error
		if s.bytes, s.rows, err = eachRow(l.disk.path(e.Name), func(row []byte) error {
			parsed, err := parseRow(row)
			if known := table[parsed.id]; err == nil && (known == nil || known.seq <= parsed.seq) {
				table[parsed.id] = &parsed
			}
			return err
		}); err != nil {
			return nil, err
		}
		l.data.files = append(l.data.files, s)
	}
	return table, nil
}

func (l *loading) put(id pulse.DocumentID, row *tableRow) {
	c := l.data.collection(row.collection, &l.options)
	number := c.number()
	l.data.places[id] = place{in: c, number: number}
	row.document.host = l.options.Host(row.document.key)
	c.documents[number] = row.document
	c.numbers[row.document.key] = number
	c.columns.put(number, row.document)
}

// attach opens the other files: those of one keyword or vector index in turn, different
// ones at once.
func (l *loading) attach(ctx context.Context, m *manifest) error {
	groups := make(map[entry][]entry)
	for _, e := range m.Files {
		if e.kind() != documentsKind {
			of := entry{Collection: e.Collection, Dimension: e.Dimension}
			groups[of] = append(groups[of], e)
			l.prepare(of)
		}
	}
	var running sync.WaitGroup
	for _, files := range groups {
		running.Go(func() { l.attachAll(ctx, files) })
	}
	running.Wait()
	return ctx.Err()
}

// prepare makes the index that files of such an entry are attached to.
func (l *loading) prepare(of entry) {
	c := l.data.collection(of.Collection, &l.options)
	if of.Dimension > 0 && c.vectors[of.Dimension] == nil {
		c.vectors[of.Dimension] = vector.New(of.Dimension, c.metric)
	}
}

func (l *loading) attachAll(ctx context.Context, files []entry) {
	for _, e := range files {
		if ctx.Err() != nil {
			return
		}
		s := &stored{entry: e}
		err := l.disk.open(s)
		if err == nil {
			err = l.attachOne(s)
		}
		l.mu.Lock()
		if err == nil {
			l.data.files = append(l.data.files, s)
		} else {
			l.retired = append(l.retired, s)
		}
		l.mu.Unlock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.options.Log.Warn("A file of the index is damaged; what it held is read from the store", "file", e.Name, "error", err)
		} else if err != nil {
			l.options.Log.Warn("A file of the index is missing; what it held is read from the store", "file", e.Name)
		}
	}
}

// attachOne attaches what of a file is still true, and was in no file before it.
func (l *loading) attachOne(s *stored) error {
	c := l.data.collections[s.Collection]
	if s.terms != nil {
		return c.keyword.Attach(s.terms, func(state keyword.State) (uint32, bool) {
			number, ok := l.data.numberOf(c, state.ID, state.Seq)
			return number, ok && !c.keyword.Has(number)
		})
	}
	v := c.vectors[s.Dimension]
	return v.Attach(s.vectors, func(state vector.State) (uint32, bool) {
		number, ok := l.data.numberOf(c, state.ID, state.Seq)
		return number, ok && !v.Has(number)
	})
}

// numberOf is the number of a document of the collection that is still in a state.
func (d *data) numberOf(c *collection, id, seq uint64) (number uint32, ok bool) {
	at, ok := d.places[pulse.DocumentID(id)]
	if !ok || at.in != c || uint64(c.documents[at.number].seq) != seq {
		return 0, false
	}
	return at.number, true
}

// findLost notes the documents whose terms or vectors no file had.
func (l *loading) findLost(table map[pulse.DocumentID]*tableRow) {
	for id, at := range l.data.places {
		row := table[id]
		terms := len(row.document.chunks) == 0 || at.in.keyword.Has(at.number)
		dimension := row.document.dimension
		vectors := dimension == 0 || at.in.vectors[dimension] != nil && at.in.vectors[dimension].Has(at.number)
		if !terms || !vectors {
			l.data.lost[row.seq] = true
		}
	}
	for _, c := range l.data.collections { // of files in which nothing is true any more
		for dimension, v := range c.vectors {
			if v.Chunks() == 0 {
				delete(c.vectors, dimension)
			}
		}
	}
}
