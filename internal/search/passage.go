package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/sentences"

	"pulse/internal/index/keyword"
)

// The size of a passage, in bytes: at most passageBytes. In a sentence that is too
// long for it, a match has about leadBytes before it.
const (
	passageBytes = 300
	leadBytes    = 80
)

// cutPassage chooses the part of a chunk's text with the most distinct terms of
// the query, in whole sentences where they fit, and the ranges of the matched
// words in it. Without a match it is the beginning.
func cutPassage(span, language string, marker *keyword.Marker) (passage string, marks [][2]int) {
	span = wholeRunes(span)
	found := marker.Marks(span, language)
	ends := sentenceEnds(span)
	start, last := 0, 0
	if len(found) > 0 {
		start, last = bestWindow(span, found, ends, marker.Words(language))
	}
	end := windowEnd(span, ends, start, last)
	start, end = trim(span, start, end)
	return span[start:end], marksIn(found, start, end)
}

// wholeRunes drops what a cut by bytes has left of runes at both ends.
func wholeRunes(s string) string {
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	for i := len(s) - 1; i >= 0 && i >= len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				s = s[:i]
			}
			break
		}
	}
	return s
}

// sentenceEnds are where the sentences of the text end, by UAX #29; lines end
// sentences too.
func sentenceEnds(span string) []int {
	var ends []int
	it := sentences.FromString(span)
	for it.Next() {
		ends = append(ends, it.End())
	}
	return ends
}

// bestWindow returns where the best passage begins, and where the last match in it
// ends. Each match is tried as the first: the passage begins with its sentence.
func bestWindow(span string, all []keyword.Mark, ends []int, numTerms int) (start, last int) {
	seen := make([]int, numTerms) // by term: 1 + the last window that it was counted in
	bestDistinct, bestCount := 0, 0
	sentence, from := 0, 0
	for i, m := range all {
		for sentence < len(ends) && ends[sentence] <= m.Start {
			sentence++
		}
		begin := windowStart(span, ends, sentence, m)
		for all[from].Start < begin {
			from++
		}
		distinct, count, until := 0, 0, m.End
		for _, other := range all[from:] {
			if other.End > begin+passageBytes {
				break
			}
			count++
			until = other.End
			if seen[other.Word] != i+1 {
				seen[other.Word] = i + 1
				distinct++
			}
		}
		if distinct > bestDistinct || distinct == bestDistinct && count > bestCount {
			bestDistinct, bestCount, start, last = distinct, count, begin, until
		}
	}
	return start, last
}

// windowStart is the beginning of the match's sentence, or, where that is too far
// before it, a word a little before the match.
func windowStart(span string, ends []int, sentence int, m keyword.Mark) int {
	start := 0
	if sentence > 0 {
		start = ends[sentence-1]
	}
	if m.Start-start <= passageBytes/2 {
		return start
	}
	start = m.Start - leadBytes
	if space := strings.IndexFunc(span[start:m.Start], unicode.IsSpace); space >= 0 {
		return start + space
	}
	for !utf8.RuneStart(span[start]) {
		start++
	}
	return start
}

// windowEnd is the end of the last sentence that fits; where none does without
// losing the last match, the end of a word.
func windowEnd(span string, ends []int, start, last int) int {
	limit := start + passageBytes
	if len(span) <= limit {
		return len(span)
	}
	end := 0
	for _, e := range ends {
		if e <= limit {
			end = e
		}
	}
	if end > start && end >= last && strings.TrimSpace(span[start:end]) != "" {
		return end
	}
	for !utf8.RuneStart(span[limit]) {
		limit--
	}
	if space := strings.LastIndexFunc(span[start:limit], unicode.IsSpace); start+space >= max(last, start+passageBytes/2) {
		return start + space
	}
	return limit
}

// trim leaves white space at both ends out.
func trim(span string, start, end int) (int, int) {
	trimmed := strings.TrimLeftFunc(span[start:end], unicode.IsSpace)
	start = end - len(trimmed)
	return start, start + len(strings.TrimRightFunc(trimmed, unicode.IsSpace))
}

// marksIn are the matches inside the passage, by its own offsets; those that
// overlap or touch, as pairs of characters do, are one.
func marksIn(all []keyword.Mark, start, end int) [][2]int {
	var marks [][2]int
	for _, m := range all {
		if m.Start < start || m.End > end {
			continue
		}
		from, to := m.Start-start, m.End-start
		if n := len(marks); n > 0 && from <= marks[n-1][1] {
			marks[n-1][1] = max(marks[n-1][1], to)
			continue
		}
		marks = append(marks, [2]int{from, to})
	}
	return marks
}
