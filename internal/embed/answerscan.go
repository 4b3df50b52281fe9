package embed

import (
	"bytes"
	"errors"
	"strconv"

	"pulse"
)

// answerScanner reads an OpenAI-like answer in one pass: encoding/json takes three over
// strings that are nearly all of it. What it does not know (an escape in a string, an index
// twice) is an error, upon which encoding/json has the say.
type answerScanner struct {
	floatScanner
	texts   int
	vectors []pulse.Vector
}

var errOther = errors.New("not an answer of the usual form")

func (s *answerScanner) answer() error {
	err := s.object(func(key []byte) error {
		switch {
		case !bytes.EqualFold(key, []byte("data")):
			return s.skip(0)
		case string(key) != "data" || s.vectors != nil:
			return errOther
		}
		s.vectors = make([]pulse.Vector, s.texts)
		return s.items()
	})
	if s.space(); err != nil || s.at != len(s.data) || s.vectors == nil {
		return errOther
	}
	for _, v := range s.vectors {
		if v == nil {
			return errOther
		}
	}
	return nil
}

// items reads the list of vectors.
func (s *answerScanner) items() error {
	n := 0
	return s.list(func() error {
		at, v, err := s.item(n)
		n++
		if err != nil || at < 0 || at >= s.texts || s.vectors[at] != nil {
			return errOther
		}
		s.vectors[at] = v
		return nil
	})
}

// item reads one vector and its place, which is n where it says none.
func (s *answerScanner) item(n int) (at int, v pulse.Vector, err error) {
	at = n
	err = s.object(func(key []byte) (err error) {
		switch string(key) {
		case "index":
			at, err = strconv.Atoi(string(s.literal()))
		case "embedding":
			v, err = s.embedding()
		default:
			if bytes.EqualFold(key, []byte("index")) || bytes.EqualFold(key, []byte("embedding")) {
				return errOther // encoding/json takes it for the one that is meant
			}
			err = s.skip(0)
		}
		return err
	})
	if v == nil {
		err = errOther
	}
	return at, v, err
}

func (s *answerScanner) embedding() (pulse.Vector, error) {
	if s.space(); s.at < len(s.data) && s.data[s.at] != '"' {
		return s.vector(0, nil)
	}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	return decodeVector(text)
}

// object reads {"key": value, …}; value reads what stands behind the colon.
func (s *answerScanner) object(value func(key []byte) error) error {
	if s.next() != '{' {
		return errOther
	}
	for {
		key, err := s.text()
		if err != nil || s.next() != ':' {
			return errOther
		}
		if err := value(key); err != nil {
			return err
		}
		switch s.next() {
		case ',':
		case '}':
			return nil
		default:
			return errOther
		}
	}
}

// text reads a string without escapes.
func (s *answerScanner) text() ([]byte, error) {
	if s.next() != '"' {
		return nil, errOther
	}
	n := bytes.IndexByte(s.data[s.at:], '"')
	if n < 0 || bytes.IndexByte(s.data[s.at:s.at+n], '\\') >= 0 {
		return nil, errOther
	}
	text := s.data[s.at : s.at+n]
	s.at += n + 1
	return text, nil
}

// literal reads a number, true, false or null, as far as its characters say.
func (s *answerScanner) literal() []byte {
	s.space()
	from := s.at
	for s.at < len(s.data) && (s.data[s.at]-'0' <= 9 || s.data[s.at]|0x20-'a' < 26 || bytes.IndexByte([]byte("+-."), s.data[s.at]) >= 0) {
		s.at++
	}
	return s.data[from:s.at]
}

// skip passes one value over.
func (s *answerScanner) skip(depth int) error {
	const deepest = 32
	s.space()
	switch {
	case s.at == len(s.data) || depth > deepest:
		return errOther
	case s.data[s.at] == '"':
		_, err := s.text()
		return err
	case s.data[s.at] == '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case s.data[s.at] == '[':
		return s.list(func() error { return s.skip(depth + 1) })
	case len(s.literal()) == 0:
		return errOther
	}
	return nil
}
