package clean

import (
	"fmt"
	"net/url"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/strikethrough"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// What may become a tree. The extractor and the converter look at every node
// from each node above it, several times over, and some of their steps are
// quadratic in siblings; these bounds keep the worst page to seconds. A real page
// has a thousand to twenty thousand nodes at a depth of ten to thirty. Guesses,
// on the generous side.
const (
	maxTreeBytes      = 8 << 20
	maxTreeNodes      = 150_000
	maxTreeWork       = 3_000_000 // sum over nodes of their depth, long texts counting more
	maxTreeAttributes = 256
)

// convert makes markdown of a page's main content; of all of its body where the
// extractor finds none. base resolves relative links; nil leaves them.
func convert(src string, baseURL *url.URL) (string, pageInfo) {
	src = strings.ToValidUTF8(src, "\ufffd")
	s := surveyOf(src)
	if len(src) <= maxTreeBytes && s.nodes <= maxTreeNodes && s.attributes <= maxTreeAttributes {
		if markdown, err := convertTree(src, baseURL); err == nil {
			return markdown, s.info
		}
	}
	return convertFlat(src), s.info
}

// errTree says why a page is converted tag by tag instead.
type errTree struct{ cause any }

func (e *errTree) Error() string { return fmt.Sprintf("convert html by its tree: %v", e.cause) }

// convertTree turns a panic of the libraries into an error: they walk trees of
// any shape, and one hostile page must not end the process.
func convertTree(src string, baseURL *url.URL) (markdown string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &errTree{cause}
		}
	}()
	doc, err := parseBounded(src)
	if err != nil {
		return "", err
	}
	parser := readability.NewParser()
	parser.DisableJSONLD = true
	parser.KeepClasses = true // the language of a code block is a class
	article, err := parser.ParseAndMutate(doc, baseURL)
	if err == nil && article.Node != nil {
		if markdown, err = render(article.Node, baseURL); err == nil && hasContent(markdown) {
			return markdown, nil
		}
	}
	if doc, err = html.Parse(strings.NewReader(src)); err != nil { // the first tree is spent
		return "", err
	}
	return render(doc, baseURL)
}

// parseBounded refuses trees that would cost too much to walk. The parser itself
// refuses a depth of more than 512.
func parseBounded(src string) (*html.Node, error) {
	doc, err := html.Parse(strings.NewReader(src))
	if err != nil {
		return nil, err
	}
	nodes, work := 0, 0
	walk(doc, func(n *html.Node, depth int) {
		nodes++
		work += depth * (1 + len(n.Data)/64)
		if n.Type == html.TextNode && n.Parent.DataAtom == atom.Title && len(n.Data) > MaxTitleBytes {
			n.Data = n.Data[:MaxTitleBytes] // the extractor takes titles apart, slowly
		}
	})
	if nodes > 2*maxTreeNodes || work > maxTreeWork {
		return nil, &errTree{fmt.Sprintf("%d nodes, %d work", nodes, work)}
	}
	return doc, nil
}

// walk visits a tree in document order, parents first, without recursion.
func walk(root *html.Node, visit func(n *html.Node, depth int)) {
	depth := 0
	for n := root; n != nil; {
		visit(n, depth)
		if n.FirstChild != nil {
			n = n.FirstChild
			depth++
			continue
		}
		for n != root && n.NextSibling == nil {
			n = n.Parent
			depth--
		}
		if n == root {
			return
		}
		n = n.NextSibling
	}
}

// markdownConverter is safe for concurrent use. It does not escape: a backslash
// in every snake_case word would be what is indexed, embedded and shown; where a
// text would become a heading or a fence, tame escapes it.
var markdownConverter = converter.NewConverter(
	converter.WithEscapeMode(converter.EscapeModeDisabled),
	converter.WithPlugins(
		base.NewBasePlugin(),
		commonmark.NewCommonmarkPlugin(),
		strikethrough.NewStrikethroughPlugin(),
		// Aligned cells would make a table as wide as its longest cell in every row.
		table.NewTablePlugin(table.WithCellPaddingBehavior(table.CellPaddingBehaviorMinimal)),
	),
)

func render(root *html.Node, baseURL *url.URL) (string, error) {
	tame(root)
	var options []converter.ConvertOptionFunc
	if baseURL != nil && baseURL.Host != "" {
		options = append(options, converter.WithDomain(baseURL.Scheme+"://"+baseURL.Host))
	}
	wrapper := root
	if root.Type == html.ElementNode && root.Parent == nil {
		// The converter looks at an element's surroundings.
		wrapper = &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
		wrapper.AppendChild(root)
	}
	markdown, err := markdownConverter.ConvertNode(wrapper, options...)
	if err != nil {
		return "", fmt.Errorf("convert html to markdown: %w", err)
	}
	return unescapeAngles(string(markdown)), nil
}

// unescapeAngles undoes the converter's entities where they stand for no tag:
// "a &lt; b" is text that people search and read.
func unescapeAngles(markdown string) string {
	if !strings.Contains(markdown, "&lt;") && !strings.Contains(markdown, "&gt;") {
		return markdown
	}
	var b strings.Builder
	b.Grow(len(markdown))
	for {
		i := strings.IndexByte(markdown, '&')
		if i < 0 {
			b.WriteString(markdown)
			return b.String()
		}
		b.WriteString(markdown[:i])
		markdown = markdown[i:]
		switch {
		case strings.HasPrefix(markdown, "&lt;") && !beginsTag(markdown[len("&lt;"):]):
			b.WriteByte('<')
			markdown = markdown[len("&lt;"):]
		case strings.HasPrefix(markdown, "&gt;") && b.Len() > 0 && !strings.HasSuffix(b.String(), "\n"):
			b.WriteByte('>')
			markdown = markdown[len("&gt;"):]
		default:
			b.WriteByte('&')
			markdown = markdown[1:]
		}
	}
}

func beginsTag(s string) bool {
	return s != "" && ('a' <= s[0]|0x20 && s[0]|0x20 <= 'z' || s[0] == '/' || s[0] == '!' || s[0] == '?')
}
