package clean

import (
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// detect guesses the language of a text from its first words; "" when unsure.
//
// A script that one language uses decides alone: Korean, Japanese (by its kana),
// Chinese, Greek, Hebrew, Armenian, Georgian, Thai, Lao, Khmer, Burmese, Bengali,
// Punjabi, Gujarati, Tamil, Telugu, Kannada, Malayalam, Sinhala. Of the scripts
// that many share, Latin, Cyrillic, Arabic and Devanagari, function words tell
// the languages of words.go apart. Related languages that are not listed there
// can be taken for one that is.
func detect(text string) string {
	var s sample
	s.read(text)
	script, share := s.mostly()
	switch {
	case s.letters < minLetters || share < minScriptShare:
		return ""
	case functionWords[script] != nil:
		return s.byWords(script)
	default:
		return languageOf[script]
	}
}

// Guesses, checked on the texts of the tests: with less, the first paragraph of a
// neighbouring language wins too often.
const (
	maxSampleBytes  = 8 << 10
	minLetters      = 20
	minScriptShare  = 0.5
	minWords        = 10
	minWordShare    = 0.08 // of all words, that must be function words of the winner
	minWordLead     = 3    // function words over the second; neighbours share most of theirs
	minLeadShare    = 0.02 // of all words
	minWordKinds    = 4    // different function words: one letter alone is often a name
	maxFunctionWord = 48   // bytes
)

// script counts letters; kana stands for all of Japanese.
type script int

const (
	latin script = iota
	cyrillic
	arabic
	devanagari
	han
	kana
	hangul
	greek
	hebrew
	armenian
	georgian
	thai
	lao
	khmer
	burmese
	bengali
	gurmukhi
	gujarati
	tamil
	telugu
	kannada
	malayalam
	sinhala
	numScripts
	noScript script = -1
)

var languageOf = [numScripts]string{
	han: "zh", kana: "ja", hangul: "ko", greek: "el", hebrew: "he", armenian: "hy", georgian: "ka",
	thai: "th", lao: "lo", khmer: "km", burmese: "my", bengali: "bn", gurmukhi: "pa",
	gujarati: "gu", tamil: "ta", telugu: "te", kannada: "kn", malayalam: "ml", sinhala: "si",
}

// sample is what the first words of a text show.
type sample struct {
	letters int
	scripts [numScripts]int
	words   int
	scores  [maxLanguages]int // function words, by language
	kinds   [maxLanguages]int // different ones
	seen    [maxFunctionWords]bool
}

// read counts letters and words; code blocks tell nothing of a page's language.
func (s *sample) read(text string) {
	code := false
	for budget := maxSampleBytes; text != "" && budget > 0; {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if len(line) > budget {
			line = line[:budget]
		}
		budget -= len(line) + 1
		if strings.HasPrefix(strings.TrimLeft(line, " "), "```") {
			code = !code
		} else if !code {
			for token := range strings.FieldsSeq(line) {
				s.token(token)
			}
		}
	}
}

// token counts what stands between blanks. An address, a path or an identifier is
// no word, and its Latin letters are those of no language.
func (s *sample) token(token string) {
	word := strings.Trim(token, "*_~`\"'.,;:!?()[]<>|#“”„«»’।،؛؟")
	if s.letter(word) && len(word) <= maxFunctionWord {
		s.word(word)
	}
}

// letter counts the letters of a token, and says whether it is a word.
func (s *sample) letter(token string) bool {
	latins, isWord := 0, token != ""
	for _, r := range token {
		switch {
		case r < utf8.RuneSelf:
			if 'a' <= r|0x20 && r|0x20 <= 'z' {
				latins++
			} else if r != '\'' && r != '-' {
				isWord = false
			}
		case unicode.IsLetter(r):
			s.letters++
			if of := scriptOf(r); of != noScript {
				s.scripts[of]++
			}
		case !unicode.IsMark(r) && r != '’' && r != '\u200c':
			isWord = false
		}
	}
	if isWord {
		s.letters += latins
		s.scripts[latin] += latins
	}
	return isWord
}

func (s *sample) word(word string) {
	s.words++
	known, ok := wordLanguages[strings.ToLower(word)]
	if !ok {
		return
	}
	for languages := known.languages; languages != 0; languages &= languages - 1 {
		language := bits.TrailingZeros64(languages)
		s.scores[language]++
		if !s.seen[known.index] {
			s.kinds[language]++
		}
	}
	s.seen[known.index] = true
}

// mostly gives the leading script and its share. Japanese mixes kana with Han,
// Korean is written with a few Han.
func (s *sample) mostly() (script, float64) {
	counts := s.scripts
	if counts[kana]*20 > counts[han] {
		counts[kana] += counts[han]
		counts[han] = 0
	}
	// A CJK character says as much as three letters of the English terms around it.
	for _, dense := range []script{han, kana, hangul} {
		counts[dense] *= 3
	}
	best, total := latin, 0
	for of, n := range counts {
		total += n
		if n > counts[best] {
			best = script(of)
		}
	}
	return best, float64(counts[best]) / float64(max(1, total))
}

// byWords gives the language whose function words lead, if they lead clearly.
func (s *sample) byWords(of script) string {
	if s.words < minWords {
		return ""
	}
	best, second := -1, 0
	for _, language := range functionWords[of] {
		n := s.scores[language.index]
		switch {
		case best < 0:
			best = language.index
		case n > s.scores[best]:
			second, best = s.scores[best], language.index
		case n > second:
			second = n
		}
	}
	score, words := float64(s.scores[best]), float64(s.words)
	lead := score - float64(second)
	if s.kinds[best] < minWordKinds || score < minWordShare*words || lead < max(minWordLead, minLeadShare*words) {
		return ""
	}
	return languageNames[best]
}

// scriptOf looks at the blocks where the letters of living texts stand.
func scriptOf(r rune) script {
	for _, b := range scriptBlocks {
		if r <= b.last {
			if r >= b.first {
				return b.script
			}
			return noScript
		}
	}
	return noScript
}

// scriptBlocks is sorted.
var scriptBlocks = []struct {
	first, last rune
	script      script
}{
	{0x00c0, 0x024f, latin}, {0x0370, 0x03ff, greek}, {0x0400, 0x052f, cyrillic},
	{0x0531, 0x058f, armenian}, {0x05d0, 0x05f4, hebrew}, {0x0620, 0x077f, arabic},
	{0x0900, 0x097f, devanagari}, {0x0980, 0x09ff, bengali}, {0x0a00, 0x0a7f, gurmukhi},
	{0x0a80, 0x0aff, gujarati}, {0x0b80, 0x0bff, tamil}, {0x0c00, 0x0c7f, telugu},
	{0x0c80, 0x0cff, kannada}, {0x0d00, 0x0d7f, malayalam}, {0x0d80, 0x0dff, sinhala},
	{0x0e00, 0x0e7f, thai}, {0x0e80, 0x0eff, lao}, {0x1000, 0x109f, burmese},
	{0x10a0, 0x10ff, georgian}, {0x1100, 0x11ff, hangul}, {0x1780, 0x17ff, khmer},
	{0x1e00, 0x1eff, latin}, {0x1f00, 0x1fff, greek}, {0x3040, 0x30ff, kana},
	{0x3400, 0x9fff, han}, {0xac00, 0xd7a3, hangul}, {0xf900, 0xfaff, han},
	{0xfb50, 0xfdff, arabic}, {0xfe70, 0xfeff, arabic}, {0xff66, 0xff9d, kana},
	{0x20000, 0x3ffff, han},
}
