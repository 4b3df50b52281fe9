package chunk

import (
	"unicode"
	"unicode/utf8"
)

// skipSpace goes over white space, up to end.
func skipSpace(text string, i, end int) int {
	for i < end {
		size, space := spaceAt(text, i)
		if !space {
			break
		}
		i += size
	}
	return min(i, end)
}

// skipBlanks goes over the blanks of a line; at the end of the text it stays on the
// last byte.
func skipBlanks(text string, i int) int {
	for i+1 < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}

// spaceAt reports whether white space stands at i, and how long the character is. A
// blank with a mark over it is none: the two are one character.
func spaceAt(text string, i int) (size int, space bool) {
	if c := text[i]; c < utf8.RuneSelf {
		return 1, c == ' ' && !isMarked(text, i+1) || '\t' <= c && c <= '\r'
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	return size, unicode.IsSpace(r) && !isMarked(text, i+size)
}

// spaceBefore reports whether white space ends at i.
func spaceBefore(text string, i int) bool {
	if c := text[i-1]; c < utf8.RuneSelf {
		return c == ' ' && !isMarked(text, i) || '\t' <= c && c <= '\r'
	}
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return unicode.IsSpace(r) && !isMarked(text, i)
}

// isMarked reports whether what stands at i belongs to the character before it
// (Grapheme_Cluster_Break Extend, ZWJ or SpacingMark; no ASCII does).
func isMarked(text string, i int) bool {
	if i >= len(text) || text[i] < utf8.RuneSelf {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	switch {
	case r == 0x200c, r == 0x200d, r == 0x0e33, r == 0x0eb3, 0x1f3fb <= r && r <= 0x1f3ff:
		return true
	}
	return unicode.Is(unicode.M, r)
}

// trimEnd goes back from end over white space, to start at most.
func trimEnd(text string, start, end int) int {
	for end > start && spaceBefore(text, end) {
		if text[end-1] < utf8.RuneSelf {
			end--
			continue
		}
		_, size := utf8.DecodeLastRuneInString(text[start:end])
		end -= size
	}
	return end
}
