package bench

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"pulse/internal/bench/sample"
)

// Writer makes synthetic pages that look like real ones: their words are drawn from
// the sample crawl as often as they stand there, in sentences, paragraphs and
// sections. Each page has a subject: two words of three are from one place of the sample.
// Equal seeds make equal pages. It is for one goroutine.
type Writer struct {
	rand    *rand.Rand
	words   []string // every word of the sample, as often as it stands there
	subject []string // those of the place that the page at work is about
	text    strings.Builder
}

// subjectWords is how many words of the sample a page is about: a section or two.
const subjectWords = 400

// NewWriter makes a writer.
func NewWriter(seed uint64) *Writer {
	return &Writer{rand: rand.New(rand.NewPCG(seed, 0x77726974)), words: sampleWords()}
}

// sampleWords are the plain words of the sample crawl, in its order.
var sampleWords = sync.OnceValue(func() []string {
	pages, err := sample.Pages()
	if err != nil {
		panic("bench: " + err.Error()) // the binary was built wrongly
	}
	var words []string
	for _, p := range pages {
		for _, w := range strings.Fields(p.Markdown) {
			if w = strings.Trim(w, ".,:;()*_`\"'"); plainWord(w) {
				words = append(words, w)
			}
		}
	}
	return words
})

func plainWord(w string) bool {
	for _, c := range []byte(w) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return 1 < len(w) && len(w) < 24
}

// Page writes the page of a number, with markdown of about size bytes. Its address
// and title are the same for every text.
func (w *Writer) Page(n, size int) Page {
	host := n % 16
	return Page{
		URL:      fmt.Sprintf("https://docs-%02d.example.com/guide/%06d/", host, n),
		Title:    fmt.Sprintf("Guide %d", n),
		Language: "en",
		Markdown: w.markdown(n, size),
	}
}

func (w *Writer) markdown(n, size int) string {
	at := w.rand.IntN(len(w.words) - subjectWords)
	w.subject = w.words[at : at+subjectWords]
	w.text.Reset()
	fmt.Fprintf(&w.text, "# Guide %d\n\n", n)
	for w.text.Len() < size {
		if w.rand.IntN(4) == 0 {
			w.text.WriteString("## ")
			w.sentence(2+w.rand.IntN(4), "\n\n")
		}
		for range 2 + w.rand.IntN(4) {
			w.sentence(6+w.rand.IntN(14), ". ")
		}
		w.text.WriteString("\n\n")
	}
	text := w.text.String()[:size]
	if cut := strings.LastIndexByte(text, ' '); cut > 0 {
		text = text[:cut]
	}
	return text
}

// sentence writes n words that begin with a capital.
func (w *Writer) sentence(n int, end string) {
	for i := range n {
		from := w.subject
		if w.rand.IntN(3) == 0 {
			from = w.words
		}
		word := from[w.rand.IntN(len(from))]
		if i == 0 {
			word = strings.ToUpper(word[:1]) + word[1:]
		} else {
			w.text.WriteByte(' ')
		}
		w.text.WriteString(word)
	}
	w.text.WriteString(end)
}
