package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"pulse"
)

// attempt is one request on its way, with whatever it is split into. It keeps the slot
// of the first, so that a poisonous text never costs its neighbours more than time.
type attempt struct {
	c      *Coalescer
	s      *server
	lane   Lane
	most   int // texts that the request could hold
	tokens int // that got vectors
}

// brokenPause is between tries of a request that broke the model.
const brokenPause = 100 * time.Millisecond

// run sends texts. What is to be tried elsewhere or later comes back with the reason.
func (a *attempt) run(items []*item) (back []*item, err error) {
	vectors, err := a.send(items)
	var f *Failure
	if err == nil {
		a.deliver(items, vectors)
		return nil, nil
	}
	if a.hopeless(items, err) {
		a.deliver(items, []pulse.Vector{nil})
		return nil, nil
	}
	if !errors.As(err, &f) {
		return items, err
	}
	switch f.Kind {
	case Broken:
		for range 2 {
			if !sleep(a.c.ctx, brokenPause) {
				return items, errClosed
			}
			if vectors, err = a.send(items); err == nil {
				a.deliver(items, vectors)
				return nil, nil
			}
			if !errors.As(err, &f) || f.Kind != Broken {
				return items, err
			}
		}
		return a.halves(items)
	case TooLarge:
		a.c.shrink(a.s, len(items))
		return a.halves(items)
	case Refused:
		return a.halves(items)
	}
	return items, err
}

// halves tries each half; a text that is refused alone has no vector.
func (a *attempt) halves(items []*item) (back []*item, err error) {
	if len(items) == 1 {
		a.deliver(items, []pulse.Vector{nil})
		return nil, nil
	}
	middle := len(items) / 2
	if back, err = a.run(items[:middle]); err != nil {
		return append(back[:len(back):len(back)], items[middle:]...), err
	}
	return a.run(items[middle:])
}

// send is one request.
func (a *attempt) send(items []*item) ([]pulse.Vector, error) {
	texts, tokens, model := make([]string, len(items)), 0, a.c.Model()
	for i, it := range items {
		texts[i] = it.whole(model)
		tokens += it.tokens
	}
	ctx, cancel := context.WithTimeout(a.c.ctx, a.c.opts.Timeout)
	defer cancel()
	began, cut := a.c.opts.Now(), a.c.cuts(a.s)
	vectors, err := a.s.endpoint.Embed(a.c.watchConnections(ctx, a.s), texts)
	if err == nil {
		err = a.check(vectors, len(texts))
	}
	if err == nil {
		err = a.c.usable(ctx, a.s, cut)
	}
	if ctx.Err() == context.DeadlineExceeded && err != nil {
		err = &Failure{Kind: Overloaded, Message: fmt.Sprintf("no answer within %v", a.c.opts.Timeout)}
	}
	took := a.c.opts.Now().Sub(began)
	a.c.opts.OnRequest(RequestStats{
		Endpoint: a.s.endpoint.Name(), Lane: a.lane, Texts: len(items), Tokens: tokens,
		Full:     float64(len(items)) / float64(max(1, a.most)),
		Duration: took, Failure: FailureName(err),
	})
	a.doubt(items, err)
	a.learn(len(items), tokens, took, err)
	return vectors, err
}

// learn notes how much the endpoint did in which time.
func (a *attempt) learn(texts, tokens int, took time.Duration, err error) {
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	switch {
	case err == nil:
		a.tokens += tokens
		a.c.speed.done(a.c.opts.Now(), tokens)
		a.s.portion.done(tokens, took, a.c.opts.Timeout)
	case timedOut(err) && texts > 1: // one text cannot be less
		a.s.portion.late(tokens)
	}
}

func timedOut(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Kind == Overloaded && f.Status == 0
}

// Bounds of doubt.
const (
	firstDoubt = 2 // requests that break before a text goes with fewer others
	lastDoubt  = 8 // that break with a text alone in them before it is held to be why
)

// doubt counts what breaks with a text in it: the connection, the server (5xx), or its
// time. Mostly that is the endpoint's affair. A text that ends a server looks the same, so
// the more often it happens the fewer others a text goes with (room), and one that breaks
// everything by itself has no vector. An overload says nothing of a text.
func (a *attempt) doubt(items []*item, err error) {
	if !breaks(err) {
		return
	}
	for _, it := range items {
		it.broken++
		if len(items) == 1 {
			it.alone++
		}
	}
}

func breaks(err error) bool {
	var f *Failure
	var stranger *strangerError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.As(err, &stranger):
		return false
	case errors.As(err, &f):
		return f.Kind == Unavailable || timedOut(err)
	}
	return true
}

// hopeless says that a text has broken its request by itself too often.
func (a *attempt) hopeless(items []*item, err error) bool {
	return len(items) == 1 && breaks(err) && items[0].alone >= lastDoubt
}

// room is how large a request with this text in it may be, of so many texts.
func (it *item) room(texts int) int {
	return max(1, texts>>max(0, it.broken-firstDoubt+1))
}

// FailureName is the reason of a failed request as metrics name it; "" of none.
func FailureName(err error) string {
	var f *Failure
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f):
		return f.Kind.String()
	}
	return "connection"
}

// errShape is an answer that is none: too few vectors, or of another dimension.
var errShape = errors.New("the answer has not the shape that was asked for")

// check holds an answer to what was asked. A vector that cannot be compared with others
// is taken for a refusal of its text.
func (a *attempt) check(vectors []pulse.Vector, texts int) error {
	if len(vectors) != texts {
		return fmt.Errorf("%w: %s for %s", errShape, plural(len(vectors), "vector"), plural(texts, "text"))
	}
	dimension := a.c.Model().Dimension
	for i, v := range vectors {
		if len(v) != dimension {
			return fmt.Errorf("%w: a vector of %d numbers, not %d", errShape, len(v), dimension)
		}
		if CheckVector(v) != nil {
			vectors[i] = nil
		}
	}
	return nil
}

// CheckVector says what makes a vector unfit to be compared: nothing, not a number,
// infinite, or all zero.
func CheckVector(v pulse.Vector) error {
	if len(v) == 0 {
		return errors.New("the vector is empty")
	}
	zero := true
	for i, x := range v {
		if x != 0 {
			zero = false
		}
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("number %d of the vector is %v", i, x)
		}
	}
	if zero {
		return errors.New("the vector is all zero")
	}
	return nil
}

// deliver gives each text its vector.
func (a *attempt) deliver(items []*item, vectors []pulse.Vector) {
	model := a.c.Model()
	for i, it := range items {
		if vectors[i] != nil {
			a.c.cache.keep(it.whole(model), vectors[i])
		}
		it.call.vectors[it.at] = vectors[i]
		if it.call.left.Add(-1) == 0 {
			it.call.end(nil)
		}
	}
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
