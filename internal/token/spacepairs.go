package token

import (
	"strings"
	"unicode/utf8"
)

// spacePairs is BPE over characters in which U+2581 stands for a space, with a token for
// every byte (Llama 2 and its kind). A stretch is one word, but it falls into segments
// wherever no token can lie across, which is before nearly every space.
type spacePairs struct {
	slow    *pipeline
	bpe     *bpe
	crosses *crossings
	cache   *wordCache
	long    *longCache
	prefix  spacePrefix
	splits  bool // a word begins at each space
}

// spacePrefix says when a space is put before a stretch.
type spacePrefix byte

const (
	noPrefix     spacePrefix = iota
	prefixAlways             // before every stretch
	prefixWords              // before one that does not begin with a space
	prefixFirst              // so, and only at the start of the text
)

const spaceMark = "\u2581"

// fuseSpacePairs makes a spacePairs of a pipeline, if it is one.
func fuseSpacePairs(p *pipeline) model {
	b, ok := p.words.(*bpe)
	if !ok || b.byteLevel || !b.fallback || b.wholes != nil || p.added != nil || !b.bytesStayAlone() {
		return nil
	}
	m := &spacePairs{slow: p, bpe: b, crosses: newCrossings(), cache: newWordCache(), long: newLongCache()}
	if !m.readSteps(p) {
		return nil
	}
	for i := range b.vocabulary.tokens {
		m.crosses.learn(b.vocabulary.token(i))
	}
	return m
}

// bytesStayAlone reports whether all bytes have tokens, which take part in no merge.
func (b *bpe) bytesStayAlone() bool {
	bytes := map[uint32]bool{}
	for _, id := range b.bytes {
		bytes[id] = true
	}
	for _, e := range b.pairs.entries {
		if e != noPair && (bytes[uint32(e>>(rankBits+idBits))] || bytes[uint32(e>>rankBits)&idMask]) {
			return false
		}
	}
	return !bytes[noToken]
}

// readSteps reports whether the steps only mark spaces, and sets how.
func (m *spacePairs) readSteps(p *pipeline) bool {
	steps := p.normalizers
	if len(steps) == 2 && steps[0] == normalizer(prepend{spaceMark}) {
		m.prefix = prefixAlways
		steps = steps[1:]
	}
	marks := len(steps) == 1 && steps[0] == normalizer(replace{literal(" "), spaceMark})
	if marks {
		return len(p.preTokenizers) == 0
	}
	if len(p.normalizers) != 0 || len(p.preTokenizers) != 1 {
		return false
	}
	s, ok := p.preTokenizers[0].(metaspace)
	m.splits = s.splits
	switch s.scheme {
	case "always":
		m.prefix = prefixWords
	case "first":
		m.prefix = prefixFirst
	}
	return ok && string(s.replacement) == spaceMark
}

// prefixes reports whether a space is put before a stretch.
func (m *spacePairs) prefixes(s stretch) bool {
	switch m.prefix {
	case prefixAlways:
		return !s.inner
	case prefixWords, prefixFirst:
		marked := s.text[0] == ' ' || strings.HasPrefix(s.text, spaceMark)
		return !marked && !s.inner && (m.prefix == prefixWords || s.first())
	}
	return false
}

func (m *spacePairs) count(s stretch) int { return m.measure(nil, s) }

func (m *spacePairs) appendIDs(dst []uint32, s stretch) []uint32 {
	w := bpeScratches.Get().(*bpeScratch)
	for at := 0; at < len(s.text); {
		segment, end := m.next(w, s, at)
		dst = m.appendSegment(dst, w, segment)
		at = end
	}
	bpeScratches.Put(w)
	return dst
}

func (m *spacePairs) appendTokens(dst []Token, s stretch) []Token { return m.slow.appendTokens(dst, s) }

// measure counts s; c may be nil.
func (m *spacePairs) measure(c *Counts, s stretch) int {
	w := bpeScratches.Get().(*bpeScratch)
	n := 0
	for at := 0; at < len(s.text); {
		segment, end := m.next(w, s, at)
		n += m.countSegment(w, segment)
		if c != nil && end < len(s.text) {
			c.cut(end, n)
		}
		at = end
	}
	bpeScratches.Put(w)
	return n
}

// next returns the segment at a position and where it ends in the stretch. The first one
// has the prefix.
func (m *spacePairs) next(w *bpeScratch, s stretch, at int) (string, int) {
	if at > 0 || !m.prefixes(s) {
		end := at + m.segment(s.text[at:])
		return s.text[at:end], end
	}
	end := m.segment(s.text)
	w.text = append(append(w.text[:0], ' '), s.text[:end]...)
	return stringOf(w.text), end
}

// segment is the length of the shortest prefix of s that no token reaches beyond.
func (m *spacePairs) segment(s string) int {
	left, i := markedRune(s)
	for i < len(s) {
		right, size := markedRune(s[i:])
		if m.splits && right == spaceRune || !m.crosses.between(left, right, s[i-1], s[i]) {
			break
		}
		left = right
		i += size
	}
	return i
}

const spaceRune = '\u2581'

// markedRune is the first character of s, the mark for a space.
func markedRune(s string) (rune, int) {
	if s[0] == ' ' {
		return spaceRune, 1
	}
	return utf8.DecodeRuneInString(s)
}

// appendSegment appends the ids of a segment, whose spaces are not marked.
func (m *spacePairs) appendSegment(dst []uint32, w *bpeScratch, segment string) []uint32 {
	var key wordKey
	table := m.cache.table.Load()
	if len(segment) <= maxKey {
		key = shortKey(segment)
		if first, second := table.find(key); first != 0 {
			return unpackIDs(dst, first, second)
		}
	}
	if ids := m.long.find(segment); ids != nil {
		return append(dst, ids...)
	}
	from := len(dst)
	dst = m.appendMerged(dst, w, segment)
	switch ids := dst[from:]; {
	case len(segment) <= maxKey && len(ids) <= maxCached:
		m.cache.put(table, key, ids)
	case len(segment) <= maxLong:
		m.long.put(segment, ids)
	}
	return dst
}

// appendMerged marks a segment's spaces and appends its ids.
func (m *spacePairs) appendMerged(dst []uint32, w *bpeScratch, segment string) []uint32 {
	w.marked = w.marked[:0]
	for i := range len(segment) {
		if segment[i] == ' ' {
			w.marked = append(w.marked, spaceMark...)
		} else {
			w.marked = append(w.marked, segment[i])
		}
	}
	m.bpe.merge(w, stringOf(w.marked))
	for i := range w.symbols {
		if w.symbols[i].size > 0 {
			dst = append(dst, w.symbols[i].id)
		}
	}
	return dst
}

func (m *spacePairs) countSegment(w *bpeScratch, segment string) int {
	if len(segment) <= maxKey {
		if first, _ := m.cache.table.Load().find(shortKey(segment)); first != 0 {
			return int(first >> countShift)
		}
	}
	w.ids = m.appendSegment(w.ids[:0], w, segment)
	return len(w.ids)
}
