package local

import "pulse/internal/index/keyword"

// titleWeight is how much a title's own BM25 score adds to that of a document's best
// chunk. People ask for pages by their names; among the many chunks that hold a short
// name the page itself would drown: on 1,751 titled pages of a documentation site 93 %
// came among the first three by chunks alone, and all but a few with the title's score
// (measured by the test of real pages). Titles have statistics of their own, so that the
// chunks' stay exact.
const titleWeight = 1

func (o *Options) bm25() keyword.Options {
	bm25 := o.BM25
	bm25.TitleWeight = o.TitleWeight
	return bm25
}
