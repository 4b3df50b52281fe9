package chunk

import "context"

// ruler counts tokens in the spans of one text. All counts are of a text by itself,
// special tokens included.
type ruler interface {
	// begin takes a text. What fails later is kept for err.
	begin(ctx context.Context, text string)
	// setHead sets what is put before each span that count and reach count.
	setHead(head string)
	headCount() int
	count(start, end int) int
	// bare counts a span without the head.
	bare(start, end int) int
	// reach finds an end for which count is at most limit, at most end, and far enough
	// that not much more would fit; start where nothing does.
	reach(start, end, limit int) int
	// back finds a start from which about budget tokens lie before end, at least low;
	// end where none do.
	back(low, end, budget int) int
	// cuts appends places in a span that lie between two of its tokens; ok is false
	// where nobody knows.
	cuts(dst []int, start, end int) (places []int, ok bool)
	err() error
	// settle reports whether the text is to be cut anew, because some counts were taken
	// on trust and are known now.
	settle() bool
}
