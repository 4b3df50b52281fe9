package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Load sends deliveries to one server over a number of connections, each of which
// sends its next when the last is answered. It speaks plain HTTP over its own
// sockets: the client shares the machine with the server that it measures.
type Load struct {
	Base        string // http://HOST:PORT
	Path        string // "" means WebhookPath
	Connections int    // 0 means 1
	// OnAnswer is told of each answer, by several goroutines; body is theirs to keep.
	OnAnswer func(d *Delivery, status int, body []byte)
}

// LoadReport is what a load came to. Latencies are from a delivery's first byte sent
// to its answer's last byte read.
type LoadReport struct {
	Acknowledged int // answered 2xx
	Refused      int // any other answer
	Took         time.Duration
	Latency      Histogram
}

// Rate is how many deliveries were acknowledged a second.
func (r *LoadReport) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Acknowledged) / r.Took.Seconds()
}

// Run sends all deliveries. An error is one of the network: an answer that says no
// is counted.
func (l *Load) Run(ctx context.Context, deliveries []Delivery) (*LoadReport, error) {
	host, err := plainHost(l.Base)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	lines := make([]loadLine, max(l.Connections, 1))
	start := time.Now()
	var running sync.WaitGroup
	for i := range lines {
		running.Go(func() {
			if err := l.line(ctx, host, deliveries, &next, &lines[i]); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	report := &LoadReport{Took: time.Since(start)}
	for i := range lines {
		report.Acknowledged += lines[i].acknowledged
		report.Refused += lines[i].refused
		report.Latency.Add(&lines[i].latency)
	}
	return report, context.Cause(ctx)
}

// loadLine is what one connection counts; its goroutine alone writes it.
type loadLine struct {
	acknowledged, refused int
	latency               Histogram
}

// line is one connection's loop.
func (l *Load) line(ctx context.Context, host string, deliveries []Delivery, next *atomic.Int64, count *loadLine) error {
	c := &Conn{host: host, path: l.Path}
	defer c.Close()
	for ctx.Err() == nil {
		i := int(next.Add(1)) - 1
		if i >= len(deliveries) {
			return nil
		}
		start := time.Now()
		status, body, err := c.Post(ctx, &deliveries[i])
		if err != nil {
			return fmt.Errorf("send delivery %d: %w", i, err)
		}
		count.latency.Record(time.Since(start))
		if status/100 == 2 {
			count.acknowledged++
		} else {
			count.refused++
		}
		if l.OnAnswer != nil {
			l.OnAnswer(&deliveries[i], status, bytes.Clone(body))
		}
	}
	return nil
}

// plainHost is the host and port of a base address.
func plainHost(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return "", errors.New("the server's address is not http://HOST:PORT")
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80"), nil
	}
	return u.Host, nil
}

// postTimeout bounds one POST with its answer.
const postTimeout = 2 * time.Minute

// Conn is one connection to a server, made when it is first needed and again after
// an error. It is for one goroutine.
type Conn struct {
	host, path string
	conn       net.Conn
	read       *bufio.Reader
	request    []byte
	answer     bytes.Buffer
}

// NewConn makes a connection that posts webhooks to the server at host:port.
func NewConn(host string) *Conn { return &Conn{host: host} }

// Close ends the connection, if there is one.
func (c *Conn) Close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// Post sends a delivery and reads the answer; body is valid until the next Post. After
// an error it is unknown whether the server has kept the delivery.
func (c *Conn) Post(ctx context.Context, d *Delivery) (status int, body []byte, err error) {
	if c.conn == nil {
		if err := c.dial(ctx); err != nil {
			return 0, nil, err
		}
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c.conn.SetDeadline(time.Now().Add(postTimeout))
	c.request = c.appendRequest(c.request[:0], d)
	_, sent := c.conn.Write(c.request)
	status, body, err = c.readAnswer() // a server may refuse before it has read all
	if sent != nil && err != nil {
		return 0, nil, fmt.Errorf("send: %w", sent)
	}
	if sent != nil {
		c.Close()
	}
	return status, body, err
}

func (c *Conn) dial(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", c.host)
	if err != nil {
		return err
	}
	c.conn = conn
	if c.read == nil {
		c.read = bufio.NewReader(conn)
	} else {
		c.read.Reset(conn)
	}
	return nil
}

func (c *Conn) appendRequest(b []byte, d *Delivery) []byte {
	path := c.path
	if path == "" {
		path = WebhookPath
	}
	b = append(b, "POST "...)
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.host...)
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(d.Body)), 10)
	if d.Signature != "" {
		b = append(b, "\r\n"+SignatureHeader+": "...)
		b = append(b, d.Signature...)
	}
	b = append(b, "\r\n\r\n"...)
	return append(b, d.Body...)
}

func (c *Conn) readAnswer() (int, []byte, error) {
	resp, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer: %w", err)
	}
	c.answer.Reset()
	_, err = io.Copy(&c.answer, resp.Body)
	resp.Body.Close()
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer: %w", err)
	}
	if resp.Close {
		c.Close()
	}
	return resp.StatusCode, c.answer.Bytes(), nil
}

// Broken says whether an error of Post is the network's or the server's going away.
func Broken(err error) bool {
	var ne net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &ne)
}
