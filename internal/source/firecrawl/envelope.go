package firecrawl

import (
	"fmt"
	"strings"
	"unicode"

	"pulse"
	"pulse/internal/jsonscan"
)

const (
	maxID     = 64  // characters of an id that is used as one
	maxReason = 512 // bytes of a reason
)

// envelope is a webhook's body as it lies; a field that was not there is nil.
// Of a name given twice the last one counts.
type envelope struct {
	typ, id, v0ID, webhookID, success, error jsonscan.Value

	data      jsonscan.Kind    // what data is
	elements  []jsonscan.Value // its elements, or the object itself
	strange   int              // the first element that is not an object; -1 without one
	strangeIs jsonscan.Kind
}

// read checks the whole body and cuts it.
func (e *envelope) read(body []byte) error {
	s := jsonscan.New(body)
	if k := s.Kind(); k != jsonscan.Object && k != jsonscan.Invalid {
		return &pulse.InputError{Code: "bad_json", Message: fmt.Sprintf("the body is %v, not an object", k)}
	}
	for name := range s.Members {
		switch string(name) {
		case "type":
			e.typ = s.Value()
		case "id":
			e.id = s.Value()
		case "jobId":
			e.v0ID = s.Value()
		case "webhookId":
			e.webhookID = s.Value()
		case "success":
			e.success = s.Value()
		case "error":
			e.error = s.Value()
		case "data":
			if err := e.readData(&s); err != nil {
				return err
			}
		}
	}
	return s.End()
}

// readData cuts the elements; an object stands for an array of it alone. It stops
// at one too many, whatever follows. Any other value is left to be skipped.
func (e *envelope) readData(s *jsonscan.Scanner) error {
	e.data, e.elements, e.strange = s.Kind(), nil, -1
	switch e.data {
	case jsonscan.Object:
		e.elements = []jsonscan.Value{s.Value()}
	case jsonscan.Array:
		for i := range s.Elements {
			if i == pulse.MaxElements {
				return &pulse.InputError{Code: "too_large", Field: "data", Message: fmt.Sprintf("more than %d elements", pulse.MaxElements)}
			}
			e.cut(i, s)
		}
	}
	return nil
}

// cut keeps the element at the cursor.
func (e *envelope) cut(i int, s *jsonscan.Scanner) {
	if k := s.Kind(); k != jsonscan.Object && e.strange < 0 {
		e.strange, e.strangeIs = i, k
	}
	e.elements = append(e.elements, s.Value())
}

// eventType is the type; one that is not known to us is made fit to be kept.
func (e *envelope) eventType() (string, error) {
	typ, err := text("type", e.typ)
	if err == nil && typ == "" {
		err = wrong("type", "is missing")
	}
	if _, known := events[typ]; err != nil || known {
		return typ, err
	}
	return printable(e.typ.Cut(maxEventType)), nil
}

// jobID is the id of the crawl, batch, extract or agent job, or monitor check;
// v0 jobs call it jobId.
func (e *envelope) jobID() (string, error) {
	id, err := text("id", e.id)
	if err != nil || id != "" {
		return id, err
	}
	id, err = text("jobId", e.v0ID)
	if err == nil && id == "" {
		err = wrong("id", "is missing")
	}
	return id, err
}

// succeeded is the success field; senders always set it, and a missing one
// means what most events mean.
func (e *envelope) succeeded() (bool, error) {
	success, ok := e.success.Bool()
	if !ok && e.success != nil {
		return false, wrong("success", "must be true or false, not %v", e.success.Kind())
	}
	return success || !ok, nil
}

// checkData looks at data only where the event's type gives it a meaning.
func (e *envelope) checkData(ev event) error {
	switch {
	case !ev.pages:
		return nil
	case e.data == jsonscan.Invalid && ev.needs:
		return wrong("data", "is missing")
	case e.data == jsonscan.Invalid || e.data == jsonscan.Null && !ev.needs:
		return nil
	case e.data != jsonscan.Array && e.data != jsonscan.Object:
		return wrong("data", "must be an array of pages, not %v", e.data)
	case e.strange >= 0:
		return wrong(fmt.Sprintf("data[%d]", e.strange), "must be an object, not %v", e.strangeIs)
	}
	return nil
}

// text is a string that may be missing or null.
func text(field string, v jsonscan.Value) (string, error) {
	if v.Given() && v.Kind() != jsonscan.String {
		return "", wrong(field, "must be a string, not %v", v.Kind())
	}
	return v.Text(), nil
}

// plainID tells whether an id has the shape of the ids that are kept, compared
// and put into paths.
func plainID(id string) bool {
	for _, c := range []byte(id) {
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '-') {
			return false
		}
	}
	return 0 < len(id) && len(id) <= maxID
}

// printable makes a foreign text fit for a log line or a terminal.
func printable(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text))
}
