package clean

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// tokens reads HTML token by token in linear time.
//
// The tokenizer keeps the names of a tag's attributes in a map that it clears at
// every tag; after one tag with very many of them each clearing stays slow. So it
// is started anew behind every long tag.
type tokens struct {
	src  string
	off  int // where the next token begins
	z    *html.Tokenizer
	name atom.Atom // of the current tag; 0 for text and unknown names
	raw  []byte    // of the current token
}

// longTag is where a tag's bytes pay for a new tokenizer.
const longTag = 1 << 10

func newTokens(src string) *tokens {
	return &tokens{src: src, z: html.NewTokenizer(strings.NewReader(src))}
}

// next gives the type of the next token; html.ErrorToken is the end.
func (t *tokens) next() html.TokenType {
	if len(t.raw) >= longTag && t.name != 0 {
		t.z = html.NewTokenizerFragment(strings.NewReader(t.src[t.off:]), t.name.String())
	}
	kind := t.z.Next()
	t.raw = t.z.Raw()
	t.off += len(t.raw)
	t.name = 0
	switch kind {
	case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
		name, _ := t.z.TagName()
		t.name = atom.Lookup(name)
	}
	return kind
}

// isLong says whether the current tag is one of those that may have very many
// attributes.
func (t *tokens) isLong() bool { return len(t.raw) >= longTag }

// countAttributes uses up the current tag's attributes.
func (t *tokens) countAttributes() int {
	n := 0
	for more := true; more; n++ {
		_, _, more = t.z.TagAttr()
	}
	return n
}

// attributes gives the values of the named attributes of the current tag, and
// uses them up.
func (t *tokens) attributes(names ...string) []string {
	values := make([]string, len(names))
	for more := true; more; {
		var key, value []byte
		key, value, more = t.z.TagAttr()
		for i, name := range names {
			if string(key) == name {
				values[i] = string(value)
			}
		}
	}
	return values
}
