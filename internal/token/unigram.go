package token

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"

	"pulse/internal/jsonscan"
)

// unigrams is the Unigram model: of all ways to cut a word into tokens, the one whose
// scores have the highest sum (Viterbi). A character that no token is can be unknown, at
// a score below all others; neighbours that are unknown become one token.
type unigrams struct {
	vocabulary *vocabulary
	tokens     *trie
	scores     []float64 // by id
	unknown    uint32
	missing    float64 // score of an unknown character
	bytes      *[256]uint32
}

// unknownPenalty is how far an unknown character's score lies below the lowest.
const unknownPenalty = 10

// readUnigrams reads a Unigram model.
func readUnigrams(m *part) (*unigrams, error) {
	u := &unigrams{missing: math.Inf(1)}
	if err := u.readVocabulary(m.take("vocab")); err != nil {
		return nil, err
	}
	id := m.take("unk_id")
	unknown, ok := id.Int()
	if !ok || unknown < 0 || unknown >= len(u.scores) {
		m.fail("unk_id %s is not in the vocabulary", id)
	}
	u.unknown = uint32(unknown)
	if m.flag("byte_fallback", false) {
		u.bytes = u.byteTokens()
	}
	u.missing -= unknownPenalty
	u.tokens = newTrie(u.vocabulary.trieKeys())
	return u, m.end()
}

// readVocabulary reads [["token", score], …]; the place is the id.
func (u *unigrams) readVocabulary(v jsonscan.Value) error {
	if v.Kind() != jsonscan.Array {
		return errors.New("model: has no vocabulary")
	}
	u.vocabulary = newVocabulary(len(v)/32, len(v)/2)
	s := jsonscan.New(v)
	for id := range s.Elements {
		pair := jsonscan.New(s.Value())
		var token string
		score := math.NaN()
		for i := range pair.Elements {
			if value := pair.Value(); i == 0 && value.Kind() == jsonscan.String {
				token = exactText(value)
			} else if i == 1 && value.Kind() == jsonscan.Number {
				score = referenceFloat(string(value))
			}
		}
		if pair.Err() != nil || math.IsNaN(score) {
			return fmt.Errorf("model: entry %d of the vocabulary is not a token and its score", id)
		}
		u.vocabulary.add([]byte(token), uint32(id))
		u.scores = append(u.scores, score)
		u.missing = min(u.missing, score)
	}
	return s.Err()
}

// byteTokens are the tokens <0x00> to <0xFF>; nil if one is not there, as then none is used.
func (u *unigrams) byteTokens() *[256]uint32 {
	var ids [256]uint32
	for b := range ids {
		id, ok := u.vocabulary.id(fmt.Sprintf("<0x%02X>", b))
		if !ok {
			return nil
		}
		ids[b] = id
	}
	return &ids
}

// referenceFloat reads a JSON number as the reference does, which is not always the
// nearest float64: the digits as one integer, as far as they fit, times or by a power of
// ten (serde_json without float_roundtrip). Sums of scores are compared, so it matters.
func referenceFloat(s string) float64 {
	s, negative := strings.CutPrefix(s, "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(s), "e")
	var digits uint64
	exponent, point, full := 0, false, false
	for i := range len(mantissa) {
		d := uint64(mantissa[i] - '0')
		switch {
		case mantissa[i] == '.':
			point = true
		case full || digits > (math.MaxUint64-d)/10:
			full = true
			if !point {
				exponent++
			}
		default:
			digits = digits*10 + d
			if point {
				exponent--
			}
		}
	}
	by, _ := strconv.Atoi(power) // "" is 0
	exponent += by
	f := scale(float64(digits), exponent)
	if negative {
		return -f
	}
	return f
}

func scale(f float64, exponent int) float64 {
	for ; exponent < -308 && f != 0; exponent += 308 {
		f /= 1e308
	}
	if exponent < 0 {
		return f / powerOfTen(-exponent)
	}
	return f * powerOfTen(exponent)
}

// powerOfTen is exact as a literal would be; math.Pow10 multiplies two.
func powerOfTen(n int) float64 {
	f, _ := strconv.ParseFloat("1e"+strconv.Itoa(n), 64)
	return f
}

// unigramStep is the best way to a position in a word: the last token, where it starts
// and the sum of all scores. start -1: no way yet.
type unigramStep struct {
	score float64
	start int32
	id    uint32
}

// unigramScratch is what cutting one word needs.
type unigramScratch struct {
	steps  []unigramStep
	pieces []unigramPiece
}

var unigramScratches = sync.Pool{New: func() any { return new(unigramScratch) }}

// unigramPiece is a token of a word, by its bytes.
type unigramPiece struct {
	id         uint32
	start, end int32
}

// appendWord implements wordModel.
func (u *unigrams) appendWord(dst []Token, word string, base int) []Token {
	w := unigramScratches.Get().(*unigramScratch)
	for _, p := range u.cut(w, unsafe.Slice(unsafe.StringData(word), len(word))) {
		dst = append(dst, Token{p.id, base + int(p.start), base + int(p.end)})
	}
	unigramScratches.Put(w)
	return dst
}

// cut returns the tokens of a word, which w owns.
func (u *unigrams) cut(w *unigramScratch, word []byte) []unigramPiece {
	u.walk(w, word)
	w.pieces = w.pieces[:0]
	for end := int32(len(word)); end > 0; {
		step := &w.steps[end]
		p := unigramPiece{step.id, step.start, end}
		if step.id == u.unknown {
			for p.start > 0 && w.steps[p.start].id == u.unknown {
				p.start = w.steps[p.start].start
			}
			w.pieces = u.putUnknown(w.pieces, word, p)
		} else {
			w.pieces = append(w.pieces, p)
		}
		end = p.start
	}
	for i, j := 0, len(w.pieces)-1; i < j; i, j = i+1, j-1 {
		w.pieces[i], w.pieces[j] = w.pieces[j], w.pieces[i]
	}
	return w.pieces
}

// putUnknown appends what becomes of unknown characters, last token first: the token
// that they happen to be together, their bytes, or the unknown token.
func (u *unigrams) putUnknown(dst []unigramPiece, word []byte, p unigramPiece) []unigramPiece {
	text := word[p.start:p.end]
	if n, id := u.tokens.longest(text); n == len(text) {
		p.id = uint32(id)
		return append(dst, p)
	}
	if u.bytes == nil {
		return append(dst, p)
	}
	for i := len(text) - 1; i >= 0; i-- {
		dst = append(dst, unigramPiece{u.bytes[text[i]], p.start, p.end})
	}
	return dst
}

// walk finds the best way to every position of the word. Of ways with the same score the
// one found first stays: the one whose last token is the longest.
func (u *unigrams) walk(w *unigramScratch, word []byte) {
	if len(w.steps) <= len(word) {
		w.steps = make([]unigramStep, 2*len(word)+64)
	}
	steps, nodes := w.steps[:len(word)+1], u.tokens.nodes
	steps[0] = unigramStep{}
	known := 0 // steps up to here are set
	for at := 0; at < len(word); {
		size := characterSize(word[at])
		so, single, node := steps[at].score, false, int32(0)
		for i := at; i < len(word); i++ {
			child := nodes[node].base + int32(word[i])
			if nodes[child].parent != node {
				break
			}
			node = child
			id := nodes[node].value
			if id == noValue {
				continue
			}
			for ; known <= i; known++ {
				steps[known+1].start = -1
			}
			single = single || i+1-at == size
			if to, sum := &steps[i+1], so+u.scores[id]; to.start < 0 || sum > to.score {
				*to = unigramStep{sum, int32(at), uint32(id)}
			}
		}
		if !single {
			for ; known < at+size; known++ {
				steps[known+1].start = -1
			}
			if to, sum := &steps[at+size], so+u.missing; to.start < 0 || sum > to.score {
				*to = unigramStep{sum, int32(at), u.unknown}
			}
		}
		at += size
	}
}

// characterSize is the length of a character by its first byte.
func characterSize(b byte) int {
	switch {
	case b < utf8.RuneSelf:
		return 1
	case b < 0xE0:
		return 2
	case b < 0xF0:
		return 3
	}
	return 4
}
