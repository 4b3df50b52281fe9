package vector

import (
	"errors"
	"fmt"
	"math"
)

// MaxDimension bounds the numbers of one vector.
const MaxDimension = 4096

// Why a vector is refused. The error that wraps one says which number it is about.
var (
	ErrDimension = errors.New("wrong dimension")
	ErrNotFinite = errors.New("not a finite number")
	ErrZero      = errors.New("all zero")
)

// Check says what is wrong with a vector that has no direction.
func Check(v []float32) error {
	_, err := lengthOf(v)
	return err
}

// normalise writes the vector at length 1 and returns its length.
func normalise(unit, v []float32) (length float64, err error) {
	length, err = lengthOf(v)
	if err != nil {
		return 0, err
	}
	for i, f := range v {
		unit[i] = float32(float64(f) / length)
	}
	return length, nil
}

// lengthOf adds up in float64, which squares of float32 cannot overflow.
func lengthOf(v []float32) (float64, error) {
	if len(v) == 0 || len(v) > MaxDimension {
		return 0, fmt.Errorf("vector of %d numbers: %w", len(v), ErrDimension)
	}
	sum := 0.0
	for i, f := range v {
		wide := float64(f)
		if math.IsNaN(wide) || math.IsInf(wide, 0) {
			return 0, fmt.Errorf("number %d of the vector is %v: %w", i, f, ErrNotFinite)
		}
		sum += float64(wide * wide)
	}
	if sum == 0 {
		return 0, fmt.Errorf("vector of %d numbers: %w", len(v), ErrZero)
	}
	return math.Sqrt(sum), nil
}
