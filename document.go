package pulse

import "time"

// DocumentState says whether a document can be found.
type DocumentState string

// The states of a document.
const (
	StateLive DocumentState = "live"
	StateGone DocumentState = "gone" // a tombstone: it holds its version
)

// Metadata is what is kept of a page's own metadata: strings, numbers, booleans
// and lists of strings, by an allow list with bounds.
type Metadata map[string]any

// Document is one page as stored. Its key is unique in its collection.
type Document struct {
	ID          DocumentID
	Collection  string
	Key         string // normalised URL
	URL         string // as sent
	Title       string
	Description string
	Language    string
	Country     string
	IsMobile    bool
	Metadata    Metadata
	ContentHash string // hex; covers normalised text and the fields above but URL
	Version     Version
	Job         JobID // the job that set Version
	State       DocumentState
	Source      string
	Delivery    DeliverySeq
	Crawl       string
	Layout      LayoutID
	CommitSeq   CommitSeq
	ReceivedAt  time.Time // of the indexed version; an unchanged repeat does not move it
	CommittedAt time.Time
	SeenAt      time.Time // last time that it arrived, changed or not
	Text        string    // normalised markdown; "" where a reader did not ask for it
}

// Chunk is a span of one document's text: the unit that is embedded and indexed.
type Chunk struct {
	Ordinal  int
	Start    int // byte offset in the document's text
	End      int
	Tokens   int      // as counted for the embedding model, prefix and special tokens included
	Headings []string // path from the top
	Hash     uint64   // of what is embedded
}

// Vector is what an embedder made of one chunk; nil where it refused the chunk.
type Vector []float32

// Commit is one entry of the commit log as followers read it: the whole of one
// document after the commit. A tombstone has no text and no chunks.
type Commit struct {
	Seq      CommitSeq
	Document Document // with Text
	Chunks   []Chunk
	Vectors  []Vector // nil, or one per chunk
	// VectorsPending says that the vectors that are not there will follow in a later commit.
	VectorsPending bool
	// Damage says why the document's content cannot be read, as when the disk has spoiled it;
	// nil when it can. There is then no text and no chunk.
	Damage error
}
