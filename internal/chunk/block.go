package chunk

// span is a part of the text, in bytes.
type span struct{ start, end int }

// kind says what a block is, and so where it may be cut.
type kind uint8

const (
	prose    kind = iota // a paragraph
	heading              // with the line under it, if it is a Setext one
	fence                // code between fence lines, with them
	indented             // code by its indentation
	markup               // HTML
	table
	rule // a thematic break, a list item that says nothing
)

// block is a leaf of a text's markdown: what is no container. A page is a sequence
// of them; what lies between two (blank lines, the marks of an empty quote) goes with
// the first.
type block struct {
	span // whole lines, without the last line's end
	kind kind
	// rank says how much stays open across the block's start, the less the better a
	// place it is to cut: 0 between blocks of the page, 1 between items of its lists,
	// 2 between the blocks of an item or a quote, 3 between items in there, and so on.
	rank uint8
	// level is that of a heading outside of lists and quotes, which begins a section;
	// 0 otherwise.
	level uint8
	// lead is what is said again where the block is cut: the line that opens a fence,
	// a table's header with the row under it. Empty elsewhere.
	lead span
	// body is where the block may be cut at first: behind lead.
	body int
}
