package static

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// tensor is one array of a safetensors file; data has exactly the bytes of its shape.
type tensor struct {
	dtype string
	shape []int
	data  []byte
}

// dtypeSizes are the bytes of a value of each type that is read.
var dtypeSizes = map[string]int{"F64": 8, "F32": 4, "F16": 2, "I8": 1, "I64": 8, "I32": 4}

// maxHeader is the longest header that the format allows.
const maxHeader = 100 << 20

// readTensors reads the safetensors format: the header's length as a little-endian
// uint64, the header as JSON, {"name": {"dtype", "shape", "data_offsets": [begin, end]}},
// and the data that the offsets point into. Types that are not known here are refused
// when their tensor is asked for.
func readTensors(file []byte) (map[string]tensor, error) {
	if len(file) < 8 {
		return nil, errors.New("is too short for safetensors")
	}
	n := binary.LittleEndian.Uint64(file)
	if n > maxHeader || n > uint64(len(file)-8) {
		return nil, fmt.Errorf("the header of %d bytes does not fit into %d bytes", n, len(file))
	}
	header, data := file[8:8+n], file[8+n:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	delete(raw, "__metadata__")
	tensors := make(map[string]tensor, len(raw))
	for name, entry := range raw {
		t, err := readTensor(entry, data)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		tensors[name] = t
	}
	return tensors, nil
}

func readTensor(entry []byte, data []byte) (tensor, error) {
	var e struct {
		DType   string   `json:"dtype"`
		Shape   []uint32 `json:"shape"`
		Offsets []uint64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(entry, &e); err != nil {
		return tensor{}, err
	}
	size, known := dtypeSizes[e.DType]
	if !known {
		return tensor{dtype: e.DType}, nil
	}
	if len(e.Offsets) != 2 || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > uint64(len(data)) {
		return tensor{}, fmt.Errorf("data_offsets %d do not lie in %d bytes", e.Offsets, len(data))
	}
	t := tensor{dtype: e.DType, data: data[e.Offsets[0]:e.Offsets[1]]}
	want := uint64(size)
	for _, n := range e.Shape {
		high, low := bits.Mul64(want, uint64(n))
		if high != 0 {
			return tensor{}, fmt.Errorf("shape %d is too large", e.Shape)
		}
		want = low
		t.shape = append(t.shape, int(n))
	}
	if want != uint64(len(t.data)) {
		return tensor{}, fmt.Errorf("has %d bytes, and its shape %d of %s wants %d", len(t.data), e.Shape, e.DType, want)
	}
	return t, nil
}

// float is a value of a type of fractions.
func (t *tensor) float(i int) float32 {
	switch t.dtype {
	case "F64":
		return float32(math.Float64frombits(binary.LittleEndian.Uint64(t.data[8*i:])))
	case "F32":
		return math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:]))
	case "F16":
		return halfFloat(binary.LittleEndian.Uint16(t.data[2*i:]))
	}
	panic("static: a tensor of " + t.dtype + " holds no fractions") // callers have looked
}

// index is a value of a type of whole numbers.
func (t *tensor) index(i int) int64 {
	if t.dtype == "I64" {
		return int64(binary.LittleEndian.Uint64(t.data[8*i:]))
	}
	return int64(int32(binary.LittleEndian.Uint32(t.data[4*i:])))
}

// halfFloat widens IEEE 754 binary16.
func halfFloat(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero and subnormal numbers
		value := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(value) | sign)
	case 31: // infinities and what is no number
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
