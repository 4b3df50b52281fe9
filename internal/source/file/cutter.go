package file

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// cutter cuts values out of a stream of JSON without holding more than one. It
// counts brackets and quotes; whoever takes a value checks it.
type cutter struct {
	in  *bufio.Reader
	off int64
}

// mark passes a byte order mark.
func (c *cutter) mark() {
	if b, _ := c.in.Peek(len(byteOrderMark)); bytes.Equal(b, byteOrderMark) {
		c.skip(len(b))
	}
}

func (c *cutter) skip(n int) {
	n, _ = c.in.Discard(n)
	c.off += int64(n)
}

// peek passes white space and looks at the byte behind it.
func (c *cutter) peek() (byte, error) {
	for {
		b, err := c.in.Peek(1)
		switch {
		case err == io.EOF:
			return 0, fmt.Errorf("not valid JSON at byte %d: it ends too early", c.off)
		case err != nil:
			return 0, err
		case b[0] != ' ' && b[0] != '\n' && b[0] != '\r' && b[0] != '\t':
			return b[0], nil
		}
		c.skip(1)
	}
}

// expect passes white space and the byte want.
func (c *cutter) expect(want byte) error {
	b, err := c.peek()
	if err != nil {
		return err
	}
	if b != want {
		return c.strange(fmt.Sprintf("%q", want))
	}
	c.skip(1)
	return nil
}

// more stands before a member or behind one: it passes the comma, or the end.
func (c *cutter) more(end byte, first bool) (bool, error) {
	b, err := c.peek()
	switch {
	case err != nil:
		return false, err
	case b == end:
		c.skip(1)
		return false, nil
	case first:
		return true, nil
	}
	return true, c.expect(',')
}

// name passes a member's name and colon. The name is as it stands, in its quotes.
func (c *cutter) name() (string, error) {
	if b, err := c.peek(); err != nil || b != '"' {
		return "", orStrange(err, c.strange("a name in quotes"))
	}
	name, _, err := c.value(maxName)
	if err != nil {
		return "", err
	}
	return string(name), c.expect(':')
}

// value cuts the value at the cursor; fits is false where it has more than limit
// bytes: then it is passed over.
func (c *cutter) value(limit int) (raw []byte, fits bool, err error) {
	if b, err := c.peek(); err != nil {
		return nil, false, err
	} else if b == ',' || b == ']' || b == '}' || b == ':' {
		return nil, false, c.strange("a value")
	}
	fits = true
	var s bounds
	for {
		if _, err := c.in.Peek(1); err == io.EOF {
			return c.atEnd(raw, fits, &s)
		} else if err != nil {
			return nil, false, err
		}
		window, _ := c.in.Peek(c.in.Buffered())
		n, done := s.pass(window)
		if fits = fits && len(raw)+n <= limit; fits {
			raw = append(raw, window[:n]...)
		} else {
			raw = nil
		}
		c.skip(n)
		if done {
			return raw, fits, nil
		}
	}
}

// atEnd ends a value with the stream: only a number or a word can end so.
func (c *cutter) atEnd(raw []byte, fits bool, s *bounds) ([]byte, bool, error) {
	if s.depth > 0 || s.quoted {
		return nil, false, fmt.Errorf("not valid JSON at byte %d: it ends too early", c.off)
	}
	return raw, fits, nil
}

// strange says that something else was expected at the cursor.
func (c *cutter) strange(want string) error {
	return fmt.Errorf("not valid JSON at byte %d: expected %s", c.off, want)
}

func orStrange(err, strange error) error {
	if err != nil {
		return err
	}
	return strange
}

// bounds finds the end of a value over any number of windows.
type bounds struct {
	depth   int
	quoted  bool // inside a string
	escaped bool // behind a backslash
	begun   bool
}

// pass goes through a window: how much of it belongs to the value, and whether the
// value ends there.
func (s *bounds) pass(window []byte) (n int, done bool) {
	for i := 0; i < len(window); i++ {
		switch c := window[i]; {
		case s.escaped:
			s.escaped = false
		case s.quoted:
			i += plainRun(window[i:])
			if i == len(window) {
				return i, false
			}
			s.escaped = window[i] == '\\'
			s.quoted = s.escaped
			if !s.quoted && s.depth == 0 {
				return i + 1, true
			}
		case c == '"':
			if s.begun && s.depth == 0 {
				return i, true
			}
			s.quoted = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			if s.depth--; s.depth < 0 {
				return i, true
			}
			if s.depth == 0 {
				return i + 1, true
			}
		case s.depth == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			return i, true
		}
		s.begun = true
	}
	return len(window), false
}

// plainRun is how much of a string's inside stands before a quote or a backslash.
func plainRun(b []byte) int {
	if n := bytes.IndexAny(b, `"\`); n >= 0 {
		return n
	}
	return len(b)
}
