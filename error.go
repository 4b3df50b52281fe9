package pulse

import (
	"errors"
	"fmt"
)

// What a caller may branch on. Everything else is internal.
var (
	ErrNotFound    = errors.New("not found")
	ErrGone        = errors.New("gone")              // a snapshot that ended, a body that expired
	ErrConflict    = errors.New("conflict")          // the state of a thing forbids it
	ErrOverloaded  = errors.New("overloaded")        // backpressure: try again later
	ErrDiskFull    = errors.New("disk is full")      // nothing was kept
	ErrClosed      = errors.New("closed")            // the part is shutting down
	ErrSuperseded  = errors.New("superseded")        // the stored version is newer
	ErrNewerSchema = errors.New("newer schema")      // written by a newer Pulse
	ErrLocked      = errors.New("in use")            // another process holds the data folder
	ErrDamaged     = errors.New("damaged")           // the file is not what was written
	ErrUnavailable = errors.New("store unavailable") // the group stopped; the caller may try again
)

// InputError is bad input by the outside: a field that is wrong or missing, or a
// body that is not what it must be. It is permanent: trying again changes nothing.
type InputError struct {
	Code    string // "bad_json", "invalid", "too_large"
	Field   string // "data[0].metadata", "" when it is about the whole
	Message string
}

// Error names the field before the message.
func (e *InputError) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return fmt.Sprintf("%s: %s", e.Field, e.Message)
}
