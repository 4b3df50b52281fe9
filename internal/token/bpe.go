package token

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"

	"pulse/internal/jsonscan"
)

// bpe is byte pair encoding: of the neighbours that a merge joins, the pair of the lowest
// rank is joined first, the leftmost of equals, until none is left. A word begins as one
// symbol per byte (byte-level) or per character.
type bpe struct {
	vocabulary *vocabulary
	pairs      pairTable
	merged     []uint32 // by rank: the id that the merge gives

	byteLevel bool
	bytes     [256]uint32 // byte-level: the byte's token; else the token that byte fallback takes
	fallback  bool        // characters that are no tokens become their bytes'
	unknown   uint32      // stands for characters without a token; noToken: they are dropped
	fuses     bool        // neighbours of them make one unknown
	// wholes holds the words that are tokens whatever the merges say (ignore_merges).
	wholes *vocabulary
}

const noToken = ^uint32(0)

// maxIDs and maxMerges are what pairTable can hold.
const (
	maxIDs    = 1 << 21
	maxMerges = 1<<22 - 1
)

func readBPE(m *part, byteLevel bool) (*bpe, *vocabulary, error) {
	v := m.vocabulary
	if v == nil {
		return nil, nil, errors.New("model: has no vocabulary")
	}
	b := &bpe{vocabulary: v, byteLevel: byteLevel, unknown: noToken, fuses: m.flag("fuse_unk", false)}
	m.must("dropout", "0", "0.0")
	m.must("continuing_subword_prefix", `""`)
	m.must("end_of_word_suffix", `""`)
	if unknown := m.text("unk_token", ""); unknown != "" {
		var ok bool
		if b.unknown, ok = v.id(unknown); !ok {
			m.fail("unk_token %q is not in the vocabulary", unknown)
		}
	}
	b.fallback = m.flag("byte_fallback", false)
	if m.flag("ignore_merges", false) {
		b.wholes = v
		if byteLevel {
			b.wholes = byteVocabulary(v)
		}
	}
	if err := b.takeMerges(m); err != nil {
		return nil, nil, err
	}
	if !b.setBytes() && byteLevel && b.fallback {
		m.fail("byte_fallback with a byte-level vocabulary that lacks bytes is not supported")
	}
	return b, v, m.end()
}

// setBytes finds the tokens of single bytes, and reports whether all have one.
func (b *bpe) setBytes() bool {
	all := true
	for i := range b.bytes {
		name := fmt.Sprintf("<0x%02X>", i)
		if b.byteLevel {
			name = string(byteChars[i])
		}
		var ok bool
		if b.bytes[i], ok = b.vocabulary.id(name); !ok {
			b.bytes[i] = noToken
			all = false
		}
	}
	return all
}

// takeMerges takes the merges of the model; the place in the list is the rank.
func (b *bpe) takeMerges(m *part) error {
	merges := m.merges
	if v := m.take("merges"); v.Kind() == jsonscan.Array { // they stand before the vocabulary
		s := jsonscan.New(v)
		var err error
		if merges, err = readMerges(&s, b.vocabulary); err != nil {
			return err
		}
	} else if merges == nil {
		return errors.New("model: has no merges")
	}
	if len(merges) > maxMerges {
		return fmt.Errorf("model: more than %d merges are not supported", maxMerges)
	}
	b.pairs = newPairTable(len(merges))
	b.merged = make([]uint32, len(merges))
	for rank, merge := range merges {
		if max(merge.left, merge.right, merge.id) >= maxIDs {
			return fmt.Errorf("model: ids of %d and more are not supported", maxIDs)
		}
		b.pairs.set(merge.left, merge.right, uint32(rank))
		b.merged[rank] = merge.id
	}
	return nil
}

// mergeIDs is a merge: the ids that it joins, and that it gives.
type mergeIDs struct{ left, right, id uint32 }

// readMerges reads ["a b", …] or [["a","b"], …] at the cursor.
func readMerges(s *jsonscan.Scanner, v *vocabulary) ([]mergeIDs, error) {
	if s.Kind() != jsonscan.Array {
		return nil, errors.New("model: has no merges")
	}
	out := make([]mergeIDs, 0, v.size())
	var left, right []byte
	next := 0 // merges mostly give one token after the other
	for rank := range s.Elements {
		var ok bool
		if left, right, ok = readMerge(s, left[:0], right[:0]); !ok {
			return nil, fmt.Errorf("model: merge %d is not a pair of tokens", rank)
		}
		merge, token := mergeIDs{}, left
		if merge.left, ok = v.idOf(left); ok {
			token = right
			merge.right, ok = v.idOf(right)
		}
		if ok {
			token = append(left, right...)
			merge.id, ok = v.idNext(token, &next)
		}
		if !ok {
			return nil, fmt.Errorf("model: %q of merge %d is not in the vocabulary", token, rank)
		}
		out = append(out, merge)
	}
	return out, s.Err()
}

// readMerge reads the merge at the cursor into the memory of left and right.
func readMerge(s *jsonscan.Scanner, left, right []byte) ([]byte, []byte, bool) {
	if s.Kind() == jsonscan.Array {
		n := 0
		for i := range s.Elements {
			switch n++; i {
			case 0:
				left = s.Value().AppendText(left)
			case 1:
				right = s.Value().AppendText(right)
			}
		}
		return left, right, n == 2 && s.Err() == nil
	}
	left = s.Value().AppendText(left)
	i := bytes.IndexByte(left, ' ')
	if i < 0 {
		return left, right, false
	}
	right = append(right, left[i+1:]...)
	return left[:i], right, true
}

// symbol is a part of a word that is one token so far. Symbols form a list; those that
// were joined to their left neighbour have length 0.
type symbol struct {
	id         uint32
	rank       uint32 // of the merge with next, noRank if there is none
	prev, next int32  // indexes, -1 at the ends
	size       int32  // in bytes
}

// bpeScratch is what one word needs.
type bpeScratch struct {
	symbols []symbol
	queue   []uint64
	ranks   rankQueue
	ids     []uint32
	// Of a segment of spacePairs: with the prefix, and with its spaces marked.
	text, marked []byte
}

var bpeScratches = sync.Pool{New: func() any { return new(bpeScratch) }}

func (b *bpe) appendWord(dst []Token, word string, base int) []Token {
	if id, ok := b.whole(word); ok {
		return append(dst, Token{id, base, base + len(word)})
	}
	w := bpeScratches.Get().(*bpeScratch)
	defer bpeScratches.Put(w)
	b.merge(w, word)
	for i := range w.symbols {
		if s := &w.symbols[i]; s.size > 0 {
			dst = append(dst, Token{s.id, base, base + int(s.size)})
			base += int(s.size)
		}
	}
	return dst
}

// whole finds a word that is a token whatever the merges say.
func (b *bpe) whole(word string) (uint32, bool) {
	if b.wholes == nil {
		return 0, false
	}
	return b.wholes.id(word)
}

// merge leaves the word's tokens in w.symbols.
func (b *bpe) merge(w *bpeScratch, word string) {
	w.symbols = w.symbols[:0]
	if b.byteLevel {
		b.addBytes(w, word)
	} else {
		b.addChars(w, word)
	}
	if n := len(w.symbols); n > 0 {
		w.symbols[n-1].next = -1
		b.mergeAll(w)
	}
}

// add appends a symbol; symbols stay in their order until they are merged.
func (w *bpeScratch) add(id uint32, size int) {
	n := int32(len(w.symbols))
	w.symbols = append(w.symbols, symbol{id: id, rank: noRank, prev: n - 1, next: n + 1, size: int32(size)})
}

// addBytes appends a symbol per byte.
func (b *bpe) addBytes(w *bpeScratch, word string) {
	pending := 0 // bytes of the unknown to be written
	for i := range len(word) {
		if id := b.bytes[word[i]]; id != noToken {
			pending = w.flush(b, pending)
			w.add(id, 1)
			continue
		}
		pending = w.unknown(b, pending, 1)
	}
	w.flush(b, pending)
}

// addChars appends a symbol per character, or what stands for one without a token. As in
// the reference, an unknown that is still to be written comes after the bytes of
// characters that fall back to them.
func (b *bpe) addChars(w *bpeScratch, word string) {
	pending := 0 // bytes of the unknown to be written
	for i := 0; i < len(word); {
		_, size := utf8.DecodeRuneInString(word[i:])
		char := word[i : i+size]
		i += size
		id, ok := b.vocabulary.id(char)
		switch {
		case ok:
			pending = w.flush(b, pending)
			w.add(id, size)
		case b.fallsBack(char):
			for j := range size {
				w.add(b.bytes[char[j]], 1)
			}
		default:
			pending = w.unknown(b, pending, size)
		}
	}
	w.flush(b, pending)
}

// unknown adds a character without a token to the unknown to be written.
func (w *bpeScratch) unknown(b *bpe, pending, size int) int {
	if b.unknown == noToken {
		return pending
	}
	if !b.fuses {
		pending = w.flush(b, pending)
	}
	return pending + size
}

func (w *bpeScratch) flush(b *bpe, pending int) int {
	if pending > 0 {
		w.add(b.unknown, pending)
	}
	return 0
}

// fallsBack reports whether a character without a token becomes its bytes.
func (b *bpe) fallsBack(char string) bool {
	if !b.fallback {
		return false
	}
	for i := range len(char) {
		if b.bytes[char[i]] == noToken {
			return false
		}
	}
	return true
}
