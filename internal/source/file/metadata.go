package file

import (
	"strings"

	"pulse"
	"pulse/internal/jsonscan"
)

// Bounds of a document's metadata: the same as those of a crawled page's, but what
// does not fit is refused, since whoever sends it can know.
const (
	maxKeys     = 64
	maxName     = 256      // bytes of one name
	maxString   = 1 << 10  // bytes of one string
	maxItems    = 32       // strings of one list
	maxMetadata = 16 << 10 // bytes in all: names and values
)

// metadata decodes the metadata object: strings, numbers, booleans and lists of
// strings. null is as good as not given. nil when nothing is there.
func metadata(v jsonscan.Value) (pulse.Metadata, error) {
	if !v.Given() {
		return nil, nil
	}
	var m pulse.Metadata
	left := maxMetadata
	s := jsonscan.New(v)
	for name := range s.Members {
		key := strings.ReplaceAll(string(name), "\x00", "")
		value, size, err := metadataValue(key, s.Value())
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		if m == nil {
			m = pulse.Metadata{}
		}
		m[key] = value
		if left -= len(key) + size; len(m) > maxKeys || left < 0 {
			return nil, invalid("metadata", "is too much: at most %d names and %d bytes are kept", maxKeys, maxMetadata)
		}
	}
	return m, s.Err()
}

// metadataValue decodes one value and tells its size in bytes.
func metadataValue(name string, v jsonscan.Value) (value any, size int, err error) {
	field := "metadata." + shown(name)
	if name == "" || len(name) > maxName {
		return nil, 0, invalid(field, "a name has 1 to %d bytes", maxName)
	}
	switch v.Kind() {
	case jsonscan.Null:
		return nil, 0, nil
	case jsonscan.String:
		s, err := metadataString(field, v)
		return s, len(s), err
	case jsonscan.Array:
		return metadataList(field, v)
	case jsonscan.Bool:
		is, _ := v.Bool()
		return is, len(v), nil
	case jsonscan.Number:
		f, ok := v.Float()
		if !ok {
			return nil, 0, invalid(field, "is a number out of range")
		}
		return f, len(v), nil
	}
	return nil, 0, invalid(field, "must be a string, a number, a boolean or a list of strings, not %v", v.Kind())
}

func metadataString(field string, v jsonscan.Value) (string, error) {
	if v.TextBytes() > maxString {
		return "", invalid(field, "is longer than %d bytes", maxString)
	}
	return v.Text(), nil
}

func metadataList(field string, v jsonscan.Value) (value any, size int, err error) {
	list := []string{}
	items := jsonscan.New(v)
	for i := range items.Elements {
		if i == maxItems {
			return nil, 0, invalid(field, "has more than %d strings", maxItems)
		}
		item := items.Value()
		if item.Kind() != jsonscan.String {
			return nil, 0, invalid(field, "must be a list of strings, but holds %v", item.Kind())
		}
		s, err := metadataString(field, item)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, s)
		size += len(s)
	}
	return list, size, nil
}
