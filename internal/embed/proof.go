package embed

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
)

// A connection that is opened anew may lead to a server that was started again, with
// another model, while nobody looked. What comes by it is not used before the endpoint has
// made the right vector of ProbeText once more, after the connection was opened.

// watchConnections notes when a connection is opened for a request to an endpoint. The
// proof begins beside the request, so that one that waits for it waits little longer.
func (c *Coalescer) watchConnections(ctx context.Context, s *server) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				s.opened = c.opts.Now()
			}
		},
		GotConn: func(i httptrace.GotConnInfo) {
			if !i.Reused {
				c.sending.Go(func() { _ = c.prove(ctx, s) })
			}
		},
	})
}

// errCuts is an endpoint that has begun to cut texts in silence: what it answered may be of
// a part of them.
var errCuts = errors.New("the endpoint was started again and cuts texts now")

// prove asks an endpoint for its vector of ProbeText, where a connection to it was opened
// since that was done, and takes what it says of itself now.
func (c *Coalescer) prove(ctx context.Context, s *server) error {
	if c.proven(s) {
		return nil
	}
	s.proving.Lock()
	defer s.proving.Unlock()
	if c.proven(s) {
		return nil
	}
	began := c.opts.Now()
	says, probe, err := Meet(ctx, s.endpoint)
	if err == nil {
		err = c.verify(says, probe)
	}
	if err != nil {
		return proofFailed(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.told != says {
		s.told, s.says = says, says
	}
	s.proved = began
	return nil
}

// usable says whether what an endpoint answered may be used; cut is whether it cut texts
// when it was asked.
func (c *Coalescer) usable(ctx context.Context, s *server, cut bool) error {
	if err := c.prove(ctx, s); err != nil {
		return err
	}
	if !cut && c.cuts(s) {
		return errCuts
	}
	return nil
}

func (c *Coalescer) cuts(s *server) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.told.Cuts
}

func (c *Coalescer) proven(s *server) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !s.opened.After(s.proved)
}

// proofFailed is what a failed proof says of the request that waited for it: nothing of its
// texts.
func proofFailed(err error) error {
	var f *Failure
	if errors.As(err, &f) && f.Kind != Overloaded && f.Kind != Unavailable {
		return fmt.Errorf("prove the model: %s", f)
	}
	return err
}
