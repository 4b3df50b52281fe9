package token

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
	"unsafe"
)

// wordPieces is the WordPiece model: a word is cut into the longest pieces of the
// vocabulary from left to right, or is unknown as a whole. It allocates nothing, and a
// word costs at most its length (up to maxChars) times the longest piece.
type wordPieces struct {
	starts   *trie // pieces that a word may begin with: the vocabulary
	inside   *trie // pieces behind the first, without their prefix
	whole    wholeWords
	unknown  uint32
	maxChars int // of a word; a longer one is unknown
}

// newWordPieces makes the model. prefix is what pieces behind the first begin with.
func newWordPieces(vocabulary []trieKey, unknown uint32, prefix string, maxChars int) *wordPieces {
	var inside []trieKey
	for _, k := range vocabulary {
		if len(k.text) > len(prefix) && k.text[:len(prefix)] == prefix {
			inside = append(inside, trieKey{k.text[len(prefix):], k.value})
		}
	}
	m := &wordPieces{starts: newTrie(vocabulary), inside: newTrie(inside), unknown: unknown, maxChars: maxChars}
	m.whole = newWholeWords(vocabulary, maxChars)
	return m
}

// readWordPieces reads a WordPiece model.
func (p *pipeline) readWordPieces(m *part) (*vocabulary, error) {
	v := m.vocabulary
	if v == nil {
		return nil, errors.New("model: has no vocabulary")
	}
	name := m.text("unk_token", "[UNK]")
	unknown, ok := v.id(name)
	if !ok {
		m.fail("unk_token %q is not in the vocabulary", name)
	}
	p.words = newWordPieces(v.trieKeys(), unknown, m.text("continuing_subword_prefix", "##"), m.number("max_input_chars_per_word", 100))
	return v, m.end()
}

// trieKeys are the tokens with their ids.
func (v *vocabulary) trieKeys() []trieKey {
	keys := make([]trieKey, v.size())
	for i := range keys {
		keys[i] = trieKey{string(v.token(i)), int32(v.tokens[i].id)}
	}
	return keys
}

// appendWord implements wordModel.
func (m *wordPieces) appendWord(dst []Token, word string, base int) []Token {
	from := len(dst)
	if len(word) > m.maxChars && utf8.RuneCountInString(word) > m.maxChars {
		return append(dst, Token{m.unknown, base, base + len(word)})
	}
	pieces, rest, at := m.starts, unsafe.Slice(unsafe.StringData(word), len(word)), base
	for len(rest) > 0 {
		n, id := pieces.longest(rest)
		if n == 0 {
			return append(dst[:from], Token{m.unknown, base, base + len(word)})
		}
		dst = append(dst, Token{uint32(id), at, at + n})
		pieces, rest, at = m.inside, rest[n:], at+n
	}
	return dst
}

// wholeWords finds words of up to 16 bytes that are a piece as they are, most of what
// is written, in one or two loads.
type wholeWords struct {
	eight   []wholeWord
	sixteen []wholeWord
	shift8  uint8
	shift16 uint8
}

// wholeWord is a word as two little-endian numbers, zeros behind it; both 0: none.
type wholeWord struct {
	low, high uint64
	id        uint32
}

func newWholeWords(vocabulary []trieKey, maxChars int) wholeWords {
	var words [2][]wholeWord
	for _, k := range vocabulary {
		if n := len(k.text); n == 0 || n > 16 || utf8.RuneCountInString(k.text) > maxChars || k.text[n-1] == 0 {
			continue
		}
		w := wholeWord{id: uint32(k.value)}
		if w.low, w.high = wordNumbers(k.text); w.low == 0 {
			continue
		}
		i := 0
		if w.high != 0 {
			i = 1
		}
		words[i] = append(words[i], w)
	}
	var s wholeWords
	s.eight, s.shift8 = tableOf(words[0])
	s.sixteen, s.shift16 = tableOf(words[1])
	return s
}

func wordNumbers(word string) (low, high uint64) {
	var b [16]byte
	copy(b[:], word)
	return binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
}

// tableOf puts words into a table of a power of two, at most a third full, and returns
// the shift that makes an index of a hash.
func tableOf(words []wholeWord) ([]wholeWord, uint8) {
	bits := uint8(1)
	for 1<<bits < 3*len(words) {
		bits++
	}
	table, shift := make([]wholeWord, 1<<bits), 64-bits
	for _, w := range words {
		at := hashWord(w.low, w.high) >> shift
		for table[at].low != 0 && (table[at].low != w.low || table[at].high != w.high) {
			at = (at + 1) & uint64(len(table)-1)
		}
		table[at] = w
	}
	return table, shift
}

func hashWord(low, high uint64) uint64 {
	return (low ^ high*0x9FB21C651E98DF25) * 0x9E3779B97F4A7C15
}

// findText is find for a word of any length, which is not empty.
func (s *wholeWords) findText(word []byte) (uint32, bool) {
	if len(word) > 16 || word[len(word)-1] == 0 {
		return 0, false
	}
	var b [16]byte
	copy(b[:], word)
	return s.find(binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:]))
}

// find returns the id of a word that is a piece; low is not 0.
func (s *wholeWords) find(low, high uint64) (uint32, bool) {
	table, shift := s.eight, s.shift8
	if high != 0 {
		table, shift = s.sixteen, s.shift16
	}
	mask := uint64(len(table) - 1)
	for at := hashWord(low, high) >> (shift & 63); ; at++ {
		w := &table[at&mask]
		if w.low == low && w.high == high {
			return w.id, true
		}
		if w.low == 0 {
			return 0, false
		}
	}
}
