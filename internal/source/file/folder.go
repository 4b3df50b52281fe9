package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"pulse"
)

// maxFrontMatter bounds the front matter of a file, in bytes.
const maxFrontMatter = 64 << 10

// folder is a folder of pages, one a file, in the order of their paths. What is
// hidden, not a regular file, or of another kind is passed over.
type folder struct {
	root  string
	base  string // URL
	read  *atomic.Int64
	paths []string
	at    int
}

// textKind is the document's field that a file's text goes to; "" for other files.
func textKind(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".md", ".markdown":
		return "markdown"
	case ".html", ".htm":
		return "html"
	case ".txt":
		return "text"
	}
	return ""
}

// list finds the files and tells how many bytes they have.
func (f *folder) list() (total int64, err error) {
	err = filepath.WalkDir(f.root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != f.root && strings.HasPrefix(d.Name(), ".") && d.IsDir():
			return filepath.SkipDir
		case d.IsDir() || !f.takes(path, d):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		f.paths = append(f.paths, path)
		return nil
	})
	return total, err
}

// takes tells whether a file is a page. The root itself may be a link to one.
func (f *folder) takes(path string, d fs.DirEntry) bool {
	if textKind(path) == "" {
		return false
	}
	return path == f.root || d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".")
}

func (f *folder) next() (page, error) {
	if f.at == len(f.paths) {
		return page{}, io.EOF
	}
	path := f.paths[f.at]
	f.at++
	p := page{file: path}
	p.raw, p.err = f.document(path)
	return p, nil
}

// document makes the document object of one file.
func (f *folder) document(path string) ([]byte, error) {
	text, err := f.text(path)
	if err != nil {
		return nil, err
	}
	front, text := frontMatter(text)
	d := map[string]string{textKind(path): string(text)}
	for _, name := range [...]string{"title", "description", "language", "country"} {
		if front[name] != "" {
			d[name] = front[name]
		}
	}
	if d["language"] == "" && front["lang"] != "" {
		d["language"] = front["lang"]
	}
	if d["url"], err = f.url(path, front); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("encode %s: %w", path, err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// text reads one file, which must be UTF-8 and within the bounds of a page.
func (f *folder) text(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	const limit = pulse.MaxTextBytes + maxFrontMatter
	text, err := io.ReadAll(io.LimitReader(&counted{in: file, n: f.read}, limit+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > limit:
		return nil, tooLarge("", "is longer than %d bytes", pulse.MaxTextBytes)
	case !utf8.Valid(text):
		return nil, invalid("", "is not UTF-8")
	}
	return bytes.TrimPrefix(text, byteOrderMark), nil
}

// url is the page's address: the front matter's url or source, else the base URL
// and the file's path below the folder.
func (f *folder) url(path string, front map[string]string) (string, error) {
	for _, name := range []string{"url", "source"} {
		if front[name] != "" {
			return front[name], nil
		}
	}
	if f.base == "" {
		return "", invalid("url", "is missing: give --base-url, or a url in the file's front matter")
	}
	below, err := filepath.Rel(f.root, path)
	if err != nil || below == "." {
		below = filepath.Base(path)
	}
	base, err := url.Parse(f.base)
	if err != nil {
		return "", errors.Join(invalid("url", "cannot be made of --base-url %q", f.base), err)
	}
	parts := strings.Split(filepath.ToSlash(below), "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return base.JoinPath(parts...).String(), nil
}

// frontMatter cuts the lines between two --- at the start of a text and reads
// those of the form "name: value". Without them the text is returned as it is.
func frontMatter(text []byte) (front map[string]string, rest []byte) {
	head, ok := cutLine(text, "---")
	if !ok {
		return nil, text
	}
	front = map[string]string{}
	for rest = head; len(head)-len(rest) < maxFrontMatter && len(rest) > 0; {
		if after, ok := cutLine(rest, "---"); ok {
			return front, after
		}
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if name, value, ok := strings.Cut(string(line), ":"); ok && name == strings.TrimSpace(name) {
			front[strings.ToLower(name)] = unquoted(strings.TrimSpace(value))
		}
		rest = after
	}
	return nil, text
}

// cutLine cuts the first line if it is want.
func cutLine(text []byte, want string) ([]byte, bool) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	return rest, strings.TrimRight(string(line), " \t\r") == want
}

// unquoted takes a value out of its quotes, if it stands in some.
func unquoted(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}
