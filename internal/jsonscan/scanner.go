// Package jsonscan reads JSON where it lies: it cuts values out of a body as
// sub-slices, checks all that it passes over, and builds neither maps nor trees.
//
// It takes exactly what encoding/json takes, but for two bounds: nesting deeper
// than MaxDepth, and bytes in a string that are not UTF-8, are errors. Names are
// compared by their exact case. Pure; time and memory are linear in the input.
package jsonscan

import (
	"fmt"

	"pulse"
)

// MaxDepth bounds how deep arrays and objects may nest.
const MaxDepth = 100

// Kind is the kind of a value, told by its first byte.
type Kind byte

// The kinds of values. Invalid is what cannot begin a value, and the end of the input.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String names the kind with its article, as messages need it.
func (k Kind) String() string {
	return [...]string{"no value", "null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

var kinds = [256]Kind{
	'n': Null, 't': Bool, 'f': Bool, '"': String, '[': Array, '{': Object, '-': Number,
	'0': Number, '1': Number, '2': Number, '3': Number, '4': Number,
	'5': Number, '6': Number, '7': Number, '8': Number, '9': Number,
}

// Scanner is a cursor in a JSON text. It stands before a value, which is passed
// by Value, by Members or by Elements. The first error sticks and ends every loop.
type Scanner struct {
	data  []byte
	pos   int
	depth int
	err   *pulse.InputError
}

// New makes a scanner that stands before the text's value. The values that it
// cuts alias data.
func New(data []byte) Scanner {
	s := Scanner{data: data}
	s.space()
	return s
}

// Check passes over a whole text: one value and white space around it. Its error
// is a *pulse.InputError with code "bad_json".
func Check(data []byte) error {
	s := New(data)
	s.Value()
	return s.End()
}

// Err is the first error of the scan, a *pulse.InputError with code "bad_json".
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// End checks that only white space follows, and returns the first error of the scan.
func (s *Scanner) End() error {
	if s.space(); s.err == nil && s.pos < len(s.data) {
		s.fail("nothing may follow the value")
	}
	return s.Err()
}

// Kind tells what kind of value the cursor stands before; it does not move.
func (s *Scanner) Kind() Kind {
	if s.err != nil || s.pos >= len(s.data) {
		return Invalid
	}
	return kinds[s.data[s.pos]]
}

// Value checks the value at the cursor, passes over it and returns its bytes;
// nil after an error.
func (s *Scanner) Value() Value {
	start := s.pos
	if !s.skip() {
		return nil
	}
	return Value(s.data[start:s.pos:s.pos])
}

// Members ranges over the names of the object at the cursor:
//
//	for name := range s.Members { ... }
//
// Each time the cursor stands before the member's value; a loop that leaves it
// there has it skipped. A value of another kind has no members and is left where
// it is. To break gives up the scan.
func (s *Scanner) Members(yield func(name []byte) bool) {
	if !s.enter(Object, '}') {
		return
	}
	for more := true; more; more = s.next('}') {
		name := s.name()
		if s.err != nil {
			return
		}
		start := s.pos
		if !yield(name.key()) || !s.leave(start) {
			return
		}
	}
}

// Elements ranges over the indexes of the array at the cursor, as Members over names.
func (s *Scanner) Elements(yield func(index int) bool) {
	if !s.enter(Array, ']') {
		return
	}
	for i := 0; ; i++ {
		start := s.pos
		if !yield(i) || !s.leave(start) || !s.next(']') {
			return
		}
	}
}

// leave skips the value at start if the loop's body left the cursor there.
func (s *Scanner) leave(start int) bool {
	if s.err == nil && s.pos == start {
		s.skip()
	}
	return s.err == nil
}

// enter opens a value of the kind; that there is none at all is an error.
func (s *Scanner) enter(want Kind, end byte) bool {
	k := s.Kind()
	if k == Invalid {
		s.failValue()
	}
	return k == want && s.open(end)
}

// open enters the array or object at the cursor. It tells whether there is
// something inside; an empty one is passed.
func (s *Scanner) open(end byte) bool {
	if s.depth == MaxDepth {
		s.fail(fmt.Sprintf("nested more than %d deep", MaxDepth))
		return false
	}
	s.pos++
	s.space()
	if s.pos < len(s.data) && s.data[s.pos] == end {
		s.pos++
		return false
	}
	s.depth++
	return true
}

// next stands behind a member: it goes on to the next one, or passes the end.
func (s *Scanner) next(end byte) bool {
	s.space()
	switch {
	case s.err != nil:
	case s.pos >= len(s.data):
		s.fail("it ends too early")
	case s.data[s.pos] == ',':
		s.pos++
		s.space()
		return true
	case s.data[s.pos] == end:
		s.pos++
		s.depth--
	default:
		s.fail(fmt.Sprintf("expected ',' or '%c'", end))
	}
	return false
}

// name passes a member's name and colon and stands before its value.
func (s *Scanner) name() Value {
	start := s.pos
	if s.Kind() != String {
		s.fail("expected a name in quotes")
		return nil
	}
	if !s.passString() {
		return nil
	}
	name := Value(s.data[start:s.pos:s.pos])
	s.space()
	if s.pos >= len(s.data) || s.data[s.pos] != ':' {
		s.fail("expected ':' behind a name")
		return nil
	}
	s.pos++
	s.space()
	return name
}

// space passes white space.
func (s *Scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return
		}
	}
}

// fail keeps the first error, with the place in the text.
func (s *Scanner) fail(reason string) {
	if s.err == nil {
		s.err = &pulse.InputError{Code: "bad_json", Message: fmt.Sprintf("not valid JSON at byte %d: %s", s.pos, reason)}
	}
}
