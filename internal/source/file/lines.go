package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// byteOrderMark may stand at the start of a file that an editor saved.
var byteOrderMark = []byte("\ufeff")

// lines are JSON Lines: one document a line. Empty lines are passed over.
type lines struct {
	name string
	in   *bufio.Reader
	n    int
}

func (l *lines) next() (page, error) {
	for {
		l.n++
		line, fits, err := l.line()
		if err != nil {
			return page{}, err
		}
		p := page{raw: line, file: l.name, line: l.n}
		if !fits {
			p.raw, p.err = nil, tooLarge("", "the line is longer than %d bytes", maxPage)
			return p, nil
		}
		if len(line) > 0 {
			return p, nil
		}
	}
}

// line reads one line in bytes of its own, without white space around it. What is
// past maxPage is passed over.
func (l *lines) line() (line []byte, fits bool, err error) {
	fits, some := true, false
	for {
		piece, err := l.in.ReadSlice('\n')
		some = some || len(piece) > 0
		if fits = fits && len(line)+len(piece) <= maxPage; fits {
			line = append(line, piece...)
		} else {
			line = nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && some || err == nil:
			if l.n == 1 {
				line = bytes.TrimPrefix(line, byteOrderMark)
			}
			return bytes.TrimSpace(line), fits, nil
		case err == io.EOF:
			return nil, false, io.EOF
		default:
			return nil, false, fmt.Errorf("read %s:%d: %w", l.name, l.n, err)
		}
	}
}
