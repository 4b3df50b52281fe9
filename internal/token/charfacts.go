package token

import (
	"strings"
	"unicode/utf8"
)

// charFacts are what normalizers make of a character, whatever stands beside it, in the
// kinds of runeFacts.
type charFacts [0x1100]*[256]uint32

func (f *charFacts) of(r rune) uint32 { return f[uint32(r)>>8][uint8(r)] }

// charFactory finds charFacts by asking the normalizers about single characters.
type charFactory struct {
	normalizers []normalizer
	charsmap    *precompiled
	before      []normalizer // those before the charsmap
	pairs       []string
	meta        rune
	text        aligned
	texts       []string
	numbers     map[string]uint32
}

// newCharFactory returns nil if a normalizer is of a kind whose reach it does not know.
func newCharFactory(normalizers []normalizer, meta rune) *charFactory {
	f := &charFactory{meta: meta, numbers: map[string]uint32{}}
	for i, step := range normalizers {
		switch step := step.(type) {
		case replace:
			pattern, ok := step.finder.(literal)
			if !ok || len(f.normalizers) > 0 || len(pattern) < 2 || !isMarks(string(pattern)) {
				return nil
			}
			f.pairs = append(f.pairs, string(pattern))
			continue
		case *precompiled:
			f.charsmap, f.before = step, normalizers[len(f.pairs):i]
		case *form, lowercase, stripAccents, nmt:
		default:
			return nil
		}
		f.normalizers = append(f.normalizers, step)
	}
	return f
}

// isMarks reports whether a pattern is of ASCII marks only.
func isMarks(pattern string) bool {
	for i := range len(pattern) {
		if pattern[i] <= ' ' || pattern[i] >= 0x7F || isAlphanumeric[pattern[i]] {
			return false
		}
	}
	return true
}

func (f *charFactory) facts() *charFacts {
	var facts charFacts
	shared := map[[256]uint32]*[256]uint32{}
	busy := f.busy()
	for i := range facts {
		var block [256]uint32
		for j := range block {
			if r := rune(i<<8 | j); busy[r] || f.charsmap != nil && f.mapped(r) {
				block[j] = f.of(r)
			}
		}
		if shared[block] == nil {
			shared[block] = &block
		}
		facts[i] = shared[block]
	}
	return &facts
}

// busy are the characters that need asking: those that a normalizer may change or that
// are not just part of a word, but for what the charsmap maps.
func (f *charFactory) busy() []bool {
	busy := make([]bool, utf8.MaxRune+1)
	busy[f.meta] = true
	mark := func(classes *runeClasses, class uint8) {
		for r := range busy {
			busy[r] = busy[r] || classes.of(rune(r))&class != 0
		}
	}
	mark(regexClasses(), classSpace)
	for _, step := range f.normalizers {
		switch step := step.(type) {
		case *precompiled:
			mark(graphemeClasses(), 0xFF)
		case *form:
			mark(step.open, 0xFF)
			for r := range step.decompose {
				busy[r] = true
			}
		case stripAccents:
			mark(bertClasses(), markStripped)
		case lowercase:
			for r := range lowerTexts() {
				busy[r] = true
			}
		case nmt:
			for r := range busy {
				busy[r] = busy[r] || r < 0x100 || nmtSpace(rune(r))
			}
		}
	}
	return busy
}

func (f *charFactory) mapped(r rune) bool {
	if !utf8.ValidRune(r) {
		return false
	}
	var b [utf8.UTFMax]byte
	_, ok := f.charsmap.find(string(b[:utf8.EncodeRune(b[:], r)]))
	return ok
}

func (f *charFactory) of(r rune) uint32 {
	if !utf8.ValidRune(r) {
		return factWord
	}
	if f.charsmap != nil && f.joins(f.run(f.before, string(r))) {
		return factTangled
	}
	for _, step := range f.normalizers {
		if form, ok := step.(*form); ok && form.open.of(r)&openInside != 0 && f.run(f.normalizers, string(r)) != "" {
			return factTangled
		}
	}
	return f.fact(r, f.run(f.normalizers, string(r)))
}

func (f *charFactory) run(steps []normalizer, text string) string {
	f.text.reset(stretch{text: text})
	for _, step := range steps {
		step.normalize(&f.text)
	}
	return string(f.text.text)
}

// joins reports whether a text can be part of a grapheme cluster with its neighbours.
func (f *charFactory) joins(text string) bool {
	classes := graphemeClasses()
	return strings.ContainsFunc(text, func(r rune) bool { return classes.of(r) != 0 })
}

func (f *charFactory) fact(r rune, text string) uint32 {
	space := strings.ContainsFunc(text, isSpace)
	switch {
	case text == "":
		return factDropped
	case space && !strings.ContainsFunc(text, func(r rune) bool { return !isSpace(r) }):
		return factSpace
	case space || strings.ContainsRune(text, f.meta):
		return factTangled
	case text == string(r):
		return factWord
	}
	number, ok := f.numbers[text]
	if !ok {
		number = uint32(len(f.texts))
		f.numbers[text] = number
		f.texts = append(f.texts, text)
	}
	return factMapped | number<<factBits
}

func isSpace(r rune) bool { return regexClasses().of(r)&classSpace != 0 }
