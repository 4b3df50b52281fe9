package keyword

// Index holds the chunks of documents by their terms. Documents are small numbers
// that its owner gives and may give again after Delete.
//
// It is segments, the last of which is the head that takes what is added; each is
// searched as it stands, a deletion is a bit, and all statistics follow every change
// at once, whatever the segments: two indexes of the same documents give the same
// scores.
type Index struct {
	options   Options
	segments  []*segment // the head last
	locations [][]location
	tags      []string       // by document: the language that it was analysed in
	languages map[string]int // documents by language
	totals    [numFields]total
	files     []*File
	searches  searches
}

// location is where chunks of a document are: in one segment, unless the head was
// full amid it.
type location struct {
	in       *segment
	first, n uint32
	titled   bool
}

// total counts what lives of one field.
type total struct {
	all    int // chunks, or titles
	length int // of them all, in terms
}

func (t *total) add(other total, times int) {
	t.all += times * other.all
	t.length += times * other.length
}

func (t *total) mean() float64 { return float64(t.length) / float64(t.all) }

// New returns an empty index.
func New(o Options) *Index {
	return &Index{options: o.withDefaults(), segments: []*segment{newSegment()}, languages: make(map[string]int)}
}

// Document is what the index takes of one document.
type Document struct {
	Language string // its tag; "" when unknown. What all texts were counted in
	Chunks   []Counts
	Title    *Counts // nil when it has none, or titles do not count
}

// Chunks is the number of chunks in the index.
func (x *Index) Chunks() int { return x.totals[inText].all }

// Terms is the number of terms in the index, each counted in every segment that has it.
func (x *Index) Terms() int {
	n := 0
	for _, s := range x.segments {
		n += s.numTerms()
	}
	return n
}

// Has says whether the document has chunks here.
func (x *Index) Has(document uint32) bool {
	return int(document) < len(x.locations) && x.locations[document] != nil
}

// Replace makes the chunks, in order of their ordinals, all that the document has. It
// costs what the old and the new chunks' terms cost, whatever else is there.
func (x *Index) Replace(document uint32, d Document) {
	x.Delete(document)
	if len(d.Chunks) == 0 {
		return
	}
	x.reach(document)
	x.tags[document] = baseOf(d.Language)
	x.languages[x.tags[document]]++
	for ordinal := range d.Chunks {
		x.add(document, uint32(ordinal), &d.Chunks[ordinal], d.Title)
	}
}

// reach makes room for what the document has.
func (x *Index) reach(document uint32) {
	if n := int(document) + 1 - len(x.locations); n > 0 {
		x.locations = append(x.locations, make([][]location, n)...)
		x.tags = append(x.tags, make([]string, n)...)
	}
}

func (x *Index) add(document, ordinal uint32, text, title *Counts) {
	head := x.segments[len(x.segments)-1]
	if head.slots() == segmentSlots {
		head = newSegment()
		x.segments = append(x.segments, head)
	}
	all := x.locations[document]
	if n := len(all); n == 0 || all[n-1].in != head {
		all = append(all, location{in: head, first: uint32(head.slots()), titled: n == 0 && title != nil})
		x.locations[document] = all
	}
	head.add(document, ordinal, text, title, ordinal == 0)
	all[len(all)-1].n++
	var size [numFields]total
	size[inText] = total{1, text.Length}
	if ordinal == 0 && title != nil {
		size[inTitle] = total{1, title.Length}
	}
	x.count(head, size, 1)
}

// count adds so many times a size to what lives, in a segment and in all.
func (x *Index) count(in *segment, size [numFields]total, times int) {
	for f := range numFields {
		in.totals[f].add(size[f], times)
		x.totals[f].add(size[f], times)
	}
}

// Delete takes all of the document's chunks out; at once they count in no statistic.
func (x *Index) Delete(document uint32) {
	if int(document) >= len(x.locations) || x.locations[document] == nil {
		return
	}
	for _, l := range x.locations[document] {
		x.take(l)
	}
	x.forget(document)
}

// take takes what a document has in one segment out. A file that cannot be read says
// so from then on: its statistics are wrong until it is let go.
func (x *Index) take(l location) {
	if l.in.file == nil {
		x.count(l.in, l.in.size(l), -1)
		l.in.kill(l)
		return
	}
	_ = l.in.file.guard(func() {
		x.count(l.in, l.in.size(l), -1)
		l.in.kill(l)
	})
}

// forget makes the document one that has no chunks.
func (x *Index) forget(document uint32) {
	x.locations[document] = nil
	tag := x.tags[document]
	if x.languages[tag]--; x.languages[tag] == 0 {
		delete(x.languages, tag)
	}
	x.tags[document] = ""
}

// analyzers are those of all languages that documents are in.
func (x *Index) analyzers() []analyzer {
	all := make([]analyzer, 0, len(x.languages))
	for tag := range x.languages {
		all = append(all, analyzerOf(tag))
	}
	return all
}
