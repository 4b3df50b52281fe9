// Package keyword turns text into terms and ranks chunks of documents by them: BM25 by
// Lucene's formula, with statistics that follow each change at once.
//
// A text is analysed in its language: words by UAX #29, normalised and folded, without
// possessives, stemmed by Snowball where the language has a stemmer; scripts that are
// written without spaces as pairs of characters; identifiers whole and in parts. A query
// is analysed in every language that the index holds.
//
// An Index is not safe for concurrent change: its owner holds the lock. Counters,
// markers and Parse need none.
package keyword
