package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"pulse"
	"pulse/internal/client"
	"pulse/internal/source/file"
	"pulse/internal/source/firecrawl"
)

const (
	remoteAhead   = 16                     // deliveries whose pages are not done yet
	remoteLook    = 100 * time.Millisecond // between looks at them
	remotePersist = time.Minute            // that a server may be away
)

// To imports into a running server and returns when all is searchable that can be
// now. Pages are sent as documents, in order, so that of a page that comes twice the
// last one stands; running it again finds them unchanged.
func (i *Import) To(ctx context.Context, c *client.Client) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches, sent := make(chan *batch, 2), make(chan *client.Queued, remoteAhead)
	var steps sync.WaitGroup
	step := func(do func() error) {
		steps.Go(func() {
			if err := do(); err != nil {
				cancel(err)
			}
		})
	}
	step(func() error { return i.read(ctx, batches) })
	step(func() error { return i.sendAll(ctx, c, batches, sent) })
	step(func() error { return i.followAll(ctx, c, sent) })
	steps.Wait()
	err := context.Cause(ctx)
	if err == nil {
		err = i.applied(ctx, c)
	}
	i.finished(i.left)
	return err
}

// applied waits until the server's index holds what it has committed by now.
func (i *Import) applied(ctx context.Context, c *client.Client) error {
	for head := int64(-1); ; pause(ctx, remoteLook) {
		var stats *client.Stats
		if err := persist(ctx, func() (err error) { stats, err = c.Stats(ctx); return err }); err != nil {
			return fmt.Errorf("read how far the index is: %w", err)
		}
		if head < 0 {
			head = stats.Index.Head
		}
		if stats.Index.Applied >= head {
			return nil
		}
	}
}

// sendAll sends batches one after the other.
func (i *Import) sendAll(ctx context.Context, c *client.Client, batches <-chan *batch, sent chan<- *client.Queued) error {
	defer close(sent)
	var failed error
	for b := range batches { // to its end, so that the reader comes to its own
		if failed == nil {
			s := sender{Import: i, ctx: ctx, client: c, sent: sent}
			failed = s.send(b)
		}
	}
	return failed
}

// sender sends one batch: its documents, and deletions at their places among them.
type sender struct {
	*Import
	ctx       context.Context
	client    *client.Client
	sent      chan<- *client.Queued
	documents []client.Put // not sent yet
}

func (s *sender) send(b *batch) error {
	decode := file.Change
	if b.source == firecrawl.Source {
		decode = firecrawl.Change
	}
	for k := range b.elements {
		e := &b.elements[k]
		if e.Refused != "" {
			s.noteRefused(e.Refused, e.URL+": "+e.Refused)
			continue
		}
		c, err := decode(e.Body)
		switch {
		case err != nil:
			s.noteRefused(reasonOf(err), e.URL+": "+err.Error())
		case c.Kind == pulse.KindDelete:
			if err := errors.Join(s.put(), s.delete(c.URL)); err != nil {
				return err
			}
		default:
			s.documents = append(s.documents, toPut(c))
		}
	}
	return s.put()
}

// put sends the documents that are gathered.
func (s *sender) put() error {
	if len(s.documents) == 0 {
		return nil
	}
	n := len(s.documents)
	err := s.queue(func() (*client.Queued, error) {
		return s.client.Put(s.ctx, s.documents, client.PutOptions{Collection: s.o.Collection, Priority: pulse.PriorityBulk.String()})
	})
	s.documents = s.documents[:0]
	if err != nil {
		return fmt.Errorf("send %d pages: %w", n, err)
	}
	return nil
}

func (s *sender) delete(url string) error {
	err := s.queue(func() (*client.Queued, error) {
		return s.client.Delete(s.ctx, client.Target{Collection: s.o.Collection, URL: url}, false)
	})
	if err != nil {
		return fmt.Errorf("delete %s: %w", url, err)
	}
	return nil
}

// queue has the server keep something, and hands what it queued to followAll.
func (s *sender) queue(ask func() (*client.Queued, error)) error {
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	var q *client.Queued
	if err := persist(s.ctx, func() (err error) { q, err = ask(); return err }); err != nil {
		return err
	}
	s.queued.Add(int64(q.QueuedJobs))
	for _, r := range q.Refused {
		s.noteRefused(r.Reason, r.Reason)
	}
	select {
	case s.sent <- q:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func toPut(c *pulse.Change) client.Put {
	return client.Put{URL: c.URL, Title: c.Title, Description: c.Description, Markdown: c.Markdown, HTML: c.HTML, Text: c.Text,
		Language: c.Language, Country: c.Country, IsMobile: c.IsMobile, Metadata: c.Metadata}
}

// persist tries again while the server is full, and for a while when it is away. A disk that
// is full does not become free by waiting.
func persist(ctx context.Context, try func() error) error {
	for away := time.Duration(0); ; {
		err := try()
		if err == nil || ctx.Err() != nil {
			return err
		}
		var answer *client.Error
		said := errors.As(err, &answer)
		full := said && (answer.Status == http.StatusServiceUnavailable || answer.Status == http.StatusTooManyRequests)
		if said && answer.Code == "disk_full" {
			return fmt.Errorf("%w: free some space there and run the same command again to go on", err)
		}
		if said && !full || !said && away >= remotePersist {
			return err
		}
		wait := time.Second
		if full {
			wait = max(wait, answer.RetryAfter)
		} else {
			away += wait
		}
		pause(ctx, wait)
	}
}

// followAll counts how pages end, in the order in which they were sent.
func (i *Import) followAll(ctx context.Context, c *client.Client, sent <-chan *client.Queued) error {
	var failed error
	for q := range sent {
		if failed == nil && q.QueuedJobs > 0 {
			failed = i.follow(ctx, c, q)
		}
	}
	return failed
}

// follow looks at one delivery until its jobs have ended, or wait for a retry.
func (i *Import) follow(ctx context.Context, c *client.Client, q *client.Queued) error {
	open := map[string]bool{}
	for _, id := range q.JobIDs {
		open[id] = true
	}
	for {
		var d *client.Delivery
		if err := persist(ctx, func() (err error) { d, err = c.Delivery(ctx, q.Delivery); return err }); err != nil {
			return fmt.Errorf("read delivery %s: %w", q.Delivery, err)
		}
		retrying := 0
		for k := range d.Jobs {
			j := &d.Jobs[k]
			i.jobStands(open, j)
			if open[j.ID] && j.Attempt > 0 && j.RunAt != nil {
				retrying++
			}
		}
		if retrying >= len(open) {
			break
		}
		if pause(ctx, remoteLook); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	i.mu.Lock()
	i.left += int64(len(open))
	i.mu.Unlock()
	return nil
}

func (i *Import) jobStands(open map[string]bool, j *client.Job) {
	if !open[j.ID] || j.State != string(pulse.JobDone) && j.State != string(pulse.JobDead) {
		return
	}
	delete(open, j.ID)
	i.ended.Add(1)
	reason := j.Reason
	if j.State == string(pulse.JobDead) {
		reason = j.Error
	}
	i.note(pulse.Outcome(j.Outcome), reason, j.URL+": "+reason, 1)
}
