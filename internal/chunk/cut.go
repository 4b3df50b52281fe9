package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"pulse/internal/token"
)

// cutter finds where the first unit of text[start:end] ends, white space behind it
// included.
type cutter func(text string, start, end int) int

// cutters say where a block may be cut, the best places first. The lines of a
// paragraph are only as long as somebody's screen: its sentences come before them.
var cutters = [...][]cutter{
	prose:   {sentenceEnd, lineEnd, wordEnd},
	rows:    {lineEnd, sentenceEnd, wordEnd},
	code:    {lineEnd, wordEnd},
	heading: {lineEnd, wordEnd},
}

func lineEnd(text string, start, end int) int {
	if i := strings.IndexByte(text[start:end], '\n'); i >= 0 {
		return start + i + 1
	}
	return end
}

func wordEnd(text string, start, end int) int {
	i := start
	for i < end {
		size, space := spaceAt(text, i)
		if space {
			break
		}
		i += size
	}
	return skipSpace(text, i, end)
}

// sentenceEnd looks for a mark that ends a sentence: in most scripts followed by
// white space, in Chinese and Japanese by anything. An abbreviation may be taken
// for an end; it only decides where a text is cut that must be cut anyway.
func sentenceEnd(text string, start, end int) int {
	for i := start; i < end; {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			if c != '.' && c != '!' && c != '?' {
				continue
			}
			i = skipClosers(text, i, end)
			if next := skipSpace(text, i, end); next > i || i >= end {
				return next
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:end])
		i += size
		switch r {
		case '。', '！', '？', '．':
			i = skipClosers(text, i, end)
			return skipSpace(text, i, end)
		case '…', '।', '॥', '؟', '۔', '։', '።':
			if next := skipSpace(text, i, end); next > i {
				return next
			}
		}
	}
	return end
}

const closers = "\"')]}*_`”’»」』）】"

func skipClosers(text string, i, end int) int {
	for i < end {
		r, size := utf8.DecodeRuneInString(text[i:end])
		if !strings.ContainsRune(closers, r) || r == utf8.RuneError {
			break
		}
		i += size
	}
	return i
}

func skipSpace(text string, i, end int) int {
	for i < end {
		size, space := spaceAt(text, i)
		if !space {
			break
		}
		i += size
	}
	return i
}

func spaceAt(text string, i int) (size int, space bool) {
	if c := text[i]; c < utf8.RuneSelf {
		return 1, c == ' ' || '\t' <= c && c <= '\r'
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	return size, unicode.IsSpace(r)
}

// trim cuts white space off a span, but for the blanks before its first line: they
// are the indentation of code and lists.
func trim(text string, s span) span {
	body := strings.TrimLeftFunc(text[s.start:s.end], unicode.IsSpace)
	if body == "" {
		return span{s.end, s.end}
	}
	start := s.end - len(body)
	margin := strings.TrimRight(text[s.start:start], " \t")
	if margin == "" && (s.start == 0 || text[s.start-1] == '\n') || strings.HasSuffix(margin, "\n") {
		start = s.start + len(margin)
	}
	return span{start, s.start + len(strings.TrimRightFunc(text[s.start:s.end], unicode.IsSpace))}
}

// boundary says how good a place is to begin at.
type boundary int

const (
	inWord boundary = iota
	atWord
	atSentence
	atLine
)

func boundaryAt(text string, i int) boundary {
	before := strings.TrimRight(text[:i], " \t")
	if before == "" || before[len(before)-1] == '\n' {
		return atLine
	}
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(text[i:])
	spaced := len(before) < i || unicode.IsSpace(last)
	switch {
	case strings.ContainsRune("。！？", last), spaced && strings.ContainsRune(".!?…।", last):
		return atSentence
	case spaced, token.Unspaced(last), token.Unspaced(next):
		return atWord
	}
	return inWord
}

const (
	maxAtomBytes = 64
	maxAtomRunes = 4 // of scripts without blanks
)

// atomBefore goes back from pos over white space and one word, a few characters of
// a script without blanks, or a part of a long word.
func atomBefore(text string, low, pos int) int {
	i := low + len(strings.TrimRightFunc(text[low:pos], unicode.IsSpace))
	limit := i - maxAtomBytes
	for unspaced := 0; i > low && i > limit; {
		r, size := utf8.DecodeLastRuneInString(text[low:i])
		if unicode.IsSpace(r) {
			break
		}
		if token.Unspaced(r) {
			if unspaced++; unspaced > maxAtomRunes || unspaced > 1 && strings.ContainsRune("。！？", r) {
				break
			}
		} else if unspaced > 0 {
			break
		}
		i -= size
	}
	return i
}
