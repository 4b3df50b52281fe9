package token

// A model turns a stretch of text into tokens. It is one kind of tokenizer: all that a
// definition says between its added tokens, so normalizer, pre-tokenizer and model in
// one, whichever way is fastest for that combination. There are two ways to be one:
//
//   - pipeline runs any normalizer, preTokenizer and wordModel one after the other, as
//     the reference does. It is what is exact for every combination, and the twin that
//     tests hold the fast ones against.
//   - A fused kind (bytePairs for byte-level BPE, and so on) does the same in one pass.
//     Parse asks fuse for one and takes the pipeline where there is none.
//
// Methods are safe for many goroutines, allocate nothing once warm (scratch memory
// comes from pools; dst may grow), and take time linear in the stretch.
type model interface {
	count(s stretch) int
	appendIDs(dst []uint32, s stretch) []uint32
	// appendTokens gives spans in the whole text: positions in s.text plus s.base.
	appendTokens(dst []Token, s stretch) []Token
	// measure counts s and tells c its cuts (Counts.cut), ascending. A position p of s.text
	// (0 < p < len) is a cut if, for all a < p < b,
	//
	//	tokens(text[a:b]) = tokens(text[a:p]) followed by tokens(text[p:b])
	//
	// where the left part is read with the character before p whole, the right part
	// with the character after p whole, and the right part as a stretch with inner set.
	// It must follow from the characters next to p alone (their classes, and that no
	// normalization reaches across p): then it holds wherever a and b are. Cuts need not
	// be complete, but what lies between two of them is counted again for every span
	// that begins or ends there, so they should be as frequent as words.
	measure(c *Counts, s stretch) int
}

// stretch is a part of a text between two added tokens, valid UTF-8 and never empty.
type stretch struct {
	text string
	base int // of text in the whole text
	// inner says that text goes on after a cut: no prefix is put before it (Prepend,
	// add_prefix_space, Metaspace's prepend_scheme), whatever the definition says.
	inner bool
}

// first says whether the stretch stands at the start of the text (prepend_scheme "first").
func (s stretch) first() bool { return s.base == 0 && !s.inner }
