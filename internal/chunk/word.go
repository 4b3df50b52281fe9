package chunk

import (
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/clipperhouse/uax29/v2/words"
)

// wordWindow is how far inWord looks back, in bytes.
const wordWindow = 160

// inWord finds a place inside of a word, behind low and at hi at most: Chinese,
// Japanese and Thai are one word up to the next mark, and a word may be longer than a
// chunk. It lies between two characters, if it can be outside of an address and
// between two tokens, where the script allows a line to be broken, at a word of
// Unicode's annex 29, behind a mark; of equal ones it is the last. 0 is none.
func (p *packer) inWord(low, hi, end, window int) int {
	low = max(low, hi-window)
	from, to := p.windowStart(low), runeFloor(p.text, min(end, hi+lookAhead))
	text := p.text[from:to]
	tokens, known := p.ruler.cuts(p.places[:0], low, hi)
	p.places = tokens
	address := p.addressAt(hi)
	word := words.FromString(text)
	wordEnd, best, most := from, 0, 0
	at := from
	for g := graphemes.FromString(text); g.Next(); {
		if at += len(g.Value()); at > hi || at >= to {
			break
		}
		for wordEnd < at && word.Next() {
			wordEnd += len(word.Value())
		}
		for len(tokens) > 0 && tokens[0] < at {
			tokens = tokens[1:]
		}
		if at <= low {
			continue
		}
		isToken := !known || len(tokens) > 0 && tokens[0] == at
		if points := p.points(at, isToken, wordEnd == at, at <= address); points >= most {
			best, most = at, points
		}
	}
	return best
}

// points says how good a place inside of a word is.
func (p *packer) points(at int, isToken, isWord, isOutside bool) int {
	before, _ := utf8.DecodeLastRuneInString(p.text[:at])
	next, _ := utf8.DecodeRuneInString(p.text[at:])
	n := 1
	add := func(is bool, points int) {
		if is {
			n += points
		}
	}
	add(strings.ContainsRune("、，；：,;:", before), 1)
	add(isWord, 2)
	add(!strings.ContainsRune(neverLast, before) && !strings.ContainsRune(neverFirst, next), 4)
	add(isToken, 8)
	add(isOutside, 16)
	return n
}

// Characters that no line begins with, or ends with: Japanese and Chinese line breaking
// (JIS X 4051, CLREQ), and the Thai and Lao vowels that are written behind or before
// their consonant.
const (
	neverFirst = "、。，．・：；？！゛゜ヽヾゝゞ々ー）〕］｝〉》」』】〙〗〟’”｠»…‥〜％%‰℃,.:;?!)]}" +
		"ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ" +
		"ะาำๅๆฯະາຳໆຯ"
	neverLast = "（〔［｛〈《「『【〘〖〝‘“｟«￥＄$([{" + "เแโใไເແໂໃໄ"
)

// windowStart goes back from a place so far that what characters lie behind it does
// not depend on where reading began.
func (p *packer) windowStart(at int) int {
	at = runeFloor(p.text, max(0, at-lookAhead))
	start := at
	for n := 0; start > 0; n++ {
		r, size := utf8.DecodeLastRuneInString(p.text[:start])
		if !isRegional(r) || n == maxRegional {
			break
		}
		start -= size
	}
	return start
}

// maxRegional bounds how far windowStart follows flags, which are pairs; even.
const maxRegional = 256

func isRegional(r rune) bool { return 0x1f1e6 <= r && r <= 0x1f1ff }

// character gives the end of the character at a place: a whole one if it fits a
// chunk, else one code point of it.
func (p *packer) character(at, end int) int {
	g := graphemes.FromString(p.text[at:min(end, at+maxBytesPerToken)])
	if g.Next() {
		if next := at + len(g.Value()); p.ruler.count(at, next) <= p.maxTokens {
			return next
		}
	}
	_, size := utf8.DecodeRuneInString(p.text[at:])
	return at + size
}

// isUnspaced says whether a character belongs to a script that is written without
// blanks between words: Chinese, Japanese, Yi, Thai, Lao, Tibetan, Burmese, Khmer, with
// their marks. White space never does.
func isUnspaced(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r <= 0x109f:
		return true
	case r <= 0x2fff:
		return 0x1780 <= r && r <= 0x17ff || r >= 0x2e80
	case r <= 0xa4cf:
		return r != 0x3000
	case r <= 0xfaff:
		return r >= 0xf900
	case r <= 0xffef:
		return 0xfe30 <= r && r <= 0xfe4f || r >= 0xff01
	}
	return 0x1b000 <= r && r <= 0x1b16f || 0x20000 <= r && r <= 0x3ffff
}

// maxAddressBytes is how far back the start of a link's address is looked for.
const maxAddressBytes = 256

// inAddress reports whether a place lies inside of the address of a link.
func (p *packer) inAddress(at int) bool { return p.addressAt(at) < at }

// addressAt gives where the address begins that a place lies inside of: that of a link,
// [text](…), or one that stands for itself; the place itself if there is none.
func (p *packer) addressAt(at int) int {
	isWord := at < len(p.text) && !spaceBefore(p.text, at) && !spaceBefore(p.text, runeCeil(p.text, at+1))
	text := p.text[max(0, at-maxAddressBytes):at]
	for i := len(text) - 1; i >= 0; i-- {
		switch addressMarks[text[i]] {
		case 0:
			continue
		case ' ':
			isWord = false
			continue
		case ':':
			if isWord && strings.HasPrefix(text[i:], "://") {
				return at - len(text) + len(strings.TrimRightFunc(text[:i], isSchemeLetter))
			}
			continue
		case '(':
			if i > 0 && text[i-1] == ']' {
				return at - len(text) + i
			}
		}
		break
	}
	return at
}

func isSchemeLetter(r rune) bool { return r < utf8.RuneSelf && isLetter(byte(r)) }

// addressMarks holds what ends the search for an address, or tells something of it;
// ' ' stands for what no address of its own has.
var addressMarks = func() (t [256]byte) {
	for i := range t {
		if i <= ' ' || i >= utf8.RuneSelf {
			t[i] = ' '
		}
	}
	t['\n'], t['('], t[')'], t[':'] = '\n', '(', ')', ':'
	return t
}()
