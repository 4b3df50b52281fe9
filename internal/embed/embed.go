// Package embed turns texts into vectors. A Coalescer gathers the texts of many
// documents into full requests to one or several endpoints; its leaves (tei, openai,
// ollama) each speak to one kind of endpoint, and static holds the model that needs none.
package embed

import (
	"context"
	"errors"
	"time"

	"pulse"
)

// Model says which vectors an embedder makes. Vectors of different models are
// never compared, nor are those of different dimensions.
type Model struct {
	Name           string // "" while no endpoint has said it
	Dimension      int    // 0 while no endpoint has answered
	QueryPrefix    string // put before a query
	DocumentPrefix string // put before what is embedded of a document
}

// Lane orders texts that wait: a lower lane goes first, always.
type Lane int

// The lanes. Within one, turns (crawls, else hosts) go round.
const (
	LaneQuery  Lane = iota // somebody waits for an answer
	LaneWanted             // somebody waits for a page
	LaneCrawl
	LaneBulk
	numLanes
)

// String names the lane as metrics do.
func (l Lane) String() string { return [numLanes]string{"query", "wanted", "crawl", "bulk"}[l] }

// LaneOf is the lane of a job's texts.
func LaneOf(p pulse.Priority) Lane {
	return LaneWanted + Lane(max(0, min(p, pulse.PriorityBulk)))
}

// Request is the texts of one document, none of them empty.
type Request struct {
	Lane   Lane
	Turn   string
	Texts  []string
	Tokens []int // of each text, where known; nil: estimated
}

// Embedder makes vectors of texts. A nil Embedder means that there is none, and
// that search goes by keyword alone. All methods are safe for concurrent use.
type Embedder interface {
	// Model says which vectors come out, as far as it is known. It does no I/O.
	Model() Model
	// Embed gives one vector for each text, in order; nil for a text that the
	// embedder refused while it took the others. The error is about all of them:
	// trying again may help. While no endpoint answers it is an *AwayError, at once.
	Embed(ctx context.Context, r Request) ([]pulse.Vector, error)
	// EmbedQuery gives the vector to compare a query's text by. Models that tell
	// queries from documents make another one than Embed.
	EmbedQuery(ctx context.Context, text string) (pulse.Vector, error)
	// Wait is about how long a text of this lane that comes now will wait before it is
	// sent; 0 when nothing waits.
	Wait(l Lane) time.Duration
}

// AwayError says that no endpoint answers, and when one is asked again.
type AwayError struct {
	Until time.Time
	Err   error
}

func (e *AwayError) Error() string { return "no embedding endpoint answers: " + e.Err.Error() }
func (e *AwayError) Unwrap() error { return e.Err }

var errClosed = errors.New("embedder is closed")
