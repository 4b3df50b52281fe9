// Package search answers queries: it finds candidates by keyword and by vector,
// fuses them, and shows each document by its best chunk with a passage.
//
// The index may be a few commits behind the store. A hit is shown only as the
// index knew it: where the store has moved on, the search waits a moment for the
// index and runs again, and in the end leaves out the passage rather than show
// words of another version.
package search

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"pulse"
	"pulse/internal/index"
)

// Retriever finds candidates in one state of an index.
type Retriever interface {
	Retrieve(ctx context.Context, r index.Request) (*index.Result, error)
}

// Store gives what an index does not hold: the fields of hits and the text of
// passages. Both are as store.Store documents them.
type Store interface {
	DocumentsByID(ctx context.Context, ids []pulse.DocumentID) (map[pulse.DocumentID]pulse.Document, error)
	Passage(ctx context.Context, id pulse.DocumentID, seq pulse.CommitSeq, start, end int) (string, error)
}

// QueryEmbedder makes a query's vector. History is that of the index whose vectors it
// compares with, as index.Request.VectorHistory has it.
type QueryEmbedder interface {
	EmbedQuery(ctx context.Context, text string) (vector pulse.Vector, history string, err error)
}

// QueryRefused is what Degraded says of a query that the embedder has no vector for: it holds
// nothing that the model knows.
const QueryRefused = "vector: the embedder refused the query"

// ErrNoEmbedder is what a QueryEmbedder answers that has no model.
var ErrNoEmbedder = errors.New("no embedder is configured")

// Deps are the parts that a search stands on.
type Deps struct {
	Index    Retriever
	Follower *index.Follower // of Index
	Store    Store
	Embedder QueryEmbedder // nil: search is by keyword
	// Vectors tells what a query's vector is worth beside its words; nil: DefaultTraits.
	Vectors func(query string) VectorTraits
	// Key makes a document's key of a URL; nil takes the URL as it is.
	Key func(url string) (string, error)
}

// VectorTraits are what fusion must know of a model.
type VectorTraits struct {
	// Weight is what this query's vector is worth, 0 to 1: a model need not know the language
	// of all queries.
	Weight float64
	// Alpha is the weight of its vectors in FusionMinMax, unless Options.Alpha says.
	Alpha float64
	// FromZero says that texts with nothing in common have cosines about 0. Scores are then
	// scaled from there, and not from the least of the list, which says more about how long
	// the list is (Bruch, Gai and Ingber, 2023: theoretical minimum).
	FromZero bool
}

// DefaultTraits are those of a model that nothing is known of.
var DefaultTraits = VectorTraits{Weight: 1, Alpha: 0.35}

// The ways to fuse what the retrievers found.
const (
	FusionMinMax = "minmax" // weighted sum of scores, each scaled by its list
	FusionRRF    = "rrf"    // reciprocal ranks
)

// Options tune searches. The zero value is the default.
type Options struct {
	Window            int           // documents that each retriever gives, and that are fused; 0 means 1,000
	Fusion            string        // "" means FusionMinMax
	Alpha             float64       // weight of the vector in FusionMinMax; 0 means the model's, below 0 means 0
	RRFK              float64       // 0 means 60
	QueryEmbedTimeout time.Duration // 0 means 300 ms
	// AtOnce bounds the queries that are ranked at once; 0 means one for each processor. More
	// would be no faster together, and what else runs would wait behind all of them.
	AtOnce        int
	SnapshotAge   time.Duration // how long a ranked list is kept; 0 means 2 minutes
	SnapshotLists int           // 0 means 1,000
	SnapshotBytes int           // of all lists; 0 means 64 MiB
	Now           func() time.Time
}

func (o Options) withDefaults() Options {
	setDefault(&o.Window, 1000)
	setDefault(&o.Fusion, FusionMinMax)
	setDefault(&o.RRFK, 60)
	setDefault(&o.QueryEmbedTimeout, 300*time.Millisecond)
	setDefault(&o.AtOnce, runtime.GOMAXPROCS(0))
	setDefault(&o.SnapshotAge, 2*time.Minute)
	setDefault(&o.SnapshotLists, 1000)
	setDefault(&o.SnapshotBytes, 64<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

// Searcher answers queries. It is safe for use by many goroutines.
type Searcher struct {
	deps      Deps
	options   Options
	snapshots *snapshots
	ranking   chan struct{} // holds one for each query that is being ranked
}

// New returns a searcher. An unknown Fusion is an error of the program.
func New(d Deps, o Options) *Searcher {
	o = o.withDefaults()
	if o.Fusion != FusionMinMax && o.Fusion != FusionRRF {
		panic(fmt.Sprintf("search: unknown fusion %q", o.Fusion))
	}
	if d.Key == nil {
		d.Key = func(url string) (string, error) { return url, nil }
	}
	return &Searcher{deps: d, options: o, snapshots: newSnapshots(o), ranking: make(chan struct{}, o.AtOnce)}
}

// Ready says whether the index has caught up with the store since the start, and
// what there is to say about it.
func (s *Searcher) Ready() (bool, []string) {
	return s.deps.Follower.CaughtUp(), s.deps.Follower.Reasons()
}

// Progress is the last commit of the store, and the last that is searchable.
func (s *Searcher) Progress() (head, applied pulse.CommitSeq) {
	applied = s.deps.Follower.Applied() // before head, so that it is never past it
	return s.deps.Follower.Head(), applied
}

// Wait returns when the commit is searchable; see index.Follower.Wait.
func (s *Searcher) Wait(ctx context.Context, seq pulse.CommitSeq) error {
	return s.deps.Follower.Wait(ctx, seq)
}

// maxRounds bounds the searches for one query while the store moves past the
// index; catchUp is the wait before each further one.
const (
	maxRounds = 3
	catchUp   = 200 * time.Millisecond
)

// Search answers a query. A query that breaks a rule is a *pulse.InputError; a
// snapshot that has ended is pulse.ErrGone. In vector mode an embedder that is
// missing or fails makes an answer without hits, with the reason in Degraded.
func (s *Searcher) Search(ctx context.Context, query pulse.Query) (*pulse.Answer, error) {
	began := s.options.Now()
	q, err := s.check(query)
	if err != nil {
		return nil, err
	}
	answer, err := s.answer(ctx, q)
	if err != nil {
		return nil, err
	}
	answer.Query, answer.Mode = q.Text, q.Mode
	answer.Took = s.options.Now().Sub(began)
	return answer, nil
}

func (s *Searcher) answer(ctx context.Context, q *checked) (*pulse.Answer, error) {
	if q.Snapshot == "" {
		return s.fresh(ctx, q)
	}
	kept, err := s.snapshots.find(q.Snapshot, q.identity())
	if err != nil {
		return nil, err
	}
	p, err := s.page(ctx, q, kept)
	if err != nil {
		return nil, err
	}
	answer := p.answer(kept, q.Snapshot)
	if q.explainKey != "" {
		embedded := s.embed(ctx, q)
		now, err := s.rankAgain(ctx, q, &embedded)
		if err != nil {
			return nil, err
		}
		answer.Explained = kept.explainNamed(q, now.standing, now.hiddenBy)
	}
	return answer, nil
}

// fresh ranks anew, and once more while hits turn out to have moved in the store.
func (s *Searcher) fresh(ctx context.Context, q *checked) (*pulse.Answer, error) {
	embedded := s.embed(ctx, q)
	for round := 1; ; round++ {
		ranked, err := s.rankAgain(ctx, q, &embedded)
		if err != nil {
			return nil, err
		}
		p, err := s.page(ctx, q, ranked)
		if err != nil {
			return nil, err
		}
		if p.moved == 0 || round == maxRounds {
			answer := p.answer(ranked, "")
			if q.explainKey != "" {
				answer.Explained = ranked.explainNamed(q, ranked.standing, ranked.hiddenBy)
			}
			ranked.standing = nil
			answer.Snapshot = s.snapshots.keep(ranked, q.identity())
			return answer, nil
		}
		if err := s.catchUp(ctx, p.moved); err != nil {
			return nil, err
		}
	}
}

// catchUp waits a moment for the index to reach a commit. Not reaching it is no
// error: the search goes on with what there is.
func (s *Searcher) catchUp(ctx context.Context, seq pulse.CommitSeq) error {
	short, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	_ = s.deps.Follower.Wait(short, seq)
	return ctx.Err()
}

// rankAgain ranks, and embeds the query anew where the index was filled by another model
// since that was done.
func (s *Searcher) rankAgain(ctx context.Context, q *checked, e *embedded) (*ranking, error) {
	for round := 1; ; round++ {
		ranked, other, err := s.rank(ctx, q, *e)
		if err != nil || !other || round == maxRounds {
			return ranked, err
		}
		*e = s.embed(ctx, q)
	}
}

// embedded is a query's vector, or why there is none.
type embedded struct {
	vector   pulse.Vector
	history  string // see QueryEmbedder
	traits   VectorTraits
	degraded string // "" when the query wants no vector, or has it
}

// embed asks for the query's vector and waits no longer than the timeout, whatever
// the embedder does.
func (s *Searcher) embed(ctx context.Context, q *checked) embedded {
	if q.Mode == pulse.ModeKeyword {
		return embedded{}
	}
	if s.deps.Embedder == nil {
		return s.embedOutcome(nil, "", ErrNoEmbedder)
	}
	traits := s.traits(q)
	if traits.Weight == 0 && q.Mode == pulse.ModeHybrid {
		return embedded{}
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.QueryEmbedTimeout)
	defer cancel()
	done := make(chan embedded, 1)
	go func() {
		v, history, err := s.deps.Embedder.EmbedQuery(ctx, q.meaning())
		done <- s.embedOutcome(v, history, err)
	}()
	select {
	case e := <-done:
		e.traits = traits
		return e
	case <-ctx.Done():
		return s.embedOutcome(nil, "", ctx.Err())
	}
}

func (s *Searcher) embedOutcome(v pulse.Vector, history string, err error) embedded {
	switch {
	case errors.Is(err, ErrNoEmbedder):
		return embedded{degraded: "vector: " + ErrNoEmbedder.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return embedded{degraded: fmt.Sprintf("vector: the embedder did not answer within %v", s.options.QueryEmbedTimeout)}
	case err != nil:
		return embedded{degraded: fmt.Sprintf("vector: embed query: %v", err)}
	case v == nil:
		return embedded{degraded: QueryRefused}
	}
	return embedded{vector: v, history: history}
}

// traits are the model's, with the options' say and within bounds.
func (s *Searcher) traits(q *checked) VectorTraits {
	t := DefaultTraits
	if s.deps.Vectors != nil {
		t = s.deps.Vectors(q.Text)
	}
	if s.options.Alpha != 0 {
		t.Alpha = s.options.Alpha
	}
	t.Weight, t.Alpha = min(1, max(0, t.Weight)), min(1, max(0, t.Alpha))
	return t
}
