package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"pulse/internal/jsonscan"
)

// maxTextLine bounds a line of texts: the largest text, 16 MiB, with every byte escaped.
const maxTextLine = 96<<20 + 1<<10

// textLines reads JSON Lines, {"text":…}, and writes a line for each. Both buffers are
// kept from line to line. Blank lines are skipped; other members are not looked at.
type textLines struct {
	in   *bufio.Reader
	out  *bufio.Writer
	line []byte // as read
	text []byte // of the line
	n    int
}

// eachText calls answer with the text of each line of in, valid until it returns, and
// writes what answer appends to dst. Errors name the line. Lines before it are answered.
// What is answered is written when in has no more for now.
func eachText(ctx context.Context, in io.ReadCloser, out io.Writer, answer func(dst []byte, text string) []byte) error {
	stop := context.AfterFunc(ctx, func() { in.Close() })
	defer stop()
	l := textLines{in: bufio.NewReaderSize(in, 1<<16), out: bufio.NewWriterSize(out, 1<<16)}
	err := l.run(answer)
	if flushErr := l.out.Flush(); err == nil {
		err = flushErr
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (l *textLines) run(answer func(dst []byte, text string) []byte) error {
	var dst []byte
	for {
		l.n++
		last, err := l.read()
		if err != nil {
			return fmt.Errorf("line %d: %w", l.n, err)
		}
		if len(bytes.TrimSpace(l.line)) > 0 {
			if err := l.parse(); err != nil {
				return fmt.Errorf("line %d: %w", l.n, err)
			}
			dst = append(answer(dst[:0], unsafe.String(unsafe.SliceData(l.text), len(l.text))), '\n')
			if _, err := l.out.Write(dst); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
		if l.in.Buffered() == 0 {
			if err := l.out.Flush(); err != nil {
				return err
			}
		}
	}
}

// read reads a line into l.line, and says whether it is the last.
func (l *textLines) read() (last bool, err error) {
	l.line = l.line[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.line = append(l.line, part...)
		switch {
		case len(l.line) > maxTextLine:
			return false, fmt.Errorf("is longer than %d bytes", maxTextLine)
		case err == nil:
			return false, nil
		case errors.Is(err, io.EOF):
			return true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return false, err
		}
	}
}

// parse puts the member "text" of the line into l.text.
func (l *textLines) parse() error {
	if err := jsonscan.Check(l.line); err != nil {
		return err
	}
	s := jsonscan.New(l.line)
	if kind := s.Kind(); kind != jsonscan.Object {
		return fmt.Errorf("is %v, not an object", kind)
	}
	var text jsonscan.Value
	for name := range s.Members {
		if string(name) == "text" {
			text = s.Value()
		}
	}
	if kind := text.Kind(); kind != jsonscan.String {
		return fmt.Errorf(`"text" is %v, not a string`, kind)
	}
	l.text = text.AppendText(l.text[:0])
	return nil
}
