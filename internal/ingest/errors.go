package ingest

import (
	"errors"
	"fmt"
	"time"

	"pulse/internal/clean"
)

var (
	errShutdown   = errors.New("shutting down")
	errGateClosed = errors.New("the embedder was away a moment ago")
	errTimeout    = errors.New("took longer than a job may")
)

// permanentError is an answer about the page that trying again cannot change.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

func permanentf(format string, args ...any) error {
	return &permanentError{fmt.Errorf(format, args...)}
}

// awayError says that the embedder did not answer; until is when to ask again.
type awayError struct {
	err   error
	until time.Time
}

func (e *awayError) Error() string { return e.err.Error() }
func (e *awayError) Unwrap() error { return e.err }

// deletedError is a mass deletion that came to its end: no commit ends its job.
type deletedError struct{}

func (deletedError) Error() string { return "deleted" }

// panicError is a panic of one job.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// cleanError tells a page without text from one that cannot be cleaned. Cleaning
// is pure: what fails once always fails.
func cleanError(err error) error {
	var refusal *clean.Refusal
	if errors.As(err, &refusal) {
		return err
	}
	return permanentf("clean page: %w", err)
}
