package keyword

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// term is one term: what words that mean the same share.
type term struct {
	text    string
	hash    uint64 // xxhash of text
	surface string // the first word that was seen of it, folded
}

// A lexicon's page has so many terms, or fewer where they are long.
const (
	lexiconTerms = 1024
	lexiconBytes = 24 * lexiconTerms
	recordBits   = 15 // of a place among lexiconBytes
)

// lexicon numbers terms. Its pages never move and what is in them never changes once
// Counts name it, so that an index reads them while their Counter goes on: a list of the
// pages, taken when a text was counted, is enough. Nothing in them is a pointer, so that
// the garbage collector has nothing to look at.
type lexicon struct {
	pages []*lexiconPage
	terms int // on the last page
	bytes int // of their records
}

type lexiconPage struct {
	notes   [lexiconTerms]note
	lexemes [lexiconTerms]lexeme
	records [lexiconBytes]byte
}

// lexeme is where a term is: its record is what a file has of it (see appendTerm).
type lexeme struct {
	hash    uint64
	at      uint32 // page · 2^recordBits + place
	size    uint16
	counted bool // a text has it: its surface stays
}

// note is the id of a term in the segment that it was last added to, of the index that
// the lexicon's texts go to: it is under that index's lock, so that most terms are not
// looked up.
type note struct{ in, id uint32 }

// add numbers a new term, by its record and hash.
func (l *lexicon) add(record []byte, hash uint64) uint32 {
	at, size := l.write(record)
	n := l.terms
	l.terms++
	last := len(l.pages) - 1
	l.pages[last].lexemes[n] = lexeme{hash: hash, at: at, size: size}
	return uint32(last*lexiconTerms + n)
}

// write puts a record on the last page, or on a new one where that has no room for one
// more term.
func (l *lexicon) write(record []byte) (at uint32, size uint16) {
	if len(l.pages) == 0 || l.terms == lexiconTerms || l.bytes+len(record) > lexiconBytes {
		l.pages = append(l.pages, new(lexiconPage))
		l.terms, l.bytes = 0, 0
	}
	last := len(l.pages) - 1
	at = uint32(last<<recordBits | l.bytes)
	l.bytes += copy(l.pages[last].records[l.bytes:], record)
	return at, uint16(len(record))
}

// resurface gives a term that no text has yet another surface.
func (l *lexicon) resurface(ref uint32, surface string) {
	var buf [2*MaxTermBytes + 16]byte
	x := l.lexeme(ref)
	x.at, x.size = l.write(appendTerm(buf[:0], l.text(ref), surface))
}

func (l *lexicon) lexeme(ref uint32) *lexeme { return lexemeOf(l.pages, ref) }

func lexemeOf(pages []*lexiconPage, ref uint32) *lexeme {
	return &pages[ref/lexiconTerms].lexemes[ref%lexiconTerms]
}

func noteOf(pages []*lexiconPage, ref uint32) *note {
	return &pages[ref/lexiconTerms].notes[ref%lexiconTerms]
}

// recordOf is a term as a file has it.
func recordOf(pages []*lexiconPage, ref uint32) []byte {
	x := lexemeOf(pages, ref)
	at := x.at % (1 << recordBits)
	return pages[x.at>>recordBits].records[at : at+uint32(x.size)]
}

// text is a term's text, as long as the lexicon is there.
func (l *lexicon) text(ref uint32) string {
	text, _ := textOf(recordOf(l.pages, ref))
	return text
}

// textOf is the text of a record, in its memory, and what follows it.
func textOf(record []byte) (text string, rest []byte) {
	length, n := binary.Uvarint(record)
	end := n + int(length)
	return unsafe.String(unsafe.SliceData(record[n:end]), int(length)), record[end:]
}

// termOf is a copy of the term of a record.
func termOf(record []byte) *term {
	text, rest := textOf(record)
	shared, n := binary.Uvarint(rest)
	t := &term{text: strings.Clone(text), hash: xxhash.Sum64String(text)}
	t.surface = t.text[:shared] + string(rest[n:])
	return t
}

// appendTerm is what textOf and termOf read: the length of the text (a uvarint), the text,
// how much of it the surface begins with (a uvarint), and the rest of the surface.
func appendTerm(to []byte, text, surface string) []byte {
	shared := 0
	for shared < len(text) && shared < len(surface) && text[shared] == surface[shared] {
		shared++
	}
	to = append(binary.AppendUvarint(to, uint64(len(text))), text...)
	return append(binary.AppendUvarint(to, uint64(shared)), surface[shared:]...)
}
