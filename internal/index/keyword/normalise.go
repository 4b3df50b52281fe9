package keyword

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// stretch is a piece of normalised text: copied from the original, or made of a
// few of its characters, which then count as one.
type stretch struct {
	normal, original int // where it begins in each
	copied           bool
}

// offsets leads from places in a normalised text back to the original. Its places
// are asked in ascending order, starts and ends apart.
type offsets struct {
	stretches []stretch // ascending; the last is past the end of both
	atStart   int       // stretch of the last start that was asked
	atEnd     int
}

// normalise returns text in NFKC, with the way back to its offsets. A byte that is
// not UTF-8 becomes U+FFFD, so that the word rules see only characters.
func normalise(text string) (string, *offsets) {
	normal := make([]byte, 0, len(text)+len(text)/16)
	o := &offsets{}
	valid := validEnd(text, 0)
	for i := 0; i < len(text); {
		if i == valid {
			o.add(len(normal), i, false)
			normal = utf8.AppendRune(normal, utf8.RuneError)
			i++
			valid = validEnd(text, i)
			continue
		}
		rest := text[i:valid]
		n := quickSpan(rest)
		if n > 0 {
			o.add(len(normal), i, true)
			normal = append(normal, rest[:n]...)
		} else {
			n = max(norm.NFKC.NextBoundaryInString(rest, true), 1)
			o.add(len(normal), i, false)
			normal = append(normal, norm.NFKC.String(rest[:n])...)
		}
		i += n
	}
	o.add(len(normal), len(text), true)
	return string(normal), o
}

// validEnd is where the text, from an offset on, stops being UTF-8.
func validEnd(text string, from int) int {
	for i, r := range text[from:] {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[from+i:]); size == 1 {
				return from + i
			}
		}
	}
	return len(text)
}

func (o *offsets) add(normal, original int, copied bool) {
	o.stretches = append(o.stretches, stretch{normal, original, copied})
}

// start is where the character at a normalised offset begins in the original.
func (o *offsets) start(at int) int {
	for o.stretches[o.atStart+1].normal <= at {
		o.atStart++
	}
	s := o.stretches[o.atStart]
	if s.copied {
		return s.original + at - s.normal
	}
	return s.original
}

// end is where what ends before a normalised offset ends in the original.
func (o *offsets) end(at int) int {
	for o.stretches[o.atEnd+1].normal < at {
		o.atEnd++
	}
	if s := o.stretches[o.atEnd]; s.copied {
		return s.original + at - s.normal
	}
	return o.stretches[o.atEnd+1].original
}
