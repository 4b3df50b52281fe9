package token

import (
	"slices"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// bytePairs is byte-level BPE in one pass: with or without NFC, a known split pattern,
// and a token for every byte. Words are looked up in a cache of the process; long ones
// fall into segments first, at places that no token can lie across.
type bytePairs struct {
	slow    *pipeline
	bpe     *bpe
	form    *form // nil without NFC
	added   *addedTokens
	split   *splitter
	crosses *crossings
	cache   *wordCache
	long    *longCache
	sizes   []uint16 // in bytes, by id
	// wholeBit sets the keys of whole words apart from those of segments where whole
	// words have a rule of their own (ignore_merges).
	wholeBit uint64
}

// fuseBytePairs makes a bytePairs of a pipeline, if it is one.
func fuseBytePairs(p *pipeline) model {
	b, ok := p.words.(*bpe)
	if !ok || !b.byteLevel || !b.allBytes() {
		return nil
	}
	m := &bytePairs{slow: p, bpe: b, added: p.added, cache: newWordCache(), long: newLongCache()}
	if m.split = splitterOf(p.preTokenizers); m.split == nil {
		return nil
	}
	switch len(p.normalizers) {
	case 0:
	case 1:
		if p.normalizers[0] != normalizer(formNFC()) {
			return nil
		}
		m.form = formNFC()
	default:
		return nil
	}
	if b.wholes != nil {
		m.wholeBit = 1 << 60
	}
	m.readTokens()
	return m
}

// allBytes reports whether every byte that UTF-8 has is a token.
func (b *bpe) allBytes() bool {
	for i, id := range b.bytes {
		if inText := i < 0xC0 || 0xC2 <= i && i <= 0xF4; inText && id == noToken {
			return false
		}
	}
	return true
}

// splitterOf is the scanner for what the steps split by, nil if there is none.
func splitterOf(steps []preTokenizer) *splitter {
	if len(steps) == 1 && steps[0] == (byteLevel{splits: true}) {
		return splitters()[gpt2Split]
	}
	if len(steps) != 2 || steps[1] != (byteLevel{}) {
		return nil
	}
	s, ok := steps[0].(splitting)
	if p, isPattern := s.finder.(*splitter); ok && isPattern && s.behavior == isolated {
		return p
	}
	return nil
}

// readTokens learns from the vocabulary how long tokens are and what they lie across.
func (m *bytePairs) readTokens() {
	v := m.bpe.vocabulary
	m.crosses = newCrossings()
	var token []byte
	for i := range v.tokens {
		var ok bool
		if token, ok = appendBytes(token[:0], v.token(i)); !ok {
			continue
		}
		id := int(v.tokens[i].id)
		for id >= len(m.sizes) {
			m.sizes = append(m.sizes, 0)
		}
		m.sizes[id] = uint16(len(token))
		m.crosses.learn(token)
	}
}

// normalBuffers holds texts in NFC.
var normalBuffers = sync.Pool{New: func() any { return new([]byte) }}

// normal calls f with the stretch in the form. The text is lost afterwards.
func (m *bytePairs) normal(s stretch, f func(text string)) {
	if m.form == nil || m.form.unchanged(s.text) == len(s.text) {
		f(s.text)
		return
	}
	buf := normalBuffers.Get().(*[]byte)
	*buf = m.form.append((*buf)[:0], s.text)
	f(unsafe.String(unsafe.SliceData(*buf), len(*buf)))
	normalBuffers.Put(buf)
}

func (m *bytePairs) count(s stretch) (n int) {
	m.normal(s, func(text string) {
		m.between(text, func(text string, _ int) { n += m.countWords(text) }, func(uint32, int, int) { n++ })
	})
	return n
}

func (m *bytePairs) appendIDs(dst []uint32, s stretch) []uint32 {
	m.normal(s, func(text string) {
		m.between(text,
			func(text string, _ int) { dst = m.appendWords(dst, text) },
			func(id uint32, _, _ int) { dst = append(dst, id) })
	})
	return dst
}

// between walks over the normalized added tokens of a text and what lies between them.
func (m *bytePairs) between(text string, words func(text string, at int), token func(id uint32, start, end int)) {
	at := 0
	for scan := m.added.scan(text); scan.next(); at = scan.end {
		if at < scan.start {
			words(text[at:scan.start], at)
		}
		token(scan.id, scan.start, scan.end)
	}
	if at < len(text) {
		words(text[at:], at)
	}
}

func (m *bytePairs) countWords(text string) int {
	n := 0
	var batch wordBatch
	table := m.cache.table.Load()
	for at := 0; at < len(text); {
		from := at
		at = batch.scan(m, text, at)
		for i := range batch.words[:batch.n] {
			w := &batch.words[i]
			if e := table.first(w.key); e.holds(w.key) {
				n += e.count()
			} else {
				n += m.countWord(table, text[from:w.end], w.key)
			}
			from = w.end
		}
	}
	return n
}

func (m *bytePairs) appendWords(dst []uint32, text string) []uint32 {
	var batch wordBatch
	table := m.cache.table.Load()
	for at := 0; at < len(text); {
		from := at
		at = batch.scan(m, text, at)
		dst = slices.Grow(dst, len(batch.words)*maxCached)
		for i := range batch.words[:batch.n] {
			w := &batch.words[i]
			e, n := table.first(w.key), len(dst)
			if room := dst[n:cap(dst)]; len(room) >= maxCached && e.holds(w.key) {
				first, second := e.ids()
				unpack((*[maxCached]uint32)(room), first, second)
				dst = dst[:n+int(first>>countShift)]
			} else {
				dst = m.appendWord(dst, table, text[from:w.end], w.key)
			}
			from = w.end
		}
	}
	return dst
}

// appendWord appends the ids of a word that is not in its first place in the cache, or has
// no key because it is too long or holds what is cut into segments.
func (m *bytePairs) appendWord(dst []uint32, table *cacheTable, word string, key wordKey) []uint32 {
	if key.high != 0 {
		return m.appendKey(dst, table, word, key, true)
	}
	for at := 0; at < len(word); {
		end := at + m.crosses.segment(word[at:])
		dst = m.appendSegment(dst, table, word[at:end], end-at == len(word))
		at = end
	}
	return dst
}

// appendSegment appends the ids of a segment; whole says that it is all of its word.
func (m *bytePairs) appendSegment(dst []uint32, table *cacheTable, segment string, whole bool) []uint32 {
	if len(segment) > maxKey {
		return m.appendLong(dst, segment, whole)
	}
	key := shortKey(segment)
	if whole {
		key.high |= m.wholeBit
	}
	return m.appendKey(dst, table, segment, key, whole)
}

// appendKey appends the ids of a short word or segment, and remembers them.
func (m *bytePairs) appendKey(dst []uint32, table *cacheTable, word string, key wordKey, whole bool) []uint32 {
	if first, second := table.find(key); first != 0 {
		return unpackIDs(dst, first, second)
	}
	from := len(dst)
	dst = m.appendLong(dst, word, whole)
	if len(dst)-from <= maxCached {
		m.cache.put(table, key, dst[from:])
	}
	return dst
}

// appendLong appends the ids of a word or segment that does not fit into an entry of the
// cache, or is new to it.
func (m *bytePairs) appendLong(dst []uint32, word string, whole bool) []uint32 {
	if whole {
		if id, ok := m.bpe.whole(word); ok {
			return append(dst, id)
		}
	}
	if len(word) > maxLong {
		return m.bpe.appendMerged(dst, word)
	}
	if ids := m.long.find(word); ids != nil {
		return append(dst, ids...)
	}
	from := len(dst)
	dst = m.bpe.appendMerged(dst, word)
	if len(word) > maxKey || len(dst)-from > maxCached {
		m.long.put(word, dst[from:])
	}
	return dst
}

func (m *bytePairs) countWord(table *cacheTable, word string, key wordKey) int {
	w := bpeScratches.Get().(*bpeScratch)
	w.ids = m.appendWord(w.ids[:0], table, word, key)
	n := len(w.ids)
	bpeScratches.Put(w)
	return n
}

func (m *bytePairs) appendTokens(dst []Token, s stretch) []Token {
	if m.form != nil && m.form.unchanged(s.text) < len(s.text) {
		return m.slow.appendTokens(dst, s)
	}
	w := bpeScratches.Get().(*bpeScratch)
	m.between(s.text, func(text string, at int) {
		w.ids = m.appendWords(w.ids[:0], text)
		dst = m.appendSpans(dst, w.ids, text, s.base+at)
	}, func(id uint32, start, end int) {
		dst = append(dst, Token{id, s.base + start, s.base + end})
	})
	bpeScratches.Put(w)
	return dst
}

// appendSpans appends the tokens of a text, whose ids are known; what cuts a character
// has all of it.
func (m *bytePairs) appendSpans(dst []Token, ids []uint32, text string, base int) []Token {
	at := 0
	for _, id := range ids {
		start, end := at, at+int(m.sizes[id])
		at = end
		for !utf8.RuneStart(text[start]) {
			start--
		}
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end++
		}
		dst = append(dst, Token{id, base + start, base + end})
	}
	return dst
}
