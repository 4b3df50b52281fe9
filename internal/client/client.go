// Package client speaks to a running Pulse over HTTP, for the commands. It knows the
// routes and the shapes of their answers, and nothing of the server's inside.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 256 << 20

// Options tune a client. The zero value is the default.
type Options struct {
	Key     string        // API key; "" sends none
	Timeout time.Duration // of one request, waiting on request apart; 0 means 60 s
	Own     bool          // the server is the caller's own: errors do not speak of one
}

// Client speaks to one server. It is safe for use by many goroutines.
type Client struct {
	base    string
	shown   string // base without the user that it may name
	key     string
	timeout time.Duration
	own     bool
	http    *http.Client
}

// New makes a client of the server at base, as http://127.0.0.1:52100. A user in it goes to
// a proxy before the server. SECURITY: no error holds the base, which may hold secrets.
func New(base string, o Options) (*Client, error) {
	if base != "" && !strings.Contains(base, "://") {
		return nil, errors.New("the server's address lacks its http:// (or https://)")
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the server's address is not http://HOST:PORT")
	}
	if strings.ContainsAny(base, "?#") {
		return nil, errors.New("the server's address ends behind its path: a key belongs in PULSE_API_KEY")
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	return &Client{base: strings.TrimRight(base, "/"), shown: shown.String(), key: o.Key, timeout: o.Timeout, own: o.Own, http: newHTTP()}, nil
}

// newHTTP follows no redirect: the key must not go elsewhere.
func newHTTP() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConns:          256,
			MaxIdleConnsPerHost:   256,
		},
	}
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Base is the server's address as it may be shown.
func (c *Client) Base() string { return c.shown }

// Error is an answer that says no.
type Error struct {
	Status     int           `json:"-"`
	Code       string        `json:"code"`
	Field      string        `json:"field"`
	Message    string        `json:"message"`
	RetryAfter time.Duration `json:"-"`

	own bool // said by the caller's own server
}

// Error names the field before the message.
func (e *Error) Error() string {
	text := e.Message
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if e.own {
		return text
	}
	return fmt.Sprintf("server answered %d: %s", e.Status, text)
}

// NotFound says whether the server does not know the thing asked for.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// Invalid says whether the server refused what it was asked, by a field.
func Invalid(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity
}

// Unauthorized says whether the server wants another key.
func Unauthorized(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnauthorized
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         any
	accept       []int         // statuses that carry out, beside 2xx
	extra        time.Duration // of waiting on request, added to the time-out
}

// do sends a request and decodes its answer into out. Errors of the server are *Error.
func (c *Client) do(ctx context.Context, in call, out any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout+in.extra)
	defer cancel()
	req, err := c.request(ctx, in)
	if err != nil {
		return 0, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", c.shown, withoutURL(err))
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return resp.StatusCode, fmt.Errorf("read the answer of %s %s: %w", in.method, in.path, err)
	}
	if len(raw) > maxAnswer {
		return resp.StatusCode, fmt.Errorf("the answer of %s %s is larger than %d bytes", in.method, in.path, maxAnswer)
	}
	if !in.takes(resp.StatusCode) {
		return resp.StatusCode, c.errorOf(resp, raw)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return resp.StatusCode, fmt.Errorf("decode the answer of %s %s: %w", in.method, in.path, err)
	}
	return resp.StatusCode, nil
}

// withoutURL leaves out the address, which has been said and may name a user.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (c *Client) request(ctx context.Context, in call) (*http.Request, error) {
	var body io.Reader
	if in.body != nil {
		raw, err := json.Marshal(in.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	target := c.base + in.path
	if len(in.query) > 0 {
		target += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, in.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", withoutURL(err))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	return req, nil
}

func (in *call) takes(status int) bool {
	for _, s := range in.accept {
		if s == status {
			return true
		}
	}
	return status >= 200 && status < 300
}

// errorOf reads the server's error, or says what stands in its place.
func (c *Client) errorOf(resp *http.Response, raw []byte) error {
	answer := struct{ Error *Error }{&Error{}}
	if json.Unmarshal(raw, &answer) != nil || answer.Error == nil || answer.Error.Message == "" {
		answer.Error = &Error{Code: "foreign", Message: "this is no answer of Pulse: " + http.StatusText(resp.StatusCode)}
	}
	answer.Error.Status, answer.Error.own = resp.StatusCode, c.own
	if d, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil {
		answer.Error.RetryAfter = d
	}
	return answer.Error
}
