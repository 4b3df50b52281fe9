package vector

import (
	"errors"
	"fmt"
	"math"

	"pulse/internal/half"
)

// ErrMetric and ErrLength refuse vectors for an index of dot products: one that was
// encoded for cosines, and one whose products could be past what a score holds.
var (
	ErrMetric = errors.New("wrong metric")
	ErrLength = errors.New("too long")
)

// maxLength bounds vectors whose lengths count.
const maxLength = 1e15

// widthStep is what codes are padded to: a cache line, and the widest register.
const widthStep = 64

func widthOf(dimension int) int { return (dimension + widthStep - 1) / widthStep * widthStep }

// Chunk is the vector of one chunk, encoded.
type Chunk struct {
	Ordinal   uint32
	dimension int
	metric    Metric
	half      []uint16  // the unit vector, as float16
	scale     float32   // times half, it has the length that scores count: 1 for cosines
	rotated   []float32 // the vector, rotated
	codes     []int8    // of rotated
	factor    float32   // rotated is about factor times codes
}

// Dimension is the length of the vector.
func (c *Chunk) Dimension() int { return c.dimension }

// Encode takes a vector in all the forms that an index keeps. That is most of the
// work of adding it, and needs no lock.
func Encode(metric Metric, ordinal uint32, v []float32) (Chunk, error) {
	width := widthOf(len(v))
	c := Chunk{Ordinal: ordinal, dimension: len(v), metric: metric}
	rotated := make([]float32, width)
	length, err := normalise(rotated[:len(v)], v)
	if err != nil {
		return Chunk{}, err
	}
	if metric == Cosine {
		length = 1
	} else if length > maxLength {
		return Chunk{}, fmt.Errorf("vector of length %g: %w", length, ErrLength)
	}
	c.half = make([]uint16, width)
	c.scale = float32(length / halve(c.half, rotated[:len(v)]))
	rotationOf(width).apply(rotated)
	c.rotated = rotated
	c.codes = make([]int8, width)
	c.factor = quantise(c.codes, rotated) * float32(length)
	if metric == Dot {
		for i := range rotated {
			rotated[i] *= float32(length)
		}
	}
	return c, nil
}

// halve rounds a vector to float16 and returns the length that it then has.
func halve(to []uint16, v []float32) (length float64) {
	sum := 0.0
	for i, f := range v {
		to[i] = half.From(f)
		rounded := float64(half.To(to[i]))
		sum += float64(rounded * rounded)
	}
	return math.Sqrt(sum)
}

// A number of less than 2^22, added to roundingBase, has its nearest integer, ties to
// even, in the lowest bits, above roundingBits.
const (
	roundingBase = 3 << 22
	roundingBits = 0x4b400000
)

// quantise rounds v to codes of -127 to 127 and returns the factor for which v and
// factor times codes have the same product with v, so that rounding is, along v
// itself, no error at all.
func quantise(codes []int8, v []float32) (factor float32) {
	largest := float32(0)
	for _, f := range v {
		largest = max(largest, f, -f)
	}
	if largest == 0 {
		return 0
	}
	scale := 127 / largest
	var own, coded float64
	for i, f := range v {
		code := int8(math.Float32bits(float32(f*scale)+roundingBase) - roundingBits)
		codes[i] = code
		own += float64(float64(f) * float64(f))
		coded += float64(float64(f) * float64(code))
	}
	return float32(own / coded)
}
