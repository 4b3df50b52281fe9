package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pulse"
	"pulse/internal/jsonscan"
	"pulse/internal/queue"
)

const (
	firstBuffer  = 8 << 10  // what a client that sends nothing may hold
	pooledBuffer = 64 << 10 // larger buffers are not kept
	spoolAfter   = 1 << 20
	maxTypedBody = 1 << 20 // of a query or a filter
)

// body is one request body on its way in: in memory up to spoolAfter, past that in an
// unlinked file. What arrived is taken from the byte budget until release. Invariant:
// without a spool, buf is the whole body; with one, buf is what is not yet written to it.
type body struct {
	buf    []byte
	spool  *os.File
	size   int64 // bytes arrived
	budget *queue.Budget
	taken  int64
}

// release gives back the budget and the file. The buffer stays for the next use, if small.
func (b *body) release() {
	if b.taken > 0 {
		b.budget.Release(b.taken)
	}
	if b.spool != nil {
		_ = b.spool.Close()
	}
	buf := b.buf[:0]
	if cap(buf) > pooledBuffer {
		buf = nil
	}
	*b = body{buf: buf}
}

// forget is release for a buffer that somebody may still read.
func (b *body) forget() {
	b.buf = nil
	b.release()
}

func (b *body) take(n int) error {
	if !b.budget.TryAcquire(int64(n)) {
		return errNoBudget
	}
	b.taken += int64(n)
	return nil
}

// receive reads a whole body, at most limit bytes, and feeds mac, if any, on the way.
// Its errors are problems: 413, 408, 400 and 503, or internal ones of the spool.
func (s *server) receive(w http.ResponseWriter, r *http.Request, b *body, limit int64, mac io.Writer) error {
	if r.ContentLength > limit {
		return closing(w, tooLarge(limit))
	}
	b.budget = s.deps.Budget
	s.startBodyClock(w)
	for {
		n, readErr := r.Body.Read(b.room())
		b.buf, b.size = b.buf[:len(b.buf)+n], b.size+int64(n)
		if b.size > limit {
			return closing(w, tooLarge(limit))
		}
		if err := b.take(n); err != nil {
			return closing(w, err)
		}
		if readErr == io.EOF {
			stopBodyClock(w)
			return b.finish(s.opts.SpoolDir, mac)
		}
		if readErr != nil {
			return closing(w, readProblem(readErr))
		}
		if err := b.grow(s.opts.SpoolDir, mac); err != nil {
			return closing(w, err)
		}
	}
}

// startBodyClock bounds the time of the body. A test's recorder knows no deadline.
func (s *server) startBodyClock(w http.ResponseWriter) {
	_ = controller(w).SetReadDeadline(time.Now().Add(s.opts.BodyTimeout))
}

// stopBodyClock is for a body that is whole: a deadline that passed later would look
// like a client that went away. Of other bodies the rest stays under the deadline.
func stopBodyClock(w http.ResponseWriter) { _ = controller(w).SetReadDeadline(time.Time{}) }

func controller(w http.ResponseWriter) *http.ResponseController {
	if rw, ok := w.(*response); ok {
		return rw.rc
	}
	return http.NewResponseController(w)
}

// room is where the next bytes go.
func (b *body) room() []byte {
	if b.buf == nil {
		b.buf = make([]byte, 0, firstBuffer)
	}
	return b.buf[len(b.buf):cap(b.buf)]
}

// grow makes room when the buffer is full: a larger one, and past spoolAfter a file.
func (b *body) grow(dir string, mac io.Writer) error {
	if len(b.buf) < cap(b.buf) {
		return nil
	}
	if cap(b.buf) < spoolAfter {
		larger := make([]byte, len(b.buf), min(4*cap(b.buf), spoolAfter))
		copy(larger, b.buf)
		b.buf = larger
		return nil
	}
	return b.flush(dir, mac)
}

// flush writes the buffer to the spool, which is made by the first call.
func (b *body) flush(dir string, mac io.Writer) error {
	if b.spool == nil {
		f, err := openSpool(dir)
		if err != nil {
			return err
		}
		b.spool = f
	}
	if _, err := b.spool.Write(b.buf); errors.Is(err, syscall.ENOSPC) {
		return errLowDisk
	} else if err != nil {
		return fmt.Errorf("spool body: %w", err)
	}
	feed(mac, b.buf)
	b.buf = b.buf[:0]
	return nil
}

func openSpool(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "pulse-body-*")
	if err != nil {
		return nil, fmt.Errorf("open spool file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("unlink spool file: %w", err)
	}
	return f, nil
}

func (b *body) finish(dir string, mac io.Writer) error {
	if b.spool != nil {
		return b.flush(dir, mac)
	}
	feed(mac, b.buf)
	return nil
}

func feed(mac io.Writer, p []byte) {
	if mac != nil {
		_, _ = mac.Write(p) // a hash never fails
	}
}

// bytes is the whole body, for decoding. A spooled one is read back, once.
func (b *body) bytes() ([]byte, error) {
	if b.spool == nil {
		return b.buf, nil
	}
	all := make([]byte, b.size)
	if _, err := b.spool.ReadAt(all, 0); err != nil {
		return nil, fmt.Errorf("read spooled body: %w", err)
	}
	return all, nil
}

// closing ends the connection with the answer: the rest of the body is not wanted.
func closing(w http.ResponseWriter, err error) error {
	w.Header().Set("Connection", "close")
	return err
}

func readProblem(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errSlowBody
	}
	return errCutBody
}

// typedBody reads the JSON object of a typed route and puts it where huma reads it.
// An empty body is left to huma, which knows whether one is needed.
func (s *server) typedBody(w http.ResponseWriter, r *http.Request, op *huma.Operation) (*body, *problem) {
	if p := identityOnly(r); p != nil {
		return nil, p
	}
	b := new(body)
	if err := s.receive(w, r, b, maxTypedBody, nil); err != nil {
		return b, s.problemOf(r.Method+" "+r.URL.Path, err)
	}
	raw, err := b.bytes()
	if err == nil {
		err = checkObject(raw, op.Metadata["mass"] == true)
	}
	if err != nil {
		return b, s.problemOf(r.Method+" "+r.URL.Path, err)
	}
	r.Header.Del("Content-Type") // not looked at
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return b, nil
}

// checkObject refuses what is not one JSON object within the bounds of depth and encoding,
// and one that names a field twice. strict is for verbs on all that match: a null, which
// else counts as not given, would be a filter that was meant and is not there.
func checkObject(raw []byte, strict bool) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if err := jsonscan.Check(raw); err != nil {
		return err
	}
	sc := jsonscan.New(raw)
	if kind := sc.Kind(); kind != jsonscan.Object {
		return &pulse.InputError{Code: "bad_json", Message: "the body must be an object, not " + kind.String()}
	}
	if p := checkFields(&sc, strict); p != nil {
		return p
	}
	return nil
}

func identityOnly(r *http.Request) *problem {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return newProblem(http.StatusUnsupportedMediaType, "a content encoding is not taken here")
	}
	return nil
}
