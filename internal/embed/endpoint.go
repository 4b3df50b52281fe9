package embed

import (
	"context"
	"fmt"
	"time"

	"pulse"
)

// Endpoint is one server that embeds. Its methods send what they are given, once; what
// becomes of a failure is the coalescer's affair. They are safe for concurrent use.
type Endpoint interface {
	// Name is the endpoint's address without secrets, for logs and metrics.
	Name() string
	// Describe asks what is served and what it takes.
	Describe(ctx context.Context) (Description, error)
	// Embed gives one vector a text, in order. Its error is a *Failure where the server
	// answered.
	Embed(ctx context.Context, texts []string) ([]pulse.Vector, error)
}

// Description is what an endpoint serves and takes. A zero field is not known.
type Description struct {
	Model       string
	BatchTexts  int  // texts of one request at most
	BatchTokens int  // tokens of one request at most
	BatchBytes  int  // of one request's texts at most
	Permits     int  // texts in flight at most
	Requests    int  // requests in flight at most
	TextTokens  int  // tokens of one text at most
	Cuts        bool // it cuts a longer one in silence where it is not told otherwise
}

// FailureKind says what an endpoint's failure means for the texts of the request.
type FailureKind int

// The kinds of failures.
const (
	Unavailable FailureKind = iota // the endpoint is away: other endpoints, or later
	Overloaded                     // it has too much: the same, with fewer in flight
	TooLarge                       // the request is: in two halves
	Refused                        // some text is bad: in halves, until it stands alone
	Broken                         // the model failed: twice again, then as Refused
	Denied                         // a wrong key, model or address: people must act
)

var failureNames = [...]string{"unavailable", "overloaded", "too_large", "refused", "broken", "denied"}

// String names the kind as metrics do.
func (k FailureKind) String() string { return failureNames[k] }

// Failure is an endpoint's answer that holds no vectors.
type Failure struct {
	Kind       FailureKind
	Status     int
	RetryAfter time.Duration // 0: it did not say
	Message    string        // the server's own, bounded
}

func (f *Failure) Error() string {
	return fmt.Sprintf("endpoint answered %d (%s): %s", f.Status, f.Kind, f.Message)
}
