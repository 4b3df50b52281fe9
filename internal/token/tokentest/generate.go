package tokentest

import (
	"strings"
	"unicode/utf8"
)

// random is SplitMix64: small, and the same for ever.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9E3779B97F4A7C15
	z := r.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func (r *random) intn(n int) int { return int(r.next() % uint64(n)) }

func (r *random) pick(list []string) string { return list[r.intn(len(list))] }

func (r *random) between(first, last rune) rune {
	c := first + rune(r.intn(int(last-first)+1))
	if !utf8.ValidRune(c) {
		return 'x'
	}
	return c
}

// generate yields some 220,000 texts: every code point among letters, then mixtures.
func generate(yield func(string) bool) {
	r := &random{state: 1}
	for _, family := range []func(*random, func(string) bool) bool{sweep, mixtures, spaceRuns, lookAlikes, longWords} {
		if !family(r, yield) {
			return
		}
	}
}

// sweep shows every code point to a tokenizer, with a letter, a space, a mark or its
// neighbours beside it; where nothing is assigned, many points to a text.
func sweep(r *random, yield func(string) bool) bool {
	shapes := []string{"a_b_c_d", "_ _ _ _", "x__y _\u0301_", "(_) _, 1_2_", "\u4e2d_a\u0308_B_\n_", "_'s_t 9_\t_"}
	for c := rune(0); c <= utf8.MaxRune; {
		points := 4
		if c >= 0x32000 && c < 0xE0000 || c >= 0xE1000 {
			points = 512
		}
		var text strings.Builder
		for _, part := range shapes[r.intn(len(shapes))] {
			if part != '_' {
				text.WriteRune(part)
				continue
			}
			for range points / 4 {
				if utf8.ValidRune(c) {
					text.WriteRune(c)
				}
				c++
			}
		}
		if !yield(text.String()) {
			return false
		}
	}
	return true
}

// pools are ranges that mixtures draw from, so that what interacts meets.
var pools = [][2]rune{
	{'a', 'z'}, {'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {' ', '/'}, {':', '@'}, {'[', '`'}, {'{', 0x9F},
	{0xA0, 0x17F}, {0x180, 0x24F}, {0x250, 0x2FF}, {0x300, 0x36F}, {0x300, 0x36F}, {0x370, 0x3FF}, {0x400, 0x52F}, {0x590, 0x6FF},
	{0x700, 0x8FF}, {0x900, 0xDFF}, {0xE00, 0xEFF}, {0xF00, 0x109F}, {0x1100, 0x11FF}, {0x1200, 0x139F}, {0x13A0, 0x17FF},
	{0x1AB0, 0x1AFF}, {0x1C80, 0x1CFF}, {0x1D00, 0x1DFF}, {0x1E00, 0x1FFF}, {0x2000, 0x206F}, {0x2070, 0x218F}, {0x2190, 0x2BFF},
	{0x2C00, 0x2E7F}, {0x3000, 0x303F}, {0x3040, 0x30FF}, {0x3040, 0x30FF}, {0x3100, 0x33FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0x4E00, 0x9FFF},
	{0xA000, 0xA8FF}, {0xA900, 0xABFF}, {0xAC00, 0xD7FF}, {0xF900, 0xFAFF}, {0xFB00, 0xFDFF}, {0xFE00, 0xFEFF}, {0xFF00, 0xFFFF},
	{0x10000, 0x10FFF}, {0x11000, 0x11FFF}, {0x16000, 0x16FFF}, {0x1B000, 0x1BFFF}, {0x1D000, 0x1D7FF}, {0x1E000, 0x1EFFF},
	{0x1F000, 0x1FAFF}, {0x1F3FB, 0x1F3FF}, {0x20000, 0x323AF}, {0xE0000, 0xE01EF}, {0xE000, 0xF8FF},
}

// fragments are what tokenizers treat in a way of its own.
var fragments = []string{
	" ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u200b", "\u200d", "\ufeff", "\u00ad", "\x00", "\ufffd", "\u2581", "\u2581\u2581",
	"'s", "'S", "'t", "'re", "'LL", "'\u017f", "'ve ", "don't", "``", "''", "\"", "##", "##s", "...", "--", "1234567", "\u0663\u0664", "3.14", "x\u00b2", "\u2167",
	"the ", " and", "ing", "tion", "International", "\u00dcber", "na\u00efve", "\u0130stanbul", "\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3", "\u1e9e", "\ufb03", "\u01c5", "\u0149", "\u1f88", "o\u0302\u0323", "\u1100\u1161\u11a8", "\uac00\u11a8",
	"\u65e5\u672c\u8a9e", "\u4e2d\u6587", "\u304c\u3099", "\u30ab\u3099", "\u0e19\u0e49\u0e33", "\u0915\u094d\u0937", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "1\ufe0f\u20e3", "https://x.y/z?q=1#f", "a_b", "foo(bar)", "{}", "\u2026",
}

// mixtures joins characters of a few pools, fragments and small words.
func mixtures(r *random, yield func(string) bool) bool {
	for range 110_000 {
		var text strings.Builder
		first, second := pools[r.intn(len(pools))], pools[r.intn(len(pools))]
		for range 1 + r.intn(24) {
			switch r.intn(8) {
			case 0, 1:
				text.WriteString(r.pick(fragments))
			case 2, 3, 4:
				text.WriteRune(r.between(first[0], first[1]))
			case 5:
				text.WriteRune(r.between(second[0], second[1]))
			case 6:
				pool := pools[r.intn(len(pools))]
				text.WriteRune(r.between(pool[0], pool[1]))
			default:
				text.WriteRune(r.between(0x300, 0x345))
			}
		}
		if !yield(text.String()) {
			return false
		}
	}
	return true
}

var spaces = []string{
	" ", " ", " ", "\n", "\n", "\t", "\r", "\r\n", "\v", "\f", "\x1c", "\x1f", "\u0085", "\u00a0", "\u1680", "\u180e", "\u2000", "\u2003", "\u2009", "\u200a",
	"\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff", "\u2581",
}

// spaceRuns puts runs of every white space before, between and after words.
func spaceRuns(r *random, yield func(string) bool) bool {
	words := []string{"a", "Word", "12", ".", "'s", "\u4e2d", "\u00e9", "\n#", "-", ""}
	for range 20_000 {
		var text strings.Builder
		for range 1 + r.intn(5) {
			one := r.pick(spaces)
			for range r.intn(30) * r.intn(2) {
				text.WriteString(one)
			}
			for range r.intn(4) {
				text.WriteString(r.pick(spaces))
			}
			text.WriteString(r.pick(words))
		}
		if !yield(text.String()) {
			return false
		}
	}
	return true
}

// specials are special and added tokens of the tokenizers that we test with.
var specials = []string{
	"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>", "<|endoftext|>", "<|im_start|>",
	"<|im_end|>", "<|fim_prefix|>", "<tool_call>", "</tool_call>", "<think>", "</think>", "|||IP_ADDRESS|||", "|||EMAIL_ADDRESS|||", "<|padding|>", "[unused0]",
	"<0x0A>", "<extra_id_0>", "<bos>", "    ", "                    ",
}

// lookAlikes writes special tokens whole, cut, doubled, in other cases and in company.
func lookAlikes(r *random, yield func(string) bool) bool {
	for range 20_000 {
		var text strings.Builder
		for range 1 + r.intn(5) {
			s := r.pick(specials)
			switch r.intn(8) {
			case 0:
				s = s[:1+r.intn(len(s))]
			case 1:
				s = s[r.intn(len(s)):]
			case 2:
				s = strings.ToLower(s)
			case 3:
				s = strings.ToUpper(s)
			case 4:
				at := r.intn(len(s))
				s = s[:at] + r.pick(fragments) + s[at:]
			}
			text.WriteString(s)
			if r.intn(2) == 0 {
				text.WriteString(r.pick(fragments))
			}
		}
		if !yield(text.String()) {
			return false
		}
	}
	return true
}

// longWords are single words, the longest of 100 KB.
func longWords(r *random, yield func(string) bool) bool {
	alphabets := []string{"a", "ab", "abcdefghijklmnopqrstuvwxyz", "aB", "0123456789", "=", " ", "\n", "_-", "\u0301", "e\u0301\u0327", "\u4e2d\u6587\u5b57", "\u304b\u3099", "\u0e01\u0e34", "\u05d0\u05b4", "\U0001f600\u200d", "a\u0416", "\u1100\u1161\u11a8", "\u00e9\u00df", "##a"}
	for _, size := range []int{99, 100, 101, 255, 256, 257, 1000, 4096, 100_000} {
		for _, alphabet := range alphabets {
			if size == 100_000 && len(alphabet) > 8 {
				continue
			}
			runes := []rune(alphabet)
			var text strings.Builder
			for text.Len() < size {
				text.WriteRune(runes[r.intn(len(runes))])
			}
			if !yield(text.String()) {
				return false
			}
		}
	}
	return true
}
