package clean

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// plain marks the bytes that stay as they are in every line.
var plain = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = true
	}
	t['\t'] = true
	return t
}()

func isPlain(s string) bool {
	for i := range len(s) {
		if !plain[s[i]] {
			return false
		}
	}
	return true
}

// appendLine appends a line that stands outside of fences: cleaned, composed,
// and without white space at its end.
func appendLine(buf []byte, line string) []byte {
	start := len(buf)
	if isPlain(line) {
		return append(buf, strings.TrimRight(line, " \t")...)
	}
	buf = appendClean(buf, line)
	if !norm.NFC.IsNormal(buf[start:]) {
		buf = append(buf[:start], norm.NFC.Bytes(buf[start:])...)
	}
	return buf[:start+len(bytes.TrimRightFunc(buf[start:], unicode.IsSpace))]
}

// appendClean appends s without control characters, invalid bytes and zero-width
// junk.
func appendClean(buf []byte, s string) []byte {
	return appendRunes(buf, s, true)
}

// appendCode appends a line of code: only control characters and invalid bytes go.
func appendCode(buf []byte, s string) []byte {
	if isPlain(s) {
		return append(buf, s...)
	}
	return appendRunes(buf, s, false)
}

// appendRunes copies what stays in runs, and decides on every rune that is not
// plain. A run of invalid bytes becomes one U+FFFD.
func appendRunes(buf []byte, s string, dropJunk bool) []byte {
	var last rune // that was written
	copied := 0
	for i := 0; i < len(s); {
		if c := s[i]; plain[c] {
			last = rune(c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		next := i + size
		for invalid := r == utf8.RuneError && size == 1; invalid && next < len(s) && isInvalid(s[next:]); {
			next++
		}
		kept := keep(r, last, dropJunk)
		if kept != r || size == 1 {
			buf = append(buf, s[copied:i]...)
			copied = next
			if kept >= 0 {
				buf = utf8.AppendRune(buf, kept)
			}
		}
		if kept >= 0 {
			last = kept
		}
		i = next
	}
	return append(buf, s[copied:]...)
}

func isInvalid(s string) bool {
	r, size := utf8.DecodeRuneInString(s)
	return r == utf8.RuneError && size == 1
}

// keep gives the rune to write for r, or -1. Controls that are white space become
// a blank, so that words do not grow together.
func keep(r, last rune, dropJunk bool) rune {
	switch {
	case r == '\t':
		return r
	case r == '\v' || r == '\f' || r == '\u0085' || r == '\n' || r == '\r':
		return ' '
	case r < ' ' || 0x7f <= r && r < 0xa0:
		return -1
	case dropJunk && isJunk(r, last):
		return -1
	}
	return r
}

// isJunk says whether a rune has no width and no meaning in running text: soft
// hyphen, word joiner, a byte order mark inside. A zero-width space is kept where
// scripts without blanks mark their words by it. Joiners stay: emoji and Indic
// scripts need them.
func isJunk(r, last rune) bool {
	switch r {
	case '\u00ad', '\u2060', '\ufeff':
		return true
	case '\u200b':
		return !marksWordsByZeroWidth(last)
	}
	return false
}

// marksWordsByZeroWidth covers Thai, Lao, Tibetan, Myanmar and Khmer.
func marksWordsByZeroWidth(r rune) bool {
	return 0x0e00 <= r && r <= 0x109f || 0x1780 <= r && r <= 0x17ff
}
