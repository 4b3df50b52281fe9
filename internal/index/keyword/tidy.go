package keyword

import "slices"

// Packing is a full segment about to become smaller. The owner of the index packs in
// three steps, so that searches go on: Unpacked and Pack under its lock, Run without.
type Packing struct {
	of     *segment
	lists  [numFields]lists // that it had, before it may have become a file
	terms  int
	packed [numFields]lists
}

// Unpacked gives a full segment that is neither packed nor about to be a file; nil when
// there is none.
func (x *Index) Unpacked() *Packing {
	for _, s := range x.segments[:len(x.segments)-1] {
		if !s.sealed && s.lists[inText].growing != nil {
			return &Packing{of: s, lists: s.lists, terms: s.terms.count()}
		}
	}
	return nil
}

// Run does the work. A full segment's lists do not change any more, so that it may run
// beside searches and changes of the index.
func (p *Packing) Run() {
	for f := range numFields {
		p.packed[f] = p.lists[f].flatten(p.terms)
	}
}

// Pack puts what Run made in place, unless the segment is about to be a file.
func (x *Index) Pack(p *Packing) {
	if !p.of.sealed {
		p.of.lists = p.packed
	}
}

// Tidy moves about so many chunks out of segments in memory that are half dead into the
// head, and drops those that nothing lives in. Called with every change, with as many
// chunks as the change has, it keeps the dead below about half of all.
func (x *Index) Tidy(chunks int) {
	for at := 0; at < len(x.segments)-1; at++ {
		s := x.segments[at]
		if s.sealed {
			continue
		}
		if s.numAlive == 0 {
			x.segments = slices.Delete(x.segments, at, at+1)
			at--
			continue
		}
		if 2*s.numAlive < s.slots() {
			x.evacuate(s, chunks)
			return
		}
	}
}

// evacuate adds documents of a segment anew.
func (x *Index) evacuate(s *segment, chunks int) {
	var in lexicon
	for at := range s.alive {
		for s.alive[at] != 0 && chunks > 0 {
			slot := uint32(at<<6) + trailingZeros(s.alive[at])
			document := s.documents[slot]
			d := x.document(document, &in)
			x.Replace(document, d)
			chunks -= len(d.Chunks)
		}
	}
}

// document gives back what was added as the document, in terms of a lexicon.
func (x *Index) document(document uint32, in *lexicon) Document {
	d := Document{Language: x.tags[document]}
	for _, l := range x.locations[document] {
		if l.titled {
			d.Title = l.in.counts(inTitle, l.first, in)
		}
		for slot := l.first; slot < l.first+l.n; slot++ {
			d.Chunks = append(d.Chunks, *l.in.counts(inText, slot, in))
		}
	}
	return d
}
