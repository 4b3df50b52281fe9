// Package pulse holds the words that every part of Pulse speaks: what arrives
// (Delivery, Element), what is to be done (Job, Change), what is true (Document,
// Chunk, Vector, Commit) and what is asked and answered (Query, Filter, Hit).
//
// It imports the standard library only and does no I/O. ARCHITECTURE.md says how
// the words meet; the four sentences there are what every test leans on.
package pulse

// DefaultCollection is the collection of a page that names none.
const DefaultCollection = "default"

// MaxElements bounds the elements of one delivery.
const MaxElements = 10_000

// MaxTextBytes bounds one page's text; a longer page is refused by name.
const MaxTextBytes = 16 << 20

// MaxBodyBytes bounds one request body, before and after decompression.
const MaxBodyBytes = 32 << 20

type (
	// DeliverySeq numbers deliveries in the order in which they were kept.
	DeliverySeq int64
	// JobID numbers jobs. It is drawn from the store's one growing counter,
	// the same that versions are drawn from.
	JobID int64
	// Version orders the states of one document. It is a value of the store's
	// counter: the job's own number unless the content is older than its delivery.
	Version int64
	// CommitSeq numbers the store's commits of documents: the commit log.
	CommitSeq int64
	// DocumentID is the store's number for one (collection, key).
	DocumentID int64
	// LayoutID is the store's number for one way of cutting and embedding.
	LayoutID int64
)
