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
		n += len(s.terms)
	}
	return n
}

// Replace makes the chunks, in order of their ordinals, all that the document has. It
// costs what the old and the new chunks' terms cost, whatever else is there.
func (x *Index) Replace(document uint32, d Document) {
	x.Delete(document)
	if len(d.Chunks) == 0 {
		return
	}
	for int(document) >= len(x.locations) {
		x.locations = append(x.locations, nil)
		x.tags = append(x.tags, "")
	}
	x.tags[document] = baseOf(d.Language)
	x.languages[x.tags[document]]++
	for ordinal := range d.Chunks {
		x.add(document, uint32(ordinal), &d.Chunks[ordinal], d.Title)
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
	x.totals[inText].all++
	x.totals[inText].length += text.Length
	if ordinal == 0 && title != nil {
		x.totals[inTitle].all++
		x.totals[inTitle].length += title.Length
	}
}

// Delete takes all of the document's chunks out; at once they count in no statistic.
func (x *Index) Delete(document uint32) {
	if int(document) >= len(x.locations) || x.locations[document] == nil {
		return
	}
	for _, l := range x.locations[document] {
		for slot := l.first; slot < l.first+l.n; slot++ {
			x.totals[inText].all--
			x.totals[inText].length -= int(l.in.lengths[inText][slot])
		}
		if l.titled {
			x.totals[inTitle].all--
			x.totals[inTitle].length -= int(l.in.lengths[inTitle][l.first])
		}
		l.in.kill(l.first, l.n)
	}
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
