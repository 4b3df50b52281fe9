package token

import (
	"math/bits"
	"unsafe"
)

// batchWords is how many words are found before any is looked up: looking up waits for
// memory, and many can wait at the same time.
const batchWords = 64

// wordBatch holds words, or segments of words, that follow each other.
type wordBatch struct {
	words [batchWords + windowBytes]batchWord
	n     int
	until int // where the word ends whose segments are being added
}

// batchWord is where a word ends, and its key; the key's high is 0 if it has none.
type batchWord struct {
	key wordKey
	end int
}

// scan fills the batch with the words from position at on, and returns where the last
// one ends.
func (b *wordBatch) scan(m *bytePairs, text string, at int) int {
	b.n = 0
	var w window
	for b.n < batchWords && at < len(text) {
		if at < b.until {
			at = b.addSegments(m, text, at)
			continue
		}
		if at+windowBytes+16 <= len(text) && text[at] < 0x80 {
			classify(&w, text, at)
			if starts, end := m.split.starts(&w); end > 0 {
				at = b.addWindow(text, at, starts, end, m.wholeBit)
				continue
			}
		}
		at = b.addMixed(m, text, at)
	}
	return at
}

// addWindow adds the words that begin at the bits of starts and end at the next ones, or
// at end, in the window at a position.
func (b *wordBatch) addWindow(text string, at int, starts uint64, end int, whole uint64) int {
	n := b.n
	start := 0
	for {
		starts &= starts - 1
		next := bits.TrailingZeros64(starts | 1<<end)
		w := &b.words[n&(len(b.words)-1)]
		mask := &wordMasks[uint(next-start)%windowBytes]
		w.key.low = word8(text, at+start) & mask.low
		w.key.high = word8(text, at+start+8)&mask.high | mask.size
		if mask.size != 0 {
			w.key.high |= whole
		}
		w.end = at + next
		n++
		if start = next; start == end {
			b.n = n
			return at + end
		}
	}
}

// addMixed adds one word, of any characters, or its first segments. Where whole words
// have a rule of their own, it is added whole.
func (b *wordBatch) addMixed(m *bytePairs, text string, at int) int {
	end := m.split.end(text, at)
	key := mixedKey(text, at, end)
	if key.high == 0 && m.wholeBit == 0 {
		b.until = end
		return b.addSegments(m, text, at)
	}
	if key.high != 0 {
		key.high |= m.wholeBit
	}
	b.add(key, end)
	return end
}

func (b *wordBatch) add(key wordKey, end int) {
	b.words[b.n] = batchWord{key, end}
	b.n++
}

// addSegments adds the segments of a word that ends at b.until, as many as there is room for.
func (b *wordBatch) addSegments(m *bytePairs, text string, at int) int {
	for at < b.until && b.n < batchWords {
		end := at + m.crosses.segment(text[at:b.until])
		var key wordKey
		if end-at <= maxKey {
			key = keyOf(text, at, end)
		}
		b.add(key, end)
		at = end
	}
	return at
}

// wordMask keeps the bytes of a word and says its size, as a key does; nothing for a word
// that is too long for a key.
type wordMask struct{ low, high, size uint64 }

var wordMasks = func() (masks [windowBytes]wordMask) {
	for n := 1; n <= maxKey; n++ {
		masks[n] = wordMask{keyMasks[n].low, keyMasks[n].high, uint64(n) << 56}
	}
	return masks
}()

// mixedKey is the key of a word; none if it is too long, or may hold characters of scripts
// without spaces, whose words are better cut into segments.
func mixedKey(text string, at, end int) wordKey {
	if end-at > maxKey {
		return wordKey{}
	}
	k := keyOf(text, at, end)
	if fromE3(k.low) || fromE3(k.high&(1<<56-1)) {
		return wordKey{}
	}
	return k
}

// fromE3 reports whether a byte of x is E3 or more, as in Chinese, Japanese and Korean.
func fromE3(x uint64) bool { return (x&allLow+(0x80-0x63)*allOnes)&x&allHigh != 0 }

// keyOf is the key of text[at:end], at most maxKey bytes.
func keyOf(text string, at, end int) wordKey {
	n := uint(end - at)
	if at+16 > len(text) {
		return shortKey(text[at:end])
	}
	return wordKey{word8(text, at) & keyMasks[n].low, word8(text, at+8)&keyMasks[n].high | uint64(n)<<56}
}

// keyMasks keep the first bytes of two little-endian words.
var keyMasks = func() (masks [maxKey + 1]wordKey) {
	for n := range masks {
		masks[n] = wordKey{1<<(8*min(n, 8)) - 1, 1<<(8*max(n-8, 0)) - 1}
	}
	return masks
}()

func shortKey(word string) wordKey {
	var k wordKey
	for i := range len(word) {
		if i < 8 {
			k.low |= uint64(word[i]) << (8 * i)
		} else {
			k.high |= uint64(word[i]) << (8 * (i - 8))
		}
	}
	k.high |= uint64(len(word)) << 56
	return k
}

// Words of eight bytes.
const (
	allLow  = 0x7F7F7F7F7F7F7F7F
	allOnes = 0x0101010101010101
	allHigh = 0x8080808080808080
)

// word8 loads eight bytes, little-endian.
func word8(text string, at int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(text)), at))
}
