package token

import (
	"bytes"
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
	slots  []vocabSlot // hash table
}

type vocabItem struct{ start, size, id uint32 }

// vocabSlot is an index in tokens + 1, 0 where nothing is, and a part of the token's hash.
type vocabSlot struct{ index, tag uint32 }

// maxVocabulary is how many bytes the tokens of a vocabulary may have together.
const maxVocabulary = 1 << 31

func newVocabulary(size, bytes int) *vocabulary {
	slots := 16
	for slots < 2*size {
		slots *= 2
	}
	return &vocabulary{
		seed: maphash.MakeSeed(), slots: make([]vocabSlot, slots),
		text: make([]byte, 0, bytes), tokens: make([]vocabItem, 0, size),
	}
}

// readVocabulary reads {"token": id, …} at the cursor.
func readVocabulary(s *jsonscan.Scanner, bytes int) (*vocabulary, error) {
	if s.Kind() != jsonscan.Object {
		return nil, errors.New("model: has no vocabulary")
	}
	out := newVocabulary(bytes/40, bytes/4)
	for name := range s.Members {
		id, ok := wholeNumber(s.Value())
		if !ok {
			return nil, fmt.Errorf("model: the id of %q is not one", name)
		}
		if len(out.text)+len(name) > maxVocabulary {
			return nil, errors.New("model: the vocabulary is too large")
		}
		out.add(name, id)
	}
	return out, s.Err()
}

// wholeNumber is the value of a number of digits only.
func wholeNumber(v jsonscan.Value) (uint32, bool) {
	n := uint64(0)
	for _, c := range v {
		if c < '0' || c > '9' || n > math.MaxUint32 {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return uint32(n), len(v) > 0 && n < math.MaxUint32
}

// size is the number of tokens.
func (v *vocabulary) size() int { return len(v.tokens) }

// id finds a token.
func (v *vocabulary) id(token string) (uint32, bool) {
	slot := v.find(maphash.String(v.seed, token), token)
	if slot.index == 0 {
		return 0, false
	}
	return v.tokens[slot.index-1].id, true
}

// idOf is id for bytes, which are not kept.
func (v *vocabulary) idOf(token []byte) (uint32, bool) { return v.id(stringOf(token)) }

// idNext is idOf for a token that is probably the next-th, and sets next to the one behind it.
func (v *vocabulary) idNext(token []byte, next *int) (uint32, bool) {
	if i := *next; i >= len(v.tokens) || !bytes.Equal(v.token(i), token) {
		slot := v.find(maphash.Bytes(v.seed, token), stringOf(token))
		if slot.index == 0 {
			return 0, false
		}
		*next = int(slot.index) - 1
	}
	*next++
	return v.tokens[*next-1].id, true
}

// stringOf is bytes as a string; both share memory.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// token is the name of the i-th token.
func (v *vocabulary) token(i int) []byte {
	item := v.tokens[i]
	return v.text[item.start : item.start+item.size]
}

// find returns the slot of a token, an empty one if it is not there.
func (v *vocabulary) find(hash uint64, token string) *vocabSlot {
	for at := hash; ; at++ {
		slot := &v.slots[at&uint64(len(v.slots)-1)]
		if slot.index == 0 || slot.tag == uint32(hash>>32) && stringOf(v.token(int(slot.index-1))) == token {
			return slot
		}
	}
}

func (v *vocabulary) add(token []byte, id uint32) {
	if 2*(len(v.tokens)+1) > len(v.slots) {
		v.grow()
	}
	item := vocabItem{uint32(len(v.text)), uint32(len(token)), id}
	v.text = append(v.text, token...)
	hash := maphash.Bytes(v.seed, token)
	slot := v.find(hash, stringOf(token))
	if slot.index != 0 {
		v.tokens[slot.index-1] = item
		return
	}
	v.tokens = append(v.tokens, item)
	*slot = vocabSlot{uint32(len(v.tokens)), uint32(hash >> 32)}
}

func (v *vocabulary) grow() {
	v.slots = make([]vocabSlot, 2*len(v.slots))
	for i := range v.tokens {
		token := v.token(i)
		hash := maphash.Bytes(v.seed, token)
		*v.find(hash, stringOf(token)) = vocabSlot{uint32(i + 1), uint32(hash >> 32)}
	}
}
