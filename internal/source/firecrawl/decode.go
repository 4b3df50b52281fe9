// Package firecrawl understands Firecrawl's webhooks: their signature, their
// envelope, and the pages inside.
//
// Acceptance (Decode) cuts the elements out of the body and reads of each only
// what decides its fate: its address, its origin's status, whether there is text.
// The worker (Change) decodes one element fully. Both read an element by the same
// scan, so that they agree on its address and text. Pure; no I/O.
package firecrawl

import (
	"fmt"
	"time"

	"pulse"
	"pulse/internal/jsonscan"
)

// Source is the name of this source in deliveries and jobs.
const Source = "firecrawl"

// maxEventType bounds the event type of an unknown event, in bytes.
const maxEventType = 64

// Decode cuts a webhook's body into a delivery. Elements' bodies alias body. now
// bounds the time that a cached page claims.
//
// What the sender is told is in Result; one bad element never refuses its
// neighbours. The error is a *pulse.InputError: "bad_json" where the body is not
// a JSON object, "too_large" for more than pulse.MaxElements elements, "invalid"
// for a field of the envelope that is wrong or missing.
func Decode(body []byte, now time.Time) (*pulse.Delivery, error) {
	var e envelope
	if err := e.read(body); err != nil {
		return nil, err
	}
	eventType, err := e.eventType()
	if err != nil {
		return nil, err
	}
	d := &pulse.Delivery{
		Source:    Source,
		EventType: eventType,
		Result:    pulse.ResultIgnored,
		Bytes:     int64(len(body)),
		Priority:  pulse.PriorityCrawl,
	}
	if event, known := events[eventType]; known {
		err = e.deliver(d, event, now)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// event is what a type of event means to us.
type event struct {
	pages   bool // data holds pages
	needs   bool // data must be there
	page    bool // about one page: success says whether it was scraped
	crawl   bool // id is that of a crawl or batch
	monitor bool // data holds the monitor's findings about pages
	state   pulse.CrawlState
}

var events = map[string]event{
	"crawl.started":   {crawl: true, state: pulse.CrawlRunning},
	"crawl.page":      {crawl: true, pages: true, needs: true, page: true},
	"crawl.completed": {crawl: true, pages: true, state: pulse.CrawlCompleted},
	"crawl.failed":    {crawl: true, state: pulse.CrawlFailed},
	"crawl.cancelled": {crawl: true, state: pulse.CrawlCancelled},

	"batch_scrape.started":   {crawl: true, state: pulse.CrawlRunning},
	"batch_scrape.page":      {crawl: true, pages: true, needs: true, page: true},
	"batch_scrape.completed": {crawl: true, pages: true, state: pulse.CrawlCompleted},
	"batch_scrape.failed":    {crawl: true, state: pulse.CrawlFailed},
	"batch_scrape.cancelled": {crawl: true, state: pulse.CrawlCancelled},

	"extract.started":         {},
	"extract.completed":       {},
	"extract.failed":          {},
	"agent.started":           {},
	"agent.action":            {},
	"agent.completed":         {},
	"agent.failed":            {},
	"agent.cancelled":         {},
	"monitor.page":            {monitor: true},
	"monitor.check.completed": {},
}

// deliver fills a delivery of a known type from the envelope.
func (e *envelope) deliver(d *pulse.Delivery, ev event, now time.Time) error {
	id, err := e.jobID()
	if err != nil {
		return err
	}
	success, err := e.succeeded()
	if err != nil {
		return err
	}
	webhookID, err := text("webhookId", e.webhookID)
	if err != nil {
		return err
	}
	if err := e.checkData(ev); err != nil {
		return err
	}
	switch {
	case ev.monitor:
		d.Elements = e.monitored()
	case ev.page && !success:
		d.Elements = e.failed()
	case ev.pages:
		d.Elements = e.pages(now)
	}
	d.Crawl = crawlEvent(ev, id, d.Elements)
	d.Key = e.key(d.EventType, ev, id, webhookID)
	d.Result = result(d.Elements)
	return nil
}

func crawlEvent(ev event, id string, elements []pulse.Element) pulse.CrawlEvent {
	var c pulse.CrawlEvent
	if ev.crawl && plainID(id) {
		c.ID, c.State = id, ev.state
	}
	for i := range elements {
		if elements[i].Failed {
			c.Failed++
		}
	}
	return c
}

func result(elements []pulse.Element) pulse.Result {
	for i := range elements {
		if elements[i].Refused == "" {
			return pulse.ResultQueued
		}
	}
	return pulse.ResultAcknowledged
}

// key is what makes a repeat a repeat: event type and webhookId (a batch's
// started and completed events can share one), else job, event type and scrapeId
// of a page event of one element. Plain ids hold no colon, so no key of one kind
// equals one of the other.
func (e *envelope) key(eventType string, ev event, id, webhookID string) string {
	if plainID(webhookID) {
		return eventType + ":" + webhookID
	}
	if !ev.page || len(e.elements) != 1 || !plainID(id) {
		return ""
	}
	p, err := scan(e.elements[0])
	scrapeID := p.meta.scrapeID.Cut(maxID + 1)
	if err != nil || !plainID(scrapeID) {
		return ""
	}
	return id + ":" + eventType + ":" + scrapeID
}

// pages judges the elements of an event that carries pages.
func (e *envelope) pages(now time.Time) []pulse.Element {
	elements := make([]pulse.Element, len(e.elements))
	for i, body := range e.elements {
		elements[i] = Element(i, body, now)
	}
	return elements
}

// failed are the elements of a page event that says that the page could not be
// scraped; without any, one stands for the page.
func (e *envelope) failed() []pulse.Element {
	reason := failure(e.error)
	elements := make([]pulse.Element, 0, max(1, len(e.elements)))
	for i, body := range e.elements {
		elements = append(elements, failedElement(i, body, reason))
	}
	if len(elements) == 0 {
		elements = append(elements, pulse.Element{Refused: reason, Failed: true})
	}
	return elements
}

// monitored are the pages that a monitor could not scrape. What it says of the
// others is a difference, not a page.
func (e *envelope) monitored() []pulse.Element {
	var elements []pulse.Element
	for i, body := range e.elements {
		if p, err := scan(body); err == nil && p.state.Is("error") {
			elements = append(elements, failedElement(i, body, failure(p.failure)))
		}
	}
	return elements
}

// failure is the source's own words for why a page failed.
func failure(said jsonscan.Value) string {
	if reason := printable(said.Cut(maxReason)); reason != "" {
		return reason
	}
	return "could not be scraped"
}

func wrong(field, format string, args ...any) error {
	return &pulse.InputError{Code: "invalid", Field: field, Message: fmt.Sprintf(format, args...)}
}
