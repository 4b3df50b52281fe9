// Package local is the index that lives in this process: for each document what
// filters and ties need, its chunks, and the keyword and vector indexes over them.
// It holds no text: passages come from the store.
//
// It is derived from the commit log and kept in memory; after a start it is empty,
// says so by its position, and is filled by its follower.
package local

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"time"

	"pulse"
	"pulse/internal/index"
	"pulse/internal/index/keyword"
	"pulse/internal/index/vector"
)

// Options tell the index what it must not know by itself. The zero value works:
// hosts are compared byte by byte, and a chunk is searched by its text alone.
type Options struct {
	// Compose makes what is searched by keyword of a chunk: its title, headings and
	// span of text.
	Compose func(title string, headings []string, span string) string
	// Host is the host of a document's key; InDomain says whether a host is the
	// domain or below it, however the domain is written.
	Host     func(key string) string
	InDomain func(host, domain string) bool
	BM25     keyword.Options
	// Metric is what the score of a vector is.
	Metric vector.Metric
	// VectorWeight says how much vectors are worth beside words in a page of which this is a
	// part of the text, 0 to 1; nil: 1.
	VectorWeight func(text string) float64
	// TitleWeight is how much a title's own score adds; 0 means titleWeight, below 0
	// that titles count as part of their chunks alone.
	TitleWeight float64
	Workers     int // that analyse a batch; 0 means one for each processor
	// OnRefused hears of a chunk that cannot be indexed, or whose vector cannot; the
	// rest of the document is indexed.
	OnRefused func(document pulse.DocumentID, chunk int, err error)
}

func (o Options) withDefaults() Options {
	if o.Compose == nil {
		o.Compose = func(_ string, _ []string, span string) string { return span }
	}
	if o.Host == nil {
		o.Host = hostOf
	}
	if o.InDomain == nil {
		o.InDomain = inDomain
	}
	if o.TitleWeight == 0 {
		o.TitleWeight = titleWeight
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.VectorWeight == nil {
		o.VectorWeight = func(string) float64 { return 1 }
	}
	if o.OnRefused == nil {
		o.OnRefused = func(pulse.DocumentID, int, error) {}
	}
	return o
}

func hostOf(key string) string {
	_, rest, found := strings.Cut(key, "://")
	if !found {
		return ""
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	host, _, _ := strings.Cut(rest, ":")
	return host
}

func inDomain(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// Index implements index.Applier, index.Rebuilder and search.Retriever. It is
// safe for use by many goroutines; one applies at a time.
type Index struct {
	options Options

	mu   sync.RWMutex // over data: held for the length of one search, or of a few documents' change
	data data

	counters sync.Pool // of *keyword.Counter, which remember words
}

var (
	_ index.Applier   = (*Index)(nil)
	_ index.Rebuilder = (*Index)(nil)
)

// data is all that a rebuild replaces at once.
type data struct {
	position    index.Position
	places      map[pulse.DocumentID]place
	collections map[string]*collection
}

// place is where a document is: its collection and its number there.
type place struct {
	in     *collection
	number uint32
}

// collection has statistics of its own: what one holds changes no score in another.
type collection struct {
	documents []*document           // by number; nil where free
	free      []uint32              // numbers to give again
	numbers   map[string]uint32     // by key
	columns   columns               // of the documents, for filters
	keyword   *keyword.Index        // of the chunks and titles
	vectors   map[int]*vector.Index // by dimension: more than one while a model is changed
	metric    vector.Metric
}

// document is what a search needs of a document besides its terms and vectors. It
// is never changed, only replaced.
type document struct {
	id          pulse.DocumentID
	key         string
	host        string
	language    string
	country     string
	isMobile    bool
	metadata    pulse.Metadata
	received    time.Time
	contentHash string
	seq         pulse.CommitSeq
	chunks      []pulse.Chunk

	vectorWeight float32 // see Options.VectorWeight
}

// New returns an empty index.
func New(o Options) *Index {
	return &Index{options: o.withDefaults(), data: emptyData()}
}

func emptyData() data {
	return data{places: make(map[pulse.DocumentID]place), collections: make(map[string]*collection)}
}

// Position is how far the index has applied the log.
func (x *Index) Position() index.Position {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.data.position
}

// Reset empties the index and moves to the position.
func (x *Index) Reset(_ context.Context, to index.Position) error {
	empty := emptyData()
	empty.position = to
	x.mu.Lock()
	defer x.mu.Unlock()
	x.data = empty
	return nil
}

// Fresh returns an empty index with the same options.
func (x *Index) Fresh() index.Applier { return New(x.options) }

// Replace takes the data of an index that Fresh returned, which is not used after.
func (x *Index) Replace(fresh index.Applier) {
	other := fresh.(*Index)
	other.mu.Lock()
	defer other.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.data, other.data = other.data, emptyData()
}

// Size is what an index holds.
type Size struct {
	Documents, Chunks, Vectors, Terms int
}

// Size counts what the index holds.
func (x *Index) Size() Size {
	x.mu.RLock()
	defer x.mu.RUnlock()
	size := Size{Documents: len(x.data.places)}
	for _, c := range x.data.collections {
		size.Chunks += c.keyword.Chunks()
		size.Terms += c.keyword.Terms()
		for _, v := range c.vectors {
			size.Vectors += v.Chunks()
		}
	}
	return size
}
