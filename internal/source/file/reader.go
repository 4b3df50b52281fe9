package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"pulse"
	"pulse/internal/pagekey"
)

// SourceFirecrawl is the source of the pages of Firecrawl's result files: they
// are decoded by firecrawl.Change.
const SourceFirecrawl = "firecrawl"

// maxPage bounds the bytes of one page in a file.
const maxPage = pulse.MaxBodyBytes

// Item is one page of a file: its element, whose Body belongs to the receiver,
// and the source that decodes it in the worker (SourceFile or SourceFirecrawl).
// Its Index is its place in the file, bad pages counted.
type Item struct {
	pulse.Element
	Source string
}

// Options say how files are read. The zero value reads all but Firecrawl's results.
type Options struct {
	// BaseURL is put before the relative path of a folder's files that do not
	// name their url themselves.
	BaseURL string
	// Firecrawl judges one of Firecrawl's Documents: firecrawl.Element. Without it
	// they are refused.
	Firecrawl func(index int, body []byte) pulse.Element
}

// LineError is what is wrong with one page of a file; those after it can still be read.
type LineError struct {
	File string
	Line int // from 1; 0 where the file is not read by lines
	Err  error
}

// Error names file, line and field.
func (e *LineError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap is the error of the page, as a rule a *pulse.InputError.
func (e *LineError) Unwrap() error { return e.Err }

// Reader reads pages one by one, with the memory of one page. Next and Close are
// for one goroutine, Progress for any.
type Reader struct {
	pages  pages
	o      Options
	closer io.Closer // nil where nothing stays open
	read   atomic.Int64
	total  int64
	count  int
	failed error // sticks
}

// pages is one kind of file. It gives io.EOF at the end, and any other error
// where it cannot go on; what is wrong with one page stands in the page.
type pages interface {
	next() (page, error)
}

// page is one page as it lies in a file.
type page struct {
	raw   []byte // one JSON value
	file  string
	line  int    // 0 where the file is not read by lines
	field string // "data[3]", "" where the page is all there is
	err   error  // what is wrong with it, beyond its own fields
}

// Open opens a file of pages, or a folder. By their names (also with .gz behind):
//
//	.jsonl .ndjson                     one document a line
//	.json                              a Firecrawl result {"data": […]}, a PUT body, or an array of documents
//	.md .markdown .html .htm .txt      one page, not with .gz; a folder holds these
//
// A line or element that has metadata but no url is one of Firecrawl's Documents.
func Open(path string, o Options) (*Reader, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() || textKind(path) != "" {
		return openFolder(path, o)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(path, f, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.closer, r.total = f, info.Size()
	return r, nil
}

// NewReader reads pages from in; name decides how, as in Open, and stands in errors.
func NewReader(name string, in io.Reader, o Options) (*Reader, error) {
	r := &Reader{o: o}
	in = &counted{in: in, n: &r.read}
	base, zipped := strings.CutSuffix(name, ".gz")
	if zipped {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		in = unzipped
	}
	switch b := bufio.NewReaderSize(in, 64<<10); strings.ToLower(filepath.Ext(base)) {
	case ".jsonl", ".ndjson":
		r.pages = &lines{name: name, in: b}
	case ".json":
		r.pages = &results{name: name, in: cutter{in: b}}
	default:
		return nil, fmt.Errorf("open %s: pages are read from .jsonl, .ndjson and .json (also .gz), from .md, .markdown, .html, .htm and .txt, and from folders of these", name)
	}
	return r, nil
}

// CheckBaseURL says what is wrong with Options.BaseURL.
func CheckBaseURL(base string) error {
	if base == "" {
		return nil
	}
	if _, err := pagekey.Normalise(base); err != nil {
		return fmt.Errorf("read --base-url %q: %w", base, err)
	}
	return nil
}

func openFolder(path string, o Options) (*Reader, error) {
	if err := CheckBaseURL(o.BaseURL); err != nil {
		return nil, err
	}
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		path = followed // links below it are not followed
	}
	r := &Reader{o: o}
	f := &folder{root: path, base: o.BaseURL, read: &r.read}
	total, err := f.list()
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	r.pages, r.total = f, total
	return r, nil
}

// Next reads the next page. io.EOF says that there are no more, a *LineError that
// this page is bad and the next can be read; after any other error nothing can.
func (r *Reader) Next() (Item, error) {
	if r.failed != nil {
		return Item{}, r.failed
	}
	p, err := r.pages.next()
	if err != nil {
		r.failed = err
		return Item{}, err
	}
	r.count++
	item, err := r.item(r.count-1, p)
	if err != nil {
		return Item{}, &LineError{File: p.file, Line: p.line, Err: err}
	}
	return item, nil
}

// item judges one page.
func (r *Reader) item(index int, p page) (Item, error) {
	if p.err != nil {
		return Item{}, p.in(p.err)
	}
	d, err := scan(p.raw)
	if err != nil {
		return Item{}, p.in(err)
	}
	if d.isFirecrawl() && r.o.Firecrawl != nil {
		return Item{Element: r.o.Firecrawl(index, p.raw), Source: SourceFirecrawl}, nil
	}
	e, err := d.element(index, p.raw)
	if err != nil {
		return Item{}, p.in(err)
	}
	return Item{Element: e, Source: SourceFile}, nil
}

// in names the page's place in its file.
func (p page) in(err error) error {
	if p.field == "" {
		return err
	}
	return within(p.field, err)
}

// Progress is how many bytes were read of how many; total is 0 where it is not known.
func (r *Reader) Progress() (read, total int64) { return r.read.Load(), r.total }

// Close closes the file. Pages already read stay good.
func (r *Reader) Close() error {
	r.failed = errors.New("reader is closed")
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// counted counts the bytes that are read, for Progress.
type counted struct {
	in io.Reader
	n  *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n.Add(int64(n))
	return n, err
}
