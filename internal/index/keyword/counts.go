package keyword

import "hash/maphash"

// Counts is what one chunk's text comes to: its distinct terms, how often each
// occurs, and its length. It is made outside of any lock and not changed after.
type Counts struct {
	Length int    // terms, repeats counted
	bytes  []byte // all distinct terms, one after the other
	terms  []counted
}

// counted is one distinct term of a Counts.
type counted struct {
	end       uint32 // of the term in bytes; it begins where the former ends
	frequency uint32
}

// each calls f for every distinct term, in order of first occurrence.
func (c *Counts) each(f func(term []byte, frequency uint32)) {
	start := uint32(0)
	for _, t := range c.terms {
		f(c.bytes[start:t.end], t.frequency)
		start = t.end
	}
}

// Counter makes Counts. It keeps its memory from one text to the next; it is for
// one goroutine.
type Counter struct {
	seed   maphash.Seed
	counts Counts
	hashes []uint64 // by term
	slots  []int32  // open addressing: 1 + index of the term, 0 when free
}

// NewCounter returns a counter.
func NewCounter() *Counter {
	return &Counter{seed: maphash.MakeSeed(), slots: make([]int32, 512)}
}

// Count analyses a text and counts its terms.
func (c *Counter) Count(text string) Counts {
	c.counts.Length, c.counts.bytes, c.counts.terms = 0, c.counts.bytes[:0], c.counts.terms[:0]
	c.hashes = c.hashes[:0]
	clear(c.slots)
	scan(text, c.add)
	return Counts{
		Length: c.counts.Length,
		bytes:  append([]byte(nil), c.counts.bytes...),
		terms:  append([]counted(nil), c.counts.terms...),
	}
}

func (c *Counter) add(term []byte, _, _ int) {
	c.counts.Length++
	hash := maphash.Bytes(c.seed, term)
	mask := uint64(len(c.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		n := c.slots[at]
		if n == 0 {
			c.insert(term, hash, at)
			return
		}
		if c.hashes[n-1] == hash && string(c.term(n-1)) == string(term) {
			c.counts.terms[n-1].frequency++
			return
		}
	}
}

func (c *Counter) term(n int32) []byte {
	start := uint32(0)
	if n > 0 {
		start = c.counts.terms[n-1].end
	}
	return c.counts.bytes[start:c.counts.terms[n].end]
}

func (c *Counter) insert(term []byte, hash, at uint64) {
	c.counts.bytes = append(c.counts.bytes, term...)
	c.counts.terms = append(c.counts.terms, counted{end: uint32(len(c.counts.bytes)), frequency: 1})
	c.hashes = append(c.hashes, hash)
	c.slots[at] = int32(len(c.hashes))
	if 2*len(c.hashes) > len(c.slots) {
		c.grow()
	}
}

func (c *Counter) grow() {
	c.slots = make([]int32, 2*len(c.slots))
	mask := uint64(len(c.slots) - 1)
	for i, hash := range c.hashes {
		at := hash & mask
		for c.slots[at] != 0 {
			at = (at + 1) & mask
		}
		c.slots[at] = int32(i + 1)
	}
}

// QueryTerm is one distinct term of a query.
type QueryTerm struct {
	Text      string
	Frequency int // how often the query says it: its weight
}

// QueryTerms analyses a query: its distinct terms in order of first occurrence.
func QueryTerms(text string) []QueryTerm {
	counts := NewCounter().Count(text)
	terms := make([]QueryTerm, 0, len(counts.terms))
	counts.each(func(term []byte, frequency uint32) {
		terms = append(terms, QueryTerm{Text: string(term), Frequency: int(frequency)})
	})
	return terms
}
