package bench

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
)

// reasons counts why pages were refused.
type reasons struct {
	n    int
	each map[string]int
}

func (r *reasons) add(reason string) {
	if r.each == nil {
		r.each = map[string]int{}
	}
	r.each[reason]++
	r.n++
}

// String names the reasons, the most frequent first.
func (r *reasons) String() string {
	names := make([]string, 0, len(r.each))
	for reason := range r.each {
		names = append(names, reason)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		return r.each[a] > r.each[b] || r.each[a] == r.each[b] && a < b
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%d)", clip(name, 40), r.each[name])
	}
	return clip(strings.Join(names, ", "), 60)
}

// lead is how many characters of a passage stand before its first marked word.
const lead = 24

// passage is a hit's passage in one line of at most n characters around its first
// marked word, the marked words bold. Marks are byte offsets into text.
func passage(s *Screen, text string, marks [][2]int, n int) string {
	runes, marked := flatten(text, marks)
	from := 0
	for i := range runes {
		if marked[i] {
			from = max(0, i-lead)
			break
		}
	}
	if len(runes)-from < n {
		from = max(0, len(runes)-n)
	}
	for from > 0 && runes[from-1] != ' ' {
		from--
	}
	to := min(len(runes), from+n)
	var b strings.Builder
	if from > 0 {
		b.WriteString("…")
		to = min(to, from+n-1)
	}
	cut := to < len(runes)
	if cut {
		to--
	}
	for i := from; i < to; {
		j := i
		for j < to && marked[j] == marked[i] {
			j++
		}
		run := string(runes[i:j])
		if marked[i] {
			run = s.Bold(run)
		}
		b.WriteString(run)
		i = j
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

// flatten is a text as one line of printable characters, each with whether it lies in
// a mark.
func flatten(text string, marks [][2]int) (runes []rune, marked []bool) {
	for at, r := range text {
		switch {
		case unicode.IsSpace(r):
			r = ' '
			if len(runes) == 0 || runes[len(runes)-1] == ' ' {
				continue
			}
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			continue
		}
		in := false
		for _, m := range marks {
			in = in || m[0] <= at && at < m[1]
		}
		runes, marked = append(runes, r), append(marked, in)
	}
	return runes, marked
}
