package file

import (
	"fmt"
	"io"
)

// results are the pages of one JSON value: the elements of an array, or of the
// data (in a PUT body: the documents) of an object. Nothing is read behind them.
type results struct {
	name  string
	in    cutter
	state resultsState
	field string // "data"
	n     int
}

type resultsState int

const (
	before resultsState = iota
	inside
	ended
)

func (r *results) next() (page, error) {
	p, err := r.step()
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read %s: %w", r.name, err)
	}
	return p, err
}

func (r *results) step() (page, error) {
	switch r.state {
	case before:
		if err := r.enter(); err != nil {
			return page{}, err
		}
		if r.state != inside { // a single object
			return r.cut(r.field)
		}
	case ended:
		return page{}, io.EOF
	}
	if more, err := r.in.more(']', r.n == 0); err != nil || !more {
		r.state = ended
		return page{}, orEOF(err)
	}
	r.n++
	return r.cut(fmt.Sprintf("%s[%d]", r.field, r.n-1))
}

// cut takes the value at the cursor as a page.
func (r *results) cut(field string) (page, error) {
	raw, fits, err := r.in.value(maxPage)
	if err != nil {
		return page{}, err
	}
	p := page{raw: raw, file: r.name, field: field}
	if !fits {
		p.err = tooLarge("", "is longer than %d bytes", maxPage)
	}
	return p, nil
}

// enter goes to the first page.
func (r *results) enter() error {
	r.in.mark()
	c, err := r.in.peek()
	switch {
	case err != nil:
		return err
	case c == '[':
		r.state = inside
		return r.in.expect('[')
	case c != '{':
		return r.in.strange("an array or an object")
	}
	if err := r.in.expect('{'); err != nil {
		return err
	}
	return r.seek()
}

// seek passes the members of the object until its pages.
func (r *results) seek() error {
	for first := true; ; first = false {
		more, err := r.in.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			return fmt.Errorf(`no pages: a result file is {"data": […]} or […]; a file of one document a line is named .jsonl`)
		}
		name, err := r.in.name()
		if err != nil {
			return err
		}
		if found, err := r.found(name); err != nil || found {
			return err
		}
		if _, _, err := r.in.value(0); err != nil {
			return err
		}
	}
}

// found enters the member's value if it holds the pages.
func (r *results) found(name string) (bool, error) {
	if name != `"data"` && name != `"documents"` {
		return false, nil
	}
	c, err := r.in.peek()
	if err != nil || c != '[' && c != '{' {
		return false, err
	}
	r.field = name[1 : len(name)-1]
	if c == '{' {
		r.state = ended
		return true, nil
	}
	r.state = inside
	return true, r.in.expect('[')
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}
