// Package keyword turns text into terms and ranks chunks of documents by them.
//
// It is the exact, plain scorer: BM25 by Lucene's formula over every chunk that
// holds a term of the query, with statistics that follow each change at once. It
// stays as the reference that faster engines are tested against, so its order of
// arithmetic is part of what it promises.
//
// An Index is not safe for concurrent change: its owner holds the lock. Analyze,
// CountTerms and QueryTerms are pure.
package keyword
