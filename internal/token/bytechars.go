package token

import "unicode/utf8"

// byteChars are the characters that stand for bytes in byte-level vocabularies: printable
// Latin-1 for itself, the others from U+0100 on (GPT-2's bytes_to_unicode).
var byteChars = func() (chars [256]rune) {
	next := rune(0x100)
	for i := range chars {
		c := rune(i)
		if '!' <= c && c <= '~' || 0xA1 <= c && c <= 0xAC || 0xAE <= c {
			chars[i] = c
			continue
		}
		chars[i] = next
		next++
	}
	return chars
}()

// charBytes is the inverse of byteChars; -1 where there is none.
var charBytes = func() (bytes [0x180]int16) {
	for i := range bytes {
		bytes[i] = -1
	}
	for b, c := range byteChars {
		bytes[c] = int16(b)
	}
	return bytes
}()

// appendBytes appends the bytes that a byte-level token stands for; false if it has a
// character that stands for none.
func appendBytes(dst, token []byte) ([]byte, bool) {
	for len(token) > 0 {
		r, size := utf8.DecodeRune(token)
		if r >= rune(len(charBytes)) || charBytes[r] < 0 {
			return dst, false
		}
		dst = append(dst, byte(charBytes[r]))
		token = token[size:]
	}
	return dst, true
}

// byteVocabulary is a byte-level vocabulary by bytes.
func byteVocabulary(v *vocabulary) *vocabulary {
	out := newVocabulary(len(v.tokens), len(v.text))
	var buf []byte
	for i := range v.tokens {
		var ok bool
		if buf, ok = appendBytes(buf[:0], v.token(i)); ok {
			out.add(buf, v.tokens[i].id)
		}
	}
	return out
}
