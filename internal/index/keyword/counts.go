package keyword

import (
	"math/bits"
	"slices"
	"unsafe"

	"github.com/blevesearch/snowballstem"
)

// Counts is what one text comes to: its distinct terms, how often each occurs, their
// order, and its length. It is made outside of any lock and not changed after.
type Counts struct {
	Length   int // words and parts of words, repeats counted; stop words and wholes are not
	terms    []counted
	sequence []uint32       // index of the term · 2, + 1 where it stands in the place of the one before
	pages    []*lexiconPage // that its terms are on
}

// counted is one distinct term of a Counts.
type counted struct {
	ref       uint32 // in the lexicon; where a merge copies, the id in the segment that it fills
	frequency uint32
}

// text is the text of its i-th term.
func (c *Counts) text(i int) string {
	text, _ := textOf(recordOf(c.pages, c.terms[i].ref))
	return text
}

// Counter makes Counts. It remembers what words come to, so that each is stemmed
// once; it is for one goroutine.
//
// There are far more words than caches hold, and a Counter that looked each up where it
// stands would wait for memory most of the time. So words are gathered first, the memory
// of their places is asked for, and they are looked up by the block when it has come.
type Counter struct {
	lexicon lexicon
	exact   *vocabulary // of tokens that stand as they are, and so of all terms
	words   map[*language]*vocabulary
	size    int // words of all vocabularies
	scanner scanner
	stemmer *snowballstem.Env
	spelled [shortBytes]byte // the word that is being learned
	stemmed [shortBytes]byte // and its stem

	// Of the text at work.
	tag     string
	of      [numScripts + 1]*vocabulary // by script; the last is exact
	emit    emitFunc                    // take
	waiting []pending                   // that are not looked up yet
	long    []byte                      // the text of those that are too long for a token
	counts  Counts
	locals  locals
}

// maxRemembered bounds the words that a Counter remembers: about 45 MB.
const maxRemembered = 1 << 19

// tokenBlock is how many tokens are looked up at once.
const tokenBlock = 128

// NewCounter returns a counter.
func NewCounter() *Counter {
	c := &Counter{waiting: make([]pending, 0, tokenBlock), stemmer: snowballstem.NewEnv("")}
	c.emit = c.take
	c.forget()
	return c
}

func (c *Counter) forget() {
	c.lexicon = lexicon{}
	c.exact = newVocabulary(nil)
	c.words = make(map[*language]*vocabulary)
	c.size = 0
	c.of = [numScripts + 1]*vocabulary{}
}

// Count analyses a text in the language of the tag ("" when unknown).
func (c *Counter) Count(text, tag string) Counts {
	c.begin(tag, maxRemembered)
	c.scanner.scan(text, c.emit)
	c.resolve()
	return Counts{
		Length:   c.counts.Length,
		terms:    slices.Clone(c.counts.terms),
		sequence: slices.Clone(c.counts.sequence),
		pages:    c.lexicon.pages,
	}
}

// begin makes ready for a text in the language of the tag.
func (c *Counter) begin(tag string, most int) {
	if c.size > most {
		c.forget()
	}
	if c.of[numScripts] == nil || tag != c.tag {
		for script, l := range analyzerOf(tag) {
			c.of[script] = c.vocabulary(l)
		}
		c.of[numScripts], c.tag = c.exact, tag
	}
	c.counts.Length, c.counts.terms, c.counts.sequence = 0, c.counts.terms[:0], c.counts.sequence[:0]
	c.locals.clear()
}

func (c *Counter) vocabulary(l *language) *vocabulary {
	if l == nil {
		return c.exact
	}
	v := c.words[l]
	if v == nil {
		v = newVocabulary(l)
		c.words[l] = v
	}
	return v
}

// take takes a token of the text.
func (c *Counter) take(word []byte, k kind, _, _ int) {
	if len(c.waiting) == tokenBlock {
		c.resolve()
	}
	c.waiting = c.waiting[:len(c.waiting)+1]
	t := &c.waiting[len(c.waiting)-1]
	c.token(t, word, k)
	prefetch(unsafe.Pointer(c.of[t.of].at(t.hash)))
}

// token makes a token of a word.
func (c *Counter) token(t *pending, word []byte, k kind) {
	t.kind, t.of = k, numScripts
	if k == kindWord || k == kindPart {
		t.of = scriptOf(word)
	}
	if !t.short(word) {
		t.long(word, len(c.long))
		c.long = append(c.long, word...)
	}
}

// resolve counts the tokens that were taken.
func (c *Counter) resolve() {
	for i := range c.waiting {
		c.count(&c.waiting[i])
	}
	c.waiting, c.long = c.waiting[:0], c.long[:0]
}

func (c *Counter) count(t *pending) {
	w := c.of[t.of].at(t.hash)
	if w.low != t.low || w.high != t.high || w.length != t.length || t.length > shortBytes {
		w = c.word(t) // it is not in its place, or long, or new
	}
	if w.flags != 0 {
		if w.flags&wordStops != 0 && t.kind == kindPart {
			return
		}
		c.settle(w)
	}
	place := c.locals.index(&c.counts, w.ref) << 1
	if t.kind.extra() {
		place |= 1
	}
	if t.kind != kindWhole && w.flags&wordStops == 0 {
		c.counts.Length++
	}
	c.counts.sequence = append(c.counts.sequence, place)
}

// settle notes that a text has the term of a word.
func (c *Counter) settle(w *word) {
	if w.flags&wordIsNew != 0 {
		w.flags &^= wordIsNew
		c.lexicon.lexeme(w.ref).counted = true
	}
}

// term is the text of what a token comes to.
func (c *Counter) term(token []byte, k kind) string {
	c.waiting = c.waiting[:1]
	c.token(&c.waiting[0], token, k)
	w := c.word(&c.waiting[0])
	c.waiting, c.long = c.waiting[:0], c.long[:0]
	return c.lexicon.text(w.ref)
}

// stem is the term of a text that is one as it stands.
func (c *Counter) stem(text string) uint32 {
	var t pending
	c.token(&t, unsafe.Slice(unsafe.StringData(text), len(text)), kindExact)
	return c.word(&t).ref
}

// locals are the places of terms among those of one text.
type locals struct {
	table []local // open addressing; its length is a power of two
	shift int
	all   []local // the memory of the largest table of late
}

// local is free where ref is 0.
type local struct{ ref, index uint32 }

// The lengths of tables that each text begins with, and that are kept for the next.
const (
	minLocals = 512
	maxLocals = 1 << 16
)

func (l *locals) clear() {
	if len(l.all) > maxLocals {
		l.all = nil
	}
	l.resize(minLocals)
}

func (l *locals) resize(n int) {
	if n > len(l.all) {
		l.all = make([]local, n)
	}
	l.table, l.shift = l.all[:n], 32-bits.TrailingZeros(uint(n))
	clear(l.table)
}

// index counts a term of the text at work, and is its place.
func (l *locals) index(c *Counts, ref uint32) uint32 {
	at := l.find(ref + 1)
	if l.table[at].ref != 0 {
		n := l.table[at].index
		c.terms[n].frequency++
		return n
	}
	n := uint32(len(c.terms))
	l.table[at] = local{ref + 1, n}
	c.terms = append(c.terms, counted{ref, 1})
	if 2*len(c.terms) > len(l.table) {
		l.grow(c)
	}
	return n
}

// find is where a term is, or would be.
func (l *locals) find(ref uint32) uint32 {
	mask := uint32(len(l.table) - 1)
	at := ref * 0x9E3779B1 >> l.shift
	for ; l.table[at].ref != 0 && l.table[at].ref != ref; at = (at + 1) & mask {
	}
	return at
}

func (l *locals) grow(c *Counts) {
	l.resize(2 * len(l.table))
	for n, t := range c.terms {
		l.table[l.find(t.ref+1)] = local{t.ref + 1, uint32(n)}
	}
}
