package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"pulse"
	"pulse/internal/source/file"
	"pulse/internal/source/firecrawl"
)

// A batch is what becomes one delivery: pages of one file and one source.
const (
	batchPages = 256
	batchBytes = 1 << 20
)

type batch struct {
	source   string
	key      string // see keyOf
	elements []pulse.Element
	bytes    int64
}

// read sends the pages of all files in batches. What is wrong with a page or a file
// is noted; the next one is read all the same.
func (i *Import) read(ctx context.Context, out chan<- *batch) error {
	defer close(out)
	for _, path := range i.o.Paths {
		if err := i.readFile(ctx, path, out); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			i.noteFile(path, err)
		}
	}
	return nil
}

func (i *Import) readFile(ctx context.Context, path string, out chan<- *batch) error {
	identity, err := identify(path)
	if err != nil {
		return err
	}
	now := time.Now()
	r, err := file.Open(path, file.Options{BaseURL: i.o.BaseURL, Firecrawl: func(index int, body []byte) pulse.Element {
		return firecrawl.Element(index, body, now)
	}})
	if err != nil {
		return err
	}
	defer r.Close()
	i.reading(r)
	c := cutter{ctx: ctx, out: out, identity: identity}
	for {
		item, err := r.Next()
		var bad *file.LineError
		switch {
		case err == nil:
			i.pages.Add(1)
			if err := c.add(item); err != nil {
				return err
			}
		case errors.Is(err, io.EOF):
			return c.flush()
		case errors.As(err, &bad):
			i.pages.Add(1)
			i.noteRefused(reasonOf(bad.Err), bad.Error())
		default:
			return errors.Join(err, c.flush())
		}
	}
}

// reasonOf is the kind of mistake: without the place in the file, so that equal
// ones are counted together.
func reasonOf(err error) string {
	var input *pulse.InputError
	if errors.As(err, &input) {
		return input.Error()
	}
	return err.Error()
}

// cutter gathers the pages of one file into batches.
type cutter struct {
	ctx      context.Context
	out      chan<- *batch
	identity []byte
	n        int // batches sent
	now      *batch
}

func (c *cutter) add(item file.Item) error {
	if c.now != nil && (c.now.source != item.Source || len(c.now.elements) == batchPages || c.now.bytes+int64(len(item.Body)) > batchBytes) {
		if err := c.flush(); err != nil {
			return err
		}
	}
	if c.now == nil {
		c.now = &batch{source: item.Source}
	}
	item.Index = len(c.now.elements)
	c.now.elements = append(c.now.elements, item.Element)
	c.now.bytes += int64(len(item.Body))
	return nil
}

func (c *cutter) flush() error {
	b := c.now
	if b == nil {
		return nil
	}
	b.key = c.keyOf(b)
	c.n++
	c.now = nil
	select {
	case c.out <- b:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// keyOf makes a run over the same untouched file find what an earlier run has sent.
// The file as it lies (path, size, time of change) is part of it and not its bytes
// alone: a page that is imported as A, then as B, then as A again must end as A.
func (c *cutter) keyOf(b *batch) string {
	h := sha256.New()
	h.Write(c.identity)
	fmt.Fprintf(h, "\x00%d\x00", c.n)
	for i := range b.elements {
		fmt.Fprintf(h, "%d\x00", len(b.elements[i].Body))
		h.Write(b.elements[i].Body)
	}
	return "ingest:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// identify describes a file, or a folder with all that lies in it, in the same way however
// its path is spelled: from another working folder, or over a link.
func identify(path string) ([]byte, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if followed, err := filepath.EvalSymlinks(root); err == nil { // a pipe has no path to follow
		root = followed
	}
	h := sha256.New()
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s\x00%d\x00%d\x00", p, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}
