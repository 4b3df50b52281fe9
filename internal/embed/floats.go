package embed

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"pulse"
)

// maxDimension bounds a vector that an endpoint sends.
const maxDimension = 1 << 16

var errFloats = errors.New("not a list of lists of numbers")

// ScanVectors reads the JSON that TEI's /embed answers, [[0.1,-0.2,…],…]: what
// encoding/json makes of it as [][]float32, bit for bit, at ten times its speed. most
// bounds the vectors.
func ScanVectors(data []byte, most int) ([]pulse.Vector, error) {
	s := floatScanner{data: data}
	var vectors []pulse.Vector
	if err := s.list(func() error {
		if len(vectors) == most {
			return fmt.Errorf("more than %d vectors", most)
		}
		v, err := s.vector(len(vectors), vectors)
		vectors = append(vectors, v)
		return err
	}); err != nil {
		return nil, fmt.Errorf("read vectors at byte %d: %w", s.at, err)
	}
	if s.space(); s.at != len(data) {
		return nil, fmt.Errorf("read vectors at byte %d: %w", s.at, errFloats)
	}
	return vectors, nil
}

// ScanVector reads one JSON list of numbers.
func ScanVector(data []byte) (pulse.Vector, error) {
	s := floatScanner{data: data}
	v, err := s.vector(0, nil)
	if err == nil {
		if s.space(); s.at != len(data) {
			err = errFloats
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read vector at byte %d: %w", s.at, err)
	}
	return v, nil
}

type floatScanner struct {
	data []byte
	at   int
}

func (s *floatScanner) space() {
	for s.at < len(s.data) && (s.data[s.at] == ' ' || s.data[s.at] == '\n' || s.data[s.at] == '\t' || s.data[s.at] == '\r') {
		s.at++
	}
}

// next takes a character after white space; 0 is the end.
func (s *floatScanner) next() byte {
	s.space()
	if s.at == len(s.data) {
		return 0
	}
	s.at++
	return s.data[s.at-1]
}

// list reads [item, item, …].
func (s *floatScanner) list(item func() error) error {
	if s.next() != '[' {
		return errFloats
	}
	if s.space(); s.at < len(s.data) && s.data[s.at] == ']' {
		s.at++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch s.next() {
		case ',':
		case ']':
			return nil
		default:
			return errFloats
		}
	}
}

// vector reads one list of numbers, as long as the one before it at first guess.
func (s *floatScanner) vector(n int, former []pulse.Vector) (pulse.Vector, error) {
	room := 0
	if n > 0 {
		room = len(former[n-1])
	}
	v := make(pulse.Vector, 0, room)
	err := s.list(func() error {
		s.space()
		x, err := s.float()
		if len(v) == maxDimension {
			return fmt.Errorf("a vector of more than %d numbers", maxDimension)
		}
		v = append(v, x)
		return err
	})
	return v, err
}

var tens = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float reads one JSON number. Up to 15 digits and powers of ten up to 22 make an exact
// quotient or product of two float64 (Clinger, "How to Read Floating Point Numbers
// Accurately", 1990); only where rounding that once more to float32 could go the other
// way, in the middle between two, and outside of those bounds, strconv has the say.
func (s *floatScanner) float() (float32, error) {
	start := s.at
	negative := s.take('-')
	digits, mantissa := s.digits(0)
	if digits == 0 || digits > 1 && s.data[s.at-digits] == '0' {
		return 0, errFloats
	}
	exponent := 0
	if s.take('.') {
		n := 0
		if n, mantissa = s.digits(mantissa); n == 0 {
			return 0, errFloats
		}
		digits, exponent = digits+n, -n
	}
	if s.take('e') || s.take('E') {
		e, err := s.exponent()
		if err != nil {
			return 0, err
		}
		exponent += e
	}
	if digits <= 15 && -22 <= exponent && exponent <= 22 {
		f := float64(mantissa)
		if exponent < 0 {
			f /= tens[-exponent]
		} else {
			f *= tens[exponent]
		}
		const half, lower = 1 << 28, 1<<29 - 1
		if (mantissa == 0 || f >= 0x1p-126 && f < 0x1p127) && math.Float64bits(f)&lower != half {
			if negative {
				f = -f
			}
			return float32(f), nil
		}
	}
	f, err := strconv.ParseFloat(string(s.data[start:s.at]), 32)
	if err != nil {
		return 0, fmt.Errorf("number %.40s is out of range", s.data[start:s.at])
	}
	return float32(f), nil
}

func (s *floatScanner) take(c byte) bool {
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

// digits adds digits to a number; past 19 of them it is not used.
func (s *floatScanner) digits(to uint64) (n int, _ uint64) {
	data := s.data[s.at:]
	for n < len(data) && data[n]-'0' <= 9 {
		to = 10*to + uint64(data[n]-'0')
		n++
	}
	s.at += n
	return n, to
}

func (s *floatScanner) exponent() (int, error) {
	negative := s.take('-')
	if !negative {
		s.take('+')
	}
	n, e := s.digits(0)
	if n == 0 {
		return 0, errFloats
	}
	if n > 4 {
		e = 9999
	}
	if negative {
		return -int(e), nil
	}
	return int(e), nil
}
