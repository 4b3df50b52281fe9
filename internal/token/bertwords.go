package token

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// bertWords is the fused kind of BERT's tokenizers: bertNormalizer, bertPreTokenizer and
// wordPieces in one pass. ASCII words are found and lower-cased eight bytes at a time;
// other characters by runeFacts; what needs more than that, a run of characters whose
// marks have to be ordered, goes through the pipeline.
type bertWords struct {
	pipeline *pipeline
	words    *wordPieces
	facts    *runeFacts
	texts    []string
	ascii    [256]uint8 // kinds of facts; for bytes of other characters notASCII
	alone    [128]uint32
	fold     uint64 // or'ed to ASCII letters and digits: lower-cases
}

const notASCII = 0xFF

// fuseBert makes the fused kind of a pipeline that it can stand for, else nil.
func fuseBert(p *pipeline) model {
	if p.added != nil || len(p.normalizers) != 1 || len(p.preTokenizers) != 1 {
		return nil
	}
	b, isBert := p.normalizers[0].(bertNormalizer)
	_, splitsAsBert := p.preTokenizers[0].(bertPreTokenizer)
	words, isWordPiece := p.words.(*wordPieces)
	if !isBert || !splitsAsBert || !isWordPiece {
		return nil
	}
	return newBertWords(p, b, words)
}

func newBertWords(p *pipeline, b bertNormalizer, words *wordPieces) *bertWords {
	m := &bertWords{pipeline: p, words: words}
	m.facts, m.texts = newBertFacts(b, words)
	for i := range m.ascii {
		if i >= utf8.RuneSelf {
			m.ascii[i] = notASCII
			continue
		}
		fact := m.facts[0][i]
		m.ascii[i] = uint8(fact & (1<<factBits - 1))
		if m.ascii[i] == uint8(factMapped) {
			m.ascii[i] = uint8(factWord) // a capital, which fold lower-cases
		}
		if m.ascii[i] == uint8(factWord) && !isAlphanumeric[i] {
			m.ascii[i] = notASCII // a control that is kept
		}
		m.alone[i] = fact >> factBits
	}
	if b.lowers {
		m.fold = 0x2020202020202020
	}
	return m
}

func (m *bertWords) count(s stretch) int {
	r := bertRun{bertWords: m, s: s}
	r.scan()
	return r.n
}

func (m *bertWords) appendIDs(dst []uint32, s stretch) []uint32 {
	r := bertRun{bertWords: m, s: s, kind: wantIDs, ids: dst}
	r.scan()
	return r.ids
}

func (m *bertWords) appendTokens(dst []Token, s stretch) []Token {
	r := bertRun{bertWords: m, s: s, kind: wantTokens, tokens: dst}
	r.scan()
	return r.tokens
}

// measure cuts behind white space and what stands alone: nothing reaches across those.
func (m *bertWords) measure(c *Counts, s stretch) int {
	r := bertRun{bertWords: m, s: s, kind: wantCuts, counts: c}
	r.scan()
	return r.n
}

// What a run collects, beside the number of tokens.
const (
	wantCount = iota
	wantIDs
	wantTokens
	wantCuts
)

// bertRun is one pass over a stretch.
type bertRun struct {
	*bertWords
	s      stretch
	kind   int
	n      int
	ids    []uint32
	tokens []Token
	counts *Counts
	held   *wordScratch // taken when first needed
}

func (r *bertRun) scratch() *wordScratch {
	if r.held == nil {
		r.held = wordScratches.Get().(*wordScratch)
	}
	return r.held
}

func (r *bertRun) put(id uint32, start, end int) {
	r.n++
	if r.kind == wantIDs {
		r.ids = append(r.ids, id)
	} else if r.kind == wantTokens {
		r.tokens = append(r.tokens, Token{id, r.s.base + start, r.s.base + end})
	}
}

// cut notes that nothing reaches across position at.
func (r *bertRun) cut(at int) {
	if r.kind == wantCuts && at < len(r.s.text) {
		r.counts.cut(at, r.n)
	}
}

// scan reads the stretch. i is where a word may begin: behind white space, a character
// that stands alone, or at the start.
func (r *bertRun) scan() {
	text := r.s.text
	for i := 0; i < len(text); {
		switch b := text[i]; r.ascii[b] {
		case uint8(factWord):
			i = r.asciiWord(i)
		case uint8(factSpace):
			i++
			r.cut(i)
		case uint8(factAlone):
			r.put(r.alone[b], i, i+1)
			i++
			r.cut(i)
		default:
			i = r.anyWord(i)
		}
	}
	if r.held != nil {
		wordScratches.Put(r.held)
	}
}

// asciiWord reads the word of letters and digits at i, and returns where it ends.
func (r *bertRun) asciiWord(i int) int {
	text := r.s.text
	if i+24 > len(text) {
		return r.asciiWordAtEnd(i)
	}
	low := load64(text, i)
	if other := notAlphanumeric(low); other != 0 {
		n := bits.TrailingZeros64(other) >> 3
		return r.shortWord(i, n, (low|r.fold)&(1<<(8*n)-1), 0)
	}
	high := load64(text, i+8)
	if other := notAlphanumeric(high); other != 0 {
		n := bits.TrailingZeros64(other) >> 3
		return r.shortWord(i, 8+n, low|r.fold, (high|r.fold)&(1<<(8*n)-1))
	}
	n := 16
	for i+n < len(text) && isAlphanumeric[text[i+n]] {
		n++
	}
	return r.longWord(i, n)
}

// shortWord is a word of up to 16 bytes, given as two numbers.
func (r *bertRun) shortWord(i, n int, low, high uint64) int {
	if k := r.ascii[r.s.text[i+n]]; k != uint8(factSpace) && k != uint8(factAlone) {
		return r.anyWord(i)
	}
	if id, ok := r.words.whole.find(low, high); ok {
		r.put(id, i, i+n)
		return i + n
	}
	if n > r.words.maxChars {
		r.put(r.words.unknown, i, i+n)
		return i + n
	}
	var word [16]byte
	binary.LittleEndian.PutUint64(word[:], low)
	binary.LittleEndian.PutUint64(word[8:], high)
	r.pieces(word[:n], i)
	return i + n
}

// asciiWordAtEnd is asciiWord where fewer than 24 bytes are left.
func (r *bertRun) asciiWordAtEnd(i int) int {
	n := 1
	for i+n < len(r.s.text) && isAlphanumeric[r.s.text[i+n]] {
		n++
	}
	return r.longWord(i, n)
}

// longWord is a word of n letters and digits.
func (r *bertRun) longWord(i, n int) int {
	if i+n < len(r.s.text) {
		if k := r.ascii[r.s.text[i+n]]; k != uint8(factSpace) && k != uint8(factAlone) {
			return r.anyWord(i)
		}
	}
	if n > r.words.maxChars {
		r.put(r.words.unknown, i, i+n)
		return i + n
	}
	w := r.scratch()
	w.text = append(w.text[:0], r.s.text[i:i+n]...)
	for k := range w.text {
		w.text[k] |= byte(r.fold)
	}
	r.pieces(w.text, i)
	return i + n
}

// pieces puts the tokens of a word whose bytes stand for those of the text from i on.
func (r *bertRun) pieces(word []byte, i int) {
	pieces, rest, from := r.words.starts, word, i
	n, ids, tokens := r.n, len(r.ids), len(r.tokens)
	for len(rest) > 0 {
		length, id := pieces.longest(rest)
		if length == 0 {
			r.n, r.ids, r.tokens = n, r.ids[:ids], r.tokens[:tokens]
			r.put(r.words.unknown, i, i+len(word))
			return
		}
		r.put(uint32(id), from, from+length)
		pieces, rest, from = r.words.inside, rest[length:], from+length
	}
}

// anyWord reads from i, where a word may begin, as long as no ASCII character comes
// that scan knows better: characters that stand alone, white space, or one word.
func (r *bertRun) anyWord(start int) int {
	text := r.s.text
	for i := start; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		fact := r.facts[c>>8][c&0xFF]
		switch fact & (1<<factBits - 1) {
		case factDropped:
			i += size
			continue
		case factAlone:
			r.put(fact>>factBits, i, i+size)
		case factSpace:
		default:
			return r.mixedWord(start)
		}
		i += size
		start = i
		r.cut(i)
		if i < len(text) && text[i] < utf8.RuneSelf {
			return i
		}
	}
	return len(text)
}

// mixedWord reads one word of any characters and returns where it ends. start lies
// behind what ended the word before, so that no mark is parted from its neighbours.
func (r *bertRun) mixedWord(start int) int {
	text, w, i := r.s.text, r.scratch(), start
	w.text, w.spans = w.text[:0], w.spans[:0]
	for i < len(text) {
		c, size := utf8.DecodeRuneInString(text[i:])
		fact := r.facts[c>>8][c&0xFF]
		switch fact & (1<<factBits - 1) {
		case factWord:
			w.text = append(w.text, text[i:i+size]...)
		case factMapped:
			w.text = append(w.text, r.texts[fact>>factBits]...)
		case factTangled:
			return r.tangle(start)
		case factSpace, factAlone:
			r.putWord(w)
			return i
		}
		i += size
		if r.kind == wantTokens {
			for len(w.spans) < len(w.text) {
				w.spans = append(w.spans, source{i - size, i})
			}
		}
	}
	r.putWord(w)
	return i
}

// putWord puts the tokens of a normalized word; w.spans are there if tokens are wanted.
func (r *bertRun) putWord(w *wordScratch) {
	if len(w.text) == 0 {
		return
	}
	n, tokens := len(w.text), len(r.tokens)
	switch id, ok := r.words.whole.findText(w.text); {
	case ok:
		r.put(id, 0, n)
	case n > r.words.maxChars && utf8.RuneCount(w.text) > r.words.maxChars:
		r.put(r.words.unknown, 0, n)
	default:
		r.pieces(w.text, 0)
	}
	for i := tokens; i < len(r.tokens); i++ {
		t := &r.tokens[i]
		first, last := w.spans[t.Start-r.s.base], w.spans[t.End-r.s.base-1]
		t.Start, t.End = r.s.base+first.start, r.s.base+last.end
	}
}

// tangle gives what lies between start and the next white space or character that
// stands alone to the pipeline, and returns where that is.
func (r *bertRun) tangle(start int) int {
	end := start
	for end < len(r.s.text) {
		c, size := utf8.DecodeRuneInString(r.s.text[end:])
		if kind := r.facts[c>>8][c&0xFF] & (1<<factBits - 1); kind == factSpace || kind == factAlone {
			break
		}
		end += size
	}
	s := stretch{text: r.s.text[start:end], base: r.s.base + start, inner: true}
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

// isAlphanumeric is whether a byte is an ASCII letter or digit.
var isAlphanumeric = func() (is [256]bool) {
	for b := range is {
		is[b] = '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
	}
	return is
}()

// notAlphanumeric has the high bit of each byte set that is no ASCII letter or digit.
func notAlphanumeric(x uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	ascii := x &^ high
	lower := ascii | 0x2020202020202020
	// In each byte, adding 128-k carries into the high bit if it is at least k.
	letter := (lower + ones*(128-'a')) &^ (lower + ones*(128-'z'-1))
	digit := (ascii + ones*(128-'0')) &^ (ascii + ones*(128-'9'-1))
	return (^(letter | digit) | x) & high
}

func load64(text string, i int) uint64 {
	return binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(text[i:i+8]), 8))
}

// wordScratch holds a word while it is normalized: its bytes and, where wanted, the
// span that each stands for.
type wordScratch struct {
	text  []byte
	spans []source
}

var wordScratches = sync.Pool{New: func() any { return new(wordScratch) }}
