package keyword

import "github.com/cespare/xxhash/v2"

// term is one term: what words that mean the same share.
type term struct {
	text    string
	hash    uint64 // xxhash of text
	surface string // the first word that was seen of it, folded

	// The term's id in the segment that it was last added to, of the index that the
	// Counter's texts go to: a note under that index's lock, so that most terms are not
	// looked up.
	in uint64
	id uint32
}

// Counts is what one text comes to: its distinct terms, how often each occurs, their
// order, and its length. It is made outside of any lock and not changed after.
type Counts struct {
	Length   int // words and parts of words, repeats counted; stop words and wholes are not
	terms    []counted
	sequence []uint32 // index of the term · 2, + 1 where it stands in the place of the one before
}

// counted is one distinct term of a Counts.
type counted struct {
	*term
	frequency uint32
}

// known is a term that a Counter has met.
type known struct {
	term
	stamp uint32 // the last text that it was counted in
	local uint32 // its index there
}

// Counter makes Counts. It remembers what words come to, so that each is stemmed
// once; it is for one goroutine.
type Counter struct {
	exact *vocabulary // of tokens that stand as they are, and so of all terms
	words map[*language]*vocabulary
	size  int // of all vocabularies

	// Of the text at work.
	of     [numScripts]*vocabulary
	stamp  uint32
	counts Counts
}

// maxRemembered bounds the words that a Counter remembers: about 30 MB.
const maxRemembered = 1 << 18

// NewCounter returns a counter.
func NewCounter() *Counter {
	c := &Counter{}
	c.forget()
	return c
}

func (c *Counter) forget() {
	c.exact = newVocabulary(nil)
	c.words = make(map[*language]*vocabulary)
	c.size = 0
}

// Count analyses a text in the language of the tag ("" when unknown).
func (c *Counter) Count(text, tag string) Counts {
	c.begin(tag, maxRemembered)
	c.counts.Length, c.counts.terms, c.counts.sequence = 0, c.counts.terms[:0], c.counts.sequence[:0]
	scan(text, c.add)
	return Counts{
		Length:   c.counts.Length,
		terms:    append([]counted(nil), c.counts.terms...),
		sequence: append([]uint32(nil), c.counts.sequence...),
	}
}

// begin makes ready for a text in the language of the tag.
func (c *Counter) begin(tag string, most int) {
	if c.size > most || c.stamp == 1<<32-1 {
		c.forget()
		c.stamp = 0
	}
	c.stamp++
	for script, l := range analyzerOf(tag) {
		c.of[script] = c.vocabulary(l)
	}
}

// word is what a token of the text at work comes to.
func (c *Counter) word(token []byte, k kind) *word {
	if k == kindWord || k == kindPart {
		return c.of[scriptOf(token)].word(c, token)
	}
	return c.exact.word(c, token)
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

func (c *Counter) add(token []byte, k kind, _, _ int) {
	w := c.word(token, k)
	if w.stop && k == kindPart {
		return
	}
	if w.stamp != c.stamp {
		w.stamp, w.local = c.stamp, c.index(w.known)
	}
	c.counts.terms[w.local].frequency++
	place := w.local << 1
	if k.extra() {
		place |= 1
	}
	if k != kindWhole && !w.stop {
		c.counts.Length++
	}
	c.counts.sequence = append(c.counts.sequence, place)
}

// index is the place of a term among those of the text.
func (c *Counter) index(t *known) uint32 {
	if t.stamp != c.stamp {
		t.stamp, t.local = c.stamp, uint32(len(c.counts.terms))
		c.counts.terms = append(c.counts.terms, counted{term: &t.term})
	}
	return t.local
}

// vocabulary is what the words of one language come to.
type vocabulary struct {
	language *language // nil: words stand as they are
	words    []word    // open addressing; free where length is 0
	count    int
	long     map[string]*word // words that are longer than a word holds
}

// word is one cache line: most tokens of a text need no other.
type word struct {
	hash uint64
	*known
	// The last text that the word was in, and the index of its term there.
	stamp, local uint32
	stop         bool
	length       uint8
	text         [wordBytes]byte
}

const wordBytes = 38

func newVocabulary(l *language) *vocabulary {
	return &vocabulary{language: l, words: make([]word, 1024), long: make(map[string]*word)}
}

func (v *vocabulary) word(c *Counter, token []byte) *word {
	if len(token) > wordBytes {
		return v.longWord(c, token)
	}
	hash := xxhash.Sum64(token)
	mask := uint64(len(v.words) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		w := &v.words[at]
		if w.length == 0 {
			return v.learn(c, token, hash)
		}
		if w.hash == hash && string(w.text[:w.length]) == string(token) {
			return w
		}
	}
}

func (v *vocabulary) longWord(c *Counter, token []byte) *word {
	w := v.long[string(token)]
	if w == nil {
		w = &word{hash: xxhash.Sum64(token)}
		w.known, w.stop = v.termOf(c, string(token), w.hash)
		v.long[string(token)] = w
		c.size++
	}
	return w
}

// learn puts a word in that is not there yet.
func (v *vocabulary) learn(c *Counter, token []byte, hash uint64) *word {
	w := word{hash: hash, length: uint8(len(token))}
	copy(w.text[:], token)
	w.known, w.stop = v.termOf(c, string(token), hash)
	if v.count++; 4*v.count > 3*len(v.words) {
		v.grow()
	}
	c.size++
	return v.place(&w)
}

// termOf is the term of a word that is not known yet.
func (v *vocabulary) termOf(c *Counter, text string, hash uint64) (t *known, stop bool) {
	if v == c.exact {
		return &known{term: term{text: text, hash: hash, surface: text}}, false
	}
	stem, stop := v.language.term(text)
	t = c.exact.word(c, []byte(stem)).known
	if t.stamp == 0 {
		t.surface = text // nothing was counted of it yet: it is a stem alone
	}
	return t, stop
}

// place copies a word into the table.
func (v *vocabulary) place(w *word) *word {
	mask := uint64(len(v.words) - 1)
	at := w.hash & mask
	for v.words[at].length != 0 {
		at = (at + 1) & mask
	}
	v.words[at] = *w
	return &v.words[at]
}

func (v *vocabulary) grow() {
	old := v.words
	v.words = make([]word, 2*len(old))
	for i := range old {
		if old[i].length != 0 {
			v.place(&old[i])
		}
	}
}
