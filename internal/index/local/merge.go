package local

import (
	"cmp"
	"io"
	"math/bits"
	"slices"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
)

// Files of like size are merged, so that a search looks at few and what is merged often is
// small. A file of fullChunks is left alone: a search gains nothing by larger ones. A file
// in which more is dead than lives is written anew.
const (
	mergedFiles = 4  // of like size that become one
	mergedMost  = 16 // at once
	fullChunks  = 1 << 16
	moveChunks  = sectionChunks // that move to the new file under one hold of the lock
)

// mergePlan is files that should become one: of documents, or of one index. Those in which
// nothing lives become none.
type mergePlan struct {
	of    *data
	files []*stored
	empty bool
}

// weight of a file is what lives in it, and what it holds.
func (s *stored) weight() (live, all int) {
	if s.terms != nil {
		return s.terms.Live(), s.terms.Chunks()
	}
	return s.vectors.Live(), s.vectors.Vectors()
}

// planMerge chooses files to merge; nil when none should be.
func (x *Index) planMerge() *mergePlan {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var tables []*stored
	for _, files := range x.data.groups() {
		if files[0].kind() == documentsKind {
			tables = files
			continue
		}
		if empty := slices.DeleteFunc(slices.Clone(files), x.data.livesIn); len(empty) > 0 {
			return &mergePlan{of: x.data, files: empty, empty: true}
		}
		if chosen := chooseMerge(files); chosen != nil {
			return &mergePlan{of: x.data, files: chosen}
		}
	}
	if chosen := chooseTables(tables, len(x.data.places)); chosen != nil {
		return &mergePlan{of: x.data, files: chosen}
	}
	return nil
}

// livesIn says whether a search may find anything in the file.
func (d *data) livesIn(s *stored) bool {
	live, _ := s.weight()
	return live > 0 && d.uses(s)
}

// groups are the files of each index, and those of documents, in the order of their first.
func (d *data) groups() (groups [][]*stored) {
	at := make(map[entry]int)
	for _, s := range d.files {
		of := entry{Name: s.kind(), Collection: s.Collection, Dimension: s.Dimension}
		i, ok := at[of]
		if !ok {
			i = len(groups)
			at[of], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], s)
	}
	return groups
}

// uses says whether an index has the file. One of a dimension that nothing had any more, for a
// while at least, has none.
func (d *data) uses(s *stored) bool {
	c := d.collections[s.Collection]
	if s.terms != nil {
		return slices.Contains(c.keyword.Files(), s.terms)
	}
	v := c.vectors[s.Dimension]
	return v != nil && slices.Contains(v.Files(), s.vectors)
}

// chooseMerge takes the smallest files of like size, when there are enough, or one that is
// mostly dead.
func chooseMerge(files []*stored) []*stored {
	classes := make(map[int][]*stored)
	for _, s := range files {
		live, all := s.weight()
		if 2*live < all {
			return []*stored{s}
		}
		if live < fullChunks {
			class := bits.Len(uint(live)) / 2 // sizes within a factor of four
			classes[class] = append(classes[class], s)
		}
	}
	for class := range bits.Len(fullChunks) {
		if of := classes[class]; len(of) >= mergedFiles {
			return of[:min(len(of), mergedMost)]
		}
	}
	return nil
}

// chooseTables takes the newest files of documents while each is not much larger than those
// after it together, and all when most of their rows are of the past.
func chooseTables(files []*stored, documents int) []*stored {
	rows := 0
	for _, s := range files {
		rows += s.rows
	}
	if len(files) > 1 && rows > 2*documents+fullChunks {
		return files
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b *stored) int { return cmp.Compare(a.Name, b.Name) })
	from, size := len(files), int64(0)
	for from > 0 && (size == 0 || files[from-1].bytes <= 2*size) {
		from--
		size += files[from].bytes
	}
	if len(files)-from < mergedFiles {
		return nil
	}
	return files[from:]
}

// merge does what is planned.
func (x *Index) merge(p *mergePlan) error {
	switch {
	case p.files[0].kind() == documentsKind:
		return x.mergeTables(p)
	case p.empty:
		x.drop(p)
		return x.tidy()
	}
	if err := x.mergeFiles(p); err != nil {
		if x.letGo() {
			return nil // what was damaged is gone
		}
		return err
	}
	return x.tidy()
}

// drop takes files out in which nothing lives.
func (x *Index) drop(p *mergePlan) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.data != p.of {
		return
	}
	for _, s := range p.files {
		p.of.detach(s)
	}
	x.exchange(p)
}

// exchange takes the files out, whose place another has. It needs the lock.
func (x *Index) exchange(p *mergePlan) {
	x.data.files = slices.DeleteFunc(x.data.files, func(s *stored) bool { return slices.Contains(p.files, s) })
	x.retired = append(x.retired, p.files...)
}

// mover is a merge of either kind.
type mover struct {
	write func(io.Writer) (int64, error)
	move  func(to *stored, chunks int) (done bool)
}

func (x *Index) mergeFiles(p *mergePlan) error {
	first := p.files[0]
	pace := x.newPace()
	m := x.beginMerge(p, pace.giveWay)
	if m == nil {
		return nil
	}
	merged := &stored{entry: first.entry}
	merged.Name = x.disk.name(first.kind())
	if err := x.disk.make(merged, m.write); err != nil {
		return err
	}
	for first, done := true, false; !done; first = false {
		pace.giveWay()
		done = x.moveSome(p, m, merged, first)
	}
	return nil
}

// beginMerge notes what lives in the files; nil when they are not there any more. between is
// for the time in which the new file is written.
func (x *Index) beginMerge(p *mergePlan, between func()) *mover {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if !x.stillUses(p) {
		return nil
	}
	c := p.of.collections[p.files[0].Collection]
	if p.files[0].terms != nil {
		files := make([]*keyword.File, len(p.files))
		for i, s := range p.files {
			files[i] = s.terms
		}
		m := c.keyword.Merge(files, c.termsState)
		m.Between = between
		return &mover{m.WriteTo, func(to *stored, n int) bool { return c.keyword.Move(m, to.terms, n) }}
	}
	files := make([]*vector.File, len(p.files))
	for i, s := range p.files {
		files[i] = s.vectors
	}
	v := c.vectors[p.files[0].Dimension]
	m := v.Merge(files, c.vectorsState)
	m.Between = between
	return &mover{m.WriteTo, func(to *stored, n int) bool { return v.Move(m, to.vectors, n) }}
}

// stillUses says whether nothing has taken the files out since the plan. It needs the lock.
func (x *Index) stillUses(p *mergePlan) bool {
	return x.data == p.of && !slices.ContainsFunc(p.files, func(s *stored) bool { return !p.of.uses(s) })
}

// moveSome moves documents to the merged file, which is one of the index's from the first on.
// When one of the files was let go meanwhile the merged one is too, with what has moved
// there: the log has it.
func (x *Index) moveSome(p *mergePlan, m *mover, merged *stored, first bool) (done bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case first && x.stillUses(p):
		x.data.files = append(x.data.files, merged)
	case first:
		x.retired = append(x.retired, merged)
		return true
	case !slices.Contains(x.data.files, merged): // it was let go, or all were
		return true
	case !x.stillUses(p):
		x.data.detach(merged)
		x.data.files = slices.DeleteFunc(x.data.files, func(s *stored) bool { return s == merged })
		x.retired = append(x.retired, merged)
		x.tellLost()
		return true
	}
	if !m.move(merged, moveChunks) {
		return false
	}
	x.exchange(p)
	return true
}

// mergeTables merges files of documents. When none is left out, what is gone is forgotten.
func (x *Index) mergeTables(p *mergePlan) error {
	rows, err := p.lastRows(x.disk, x.isAllTables(p))
	if err != nil {
		return x.loseAll(p, err)
	}
	merged := &stored{entry: entry{Name: x.disk.name(documentsKind)}, rows: len(rows)}
	if err := x.disk.write(merged.Name, func(w io.Writer) (err error) {
		merged.bytes, err = writeRows(w, len(rows), func(i int) []byte { return rows[i] })
		return err
	}); err != nil {
		return err
	}
	x.mu.Lock()
	if x.data == p.of {
		x.exchange(p)
		x.data.files = append(x.data.files, merged)
	} else {
		x.retired = append(x.retired, merged)
	}
	x.mu.Unlock()
	return x.tidy()
}

// lastRows are the rows of files of documents, of each document the last of its highest commit,
// without those that are gone when they are to be forgotten.
func (p *mergePlan) lastRows(d *disk, forget bool) (rows [][]byte, err error) {
	last := make(map[pulse.DocumentID]int) // in rows
	seqs := make(map[pulse.DocumentID]pulse.CommitSeq)
	slices.SortFunc(p.files, func(a, b *stored) int { return cmp.Compare(a.Name, b.Name) }) // as they were written
	for _, s := range p.files {
		if _, _, err := eachRow(d.path(s.Name), func(row []byte) error {
			id, seq, gone, err := parseState(row)
			if err != nil || seq < seqs[id] {
				return err
			}
			if at, known := last[id]; known {
				rows[at] = nil
			}
			if gone && forget {
				row = nil
			}
			last[id], seqs[id] = len(rows), seq
			rows = append(rows, row)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(rows, func(row []byte) bool { return row == nil }), nil
}

func (x *Index) isAllTables(p *mergePlan) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := 0
	for _, s := range x.data.files {
		if s.kind() == documentsKind {
			n++
		}
	}
	return n == len(p.files)
}

// loseAll is for a file of documents that cannot be read: which documents there are is not
// known for certain any more at the next start, so all rows are written anew, of memory.
func (x *Index) loseAll(p *mergePlan, err error) error {
	x.options.Log.Warn("A file of the index is damaged; it is written again from memory", "error", err)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.data != p.of {
		return nil
	}
	for id, at := range x.data.places {
		x.data.waiting.documents[id] = at.in.documents[at.number].seq
	}
	x.data.waiting.bytes, x.data.stored = x.options.Flush.Bytes, index.Position{} // until then the manifest promises nothing
	x.data.files = slices.DeleteFunc(x.data.files, func(s *stored) bool {
		gone := s.kind() == documentsKind
		if gone {
			x.retired = append(x.retired, s)
		}
		return gone
	})
	return nil
}
