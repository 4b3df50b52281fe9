package keyword

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// shortBytes is the length of the words that an entry of a table holds by itself.
const shortBytes = 16

// pending is a word on its way into a table, as numbers: the first eight bytes of it, and
// those that follow. Of a longer word it is the hash, and where its text is.
type pending struct {
	low, high uint64
	hash      uint64
	length    uint8
	kind      kind
	of        script // whose vocabulary; numScripts: exact
}

// seeds make it hard to choose words that fall together.
var seeds = [2]uint64{rand.Uint64(), rand.Uint64()}

// keep has the bits of a word of so many bytes.
var keep = func() (of [shortBytes + 1][2]uint64) {
	for n := range of {
		for i := range n {
			of[n][i/8] |= 0xFF << (i % 8 * 8)
		}
	}
	return of
}()

// short sets the token to a word, unless that is too long. A word has no zero byte, so
// that its numbers say where it ends.
func (t *pending) short(word []byte) bool {
	n := len(word)
	if n > shortBytes {
		return false
	}
	if cap(word) >= shortBytes {
		whole := word[:shortBytes]
		t.low = binary.LittleEndian.Uint64(whole) & keep[n][0]
		t.high = binary.LittleEndian.Uint64(whole[8:]) & keep[n][1]
	} else {
		var whole [shortBytes]byte
		copy(whole[:], word)
		t.low, t.high = binary.LittleEndian.Uint64(whole[:]), binary.LittleEndian.Uint64(whole[8:])
	}
	t.length = uint8(n)
	t.hash = mix(t.low^seeds[0], t.high^seeds[1])
	return true
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// long sets the token to a word whose text is at a place.
func (t *pending) long(word []byte, at int) {
	t.length = uint8(len(word))
	t.low, t.high = xxhash.Sum64(word)^seeds[0], uint64(at)
	t.hash = t.low
}

// vocabulary is what the words of one language come to.
type vocabulary struct {
	language *language // nil: words stand as they are
	words    []word    // open addressing; free where length is 0
	mask     uint64
	count    int
	long     []byte // the texts of words that no entry holds
}

// word is one word. Two are a cache line.
type word struct {
	low, high uint64
	hash      uint64
	ref       uint32 // its term
	length    uint8
	flags     uint8
}

const (
	wordStops = 1 << iota // it is a stop word
	wordIsNew             // no text had it yet, as far as it knows
)

func newVocabulary(l *language) *vocabulary {
	return &vocabulary{language: l, words: make([]word, 1024), mask: 1023}
}

// at is where a word with the hash is, if no other took the place.
func (v *vocabulary) at(hash uint64) *word { return &v.words[hash&v.mask] }

// word is what a token of the text at work comes to, until the next.
func (c *Counter) word(t *pending) *word {
	v := c.of[t.of]
	for at := t.hash & v.mask; ; at = (at + 1) & v.mask {
		w := &v.words[at]
		switch {
		case w.length == 0:
			return v.learn(c, t)
		case w.low != t.low || w.length != t.length:
		case w.high == t.high && w.length <= shortBytes:
			return w
		case w.length > shortBytes && string(v.longText(w)) == string(c.text(t)):
			return w
		}
	}
}

func (v *vocabulary) longText(w *word) []byte { return v.long[w.high : w.high+uint64(w.length)] }

// text is the text of a token, until another of the same vocabulary is asked for.
func (c *Counter) text(t *pending) []byte {
	if t.length > shortBytes {
		return c.long[t.high : t.high+uint64(t.length)]
	}
	buf := &c.spelled
	if t.of == numScripts {
		buf = &c.stemmed
	}
	binary.LittleEndian.PutUint64(buf[:], t.low)
	binary.LittleEndian.PutUint64(buf[8:], t.high)
	return buf[:t.length]
}

// learn puts a word in that is not there yet.
func (v *vocabulary) learn(c *Counter, t *pending) *word {
	w := word{low: t.low, high: t.high, hash: t.hash, length: t.length}
	text := c.text(t)
	if t.length > shortBytes {
		w.high = uint64(len(v.long))
		v.long = append(v.long, text...)
	}
	w.ref, w.flags = v.termOf(c, unsafe.String(unsafe.SliceData(text), len(text)))
	if v.count++; 4*v.count > 3*len(v.words) {
		v.grow()
	}
	c.size++
	return v.place(&w)
}

// termOf is the term of a word that is not known yet. Nothing keeps the word's memory.
func (v *vocabulary) termOf(c *Counter, word string) (ref uint32, flags uint8) {
	var buf [2*MaxTermBytes + 16]byte
	if v == c.exact {
		return c.lexicon.add(appendTerm(buf[:0], word, word), xxhash.Sum64String(word)), wordIsNew
	}
	stem, stop := v.language.termBy(c.stemmer, word)
	ref = c.stem(stem)
	if stem != word && !c.lexicon.lexeme(ref).counted {
		c.lexicon.resurface(ref, word) // nothing was counted of it yet: it is a stem alone
	}
	if stop {
		flags = wordStops
	}
	return ref, flags | wordIsNew
}

// place copies a word into the table.
func (v *vocabulary) place(w *word) *word {
	at := w.hash & v.mask
	for v.words[at].length != 0 {
		at = (at + 1) & v.mask
	}
	v.words[at] = *w
	return &v.words[at]
}

func (v *vocabulary) grow() {
	old := v.words
	v.words, v.mask = spacious[word](2*len(old)), uint64(2*len(old)-1)
	for i := range old {
		if old[i].length != 0 {
			v.place(&old[i])
		}
	}
}
