package keyword

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/irish"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"
)

// language is how words of one language become terms.
type language struct {
	name   string
	script script
	stem   func(*snowballstem.Env) bool // nil: words stand as they are
	stop   map[string]bool
	elides bool // l'eau is eau, dell'acqua is acqua
}

// script is what letters belong to, as far as languages differ by it.
type script uint8

const (
	scriptOther script = iota
	scriptLatin
	scriptCyrillic
	scriptArabic
	scriptGreek
	scriptDevanagari
	scriptTamil
	scriptHebrew
	numScripts
)

// scriptOf is the script of a folded word, by its first letter.
func scriptOf(word []byte) script {
	if len(word) > 0 && word[0] < utf8.RuneSelf {
		return scriptLatin
	}
	r, _ := utf8.DecodeRune(word)
	switch {
	case r < 0x250 || 0x1E00 <= r && r < 0x1F00:
		return scriptLatin
	case 0x370 <= r && r < 0x400 || 0x1F00 <= r && r < 0x2000:
		return scriptGreek
	case 0x400 <= r && r < 0x530:
		return scriptCyrillic
	case 0x590 <= r && r < 0x600:
		return scriptHebrew
	case 0x600 <= r && r < 0x780 || 0x8A0 <= r && r < 0x900:
		return scriptArabic
	case 0x900 <= r && r < 0x980:
		return scriptDevanagari
	case 0xB80 <= r && r < 0xC00:
		return scriptTamil
	}
	return scriptOther
}

// languages are those with a stemmer or stop words, by the first part of their tags.
var languages = func() map[string]*language {
	all := make(map[string]*language)
	for _, l := range []*language{
		{name: "en", script: scriptLatin, stem: english.Stem},
		{name: "da", script: scriptLatin, stem: danish.Stem},
		{name: "de", script: scriptLatin, stem: german.Stem},
		{name: "es", script: scriptLatin, stem: spanish.Stem},
		{name: "fi", script: scriptLatin, stem: finnish.Stem},
		{name: "fr", script: scriptLatin, stem: french.Stem, elides: true},
		{name: "ga", script: scriptLatin, stem: irish.Stem},
		{name: "hu", script: scriptLatin, stem: hungarian.Stem},
		{name: "it", script: scriptLatin, stem: italian.Stem, elides: true},
		{name: "nl", script: scriptLatin, stem: dutch.Stem},
		{name: "no", script: scriptLatin, stem: norwegian.Stem},
		{name: "pt", script: scriptLatin, stem: portuguese.Stem},
		{name: "ro", script: scriptLatin, stem: romanian.Stem},
		{name: "sv", script: scriptLatin, stem: swedish.Stem},
		{name: "tr", script: scriptLatin, stem: turkish.Stem},
		{name: "ar", script: scriptArabic, stem: arabic.Stem},
		{name: "ru", script: scriptCyrillic, stem: russian.Stem},
		{name: "ta", script: scriptTamil, stem: tamil.Stem},
		{name: "ca", script: scriptLatin, elides: true}, {name: "cs", script: scriptLatin},
		{name: "id", script: scriptLatin}, {name: "pl", script: scriptLatin}, {name: "vi", script: scriptLatin},
		{name: "bg", script: scriptCyrillic}, {name: "uk", script: scriptCyrillic},
		{name: "el", script: scriptGreek}, {name: "fa", script: scriptArabic}, {name: "ur", script: scriptArabic},
		{name: "he", script: scriptHebrew}, {name: "hi", script: scriptDevanagari},
	} {
		l.stop = make(map[string]bool)
		for word := range strings.FieldsSeq(stopWords[l.name]) {
			l.stop[word] = true
		}
		all[l.name] = l
	}
	all["nb"], all["nn"] = all["no"], all["no"]
	return all
}()

// byDefault is whose words those of a script are taken for in a text of another
// script, or of no known language: of the language that such words are most often of.
var byDefault = [numScripts]*language{
	scriptLatin: languages["en"], scriptCyrillic: languages["ru"], scriptArabic: languages["ar"],
	scriptGreek: languages["el"], scriptHebrew: languages["he"], scriptDevanagari: languages["hi"], scriptTamil: languages["ta"],
}

// plain takes words as they are.
var plain = &language{name: "-"}

// analyzer is the languages of a text, by script.
type analyzer [numScripts]*language

// analyzerOf is for texts of a language, given by its tag ("de-AT"). A language of
// Latin, Cyrillic, … letters that is not known here has words without stems.
func analyzerOf(tag string) analyzer {
	a := analyzer(byDefault)
	base := baseOf(tag)
	if l := languages[base]; l != nil {
		a[l.script] = l
	} else if base != "" && !otherScript[base] {
		a[scriptLatin], a[scriptCyrillic], a[scriptArabic], a[scriptDevanagari] = plain, plain, plain, plain
	}
	return a
}

// otherScript are the languages in whose texts words of Latin letters are foreign.
var otherScript = func() map[string]bool {
	all := make(map[string]bool)
	for _, tag := range strings.Fields("zh ja ko th lo km my hy ka bn pa gu te kn ml si am ti bo dv") {
		all[tag] = true
	}
	return all
}()

// baseOf is the language of a tag: "en" of "en-US".
func baseOf(tag string) string {
	if end := strings.IndexAny(tag, "-_"); end >= 0 {
		tag = tag[:end]
	}
	return strings.ToLower(tag)
}

// stopMark begins the terms of stop words: they are kept, so that phrases and
// queries of nothing else find them, and no other word is ever equal to one.
const stopMark = "\x01"

// term is the term of a folded word of letters, and whether it is a stop word.
func (l *language) term(word string) (term string, stop bool) {
	return l.termBy(snowballstem.NewEnv(""), word)
}

// termBy is term by a stemmer's memory, which may be used again.
func (l *language) termBy(env *snowballstem.Env, word string) (term string, stop bool) {
	if l == nil || l == plain {
		return word, false
	}
	word = l.bare(word)
	if l.script == scriptCyrillic {
		word = strings.ReplaceAll(word, "ё", "е") // mostly written so
	}
	if l.stop[word] {
		return stopMark + word, true
	}
	if l.stem == nil {
		return word, false
	}
	env.SetCurrent(word)
	l.stem(env)
	if stem := env.Current(); stem != "" {
		return stem, false
	}
	return word, false
}

// bare takes the possessive or the elided article off. Stop words with an
// apostrophe (don't) stand as they are.
func (l *language) bare(word string) string {
	at := strings.IndexByte(word, '\'')
	if at < 0 || l.stop[word] {
		return word
	}
	switch {
	case l.elides && at <= 6 && at+2 < len(word):
		return word[at+1:]
	case strings.HasSuffix(word, "'s") && len(word) > 2:
		return word[:len(word)-2]
	}
	return strings.TrimFunc(word, func(r rune) bool { return r == '\'' || !unicode.IsLetter(r) && !unicode.IsMark(r) })
}
