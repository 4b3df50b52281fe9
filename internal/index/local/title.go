package local

import "pulse/internal/index/keyword"

// titleWeight is how much a title's own BM25 score adds to that of a document's best
// chunk. People ask for pages by their names; among the many chunks that hold a short
// name the page itself would drown: on 1,751 titled pages of a documentation site 93 %
// came among the first three by chunks alone, and all but a few with the title's score
// (measured by the test of real pages). Titles have statistics of their own, so that the
// chunks' stay exact.
const titleWeight = 1

// withTitles scores the titles and calls yield for every document that its chunks or
// its title match, once: by its best chunk, or its first where only the title matches.
func (c *collection) withTitles(weight float64, query []keyword.QueryTerm, accept func(uint32) bool, yield func(number, ordinal uint32, score float64)) {
	titles := map[uint32]float64{}
	c.titles.Search(query, accept, func(number, _ uint32, score float64) { titles[number] = weight * score })
	c.keyword.Search(query, accept, func(number, ordinal uint32, score float64) {
		title, ok := titles[number]
		if ok {
			delete(titles, number)
		}
		yield(number, ordinal, score+title)
	})
	for number, score := range titles {
		if len(c.documents[number].chunks) > 0 {
			yield(number, 0, score)
		}
	}
}
