package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"pulse/internal/jsonscan"
)

// jsonFormat is huma's JSON with errors that name the field and not our types.
var jsonFormat = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decodeTyped}

// badField is a value that its field cannot hold. Huma carries errors of decoding as
// their texts, so the text carries the field.
type badField struct{ field, wanted string }

// badFieldMark begins the text of a badField, and of no other error of huma's.
const badFieldMark = "body field "

func (e *badField) Error() string { return badFieldMark + strconv.Quote(e.field) + " " + e.wanted }

// asBadField reads a badField back out of its text.
func asBadField(text string) (*problem, bool) {
	rest, ok := strings.CutPrefix(text, badFieldMark)
	if !ok {
		return nil, false
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return nil, false
	}
	field, err := strconv.Unquote(quoted)
	return invalid(field, rest[len(quoted)+1:]), err == nil
}

// decodeTyped is json.Unmarshal. It is called twice: into any, to be validated, where only
// a number that no float64 holds can go wrong; then into the route's own type, where what
// is an integer to the schema may still be written as 1e1.
func decodeTyped(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	if wrong.Field != "" {
		return &badField{wrong.Field, wanted(wrong)}
	}
	var all any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&all) != nil {
		return err
	}
	field, _ := hugeNumber(all)
	return &badField{field, wanted(wrong)}
}

func wanted(e *json.UnmarshalTypeError) string {
	given := strings.TrimPrefix(e.Value, "number ")
	if len(given) > 40 {
		given = given[:40] + "…"
	}
	switch e.Type.Kind() {
	case reflect.Int:
		return "must be a whole number written in digits alone, not " + given
	case reflect.Float64:
		return "must be a number of at most 308 digits, not " + given
	}
	return "must be of another type than " + given
}

// hugeNumber finds the first number that no float64 holds, by its path.
func hugeNumber(v any) (path string, found bool) {
	switch v := v.(type) {
	case json.Number:
		_, err := v.Float64()
		return "", err != nil
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if path, found = hugeNumber(v[key]); found {
				return under(key, path), true
			}
		}
	case []any:
		for i := range v {
			if path, found = hugeNumber(v[i]); found {
				return under(fmt.Sprintf("[%d]", i), path), true
			}
		}
	}
	return "", false
}

// under is a path below a name: a.b, and a[1] for an element.
func under(name, path string) string {
	if path == "" || path[0] == '[' {
		return name + path
	}
	return name + "." + path
}

// checkFields passes over a checked value and refuses a name that an object has twice, of
// which encoding/json takes the last; with noNulls also a null.
func checkFields(sc *jsonscan.Scanner, noNulls bool) *problem {
	switch sc.Kind() {
	case jsonscan.Object:
		return checkMembers(sc, noNulls)
	case jsonscan.Array:
		for i := range sc.Elements {
			if p := checkFields(sc, noNulls); p != nil {
				return p.under(fmt.Sprintf("[%d]", i))
			}
		}
		return nil
	case jsonscan.Null:
		if noNulls {
			return invalid("", "is null: give it a value or leave it out")
		}
	}
	sc.Value()
	return nil
}

func checkMembers(sc *jsonscan.Scanner, noNulls bool) *problem {
	seen := make(map[string]bool)
	for raw := range sc.Members {
		name := string(raw)
		if seen[name] {
			return invalid(name, "is given more than once")
		}
		seen[name] = true
		if p := checkFields(sc, noNulls); p != nil {
			return p.under(name)
		}
	}
	return nil
}

// under says that the problem's field lies below a name.
func (p *problem) under(name string) *problem {
	p.Detail.Field = under(name, p.Detail.Field)
	return p
}
