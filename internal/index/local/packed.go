package local

import (
	"encoding/binary"
	"fmt"
	"math"

	"pulse"
)

// packed is metadata as bytes, which a filter that few searches have goes through: a map of
// it would take ten times the memory. It is, for each name: the name, a kind (a byte), and
// the value: a text (its length as a uvarint, and itself), a float64, nothing, or the number
// of a list's items (a uvarint) and they, each as its kind and value.
type packed string

const (
	packedText = iota
	packedNumber
	packedFalse
	packedTrue
	packedNull
	packedList
)

func pack(metadata pulse.Metadata) packed {
	if len(metadata) == 0 {
		return ""
	}
	var to []byte
	for name, value := range metadata {
		to = appendValue(appendText(to, name), value)
	}
	return packed(to)
}

func appendValue(to []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(to, packedNull)
	case string:
		return appendText(append(to, packedText), v)
	case float64:
		return binary.LittleEndian.AppendUint64(append(to, packedNumber), math.Float64bits(v))
	case bool:
		if v {
			return append(to, packedTrue)
		}
		return append(to, packedFalse)
	case []any:
		return appendList(to, v)
	case []string:
		return appendList(to, v)
	}
	return appendText(append(to, packedText), fmt.Sprint(value)) // which is how it would be compared
}

func appendList[T any](to []byte, list []T) []byte {
	to = binary.AppendUvarint(append(to, packedList), uint64(len(list)))
	for _, item := range list {
		to = appendValue(to, item)
	}
	return to
}

// value is that of a name; ok is false when there is none.
func (p packed) value(name string) (value any, ok bool) {
	r := reader{data: []byte(p)}
	for len(r.data) > 0 {
		found := string(r.bytes()) == name
		value := r.value()
		if found {
			return value, !r.failed && value != nil
		}
	}
	return nil, false
}

func (r *reader) value() any {
	switch r.flag() {
	case packedText:
		return r.text()
	case packedNumber:
		return math.Float64frombits(r.uint64())
	case packedFalse:
		return false
	case packedTrue:
		return true
	case packedList:
		return r.list()
	}
	return nil
}

func (r *reader) list() any {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	list := make([]any, n)
	for i := range list {
		list[i] = r.value()
	}
	return list
}
