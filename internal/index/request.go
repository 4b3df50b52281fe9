package index

import "pulse"

// Request is what a retriever is asked: candidates by keyword, by vector, or both.
type Request struct {
	Collection string // "" means the default collection
	Filter     pulse.Filter
	Window     int    // documents wanted of each kind; 0 or less: all
	Text       string // of the keyword query, with its signs; "" asks for none
	// Unscored takes of Text only what it demands of a page (+, -, phrases, site:), for
	// a search by vector alone.
	Unscored bool
	// Vector is the query's, of any length but 0; nil asks for none.
	Vector pulse.Vector
	// VectorHistory is the history of the data that Vector compares with; "" is any. An
	// index that holds another's does not search by it: layouts of other models differ in
	// history, and equal dimensions would hide the mistake.
	VectorHistory string
	// MinVectorScore keeps out what is not at least so near; cosines of 0 and less
	// never come.
	MinVectorScore float64
	Explain        bool   // fills Candidate.Terms
	Key            string // of a document whose Standing is wanted; "" for none
}

// Candidate is a document as one retriever found it: by its best chunk.
type Candidate struct {
	Document    pulse.DocumentID
	Key         string
	ContentHash string
	CommitSeq   pulse.CommitSeq // of the state of the document that was searched
	Chunk       *pulse.Chunk    // shared: not to be changed
	Score       float64
	// VectorWeight is how much the document's vectors are worth beside its words, 0 to 1:
	// a model need not know the language of all pages.
	VectorWeight float64
	Terms        []pulse.TermExplain // by keyword, when asked for
}

// List is what one retriever found: the best documents, by falling score, equal
// ones by key.
type List struct {
	Candidates []Candidate
	More       bool // there were more than the window
}

// Result is the answer to a Request, all from one state of the index.
type Result struct {
	Keyword, Vector List
	// VectorRefused says why the vector could not be searched by; "" when it was.
	VectorRefused string
	// OtherHistory says that it was refused for Request.VectorHistory: the index has been
	// filled anew since the query was embedded.
	OtherHistory bool
	// Lost are the commits that are being read again, since a file of theirs was damaged: their
	// documents may not be found.
	Lost int
	// Corrections are the words of the text that nothing holds, and what was looked for
	// in their place.
	Corrections []pulse.Correction
	Standing    *Standing // of Request.Key; nil when none was asked for
}

// Standing is where one named document stands in a Request, whether or not it is
// among the candidates.
type Standing struct {
	Known    bool   // it is in the collection's index
	Filtered string // the condition of the filter that keeps it out; "" when none
	Keyword  Place
	Vector   Place
}

// Place is a document's place among all that one retriever can find.
type Place struct {
	Rank  int // from 1; 0 when it is not found
	Score float64
	Terms []pulse.TermExplain
	Why   string // when it is not found
}
