package token

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// unigramWords is the fused kind for Unigram models whose words stand between white space
// (WhitespaceSplit, then Metaspace before each): XLNet, T5, ALBERT, XLM-RoBERTa.
// Characters are normalized one by one by charFacts, and what words become is kept. Where
// characters act on each other, the word goes through the pipeline.
type unigramWords struct {
	pipeline *pipeline
	words    *unigrams
	prefix   string // Metaspace's, before each word
	facts    *charFacts
	texts    []string
	pairs    []string // ASCII patterns of several characters that are replaced
	ascii    [256]uint8
	fold     [256]byte // what becomes of plain characters
	folds    bool      // it changes some
	cache    *wordCache
}

// Kinds of ASCII characters, for unigramWords.ascii. Bits, so that a word's can be joined.
const (
	plainASCII uint8 = 0
	pairASCII  uint8 = 1 << iota // plain, but begins one of pairs
	spaceASCII
	otherASCII // anything else, and the bytes of characters that are not ASCII
)

// fuseUnigram makes the fused kind of a pipeline that it can stand for, else nil.
func fuseUnigram(p *pipeline) model {
	words, ok := p.words.(*unigrams)
	if !ok || p.added != nil || len(p.preTokenizers) != 2 {
		return nil
	}
	_, splitsAtSpace := p.preTokenizers[0].(whitespaceSplit)
	meta, ok := p.preTokenizers[1].(metaspace)
	if !splitsAtSpace || !ok || meta.scheme != "always" || !meta.splits {
		return nil
	}
	return newUnigramWords(p, words, meta.replacement)
}

// newUnigramWords returns nil if the normalizers are of other kinds than it can know
// by single characters.
func newUnigramWords(p *pipeline, words *unigrams, meta rune) model {
	if len(words.scores) > idMask {
		return nil // ids do not fit into the cache
	}
	m := &unigramWords{pipeline: p, words: words, prefix: string(meta), cache: newWordCache()}
	f := newCharFactory(p.normalizers, meta)
	if f == nil {
		return nil
	}
	m.pairs, m.facts = f.pairs, f.facts()
	m.texts = f.texts
	for i := range m.ascii {
		m.ascii[i] = otherASCII
		if i < utf8.RuneSelf {
			m.setASCII(byte(i))
		}
	}
	m.foresee()
	return m
}

// mostForeseen bounds what foresee costs a large vocabulary, and how much of the cache it takes.
const mostForeseen = 1 << 15

// foresee remembers the tokens of words that the vocabulary has: they are most of the words
// of any text, and finding the best way through one costs some ten times a look.
func (m *unigramWords) foresee() {
	var w unigramScratch
	var ids []uint32
	v, table, n := m.words.vocabulary, m.cache.table.Load(), 0
	for i := 0; i < len(v.tokens) && n < mostForeseen; i++ {
		text := v.token(i)
		word, ok := bytes.CutPrefix(text, []byte(m.prefix))
		if !ok || len(word) == 0 || len(word) > maxKey {
			continue
		}
		ids = ids[:0]
		for _, p := range m.words.cut(&w, text) {
			ids = append(ids, p.id)
		}
		if len(ids) <= maxCached {
			m.cache.put(table, shortKey(string(word)), ids)
			n++
		}
	}
}

func (m *unigramWords) setASCII(b byte) {
	switch fact := m.facts.of(rune(b)); {
	case fact == factSpace:
		m.ascii[b] = spaceASCII
	case fact == factWord:
		m.ascii[b], m.fold[b] = plainASCII, b
	case fact&(1<<factBits-1) == factMapped && len(m.texts[fact>>factBits]) == 1:
		m.ascii[b], m.fold[b], m.folds = plainASCII, m.texts[fact>>factBits][0], true
	}
	if m.ascii[b] == plainASCII && slices.ContainsFunc(m.pairs, func(pair string) bool { return pair[0] == b }) {
		m.ascii[b] = pairASCII
	}
}

func (m *unigramWords) count(s stretch) int {
	r := unigramRun{unigramWords: m, s: s}
	r.scan()
	return r.n
}

func (m *unigramWords) appendIDs(dst []uint32, s stretch) []uint32 {
	r := unigramRun{unigramWords: m, s: s, kind: wantIDs, ids: dst}
	r.scan()
	return r.ids
}

func (m *unigramWords) appendTokens(dst []Token, s stretch) []Token {
	first, _ := utf8.DecodeRuneInString(s.text)
	if fact := m.facts.of(first); fact == factDropped || fact == factTangled {
		// What a charsmap drops at the very start shifts all offsets of the reference.
		return m.pipeline.appendTokens(dst, s)
	}
	r := unigramRun{unigramWords: m, s: s, kind: wantTokens, tokens: dst}
	r.scan()
	return r.tokens
}

func (m *unigramWords) measure(c *Counts, s stretch) int {
	r := unigramRun{unigramWords: m, s: s, kind: wantCuts, counts: c}
	r.scan()
	return r.n
}

// unigramRun is one pass over a stretch.
type unigramRun struct {
	*unigramWords
	s      stretch
	kind   int
	n      int
	ids    []uint32
	tokens []Token
	counts *Counts
	known  *cacheTable
	w      *wordsScratch
}

// wordsScratch is what a run needs.
type wordsScratch struct {
	unigramScratch
	word  []byte   // with the prefix
	spans []source // of the bytes behind the prefix
	ids   []uint32
}

var wordsScratches = sync.Pool{New: func() any { return new(wordsScratch) }}

func (r *unigramRun) scan() {
	r.w = wordsScratches.Get().(*wordsScratch)
	defer wordsScratches.Put(r.w)
	r.w.word = append(r.w.word[:0], r.prefix...)
	r.known = r.cache.table.Load()
	text := r.s.text
	for i := 0; i < len(text); {
		if r.ascii[text[i]] == spaceASCII {
			i++
			r.cut(i)
			continue
		}
		end, kinds := i, uint8(0)
		for end < len(text) && r.ascii[text[end]] <= pairASCII {
			kinds |= r.ascii[text[end]]
			end++
		}
		switch {
		case end < len(text) && r.ascii[text[end]] == otherASCII:
			i = r.mixedWord(i)
		case kinds != plainASCII && r.hasPair(text[i:end]):
			i = r.tangle(i)
		default:
			r.plainWord(i, end)
			i = end
		}
	}
}

// cut notes that nothing reaches across position at, which white space stands before:
// unless it is one character with what follows.
func (r *unigramRun) cut(at int) {
	text := r.s.text
	if r.kind == wantCuts && at < len(text) && text[at] < utf8.RuneSelf && (text[at-1] != '\r' || text[at] != '\n') {
		r.counts.cut(at, r.n)
	}
}

func (r *unigramRun) hasPair(word string) bool {
	return slices.ContainsFunc(r.pairs, func(pair string) bool { return strings.Contains(word, pair) })
}

// plainWord puts the tokens of text[start:end], ASCII that stays as it is or is folded.
func (r *unigramRun) plainWord(start, end int) {
	w, word := r.w, r.s.text[start:end]
	if !r.folds {
		if len(word) <= maxKey && r.putKnown(keyOf(r.s.text, start, end)) {
			return
		}
		w.word = append(w.word[:len(r.prefix)], word...)
	} else {
		w.word = w.word[:len(r.prefix)]
		for i := range len(word) {
			w.word = append(w.word, r.fold[word[i]])
		}
	}
	from := len(r.tokens)
	r.putWord()
	for i := from; i < len(r.tokens); i++ {
		t := &r.tokens[i]
		t.Start, t.End = r.s.base+start+max(t.Start, 0), r.s.base+start+max(t.End, 1)
	}
}

// mixedWord puts the tokens of the word at start, of any characters, and returns where
// it ends.
func (r *unigramRun) mixedWord(start int) int {
	text, w, i := r.s.text, r.w, start
	w.word, w.spans = w.word[:len(r.prefix)], w.spans[:0]
	for i < len(text) {
		c, size := utf8.DecodeRuneInString(text[i:])
		fact := r.facts.of(c)
		kind := fact & (1<<factBits - 1)
		if kind == factSpace && i == start {
			r.cut(i + size)
			return i + size
		}
		if kind == factSpace {
			break
		}
		switch kind {
		case factWord:
			w.word = append(w.word, text[i:i+size]...)
		case factMapped:
			w.word = append(w.word, r.texts[fact>>factBits]...)
		case factDropped:
			if r.kind == wantTokens {
				return r.tangle(start) // the charsmap's way with offsets
			}
		case factTangled:
			return r.tangle(start)
		}
		i += size
		if r.kind == wantTokens {
			for len(w.spans) < len(w.word)-len(r.prefix) {
				w.spans = append(w.spans, source{i - size, i})
			}
		}
	}
	if r.hasPair(text[start:i]) {
		return r.tangle(start)
	}
	r.putMixed()
	return i
}

func (r *unigramRun) putMixed() {
	w := r.w
	if len(w.word) == len(r.prefix) {
		return
	}
	from := len(r.tokens)
	r.putWord()
	for i := from; i < len(r.tokens); i++ {
		t := &r.tokens[i]
		t.Start, t.End = r.s.base+w.spans[max(t.Start, 0)].start, r.s.base+w.spans[max(t.End, 1)-1].end
	}
}

// putWord puts the tokens of w.word; spans are in its bytes behind the prefix, so those
// of the prefix are negative.
func (r *unigramRun) putWord() {
	w, word := r.w, r.w.word[len(r.prefix):]
	var key wordKey
	if short := len(word) <= maxKey; short {
		if key = shortKey(unsafe.String(unsafe.SliceData(word), len(word))); r.putKnown(key) {
			return
		}
	}
	pieces := r.words.cut(&w.unigramScratch, w.word)
	r.n += len(pieces)
	if r.kind == wantTokens {
		for _, p := range pieces {
			r.tokens = append(r.tokens, Token{p.id, int(p.start) - len(r.prefix), int(p.end) - len(r.prefix)})
		}
		return
	}
	w.ids = w.ids[:0]
	for _, p := range pieces {
		w.ids = append(w.ids, p.id)
	}
	if r.kind == wantIDs {
		r.ids = append(r.ids, w.ids...)
	}
	if len(word) <= maxKey && len(pieces) <= maxCached {
		r.cache.put(r.known, key, w.ids)
	}
}

// putKnown puts the tokens of a word that the cache has. It has ids only, no spans.
func (r *unigramRun) putKnown(key wordKey) bool {
	if r.kind == wantTokens {
		return false
	}
	first, second := r.known.find(key)
	if first == 0 {
		return false
	}
	if r.kind == wantIDs {
		r.ids = unpackIDs(r.ids, first, second)
	}
	r.n += int(first >> countShift)
	return true
}

// tangle gives the word around start, with the white space before it, to the pipeline,
// and returns where it ends.
func (r *unigramRun) tangle(start int) int {
	end := start
	for end < len(r.s.text) {
		c, size := utf8.DecodeRuneInString(r.s.text[end:])
		if r.facts.of(c) == factSpace {
			break
		}
		end += size
	}
	if start > 0 {
		_, size := utf8.DecodeLastRuneInString(r.s.text[:start])
		start -= size
	}
	s := stretch{text: r.s.text[start:end], base: r.s.base + start} // not inner: each word has its prefix
	switch r.kind {
	case wantIDs:
		r.ids = r.pipeline.appendIDs(r.ids, s)
	case wantTokens:
		r.tokens = r.pipeline.appendTokens(r.tokens, s)
	default:
		r.n += r.pipeline.count(s)
	}
	return end
}
