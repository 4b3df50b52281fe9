package chunk

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// scanAll gives all blocks of a text.
func scanAll(s string) []block {
	var sc scanner
	sc.reset(s)
	for !sc.done() {
		sc.line()
	}
	return sc.blocks
}

// reference reads the blocks of a text with goldmark: kind, first and last line.
func reference(source string) []string {
	parser := goldmark.New(goldmark.WithExtensions(extension.Table)).Parser()
	root := parser.Parse(text.NewReader([]byte(source)))
	lines := newLines(source)
	var out []string
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() == ast.TypeInline {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			level := 0
			if n.Parent() == root {
				level = n.Level
			}
			out = append(out, fmt.Sprintf("heading %d %d", level, lines.at(n.Pos())))
		case *ast.FencedCodeBlock:
			out = append(out, fmt.Sprintf("fence %d", lines.at(n.Pos())))
		case *ast.CodeBlock:
			out = append(out, lines.block("indented", n))
		case *ast.HTMLBlock:
			out = append(out, lines.html(n))
		case *ast.ThematicBreak:
			out = append(out, fmt.Sprintf("rule %d", lines.at(n.Pos())))
		case *ast.Paragraph, *ast.TextBlock:
			out = append(out, lines.block("prose", n))
		case *ast.LinkReferenceDefinition:
			// The scanner takes definitions for a paragraph, with what text follows.
			out = append(out, lines.block("definition", n))
		case *tables.Table:
			out = append(out, lines.table(n))
		default:
			return ast.WalkContinue, nil
		}
		return ast.WalkSkipChildren, nil
	})
	if err != nil {
		panic(err)
	}
	return joinDefinitions(out)
}

// joinDefinitions makes paragraphs of link definitions, which have no kind of their
// own here, and of a paragraph that follows on the next line.
func joinDefinitions(blocks []string) []string {
	var out []string
	last, isDefinition := 0, false
	for _, b := range blocks {
		var kind string
		var from, to int
		fmt.Sscanf(b, "%s %d-%d", &kind, &from, &to)
		if isDefinition && from == last+1 && (kind == "definition" || kind == "prose") {
			joined := out[len(out)-1]
			out[len(out)-1] = fmt.Sprintf("%s-%d", joined[:strings.IndexByte(joined, '-')], to)
		} else {
			out = append(out, strings.Replace(b, "definition", "prose", 1))
		}
		last, isDefinition = to, kind == "definition"
	}
	return out
}

type lineIndex struct{ starts []int }

func newLines(s string) lineIndex {
	l := lineIndex{starts: []int{0}}
	for i := range len(s) {
		if s[i] == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// at gives the line of a position.
func (l lineIndex) at(pos int) int {
	n := 0
	for i := len(l.starts); n < i; {
		if m := (n + i) / 2; l.starts[m] <= pos {
			n = m + 1
		} else {
			i = m
		}
	}
	return n
}

// block gives the first and the last line of a block.
func (l lineIndex) block(kind string, n ast.Node) string {
	stop := n.Pos() + 1
	if segments := n.Lines(); segments.Len() > 0 {
		stop = segments.At(segments.Len() - 1).Stop
	}
	return l.lines(kind, n.Pos(), stop)
}

func (l lineIndex) lines(kind string, start, stop int) string {
	return fmt.Sprintf("%s %d-%d", kind, l.at(start), l.at(max(start, stop-1)))
}

func (l lineIndex) html(n *ast.HTMLBlock) string {
	segments := n.Lines()
	start, stop := n.ClosureLine.Start, n.ClosureLine.Stop
	if segments.Len() > 0 {
		start = segments.At(0).Start
		if !n.HasClosure() {
			stop = segments.At(segments.Len() - 1).Stop
		}
	}
	return l.lines("markup", start, stop)
}

func (l lineIndex) table(n *tables.Table) string {
	return l.lines("table", n.FirstChild().Pos(), n.LastChild().Pos()+1)
}

// described gives blocks as reference does.
func described(source string) []string {
	lines := newLines(source)
	var out []string
	for _, b := range scanAll(source) {
		switch b.kind {
		case heading:
			out = append(out, fmt.Sprintf("heading %d %d", b.level, lines.at(b.start)))
		case fence:
			out = append(out, fmt.Sprintf("fence %d", lines.at(b.start)))
		case rule:
			if line := source[b.start:b.end]; strings.Count(line, "_")+strings.Count(line, "-")+strings.Count(line, "*") > 2 { // else an item of nothing
				out = append(out, fmt.Sprintf("rule %d", lines.at(b.start)))
			}
		default:
			out = append(out, lines.lines([]string{prose: "prose", indented: "indented", markup: "markup", table: "table"}[b.kind], b.start, b.end))
		}
	}
	return out
}

// agrees holds the scanner against goldmark on one text.
func agrees(t *testing.T, name, source string) {
	t.Helper()
	if diff := cmp.Diff(reference(source), described(source)); diff != "" {
		lines := strings.Split(diff, "\n")
		t.Errorf("%s (-goldmark +scanner):\n%s", name, strings.Join(lines[:min(len(lines), 24)], "\n"))
	}
}

func TestScan(t *testing.T) {
	f := func(s string) {
		t.Helper()
		agrees(t, fmt.Sprintf("%q", s), s)
	}
	f("")
	f("a")
	f("a\r\nb\r\n\r\n# c\r\n")
	f("# a #\nb\n- - -\n#c\n####### d\n\ne\n===\nf\n--")
	f("```go\n# a\n\n```\nb\n~~~\n```\n~~~ \nc\n``` a`b\n    ```\nd")
	f("- a\n- b\n\n  c\n\n      code\n- ```\n  d\n  ```\n1. e\n   - f\n\n\tg\n2) h")
	f("a\n1. b\n2. c\n\na\n2. no\n- \n\nb\n-\n c")
	f("> a\nb\n> - c\nd\n>\n> # e\n>> f\n> g\n\n>\n> h")
	f("| a | b |\n|---|:-:|\n| c | d |\ne\n\nf\n| g\n| -\n| h\n\n| a | b | c |\n|---|---|\n\n- h | i\n  --|--\n  j | k")
	f("<div>\n\n*a*\n<pre>\n\nb\n</pre>\nc\n<!-- d\n\n-->\n<a href=\"x\">\n\ne\n<a href=\"x\">\n\n<x y='z' w = v />\n\n</b>\n<b>c")
	f("\ta\n \tb\n\n  \tc\nd\n    e")
	f(strings.Repeat("> ", 20) + "a\n" + strings.Repeat("- ", 20) + "b")
}

// emptyItems are pages where goldmark takes the blank lines behind an empty list item
// for a part of it; CommonMark 0.31 §5.2 says that an item begins with at most one.
var emptyItems = []string{
	"https://kubernetes.io/blog/2015/04/Weekly-Kubernetes-Community-Hangout_17",
	"https://kubernetes.io/zh/blog/2015/04/17/weekly-kubernetes-community-hangout_17/",
}

func TestScanSamplePages(t *testing.T) {
	for _, file := range []string{"k8s-en.jsonl.gz", "k8s-zh-ja-ko.jsonl.gz", "revisions.jsonl.gz"} {
		for _, p := range samplePages(t, file, pageLimit()) {
			if !slices.Contains(emptyItems, p.URL) {
				agrees(t, p.URL, p.Markdown)
			}
		}
	}
}

// TestScanTorture leaves out what goldmark takes too long for.
func TestScanTorture(t *testing.T) {
	tortureTexts(t, func(name, text string) {
		if len(text) < 300_000 && name != "deep_nesting.md.txt" {
			agrees(t, name, text)
		}
	})
}

// TestScanSpec takes the examples of the specification one by one. Those left out have
// link definitions, which the scanner takes for text, where that shows.
func TestScanSpec(t *testing.T) {
	spec, err := os.ReadFile(shared(t, "data/torture/commonmark_spec.md.txt"))
	if err != nil {
		t.Fatal(err)
	}
	definitions := []string{"# [Foo]\n[foo]: /url\n> bar", "[foo]: /url\nbar\n===\n[foo]", "[foo]: /url\n===\n[foo]", "- a\n- b\n\n  [ref]: /url\n- d"}
	n := 0
	for part := range strings.SplitSeq(string(spec), "\n"+strings.Repeat("`", 32)) {
		example, ok := strings.CutPrefix(part, " example\n")
		source, _, _ := strings.Cut(example, "\n.\n")
		source = strings.ReplaceAll(source, "→", "\t")
		if ok && !slices.Contains(definitions, source) {
			agrees(t, fmt.Sprintf("%q", source), source)
			n++
		}
	}
	if n < 640 {
		t.Fatalf("%d examples", n)
	}
}
