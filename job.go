package pulse

import "time"

// Kind is what a job does.
type Kind string

// The kinds of jobs.
const (
	KindUpsert    Kind = "upsert"    // replace a document and all its chunks
	KindDelete    Kind = "delete"    // write a tombstone
	KindRescrape  Kind = "rescrape"  // ask the source for the page again
	KindReconcile Kind = "reconcile" // compare a finished crawl with its source
	KindReembed   Kind = "reembed"   // fill another layout from stored text
	KindEmbed     Kind = "embed"     // the vectors of a page committed without them
)

// JobState is where a job stands.
type JobState string

// The states of a job. A job that waits for a retry is available, at its RunAt.
const (
	JobAvailable JobState = "available"
	JobLeased    JobState = "leased"
	JobDone      JobState = "done"
	JobDead      JobState = "dead"
)

// Outcome is how a job ended.
type Outcome string

// The outcomes of a job.
const (
	OutcomeIndexed    Outcome = "indexed"
	OutcomeUnchanged  Outcome = "unchanged"  // equal content: only its version and last-seen moved
	OutcomeSuperseded Outcome = "superseded" // the stored version is newer
	OutcomeDeleted    Outcome = "deleted"
	OutcomeRefused    Outcome = "refused" // with a reason; the stored version stays
	OutcomeCancelled  Outcome = "cancelled"
	OutcomeFailed     Outcome = "failed" // dead, with its cause
)

// Priority orders the lanes of work; a lower value goes first.
type Priority int

// The priorities of jobs.
const (
	PriorityWanted Priority = iota // somebody waits for this one page
	PriorityCrawl
	PriorityBulk
	NumPriorities = 3
)

// String names the priority as logs, metrics and JSON do.
func (p Priority) String() string {
	switch p {
	case PriorityWanted:
		return "wanted"
	case PriorityCrawl:
		return "crawl"
	default:
		return "bulk"
	}
}

// Job is one queued unit of work on one document.
type Job struct {
	ID         JobID
	Delivery   DeliverySeq
	Element    int // index of its part in the delivery
	Kind       Kind
	Source     string
	Collection string
	Key        string
	URL        string // as sent
	Version    Version
	Priority   Priority
	Turn       string // the crawl, else the host, that takes turns with others
	Crawl      string
	Bytes      int64 // of its part, decompressed: its weight in the byte budget
	State      JobState
	Attempt    int // tries that ended with an answer about this page
	Deaths     int // deaths of the process while it ran alone
	Suspect    bool
	AcceptedAt time.Time
	RunAt      time.Time // not before; zero means at once
	StartedAt  time.Time
	EndedAt    time.Time
	Outcome    Outcome
	Reason     string // of a refusal
	LastError  string
	CommitSeq  CommitSeq // the commit it made; 0 when none
	Stages     StageDurations
}

// StageDurations says where a job's time went.
type StageDurations struct {
	Wait, Clean, Chunk, Embed, Commit time.Duration
}

// Work is the job's own time: all but its waiting.
func (d StageDurations) Work() time.Duration { return d.Clean + d.Chunk + d.Embed + d.Commit }

// Change is an element decoded into our terms: the content of one page, or its
// deletion. Exactly one of Markdown, HTML and Text is used, in that order.
type Change struct {
	Kind        Kind
	URL         string // as sent: what answers show
	AskedURL    string // the address that was asked for, where it differs
	Key         string
	Title       string
	Description string
	Language    string
	Country     string
	IsMobile    bool
	Metadata    Metadata
	Markdown    string
	HTML        string
	Text        string
}
