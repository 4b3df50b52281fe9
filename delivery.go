package pulse

import "time"

// Delivery is one webhook POST (or one batch of an import) as it arrived, cut
// into elements. It may repeat; the store decides by its Key.
type Delivery struct {
	Seq        DeliverySeq // given by the store
	Source     string      // "firecrawl", "api", "file"
	Key        string      // what makes a repeat a repeat; "" when every delivery is new
	EventType  string      // the source's own name for what happened
	Collection string      // "" means DefaultCollection
	ReceivedAt time.Time   // given by the store, never before the former delivery's
	Result     Result      // what the sender was told
	Bytes      int64       // size of the body
	Crawl      CrawlEvent  // what it says about its crawl, if it has one
	Priority   Priority    // of its jobs
	Elements   []Element   // in the order of the body
}

// Result is what the sender of a delivery was told.
type Result string

// What a sender can be told of a delivery that was kept.
const (
	ResultQueued       Result = "queued"       // jobs were queued
	ResultAcknowledged Result = "acknowledged" // understood, nothing to index
	ResultIgnored      Result = "ignored"      // an event type that nobody knows
)

// CrawlEvent is what a delivery says about a crawl. The zero value says nothing.
type CrawlEvent struct {
	ID     string     // the source's id of the crawl or batch
	State  CrawlState // "" when the delivery does not change it
	Failed int        // failed pages that it reports
}

// CrawlState is where a crawl stands, by what its source has told.
type CrawlState string

// The states of a crawl.
const (
	CrawlRunning   CrawlState = "running"
	CrawlCompleted CrawlState = "completed"
	CrawlFailed    CrawlState = "failed"
	CrawlCancelled CrawlState = "cancelled"
)

// Ended says whether the source has told of the crawl's end.
func (s CrawlState) Ended() bool {
	return s == CrawlCompleted || s == CrawlFailed || s == CrawlCancelled
}

// After is the state of a crawl in state old that is told s: a crawl that has
// ended does not run again, since its events come in any order.
func (s CrawlState) After(old CrawlState) CrawlState {
	if s == "" || s == CrawlRunning && old != "" {
		return old
	}
	return s
}

// Element is one page of a delivery, cut out at acceptance and not decoded
// further. It becomes a job, or is refused with a reason.
type Element struct {
	Index    int       // place in the body, from 0
	Kind     Kind      // what the job will do
	Key      string    // the document's key
	URL      string    // as sent
	Body     []byte    // the element's own bytes; a source decodes them in the worker
	CachedAt time.Time // when the content was fetched, if it came from a cache; else zero
	Refused  string    // why there is no job; "" when there is one
	Failed   bool      // the source itself failed on the page: counted with its crawl
}

// Receipt is what the store answers to an accepted delivery.
type Receipt struct {
	Seq       DeliverySeq
	Result    Result
	Duplicate bool      // the delivery's key was known: nothing new was kept
	JobIDs    []JobID   // of this delivery, or of the one it repeats
	Refused   []Refusal // in order of index
	Jobs      []Job     // the new jobs, for the queue; nil for a repeat
}

// Refusal says why one element of a delivery has no job.
type Refusal struct {
	Index  int
	URL    string
	Reason string
}

// Crawl is one crawl or batch of a source, with what became of its pages.
type Crawl struct {
	ID       string // the source's id
	Source   string
	Origin   string // scheme and host of its first page
	State    CrawlState
	Counts   CrawlCounts
	Started  time.Time // first delivery seen
	LastSeen time.Time
	Ended    time.Time // zero while running
}

// CrawlCounts counts a crawl's pages by what became of them.
type CrawlCounts struct {
	Received  int64 `json:"received"`
	Indexed   int64 `json:"indexed"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
	Failed    int64 `json:"failed"`
	Missing   int64 `json:"missing"`
}
