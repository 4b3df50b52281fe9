package embed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// TransportOptions bound the connections to endpoints. The zero value is the default.
type TransportOptions struct {
	Connections int           // to all endpoints; 0 means 100
	PerHost     int           // 0 means 20
	IdleExpiry  time.Duration // of a connection without a request; 0 means 30 seconds
}

// Transport is the one long-lived pool of connections to all endpoints. Redirects are
// not followed: they could carry texts and keys elsewhere.
type Transport struct {
	client *http.Client
	pool   *http.Transport
	slots  chan struct{} // one a connection

	mu    sync.Mutex
	peers map[string]*PeerConnections
}

// PeerConnections counts the connections to one host and port.
type PeerConnections struct{ Open, Active int }

// NewTransport makes a pool that holds no connection yet.
func NewTransport(o TransportOptions) *Transport {
	if o.Connections <= 0 {
		o.Connections = 100
	}
	if o.PerHost <= 0 {
		o.PerHost = 20
	}
	if o.IdleExpiry <= 0 {
		o.IdleExpiry = 30 * time.Second
	}
	t := &Transport{slots: make(chan struct{}, o.Connections), peers: map[string]*PeerConnections{}}
	t.pool = &http.Transport{
		Proxy: nil, DialContext: t.dial, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		MaxConnsPerHost: o.PerHost, MaxIdleConnsPerHost: o.PerHost, MaxIdleConns: o.Connections, IdleConnTimeout: o.IdleExpiry,
		DisableCompression: true, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10,
	}
	t.client = &http.Client{Transport: t.pool, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return t
}

// Close ends the idle connections.
func (t *Transport) Close() { t.pool.CloseIdleConnections() }

// Connections counts the connections by peer.
func (t *Transport) Connections() map[string]PeerConnections {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]PeerConnections, len(t.peers))
	for peer, n := range t.peers {
		all[peer] = *n
	}
	return all
}

func (t *Transport) count(peer string, open, active int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.peers[peer]
	if n == nil {
		n = new(PeerConnections)
		t.peers[peer] = n
	}
	n.Open += open
	n.Active += active
}

// dial opens one connection more, once there is room for it.
func (t *Transport) dial(ctx context.Context, network, address string) (net.Conn, error) {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		<-t.slots
		return nil, err
	}
	t.count(address, 1, 0)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() {
		<-t.slots
		t.count(address, -1, 0)
	})}, nil
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// Caller sends requests to one endpoint.
type Caller struct {
	Transport *Transport
	Base      *url.URL // without user, query and fragment
	Key       string   // bearer; "" sends none
}

// MaxAnswer bounds an endpoint's answer: 2,048 vectors of 4,096 numbers as text.
const MaxAnswer = 128 << 20

// StatusError is an answer other than 200.
type StatusError struct {
	Status     int
	Body       []byte // its first 4 KiB
	RetryAfter time.Duration
	secret     *secret // that the answer may repeat
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("status %d: %.200s", e.Status, e.secret.redact(string(e.Body)))
}

// Do sends one request and reads its answer. Errors: *StatusError, or that of the
// connection.
func (c *Caller) Do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	u := *c.Base
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	peer := hostPort(&u)
	c.Transport.count(peer, 0, 1)
	defer c.Transport.count(peer, 0, -1)
	secret := newSecret(c.Key)
	answer, err := c.Transport.client.Do(r)
	if err != nil {
		return nil, secret.redactError(withoutURL(err))
	}
	defer answer.Body.Close()
	data, err := read(answer)
	var s *StatusError
	if errors.As(err, &s) {
		s.secret = secret
		return nil, err
	}
	return data, secret.redactError(err)
}

// withoutURL leaves the address out, which the endpoint's name says already.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

func read(answer *http.Response) ([]byte, error) {
	if answer.StatusCode != http.StatusOK {
		start, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		return nil, &StatusError{Status: answer.StatusCode, Body: start, RetryAfter: retryAfter(answer.Header)}
	}
	var b bytes.Buffer
	if n := answer.ContentLength; n > 0 && n <= MaxAnswer {
		b.Grow(int(n) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(answer.Body, MaxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if n > MaxAnswer {
		return nil, fmt.Errorf("the answer is longer than %d bytes", MaxAnswer)
	}
	return b.Bytes(), nil
}

// retryAfter reads Retry-After in seconds, and retry-after-ms, as OpenAI sends them.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	return 0
}

// Failed turns an answer into a failure of a kind, with the server's own words.
func (e *StatusError) Failed(kind FailureKind, message string) *Failure {
	if message == "" {
		message = string(e.Body)
	}
	message = e.secret.redact(message) // before it is cut: a half of it would stay
	const most = 300
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "…"
	}
	return &Failure{Kind: kind, Status: e.Status, RetryAfter: e.RetryAfter, Message: message}
}

// KindOf is what a status means where the endpoint has no words of its own for it.
func (e *StatusError) KindOf() FailureKind {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return Overloaded
	case e.Status == http.StatusRequestEntityTooLarge:
		return TooLarge
	case e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity:
		return Refused
	case e.Status == http.StatusFailedDependency:
		return Broken
	case e.Status == http.StatusRequestTimeout || e.Status >= 500:
		return Unavailable
	}
	return Denied
}
