package static

import (
	"unicode"
	"unicode/utf8"

	"pulse/internal/token"
)

// A model of English says something about a query of another language only as far as
// that shares its words. The vocabulary has pieces of nearly everything, down to single
// letters, so what it knows is seen by its words: most letters of an English query stand
// in words that are one token or have long pieces, few of a German one do. The bounds lie
// between the judged queries of scifact and cookbook-code, which are full of terms (one
// in twenty is covered by less than 0.43), and the German ones of xquad-de (three in
// four are covered by less than 0.33).
const (
	noWeight   = 0.3  // coverage up to which a query's vector has no say
	fullWeight = 0.55 // coverage from which it has its whole say
	longPiece  = 4    // letters; shorter words of ASCII letters are shared by too many languages to tell
)

// The same for pages, of which there is more to see: one in a hundred of cookbook-code, which
// are notebooks, is covered by less than 0.17; half of xquad-de by less than 0.21 and one in
// twenty by more than 0.40; other languages by less than 0.22.
const (
	noPageWeight   = 0.2
	fullPageWeight = 0.45
)

// Weight is how much a query's vector is worth beside its words, 0 to 1.
func (e *Embedder) Weight(query string) float64 { return e.weight(query, noWeight, fullWeight) }

// PageWeight is how much the vectors of a page are worth, by a part of its text, 0 to 1.
func (e *Embedder) PageWeight(text string) float64 {
	return e.weight(text, noPageWeight, fullPageWeight)
}

func (e *Embedder) weight(text string, none, full float64) float64 {
	c := e.Coverage(text)
	if !e.english {
		return c
	}
	return min(1, max(0, (c-none)/(full-none)))
}

// Coverage is how much of a text the vocabulary knows, 0 to 1. Of a model of English it
// is the share of letters, short words aside, in words that are one token; those in the
// long pieces of other words count half. Of other models it is the share of tokens that
// are known.
func (e *Embedder) Coverage(text string) float64 {
	s := e.scratch.Get().(*scratch)
	defer e.scratch.Put(s)
	s.tokens = e.tokenizer.AppendTokens(s.tokens[:0], text)
	known := 0
	for _, t := range s.tokens {
		if e.table.knows(t.ID) {
			known++
		}
	}
	switch {
	case known == 0:
		return 0
	case !e.english:
		return float64(known) / float64(len(s.tokens))
	}
	return e.knownWords(text, s.tokens)
}

// knownWords is the coverage of a model of English. A text that has none but short words
// of ASCII letters is covered.
func (e *Embedder) knownWords(text string, tokens []token.Token) float64 {
	var all int
	var known float64
	for len(tokens) > 0 {
		n := wordTokens(text, tokens)
		letters, ascii := countLetters(text[tokens[0].Start:tokens[n-1].End])
		if letters >= longPiece || !ascii {
			all += letters
			known += e.knownLetters(text, tokens[:n])
		}
		tokens = tokens[n:]
	}
	if all == 0 {
		return 1
	}
	return known / float64(all)
}

// knownLetters counts the letters of one word that say something.
func (e *Embedder) knownLetters(text string, word []token.Token) float64 {
	known := 0
	for _, t := range word {
		if letters, _ := countLetters(text[t.Start:t.End]); letters >= longPiece && e.table.knows(t.ID) {
			known += letters
		}
	}
	if len(word) == 1 {
		return float64(known)
	}
	return float64(known) / 2
}

// wordTokens is how many of the first tokens make one word: those that follow each
// other without a gap, letter to letter.
func wordTokens(text string, tokens []token.Token) int {
	n := 1
	for n < len(tokens) && tokens[n].Start <= tokens[n-1].End {
		before, _ := utf8.DecodeLastRuneInString(text[:tokens[n].Start])
		after, _ := utf8.DecodeRuneInString(text[tokens[n].Start:])
		if tokens[n].Start == tokens[n-1].End && !(inWord(before) && inWord(after)) {
			break
		}
		n++
	}
	return n
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }

func countLetters(word string) (letters int, ascii bool) {
	ascii = true
	for _, r := range word {
		if unicode.IsLetter(r) {
			letters++
			ascii = ascii && r < utf8.RuneSelf
		}
	}
	return letters, ascii
}
