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
	Length   int // words, repeats counted; stop words and extra tokens are not
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
	if c.size > maxRemembered || c.stamp == 1<<32-1 {
		c.forget()
		c.stamp = 0
	}
	c.stamp++
	for script, l := range analyzerOf(tag) {
		c.of[script] = c.vocabulary(l)
	}
	c.counts.Length, c.counts.terms, c.counts.sequence = 0, c.counts.terms[:0], c.counts.sequence[:0]
	scan(text, c.add)
	return Counts{
		Length:   c.counts.Length,
		terms:    append([]counted(nil), c.counts.terms...),
		sequence: append([]uint32(nil), c.counts.sequence...),
	}
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
	v := c.exact
	if k == kindWord || k == kindPart {
		v = c.of[scriptOf(token)]
	}
	w := v.word(c, token)
	if w.stop && k == kindPart {
		return
	}
	t := w.known
	if t.stamp != c.stamp {
		t.stamp, t.local = c.stamp, uint32(len(c.counts.terms))
		c.counts.terms = append(c.counts.terms, counted{term: &t.term})
	}
	c.counts.terms[t.local].frequency++
	place := t.local << 1
	if k.extra() {
		place |= 1
	} else if !w.stop {
		c.counts.Length++
	}
	c.counts.sequence = append(c.counts.sequence, place)
}

// vocabulary is what the words of one language come to.
type vocabulary struct {
	language *language // nil: words stand as they are
	words    []word
	slots    []int32 // open addressing: 1 + index of the word, 0 when free
}

type word struct {
	text string
	hash uint64
	stop bool
	*known
}

func newVocabulary(l *language) *vocabulary {
	return &vocabulary{language: l, slots: make([]int32, 1024)}
}

func (v *vocabulary) word(c *Counter, token []byte) *word {
	hash := xxhash.Sum64(token)
	mask := uint64(len(v.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		n := v.slots[at]
		if n == 0 {
			return v.learn(c, string(token), hash)
		}
		if w := &v.words[n-1]; w.hash == hash && w.text == string(token) {
			return w
		}
	}
}

func (v *vocabulary) learn(c *Counter, text string, hash uint64) *word {
	w := word{text: text, hash: hash}
	if v == c.exact {
		w.known = &known{term: term{text: text, hash: hash, surface: text}}
	} else {
		w.known, w.stop = c.termOf(v.language, text)
	}
	v.words = append(v.words, w)
	c.size++
	n := len(v.words)
	if 2*n > len(v.slots) {
		v.grow()
	} else {
		v.place(int32(n))
	}
	return &v.words[n-1]
}

// termOf is the term of a word of a language.
func (c *Counter) termOf(l *language, text string) (t *known, stop bool) {
	stem, stop := l.term(text)
	t = c.exact.word(c, []byte(stem)).known
	if t.stamp == 0 && t.surface != text {
		t.surface = text // it was not seen as a word by itself
	}
	return t, stop
}

// place enters a word into the table.
func (v *vocabulary) place(n int32) {
	mask := uint64(len(v.slots) - 1)
	at := v.words[n-1].hash & mask
	for v.slots[at] != 0 {
		at = (at + 1) & mask
	}
	v.slots[at] = n
}

func (v *vocabulary) grow() {
	v.slots = make([]int32, 2*len(v.slots))
	for i := range v.words {
		v.place(int32(i + 1))
	}
}
