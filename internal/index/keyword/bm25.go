package keyword

import "math"

// The formula is that of Lucene since version 8 (BM25Similarity): per term
//
//	idf = ln(1 + (N - n + 0.5) / (n + 0.5))
//	score = idf · f / (f + k1 · (1 - b + b · length / mean length))
//
// N chunks in all, n of them with the term, f its frequency in the chunk. The
// factor (k1 + 1) of the older formula is left out, as Lucene does since LUCENE-8563:
// it changes no order. Lengths are exact, where Lucene rounds them to a byte.
//
// A word of a query that has several terms has the idf of the most frequent of them
// (as Lucene's SynonymQuery), and in a chunk the best of their parts.
//
// A chunk's score adds up the query's words in their order; the conversions to
// float64 keep a compiler from fusing a product into a sum, so that every machine
// gets the same last bit.

// Options tune BM25. The zero value is the default.
type Options struct {
	K1 float64 // 0 means 1.2; below 0 means 0: how often a term occurs is ignored
	B  float64 // 0 means 0.75; below 0 means 0: the length of a chunk is ignored
	// TitleWeight is how much a title's own score adds to that of each of its chunks;
	// 0 or less: titles are not scored by themselves.
	TitleWeight float64
}

func (o Options) withDefaults() Options {
	o.K1 = orDefault(o.K1, 1.2)
	o.B = orDefault(o.B, 0.75)
	o.TitleWeight = max(o.TitleWeight, 0)
	return o
}

func orDefault(value, byDefault float64) float64 {
	switch {
	case value == 0:
		return byDefault
	case value < 0:
		return 0
	}
	return value
}

// idf is the weight of a term that n of all chunks hold.
func idf(all, n int) float64 {
	return math.Log(1 + (float64(all)-float64(n)+0.5)/(float64(n)+0.5))
}

// saturation is a term's part for its frequency: 0 to 1.
func saturation(frequency uint32, lengthPart float64) float64 {
	f := float64(frequency)
	return f / (f + lengthPart)
}

// lengthPart is k1 · (1 - b + b · length / mean length).
func (o Options) lengthPart(length uint32, meanLength float64) float64 {
	ratio := float64(length) / meanLength
	return o.K1 * (1 - o.B + float64(o.B*ratio))
}
