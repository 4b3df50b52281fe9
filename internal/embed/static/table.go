package static

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// block is how many values the accumulator takes at a time: rows are padded to it.
const block = 64

// table holds a row of int8 codes for each token; a row's values are its codes times
// its weight.
type table struct {
	dimension int
	stride    int    // bytes of a row in codes: the dimension, up to a whole block
	codes     string // rows; of the built-in model they lie in the binary
	offsets   []uint32
	weights   []float32
	unknown   int64 // id of the token that stands for what is not known, which has no say; -1: none
}

// builtinUnknown is the id of [UNK] in the vocabulary of all-MiniLM-L6-v2.
const builtinUnknown = 100

// The format of the built-in model's file, all little-endian: magic, rows and dimension
// as uint32, a float32 weight for each row, then the rows of int8 codes.
const (
	magic      = "pulsetab"
	headerSize = len(magic) + 8
)

// readTable reads the built-in model's format. The codes stay where they are.
func readTable(data string, unknown int64) (*table, error) {
	if len(data) < headerSize || data[:len(magic)] != magic {
		return nil, errors.New("is no table: it does not begin with " + magic)
	}
	header := []byte(data[len(magic):headerSize])
	rows, dimension := uint64(binary.LittleEndian.Uint32(header)), uint64(binary.LittleEndian.Uint32(header[4:]))
	if rows == 0 || dimension == 0 || dimension%block != 0 {
		return nil, fmt.Errorf("has %d rows of %d values: the dimension must be a multiple of %d", rows, dimension, block)
	}
	rest := data[headerSize:]
	if dimension > math.MaxUint32/rows || uint64(len(rest)) != rows*(4+dimension) {
		return nil, fmt.Errorf("has %d bytes for %d rows of %d values", len(rest), rows, dimension)
	}
	t := newTable(int(rows), int(dimension), unknown)
	for i := range t.weights {
		t.weights[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(rest[4*i : 4*i+4])))
		if w := float64(t.weights[i]); math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("the weight of row %d is %v", i, w)
		}
	}
	t.codes = rest[4*rows:]
	return t, nil
}

// newTable makes a table of n tokens, the codes of which are still to be set; token i
// has row i.
func newTable(n, dimension int, unknown int64) *table {
	t := &table{dimension: dimension, stride: (dimension + block - 1) / block * block, unknown: unknown,
		offsets: make([]uint32, n), weights: make([]float32, n)}
	for i := range t.offsets {
		t.offsets[i] = uint32(i * t.stride)
	}
	return t
}

// knows says whether a token has a row that counts.
func (t *table) knows(id uint32) bool { return int(id) < len(t.offsets) && int64(id) != t.unknown }

// gather finds the rows of s.ids.
func (t *table) gather(s *scratch) {
	s.offsets, s.weights = s.offsets[:0], s.weights[:0]
	for _, id := range s.ids {
		if t.knows(id) {
			s.offsets, s.weights = append(s.offsets, t.offsets[id]), append(s.weights, t.weights[id])
		}
	}
}

// accumulatePlain is accumulate in plain Go: sum[j] = Σ weights[i] · codes[offsets[i]+j],
// added in the order of i. Products are rounded before they are added, so that the sum
// is the same to the last bit on every machine.
func accumulatePlain(sum []float32, codes string, offsets []uint32, weights []float32) {
	clear(sum)
	for i, offset := range offsets {
		row, w := codes[offset:int(offset)+len(sum)], weights[i]
		for j := range sum {
			sum[j] += float32(w * float32(int8(row[j])))
		}
	}
}
