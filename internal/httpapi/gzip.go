package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"

	"pulse"
)

// maxRatio bounds what a compressed body may grow to past freeInflation: JSON of
// pages shrinks by 3 to 30.
const (
	maxRatio      = 200
	freeInflation = 1 << 20
)

// receiveGzip reads a compressed body and keeps it inflated, both bounded and both
// taken from the budget as they come.
func (s *server) receiveGzip(w http.ResponseWriter, r *http.Request, b *body, limit int64) error {
	if r.ContentLength > limit {
		return closing(w, tooLarge(limit))
	}
	b.budget = s.deps.Budget
	s.startBodyClock(w)
	in := &arrivals{r: r.Body, b: b, limit: limit}
	zr, err := gzip.NewReader(in)
	if err != nil {
		return closing(w, in.problem(err))
	}
	if err := inflate(b, in, zr, limit); err != nil {
		return closing(w, err)
	}
	stopBodyClock(w)
	return nil
}

func inflate(b *body, in *arrivals, zr io.Reader, limit int64) error {
	for {
		if b.size >= freeInflation && b.size > maxRatio*in.n {
			return errBomb
		}
		if len(b.buf) == cap(b.buf) {
			larger := make([]byte, len(b.buf), max(firstBuffer, 2*cap(b.buf)))
			copy(larger, b.buf)
			b.buf = larger
		}
		n, err := zr.Read(b.room())
		b.buf, b.size = b.buf[:len(b.buf)+n], b.size+int64(n)
		if b.size > limit {
			return tooLarge(limit)
		}
		if err := b.take(n); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return in.problem(err)
		}
	}
}

var errBomb = newProblem(http.StatusRequestEntityTooLarge, "the body grows too much when decompressed")

// arrivals counts and bounds compressed bytes, and takes them from the budget.
type arrivals struct {
	r     io.Reader
	b     *body
	limit int64
	n     int64
	err   error // what ended reading, unless the end
}

func (a *arrivals) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	a.n += int64(n)
	if err != nil && err != io.EOF {
		a.err = readProblem(err)
	}
	if a.n > a.limit {
		a.err = tooLarge(a.limit)
	} else if takeErr := a.b.take(n); takeErr != nil {
		a.err = takeErr
	}
	if a.err != nil {
		return n, a.err
	}
	return n, err
}

// problem says why inflating failed: reading, or bytes that are no gzip.
func (a *arrivals) problem(err error) error {
	if a.err != nil {
		return a.err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlowBody
	}
	return &pulse.InputError{Code: "bad_json", Message: "the body is not gzip: " + err.Error()}
}
