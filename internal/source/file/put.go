package file

import (
	"errors"
	"fmt"

	"pulse"
	"pulse/internal/jsonscan"
)

// Names of this source: documents that were put by the API, and documents of files.
const (
	SourceAPI  = "api"
	SourceFile = "file"
)

// EventPut is the event type of a PUT's delivery.
const EventPut = "documents.put"

// maxCollection bounds the name of a collection, in bytes.
const maxCollection = 64

// ValidCollection tells whether a collection may have the name:
// [a-z0-9][a-z0-9_-]{0,63}.
func ValidCollection(name string) bool {
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '_' && c != '-') {
			return false
		}
	}
	return name != "" && len(name) <= maxCollection
}

// put is the body of PUT /v1/documents as it lies.
type put struct {
	collection jsonscan.Value
	kind       jsonscan.Kind // of documents
	documents  []jsonscan.Value
	unknown    string
}

// DecodePut cuts the body of PUT /v1/documents into a delivery:
//
//	{"collection"?, "documents": [{"url", "title"?, "description"?, "language"?, "country"?, "is_mobile"?,
//	                               "metadata"?, "markdown" | "html" | "text"}]}
//
// It is an API call, not a webhook: one bad document, or a name that is no field,
// refuses the whole body. The error is a *pulse.InputError: "bad_json", "invalid"
// with the field ("documents[3].url"), or "too_large". Elements' bodies alias body.
func DecodePut(body []byte) (*pulse.Delivery, error) {
	var p put
	if err := p.read(body); err != nil {
		return nil, err
	}
	collection, err := p.check()
	if err != nil {
		return nil, err
	}
	d := &pulse.Delivery{
		Source:     SourceAPI,
		EventType:  EventPut,
		Collection: collection,
		Result:     pulse.ResultQueued,
		Bytes:      int64(len(body)),
		Elements:   make([]pulse.Element, len(p.documents)),
	}
	for i, document := range p.documents {
		if d.Elements[i], err = putElement(i, document); err != nil {
			return nil, within(fmt.Sprintf("documents[%d]", i), err)
		}
	}
	return d, nil
}

func (p *put) read(body []byte) error {
	s := jsonscan.New(body)
	if k := s.Kind(); k != jsonscan.Object && k != jsonscan.Invalid {
		return &pulse.InputError{Code: "bad_json", Message: fmt.Sprintf("the body is %v, not an object", k)}
	}
	for name := range s.Members {
		switch string(name) {
		case "collection":
			p.collection = s.Value()
		case "documents":
			p.kind, p.documents = s.Kind(), nil
			for i := range s.Elements {
				if i == pulse.MaxElements {
					return tooLarge("documents", "more than %d documents", pulse.MaxElements)
				}
				p.documents = append(p.documents, s.Value())
			}
		default:
			if p.unknown == "" {
				p.unknown = shown(string(name))
			}
		}
	}
	return s.End()
}

// check looks at the fields around the documents and returns the collection.
func (p *put) check() (string, error) {
	if p.unknown != "" {
		return "", invalid(p.unknown, "is not a field: there are collection and documents")
	}
	if p.collection.Given() && p.collection.Kind() != jsonscan.String {
		return "", invalid("collection", "must be a string, not %v", p.collection.Kind())
	}
	collection := p.collection.Cut(maxCollection + 1)
	if p.collection.Given() && !ValidCollection(collection) {
		return "", invalid("collection", "must be 1 to %d of a-z, 0-9, _ and -, and begin with a letter or digit", maxCollection)
	}
	switch {
	case p.kind == jsonscan.Invalid:
		return "", invalid("documents", "is missing")
	case p.kind != jsonscan.Array:
		return "", invalid("documents", "must be an array, not %v", p.kind)
	case len(p.documents) == 0:
		return "", invalid("documents", "is empty")
	}
	return collection, nil
}

func putElement(index int, body jsonscan.Value) (pulse.Element, error) {
	d, err := scan(body)
	if err != nil {
		return pulse.Element{}, err
	}
	if d.unknown != "" {
		return pulse.Element{}, invalid(d.unknown, "is not a field of a document")
	}
	return d.element(index, body)
}

// within names the place of an error's field.
func within(place string, err error) error {
	var bad *pulse.InputError
	if !errors.As(err, &bad) {
		return err
	}
	field := place
	if bad.Field != "" {
		field += "." + bad.Field
	}
	return &pulse.InputError{Code: bad.Code, Field: field, Message: bad.Message}
}
