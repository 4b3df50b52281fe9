package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"pulse"
)

// problem is the one shape of every error that leaves the server.
type problem struct {
	status     int
	retryAfter int           // seconds; 0: no header
	Detail     problemDetail `json:"error"`
}

// problemDetail says what went wrong, to a program, to a person, and where.
type problemDetail struct {
	Code    string `json:"code" doc:"What a program may branch on" example:"invalid"`
	Message string `json:"message" doc:"What went wrong, for people"`
	Field   string `json:"field,omitempty" doc:"The field or parameter that is wrong or missing" example:"filter.since"`
}

func (p *problem) Error() string  { return p.Detail.Message }
func (p *problem) GetStatus() int { return p.status }

// GetHeaders are the headers that huma sends with the error.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	p.setHeaders(h)
	return h
}

func (p *problem) setHeaders(h http.Header) {
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
}

// huma builds its errors, and their schema, by this package variable. It is set once,
// before any API exists, and the function keeps nothing.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(status, msg, errs...)
	}
	huma.DefaultArrayNullable = false // lists in our answers are [], never null
	huma.ValidateStrictCasing = true  // else DRY_RUN is dry_run a second time
}

func humaProblem(status int, msg string, errs ...error) *problem {
	p := newProblem(status, msg)
	if len(errs) == 0 || errs[0] == nil {
		return p
	}
	if own, ok := errs[0].(*problem); ok {
		return own
	}
	if d, ok := errs[0].(huma.ErrorDetailer); ok {
		detail := d.ErrorDetail()
		if own, ok := asBadField(detail.Message); ok {
			return own
		}
		p.Detail.Field, p.Detail.Message = fieldOf(detail.Location, detail.Message), detail.Message
	}
	return p
}

// fieldOf names the field of a complaint of huma's validator. A missing property is
// reported at its parent and named in the message only.
func fieldOf(location, message string) string {
	_, field, _ := strings.Cut(location, ".")
	if rest, ok := strings.CutPrefix(message, "expected required property "); ok {
		name, _, _ := strings.Cut(rest, " ")
		field = strings.TrimPrefix(field+"."+name, ".")
	}
	return field
}

func newProblem(status int, message string) *problem {
	p := &problem{status: status, Detail: problemDetail{Code: codeOf(status), Message: message}}
	if status == http.StatusServiceUnavailable {
		p.retryAfter = 5
	}
	return p
}

func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "bad_json"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnprocessableEntity:
		return "invalid"
	case http.StatusUnsupportedMediaType:
		return "unsupported_encoding"
	case http.StatusInternalServerError:
		return "internal"
	case http.StatusServiceUnavailable:
		return "unavailable"
	case http.StatusRequestTimeout:
		return "timeout"
	}
	return strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
}

// Errors of this package's own.
var (
	errNotOpen  = newProblem(http.StatusServiceUnavailable, "the store is not open yet")
	errNoBudget = &problem{status: http.StatusServiceUnavailable, retryAfter: 1, Detail: problemDetail{
		Code: "overloaded", Message: "too many bytes are on their way in: try again"}}
	errSlowBody = newProblem(http.StatusRequestTimeout, "the body did not arrive in time")
	errCutBody  = &problem{status: http.StatusBadRequest, Detail: problemDetail{
		Code: "bad_body", Message: "the body ended before its time"}}
	errLowDisk = &problem{status: http.StatusServiceUnavailable, retryAfter: 30, Detail: problemDetail{
		Code: "disk_full", Message: "the disk is nearly full: nothing is accepted"}}
)

// tooLarge names the limit, which is not the same for all routes.
func tooLarge(limit int64) *problem {
	return newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d MiB", limit>>20))
}

func invalid(field, message string) *problem {
	p := newProblem(http.StatusUnprocessableEntity, message)
	p.Detail.Field = field
	return p
}

// problemOf turns any error into its answer. An error that nobody foresaw is logged
// once, under an id, and shown as that id only.
func (s *server) problemOf(what string, err error) *problem {
	if p, ok := knownProblem(err); ok {
		return p
	}
	id := newErrorID()
	s.opts.Log.Error("Request failed", "id", id, "request", what, "error", err)
	return newProblem(http.StatusInternalServerError, "internal error "+id)
}

func knownProblem(err error) (*problem, bool) {
	var p *problem
	var in *pulse.InputError
	switch {
	case errors.As(err, &p):
		return p, true
	case errors.As(err, &in):
		return inputProblem(in), true
	case errors.Is(err, pulse.ErrNotFound):
		return newProblem(http.StatusNotFound, "not found"), true
	case errors.Is(err, pulse.ErrGone):
		return newProblem(http.StatusGone, reason(err, pulse.ErrGone)), true
	case errors.Is(err, pulse.ErrConflict):
		return newProblem(http.StatusConflict, reason(err, pulse.ErrConflict)), true
	case errors.Is(err, pulse.ErrDiskFull):
		return errLowDisk, true
	case errors.Is(err, pulse.ErrOverloaded):
		p := newProblem(http.StatusServiceUnavailable, "too many jobs are waiting: try again later")
		p.Detail.Code = "overloaded"
		return p, true
	case errors.Is(err, pulse.ErrUnavailable), errors.Is(err, pulse.ErrClosed):
		return newProblem(http.StatusServiceUnavailable, "the store is not available: try again"), true
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		p := newProblem(http.StatusServiceUnavailable, "the answer took too long")
		p.Detail.Code = "timeout"
		return p, true
	case errors.Is(err, context.Canceled):
		return newProblem(http.StatusServiceUnavailable, "the request was given up"), true
	}
	return nil, false
}

// reason is an error's own words, without those of the kind that it wraps.
func reason(err, kind error) string {
	return strings.TrimSuffix(err.Error(), ": "+kind.Error())
}

func inputProblem(in *pulse.InputError) *problem {
	status := http.StatusUnprocessableEntity
	switch in.Code {
	case "bad_json":
		status = http.StatusBadRequest
	case "too_large":
		status = http.StatusRequestEntityTooLarge
	}
	p := newProblem(status, in.Message)
	p.Detail.Code, p.Detail.Field = in.Code, in.Field
	return p
}

func newErrorID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// writeProblem answers with the error.
func writeProblem(w http.ResponseWriter, p *problem) {
	p.setHeaders(w.Header())
	writeJSON(w, p.status, p)
}

// writeJSON answers with v, which is one of this package's own answers.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only by a NaN in a score or a like fault of ours
		panic(err)
	}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away is no fault of ours
}

var jsonType = []string{"application/json"}
