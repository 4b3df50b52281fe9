package pulse

import "time"

// Mode is how a query finds its candidates.
type Mode string

// The modes of a search.
const (
	ModeHybrid  Mode = "hybrid"
	ModeKeyword Mode = "keyword"
	ModeVector  Mode = "vector"
)

// Query is what a user asks.
type Query struct {
	Text           string
	Mode           Mode // "" means ModeHybrid
	Limit          int  // 1..100; 0 means 10
	Offset         int
	Collection     string
	Filter         Filter
	NoCollapse     bool // show near-identical documents one by one
	NoPassages     bool // leave out the text of hits
	MinVectorScore float64
	Snapshot       string
	Explain        bool
	ExplainURL     string
}

// Filter is a condition that does not score. The zero value lets all pass.
type Filter struct {
	Domain   string // the host and its subdomains
	Language string // "en" also matches "en-US"
	Country  string
	IsMobile *bool
	Since    time.Time // on the time the indexed version was received
	Until    time.Time
	Metadata map[string]string // a list matches by any of its items
}

// Answer is the answer to a query.
type Answer struct {
	Query         string
	Mode          Mode // the one asked for
	Took          time.Duration
	Total         int
	TotalRelation string // "eq", or "gte" past the window
	Snapshot      string
	Hits          []Hit
	Degraded      []string     // what did not take part, and why
	Corrections   []Correction // words that no page holds, and what was searched instead
	Explained     *Explanation // of ExplainURL, also when it is not among the hits
}

// Correction says that a word of a query is on no page, and which words near it in
// spelling were searched in its place, at a lower weight.
type Correction struct {
	Word  string   `json:"word"`
	Words []string `json:"searched"`
}

// Hit is one line of an answer: a document by its best chunk.
type Hit struct {
	Score    float64            // fused; falls monotonically
	Scores   map[string]float64 // raw, by retriever
	Document Document           // without Text
	Chunk    Chunk
	Passage  string
	Marks    [][2]int // matched words: byte offsets in Passage
	Copies   int      // near-identical documents that it stands for
	Explain  *Explanation
}

// Explanation says why a document has its score, or why it is not in an answer.
type Explanation struct {
	URL        string             `json:"url,omitempty"`
	Found      bool               `json:"found"`
	Reason     string             `json:"reason,omitempty"` // what kept it out
	Retrievers []RetrieverExplain `json:"retrievers,omitempty"`
	Fusion     string             `json:"fusion,omitempty"`
	Score      float64            `json:"score"`
}

// RetrieverExplain is one retriever's part in a score.
type RetrieverExplain struct {
	Retriever string        `json:"retriever"`
	Rank      int           `json:"rank"` // from 1; 0 when it did not find the document
	Score     float64       `json:"score"`
	Weight    float64       `json:"weight"` // its part in the fused score
	Terms     []TermExplain `json:"terms,omitempty"`
}

// TermExplain is one term's part in a keyword score.
type TermExplain struct {
	Field     string  `json:"field,omitempty"` // "title" where it is the title's part, else the chunk's
	Term      string  `json:"term"`
	Frequency int     `json:"frequency"`
	Documents int     `json:"documents"` // chunks that hold the term
	IDF       float64 `json:"idf"`
	Score     float64 `json:"score"`
}
