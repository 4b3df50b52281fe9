package token

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"unsafe"

	"pulse/internal/jsonscan"
)

// vocabulary maps the tokens of a model to their ids.
type vocabulary struct {
	seed   maphash.Seed
	text   []byte      // of all tokens, one after the other
	tokens []vocabItem // in the order of the definition; of two with one name the last stands
	slots  []uint32    // hash table: index in tokens + 1, 0 is empty
}

type vocabItem struct {
	start, end int // in text
	id         uint32
}

func newVocabulary(size, bytes int) *vocabulary {
	slots := 16
	for slots < 2*size {
		slots *= 2
	}
	return &vocabulary{
		seed: maphash.MakeSeed(), slots: make([]uint32, slots),
		text: make([]byte, 0, bytes), tokens: make([]vocabItem, 0, size),
	}
}

// readVocabulary reads {"token": id, …}.
func readVocabulary(v jsonscan.Value) (*vocabulary, error) {
	if v.Kind() != jsonscan.Object {
		return nil, errors.New("model: has no vocabulary")
	}
	out := newVocabulary(len(v)/16, len(v))
	s := jsonscan.New(v)
	for name := range s.Members {
		id, ok := s.Value().Int()
		if !ok || id < 0 || id > math.MaxUint32 {
			return nil, fmt.Errorf("model: the id of %q is not one", name)
		}
		out.add(name, uint32(id))
	}
	return out, s.Err()
}

// size is the number of tokens.
func (v *vocabulary) size() int { return len(v.tokens) }

// id finds a token.
func (v *vocabulary) id(token string) (uint32, bool) {
	slot := v.find(maphash.String(v.seed, token), token)
	if v.slots[slot] == 0 {
		return 0, false
	}
	return v.tokens[v.slots[slot]-1].id, true
}

// idOf is id for bytes, which are not kept.
func (v *vocabulary) idOf(token []byte) (uint32, bool) {
	return v.id(unsafe.String(unsafe.SliceData(token), len(token)))
}

// token is the name of the i-th token.
func (v *vocabulary) token(i int) []byte { return v.text[v.tokens[i].start:v.tokens[i].end] }

func (v *vocabulary) find(hash uint64, token string) int {
	for slot := int(hash) & (len(v.slots) - 1); ; slot = (slot + 1) & (len(v.slots) - 1) {
		i := v.slots[slot]
		if i == 0 || string(v.token(int(i-1))) == token {
			return slot
		}
	}
}

func (v *vocabulary) add(token []byte, id uint32) {
	if 2*(len(v.tokens)+1) > len(v.slots) {
		v.grow()
	}
	start := len(v.text)
	v.text = append(v.text, token...)
	item := vocabItem{start, len(v.text), id}
	slot := v.find(maphash.Bytes(v.seed, token), unsafe.String(unsafe.SliceData(token), len(token)))
	if i := v.slots[slot]; i != 0 {
		v.tokens[i-1] = item
		return
	}
	v.tokens = append(v.tokens, item)
	v.slots[slot] = uint32(len(v.tokens))
}

func (v *vocabulary) grow() {
	v.slots = make([]uint32, 2*len(v.slots))
	for i := range v.tokens {
		token := v.token(i)
		v.slots[v.find(maphash.Bytes(v.seed, token), unsafe.String(unsafe.SliceData(token), len(token)))] = uint32(i + 1)
	}
}
