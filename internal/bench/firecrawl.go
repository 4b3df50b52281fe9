package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"math/rand/v2"
)

// Page is one page as the sender has scraped it.
type Page struct {
	URL      string
	Title    string
	Language string
	Markdown string
}

// Kind is what a delivery says.
type Kind string

// The kinds of deliveries that a crawl is made of.
const (
	KindStarted     Kind = "started"
	KindPage        Kind = "page"
	KindFailed      Kind = "failed"      // the sender could not scrape the page
	KindUnavailable Kind = "unavailable" // the origin answered 503
	KindGone        Kind = "gone"        // the origin answered 404
	KindCompleted   Kind = "completed"
)

// Delivery is one webhook POST of a Firecrawl.
type Delivery struct {
	Kind      Kind
	URL       string // of the page; "" for the crawl's own events
	Repeat    bool   // the same bytes were sent before
	Body      []byte
	Signature string // value of SignatureHeader; "" when unsigned
}

// SignatureHeader names the header of a webhook's signature.
const SignatureHeader = "X-Firecrawl-Signature"

// WebhookPath is where a server takes a Firecrawl's webhooks.
const WebhookPath = "/v1/webhooks/firecrawl"

// Sender produces the deliveries of a current self-hosted Firecrawl: their envelope,
// ids and metadata, signed over the exact bytes. Equal seeds make equal deliveries, so
// a second run against one server needs another seed. It is for one goroutine.
type Sender struct {
	rand  *rand.Rand
	mac   hash.Hash // nil: unsigned
	sum   []byte
	buf   bytes.Buffer
	crawl string
}

// NewSender makes a sender; an empty secret leaves its deliveries unsigned.
func NewSender(secret string, seed uint64) *Sender {
	s := &Sender{rand: rand.New(rand.NewPCG(seed, 0x70756c7365))}
	if secret != "" {
		s.mac = hmac.New(sha256.New, []byte(secret))
	}
	s.NewCrawl()
	return s
}

// NewCrawl gives the deliveries that follow another crawl's id, and returns it.
func (s *Sender) NewCrawl() string {
	s.crawl = s.uuid(7)
	return s.crawl
}

// uuid draws a UUID of a version (4 or 7).
func (s *Sender) uuid(version byte) string {
	var u [16]byte
	binary.BigEndian.PutUint64(u[:8], s.rand.Uint64())
	binary.BigEndian.PutUint64(u[8:], s.rand.Uint64())
	if version == 7 {
		u[0], u[1], u[2] = 0x01, 0x98, 0xd1 // a time in 2025; only its look matters
	}
	u[6] = u[6]&0x0f | version<<4
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// envelope has the fields of every event, in the order in which they are sent.
type envelope struct {
	Success   bool              `json:"success"`
	Type      string            `json:"type"`
	ID        string            `json:"id"`
	WebhookID string            `json:"webhookId"`
	Data      []document        `json:"data"`
	Error     string            `json:"error,omitempty"`
	Metadata  map[string]string `json:"metadata"`
}

type document struct {
	Markdown *string  `json:"markdown,omitempty"`
	Metadata metadata `json:"metadata"`
}

// metadata is what a scraped page carries; a failed one has its sourceURL only.
type metadata struct {
	Title       string `json:"title,omitempty"`
	Language    string `json:"language,omitempty"`
	Viewport    string `json:"viewport,omitempty"`
	OGTitleRaw  string `json:"og:title,omitempty"`
	OGTitle     string `json:"ogTitle,omitempty"`
	Favicon     string `json:"favicon,omitempty"`
	ScrapeID    string `json:"scrapeId,omitempty"`
	SourceURL   string `json:"sourceURL"`
	URL         string `json:"url,omitempty"`
	StatusCode  int    `json:"statusCode,omitempty"`
	Error       string `json:"error,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	ProxyUsed   string `json:"proxyUsed,omitempty"`
	CacheState  string `json:"cacheState,omitempty"`
	Credits     int    `json:"creditsUsed,omitempty"`
}

// Started is the event of the crawl's start. It may arrive after pages.
func (s *Sender) Started() Delivery {
	return s.sign(KindStarted, "", envelope{Success: true, Type: "crawl.started"})
}

// Completed is the event of the crawl's end. It may arrive before pages.
func (s *Sender) Completed() Delivery {
	return s.sign(KindCompleted, "", envelope{Success: true, Type: "crawl.completed"})
}

// Page is the event of a page that was scraped.
func (s *Sender) Page(p Page) Delivery {
	return s.page(KindPage, p, 200, "")
}

// Unavailable is the event of a page whose origin answered 503: still a success to the sender.
func (s *Sender) Unavailable(address string) Delivery {
	return s.page(KindUnavailable, Page{URL: address, Title: "503", Language: "en"}, 503, "Service Unavailable")
}

// Gone is the event of a page whose origin answered 404: still a success to the sender.
func (s *Sender) Gone(address string) Delivery {
	p := Page{URL: address, Title: "404", Language: "en", Markdown: "# Page not found\n"}
	return s.page(KindGone, p, 404, "Not Found")
}

// Failed is the event of a page that could not be scraped.
func (s *Sender) Failed(address string) Delivery {
	return s.sign(KindFailed, address, envelope{Type: "crawl.page",
		Data:  []document{{Metadata: metadata{SourceURL: address}}},
		Error: "The scrape operation timed out before completing."})
}

func (s *Sender) page(kind Kind, p Page, status int, problem string) Delivery {
	return s.sign(kind, p.URL, envelope{Success: true, Type: "crawl.page", Data: []document{{
		Markdown: &p.Markdown,
		Metadata: metadata{
			Title: p.Title, Language: p.Language, Viewport: "width=device-width, initial-scale=1",
			OGTitleRaw: p.Title, OGTitle: p.Title, Favicon: "https://kubernetes.io/images/favicon.png",
			ScrapeID: s.uuid(7), SourceURL: p.URL, URL: p.URL, StatusCode: status, Error: problem,
			ContentType: "text/html; charset=utf-8", ProxyUsed: "basic", CacheState: "miss", Credits: 1,
		},
	}}})
}

// sign gives an event its ids and makes the POST of it.
func (s *Sender) sign(kind Kind, address string, e envelope) Delivery {
	e.ID, e.WebhookID, e.Metadata = s.crawl, s.uuid(4), map[string]string{}
	if e.Data == nil {
		e.Data = []document{}
	}
	s.buf.Reset()
	enc := json.NewEncoder(&s.buf)
	enc.SetEscapeHTML(false) // as JSON.stringify
	if err := enc.Encode(&e); err != nil {
		panic("bench: encode a webhook: " + err.Error()) // strings, numbers and booleans only
	}
	body := bytes.Clone(bytes.TrimSuffix(s.buf.Bytes(), []byte("\n")))
	return Delivery{Kind: kind, URL: address, Body: body, Signature: s.signature(body)}
}

// Raw signs a body as it is, whatever it holds.
func (s *Sender) Raw(body []byte) Delivery {
	return Delivery{Body: body, Signature: s.signature(body)}
}

func (s *Sender) signature(body []byte) string {
	if s.mac == nil {
		return ""
	}
	s.mac.Reset()
	s.mac.Write(body)
	s.sum = s.mac.Sum(s.sum[:0])
	return "sha256=" + hex.EncodeToString(s.sum)
}
