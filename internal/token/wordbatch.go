package token

// batchWords is how many words are found before any is looked up: looking up waits for
// memory, and many can wait at the same time.
const batchWords = 64

// wordBatch holds words that follow each other.
type wordBatch struct {
	words [batchWords]batchWord
	n     int
}

// batchWord is where a word ends, and its key; the key's high is 0 if it has none.
type batchWord struct {
	key wordKey
	end int
}

// scan fills the batch with the words from position at on, and returns where the last
// one ends. whole is set in each key.
func (b *wordBatch) scan(p *splitter, text string, at int, whole uint64) int {
	n := 0
	for ; n < batchWords && at < len(text); n++ {
		w := &b.words[n]
		if at+slack > len(text) {
			w.end = p.slow(text, at)
			w.key = tailKey(text[at:w.end])
		} else {
			w.end = p.end(text, at)
			w.key = asciiKey(text, at, uint(w.end-at))
		}
		if w.key.high != 0 {
			w.key.high |= whole
		}
		at = w.end
	}
	b.n = n
	return at
}

// asciiKey is the key of the n bytes at a position, and none if they are too many or not
// ASCII. There are at least 16 bytes.
func asciiKey(text string, at int, n uint) wordKey {
	if n > maxKey {
		return wordKey{}
	}
	low, high := word8(text, at)&keyMasks[n].low, word8(text, at+8)&keyMasks[n].high
	if (low|high)&allHigh != 0 {
		return wordKey{}
	}
	return wordKey{low, high | uint64(n)<<56}
}

// tailKey is asciiKey for a word near the end of the text.
func tailKey(word string) wordKey {
	if len(word) > maxKey {
		return wordKey{}
	}
	k := shortKey(word)
	if (k.low|k.high)&allHigh != 0 {
		return wordKey{}
	}
	return k
}

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
