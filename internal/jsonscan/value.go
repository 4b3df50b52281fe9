package jsonscan

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Value is the bytes of one value as a Scanner cut them: checked, without white
// space around. nil is a value that was not there.
type Value []byte

// Kind tells the kind of the value; Invalid for one that was not there.
func (v Value) Kind() Kind {
	if len(v) == 0 {
		return Invalid
	}
	return kinds[v[0]]
}

// Given tells whether there is a value other than null.
func (v Value) Given() bool { return v.Kind() != Invalid && v.Kind() != Null }

// Text is the decoded string, without NULs, a lone half of a surrogate pair as
// U+FFFD; "" where the value is not a string.
func (v Value) Text() string { return v.Cut(math.MaxInt) }

// Cut is Text cut to at most limit bytes, between two characters. It decodes no
// more than that.
func (v Value) Cut(limit int) string {
	if v.Kind() != String {
		return ""
	}
	raw := v[1 : len(v)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[:fit(raw, limit)])
	}
	var b strings.Builder
	b.Grow(min(limit, len(raw)))
	v.decode(false, func(piece []byte) bool {
		n := fit(piece, limit-b.Len())
		b.Write(piece[:n])
		return n == len(piece)
	})
	return b.String()
}

// AppendText appends the decoded string with its NULs, otherwise as Text; nothing where
// the value is not a string.
func (v Value) AppendText(dst []byte) []byte {
	if v.Kind() != String {
		return dst
	}
	raw := v[1 : len(v)-1]
	for n := bytes.IndexByte(raw, '\\'); n >= 0; n = bytes.IndexByte(raw, '\\') {
		r, size := unescape(raw[n:])
		dst = utf8.AppendRune(append(dst, raw[:n]...), r)
		raw = raw[n+size:]
	}
	return append(dst, raw...)
}

// TextBytes is the length of Text, without decoding it.
func (v Value) TextBytes() int {
	if v.Kind() != String {
		return 0
	}
	n := 0
	v.decode(false, func(piece []byte) bool { n += len(piece); return true })
	return n
}

// Is tells whether the value is the string want.
func (v Value) Is(want string) bool {
	if v.Kind() != String {
		return false
	}
	raw := v[1 : len(v)-1]
	return string(raw) == want || bytes.IndexByte(raw, '\\') >= 0 && v.Text() == want
}

// Blank tells whether the value is not a string, or one of white space only.
func (v Value) Blank() bool {
	if v.Kind() != String {
		return true
	}
	if ' ' < v[1] && v[1] < utf8.RuneSelf && v[1] != '\\' && v[1] != '"' {
		return false // nearly always
	}
	blank := true
	v.decode(false, func(piece []byte) bool {
		blank = len(bytes.TrimSpace(piece)) == 0
		return blank
	})
	return blank
}

// Int is a number that is whole and fits an int.
func (v Value) Int() (int, bool) {
	f, ok := v.Float()
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int(f), true
}

// Float is a number that fits a float64.
func (v Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return f, err == nil
}

// Bool is a boolean.
func (v Value) Bool() (is, ok bool) {
	return len(v) > 0 && v[0] == 't', v.Kind() == Bool
}

// key is a member's name: decoded, with its NULs, so that no name passes for another.
func (v Value) key() []byte {
	raw := v[1 : len(v)-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var name []byte
	v.decode(true, func(piece []byte) bool { name = append(name, piece...); return true })
	return name
}

// decode yields the string in pieces that break between characters: runs that
// stand as they are, and escapes. NULs are left out unless wanted.
func (v Value) decode(nuls bool, yield func(piece []byte) bool) {
	var buf [utf8.UTFMax]byte
	for raw := v[1 : len(v)-1]; len(raw) > 0; {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 {
			n = len(raw)
		}
		if n > 0 {
			if !yield(raw[:n]) {
				return
			}
			raw = raw[n:]
			continue
		}
		r, size := unescape(raw)
		if (r != 0 || nuls) && !yield(buf[:utf8.EncodeRune(buf[:], r)]) {
			return
		}
		raw = raw[size:]
	}
}

// unescape reads the escape at the start of raw: its character and its length.
func unescape(raw []byte) (rune, int) {
	switch raw[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return rune(raw[1]), 2
	}
	r, _ := hex4(raw)
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hex4(raw[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// fit is how much of text fits into limit bytes without breaking a character.
func fit(text []byte, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return max(limit, 0)
}
