package chunk

import (
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"
)

// sentence finds the last end of a sentence behind low: where the next one begins, at
// next at most. Sentences are those of Unicode's annex 29, but that the end of a line
// ends none: it stands where somebody's screen did.
//
// The annex' rules look a few characters far, so they run only around the marks that
// may end a sentence, from hi backwards.
func (p *packer) sentence(low, hi, next int) int {
	looks := 0
	for i := hi; i > low && looks < maxLooks; {
		c, size := p.text[i-1], 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeLastRuneInString(p.text[low:i]); !endsSentence(r) {
				i -= size
				continue
			}
		} else if c != '.' && c != '!' && c != '?' {
			i--
			continue
		}
		at := skipSpace(p.text, skipClosers(p.text, i, next), next)
		if c >= utf8.RuneSelf || at > i {
			looks++
			if p.isBreak(i, at) && !p.inAddress(at) {
				return at
			}
		}
		i -= size
	}
	return 0
}

// maxLooks bounds how many marks are looked at; text with more that end no sentence has
// none.
const maxLooks = 32

// endsSentence reports whether a character that is no ASCII may end a sentence.
func endsSentence(r rune) bool {
	switch {
	case r < 0x0589, 0x3003 <= r && r < 0xa4ff, 0xac00 <= r && r <= 0xd7ff:
		return r == '…'
	case r == '。', r == '！', r == '？':
		return true
	}
	return unicode.Is(unicode.Sentence_Terminal, r)
}

// skipClosers goes over what may stand between a sentence and the mark's blank.
func skipClosers(text string, i, end int) int {
	for i < end {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:end])
		}
		if !isCloser(r) {
			break
		}
		i += size
	}
	return i
}

func isCloser(r rune) bool {
	switch r {
	case '"', '\'', ')', ']', '}', '*', '_', '`', '”', '’', '»', '」', '』', '）', '】':
		return true
	}
	return false
}

// What the annex is shown before and behind a mark, in bytes.
const (
	lookBehind = 16
	lookAhead  = 48
)

// isBreak reports whether a sentence ends with the mark before i, so that the next
// begins at at. A blank and a capital behind the mark say so in any case.
func (p *packer) isBreak(i, at int) bool {
	if at >= len(p.text) {
		return true
	}
	if c := p.text[at]; spaceBefore(p.text, at) && 'A' <= c && c <= 'Z' && spaceBefore(p.text, i+1) {
		return true
	}
	from, to := runeFloor(p.text, max(0, i-lookBehind)), runeFloor(p.text, min(len(p.text), at+lookAhead))
	p.window = append(p.window[:0], p.text[from:to]...)
	for j, c := range p.window {
		if c == '\n' || c == '\r' {
			p.window[j] = ' '
		}
	}
	end := from
	for s := sentences.FromBytes(p.window); s.Next() && end < at; {
		end += len(s.Value())
	}
	return end == at
}
