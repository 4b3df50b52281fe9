// Package file understands pages that are not sent by a crawler: the documents of
// PUT /v1/documents, JSON Lines of pages, Firecrawl's result files, and folders of
// markdown, HTML and text.
//
// A document is one JSON object: url, title, description, language, country,
// is_mobile, metadata, and its text as markdown, html or text. Of what a result
// file holds, the pages are Firecrawl's; Reader says so, and firecrawl decodes them.
package file

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"pulse"
	"pulse/internal/jsonscan"
	"pulse/internal/pagekey"
)

// Bounds of a document's fields, in bytes. A longer title or description is cut,
// anything else that is longer is refused.
const (
	maxURL         = 2 * pagekey.MaxBytes // as sent; white space is not part of its key
	maxTitle       = 1 << 10
	maxDescription = 4 << 10
	maxLanguage    = 64 // of the country too
	maxShownName   = 64 // of a foreign name in a message
)

// document is one document object as it lies; a field that was not there is nil.
// Of a name given twice the last one counts.
type document struct {
	url, title, description, language jsonscan.Value
	country, mobile, metadata         jsonscan.Value
	markdown, html, text              jsonscan.Value
	content                           jsonscan.Value // no field of ours: tells Firecrawl's v0 pages
	unknown                           string         // the first name that is no field; "" without one
}

// scan reads one object.
func scan(body []byte) (document, error) {
	var d document
	s := jsonscan.New(body)
	if k := s.Kind(); k != jsonscan.Object && k != jsonscan.Invalid {
		if err := jsonscan.Check(body); err != nil { // what begins like null need not be it
			return d, err
		}
		return d, invalid("", "must be an object, not %v", k)
	}
	for name := range s.Members {
		if field := d.field(name); field != nil {
			*field = s.Value()
		} else if d.unknown == "" {
			d.unknown = shown(string(name))
		}
		if string(name) == "content" {
			d.content = s.Value()
		}
	}
	return d, s.End()
}

func (d *document) field(name []byte) *jsonscan.Value {
	switch string(name) {
	case "url":
		return &d.url
	case "title":
		return &d.title
	case "description":
		return &d.description
	case "language":
		return &d.language
	case "country":
		return &d.country
	case "is_mobile":
		return &d.mobile
	case "metadata":
		return &d.metadata
	case "markdown":
		return &d.markdown
	case "html":
		return &d.html
	case "text":
		return &d.text
	}
	return nil
}

// check holds the document against its rules and returns its key. An error names
// the field, a *pulse.InputError.
func (d *document) check() (string, error) {
	if err := d.checkKinds(); err != nil {
		return "", err
	}
	key, err := d.key()
	if err != nil {
		return "", err
	}
	for _, check := range [...]func(*document) error{(*document).checkText, (*document).checkSizes, (*document).checkMetadata} {
		if err := check(d); err != nil {
			return "", err
		}
	}
	return key, nil
}

func (d *document) checkMetadata() error {
	_, err := metadata(d.metadata)
	return err
}

func (d *document) key() (string, error) {
	if d.url.Blank() {
		return "", invalid("url", "is missing")
	}
	if len(d.url) > maxURL {
		return "", invalid("url", "is longer than %d bytes", pagekey.MaxBytes)
	}
	key, err := pagekey.Normalise(d.url.Text())
	if err != nil {
		return "", invalid("url", "%s", strings.TrimPrefix(err.Error(), "url "))
	}
	return key, nil
}

func (d *document) checkKinds() error {
	for _, f := range [...]struct {
		name string
		v    jsonscan.Value
		want jsonscan.Kind
	}{
		{"url", d.url, jsonscan.String},
		{"title", d.title, jsonscan.String},
		{"description", d.description, jsonscan.String},
		{"language", d.language, jsonscan.String},
		{"country", d.country, jsonscan.String},
		{"is_mobile", d.mobile, jsonscan.Bool},
		{"metadata", d.metadata, jsonscan.Object},
		{"markdown", d.markdown, jsonscan.String},
		{"html", d.html, jsonscan.String},
		{"text", d.text, jsonscan.String},
	} {
		if f.v.Given() && f.v.Kind() != f.want {
			return invalid(f.name, "must be %v, not %v", f.want, f.v.Kind())
		}
	}
	return nil
}

// checkText wants a text, and each that is given within bounds.
func (d *document) checkText() error {
	if d.markdown.Blank() && d.html.Blank() && d.text.Blank() {
		return invalid("markdown", "is missing: a document needs a text in markdown, html or text")
	}
	for _, f := range [...]struct {
		name string
		v    jsonscan.Value
	}{{"markdown", d.markdown}, {"html", d.html}, {"text", d.text}} {
		if len(f.v) > pulse.MaxTextBytes && f.v.TextBytes() > pulse.MaxTextBytes {
			return tooLarge(f.name, "has %d bytes, at most %d are taken", f.v.TextBytes(), pulse.MaxTextBytes)
		}
	}
	return nil
}

func (d *document) checkSizes() error {
	if d.language.TextBytes() > maxLanguage {
		return invalid("language", "is longer than %d bytes", maxLanguage)
	}
	if d.country.TextBytes() > maxLanguage {
		return invalid("country", "is longer than %d bytes", maxLanguage)
	}
	return nil
}

// isFirecrawl tells one of Firecrawl's Documents by its address, which stands in
// its metadata (in v0 beside its content).
func (d *document) isFirecrawl() bool {
	return !d.url.Given() && (d.metadata.Kind() == jsonscan.Object || d.content.Kind() == jsonscan.Object)
}

// element makes the element of one document object.
func (d *document) element(index int, body []byte) (pulse.Element, error) {
	key, err := d.check()
	if err != nil {
		return pulse.Element{}, err
	}
	return pulse.Element{Index: index, Kind: pulse.KindUpsert, Key: key, URL: d.url.Text(), Body: body}, nil
}

// Change decodes one document object: of a PUT, of JSON Lines, of a folder. Names
// that it does not know are passed over. The error is a *pulse.InputError.
func Change(body []byte) (*pulse.Change, error) {
	d, err := scan(body)
	if err != nil {
		return nil, err
	}
	key, err := d.check()
	if err != nil {
		return nil, err
	}
	mobile, _ := d.mobile.Bool()
	meta, _ := metadata(d.metadata) // checked above
	return &pulse.Change{
		Kind:        pulse.KindUpsert,
		URL:         d.url.Text(),
		Key:         key,
		Title:       strings.TrimSpace(d.title.Cut(maxTitle)),
		Description: strings.TrimSpace(d.description.Cut(maxDescription)),
		Language:    strings.TrimSpace(d.language.Text()),
		Country:     strings.TrimSpace(d.country.Text()),
		IsMobile:    mobile,
		Metadata:    meta,
		Markdown:    d.markdown.Text(),
		HTML:        d.html.Text(),
		Text:        d.text.Text(),
	}, nil
}

func invalid(field, format string, args ...any) error {
	return &pulse.InputError{Code: "invalid", Field: field, Message: fmt.Sprintf(format, args...)}
}

func tooLarge(field, format string, args ...any) error {
	return &pulse.InputError{Code: "too_large", Field: field, Message: fmt.Sprintf(format, args...)}
}

// shown makes a foreign name fit for a message: quoted where it is odd, and short.
func shown(name string) string {
	if len(name) > maxShownName {
		end := maxShownName
		for end > 0 && !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end] + "…"
	}
	if quoted := fmt.Sprintf("%q", name); quoted != `"`+name+`"` || name == "" {
		return quoted
	}
	return name
}
