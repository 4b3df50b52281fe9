// Package local is the index that lives in this process: for each document what
// filters and ties need, its chunks, and the keyword and vector indexes over them.
// It holds no text: passages come from the store.
//
// It is derived from the commit log. What is applied goes to memory, and is searched
// there; of an index with a folder it goes on into files, with the position up to
// which they hold the log, so that a start reads them and the follower goes on from
// there. The documents are the table that says what in the other files is still true.
package local

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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
	// Edition names what Compose, Host and VectorWeight do: files made by those of another
	// edition are not used.
	Edition string
	Flush   FlushOptions
	Log     *slog.Logger // of what becomes of files; nil: nothing is said
	Now     func() time.Time
	// OnRefused hears of a chunk that cannot be indexed, or whose vector cannot; the
	// rest of the document is indexed.
	OnRefused func(document pulse.DocumentID, chunk int, err error)
}

// FlushOptions say when what is in memory goes to files. The zero value is the default.
type FlushOptions struct {
	Bytes int           // of text that waits; 0 means 32 MiB
	Soon  time.Duration // that SoonBytes or more wait at most; 0 means 5 s
	// SoonBytes are worth a flush of their own; less is read from the store again in a
	// moment, after a crash. 0 means 1 MiB, below 0 one byte.
	SoonBytes int
	Late      time.Duration // that anything waits at most; 0 means 1 minute
}

func (o FlushOptions) withDefaults() FlushOptions {
	if o.Bytes == 0 {
		o.Bytes = 32 << 20
	}
	if o.Soon == 0 {
		o.Soon = 5 * time.Second
	}
	if o.SoonBytes == 0 {
		o.SoonBytes = 1 << 20
	}
	if o.Late == 0 {
		o.Late = time.Minute
	}
	return o
}

func (o Options) withDefaults() Options {
	o.Flush = o.Flush.withDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
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

// Index implements index.Applier, index.Rebuilder, index.Repairer and search.Retriever.
// It is safe for use by many goroutines; one applies at a time, and one maintains.
type Index struct {
	options Options
	disk    *disk // nil: all stays in memory
	fresh   bool  // it is filled to replace another's data: no manifest names its files yet

	applying sync.Mutex   // held while commits are applied, and while what waits for a flush is taken
	mu       sync.RWMutex // over data: held for the length of one search, or of a few documents' change
	data     *data
	retired  []*stored // that nothing uses any more: to be closed and removed by Maintain

	searching atomic.Int32 // searches that run or wait for the lock

	losses chan struct{} // holds one when commits were lost since the follower looked
	due    chan struct{} // holds one when Maintain should look

	// Of who maintains alone:
	manifest []byte          // that was written last
	scrubbed map[string]bool // files, by name, that were read through, until all were

	counters sync.Pool // of *keyword.Counter, which remember words
}

var (
	_ index.Applier   = (*Index)(nil)
	_ index.Rebuilder = (*Index)(nil)
	_ index.Repairer  = (*Index)(nil)
)

// data is all that a rebuild replaces at once.
type data struct {
	position    index.Position
	places      map[pulse.DocumentID]place
	collections map[string]*collection

	waiting  waiting        // what no file has yet
	flushing *flush         // of whoever flushes: it has failed, or is under way
	stored   index.Position // up to which files hold the log
	files    []*stored
	lost     map[pulse.CommitSeq]bool // whose terms or vectors a damaged file had
}

// place is where a document is: its collection and its number there.
type place struct {
	in     *collection
	number uint32
}

// collection has statistics of its own: what one holds changes no score in another.
type collection struct {
	name      string
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
	metadata    packed
	received    time.Time
	contentHash string
	seq         pulse.CommitSeq
	chunks      []pulse.Chunk

	vectorWeight float32 // see Options.VectorWeight
	dimension    int     // of its vectors; 0 when it has none
}

// New returns an empty index that stays in memory.
func New(o Options) *Index {
	return &Index{
		options: o.withDefaults(), data: emptyData(),
		losses: make(chan struct{}, 1), due: make(chan struct{}, 1), scrubbed: make(map[string]bool),
	}
}

func emptyData() *data {
	return &data{
		places: make(map[pulse.DocumentID]place), collections: make(map[string]*collection),
		waiting: newWaiting(), lost: make(map[pulse.CommitSeq]bool),
	}
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
	empty.position, empty.stored = to, to
	x.swap(empty)
	return nil
}

// swap makes other data the index's.
func (x *Index) swap(to *data) {
	x.applying.Lock()
	defer x.applying.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.retired = append(x.retired, x.data.files...)
	x.data = to
	x.wake()
}

// Fresh returns an empty index with the same options, in the same folder.
func (x *Index) Fresh() index.Applier {
	fresh := New(x.options)
	fresh.disk, fresh.fresh = x.disk, true
	return fresh
}

// Replace takes the data of an index that Fresh returned, which is not used after. A flush of
// it that has failed goes with the data.
func (x *Index) Replace(fresh index.Applier) {
	given, retired := fresh.(*Index).giveUp()
	x.retire(retired)
	x.swap(given)
}

// Discard throws an index away that Fresh returned.
func (x *Index) Discard(fresh index.Applier) {
	given, retired := fresh.(*Index).giveUp()
	x.retire(append(retired, given.files...))
	x.wake()
}

// giveUp returns the data, and what of its files is not used, which are then not the index's
// any more.
func (x *Index) giveUp() (given *data, retired []*stored) {
	x.mu.Lock()
	defer x.mu.Unlock()
	given, retired = x.data, x.retired
	x.data, x.retired = emptyData(), nil
	return given, retired
}

func (x *Index) retire(files []*stored) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.retired = append(x.retired, files...)
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
