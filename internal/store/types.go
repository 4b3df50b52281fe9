package store

import (
	"errors"
	"time"

	"pulse"
)

// ErrOtherLayout is a commit whose chunks were cut by a layout that its collection is
// no longer searched by: it is to be cut again.
var ErrOtherLayout = errors.New("cut by a former layout")

// Identity tells a follower whose commit log it reads. A restored or copied
// store has a new history; an unknown history means: rebuild.
type Identity struct {
	Store, History string
}

// Write is the content of one page, or its absence, as a worker hands it to
// Commit together with the end of its job.
type Write struct {
	Job      *pulse.Job
	Gone     bool           // a deletion: only Job's collection, key and URL are read
	Document pulse.Document // content fields and Text; the store gives the rest
	Source   []byte         // markdown as sent; nil when not kept or equal to Text
	HTML     []byte         // html as sent; nil when not kept
	Layout   pulse.LayoutID
	Chunks   []pulse.Chunk
	Vectors  []pulse.Vector // nil, or one per chunk (nil where the embedder refused it, or where it is to follow); Commit puts what it keeps of them in their places
	// VectorsPending commits with what vectors are known, if any; an embed job follows for
	// the chunks that have none.
	VectorsPending bool
	Aliases        []string // asked URLs' keys that led to this page
}

// Committed is what Commit made of a Write.
type Committed struct {
	Outcome pulse.Outcome
	Seq     pulse.CommitSeq // 0 when nothing was appended to the commit log
	Jobs    []pulse.Job     // jobs that the commit queued (an embed job), for the queue
}

// Ending is what becomes of a job that made no commit; ingest's fate decides it.
type Ending struct {
	State   pulse.JobState // done, dead, or available again at RunAt
	Outcome pulse.Outcome  // when done or dead
	Reason  string         // of a refusal
	Error   string         // the last error; "" keeps none
	Attempt int            // the new number of tries
	RunAt   time.Time      // when available again
}

// LayoutSpec names everything that decides how chunks are cut and embedded. Two
// equal specs are one layout.
type LayoutSpec struct {
	Tokenizer     string // name or hash
	MaxTokens     int
	OverlapTokens int
	Chunker       string // version of the chunker
	Model         string // embedder's model; "" without an embedder
	Dimension     int
	Prefixes      string
}

// EraseScope says by what a mass deletion chooses its documents.
type EraseScope string

// The scopes of a mass deletion.
const (
	EraseDomain     EraseScope = "domain"     // a host and its subdomains
	EraseCrawl      EraseScope = "crawl"      // the documents whose newest version came by the crawl
	EraseCollection EraseScope = "collection" // all of one collection
)

// Erasure is a mass deletion: every version up to Version in its scope is gone,
// however late its commit runs.
type Erasure struct {
	Collection string
	Scope      EraseScope
	Value      string
	Version    pulse.Version
	Job        pulse.JobID
}

// Page bounds and continues a list. Lists are newest first.
type Page struct {
	Limit int   // 0 means 50; at most 1,000
	After int64 // Next of the former page; 0 starts
}

// List is one page of a list.
type List[T any] struct {
	Total int64 // of all that match
	Items []T
	Next  int64 // 0 at the end
}

// DeliveryFilter chooses deliveries. Zero fields let all pass.
type DeliveryFilter struct {
	Source, Result, Crawl string
	Since                 time.Time
}

// JobFilter chooses jobs. Zero fields let all pass.
type JobFilter struct {
	State      pulse.JobState
	Outcome    pulse.Outcome
	Source     string
	Crawl      string
	Collection string
	Key        string // of the document; with Collection
	Delivery   pulse.DeliverySeq
	Since      time.Time // accepted at or after
}

// DocumentFilter chooses documents. The zero State means live.
type DocumentFilter struct {
	Collection string // "" means the default collection
	Domain     string
	Crawl      string
	State      pulse.DocumentState
}

// CrawlFilter chooses crawls. Zero fields let all pass.
type CrawlFilter struct {
	Source string
	State  pulse.CrawlState
	Since  time.Time
}

// DeliveryRecord is a delivery as the ledger shows it.
type DeliveryRecord struct {
	Delivery pulse.Delivery // without Elements' bodies
	Jobs     []pulse.Job
	Refused  []pulse.Refusal
	HasBody  bool // whether its parts can still be replayed
}

// DocumentRecord is one document with its chunks and its history.
type DocumentRecord struct {
	Document     pulse.Document // with Text while live
	Chunks       []pulse.Chunk
	SearchableAt time.Time // zero while no follower has applied its commit
	History      []HistoryEntry
}

// HistoryEntry is one job, or one element refused without a job, of a document's key.
type HistoryEntry struct {
	Version  pulse.Version
	Source   string
	Delivery pulse.DeliverySeq
	Job      pulse.JobID // 0 when refused at acceptance
	Outcome  string      // the outcome, else the state
	Reason   string
	At       time.Time
}

// Stats counts what the store holds.
type Stats struct {
	Documents      int64 // live
	Chunks         int64 // of live documents, active layouts
	VectorsPending int64
	Jobs           JobCounts
	Head           pulse.CommitSeq
}

// JobCounts counts jobs by state. Retrying are those of Available that wait for RunAt.
type JobCounts struct {
	Available, Retrying, Leased, Done, Dead int64
}
