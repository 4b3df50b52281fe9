package app

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Bytes is a size that reads and writes itself as 1GiB, 256MiB, 10MB or 4096.
type Bytes int64

// byteUnits by suffix, the longest first.
var byteUnits = []struct {
	suffix string
	bytes  int64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1 << 40}, {"b", 1}, {"", 1},
}

// UnmarshalText takes a number, with or without a fraction, and a unit.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := lower(string(text))
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n < 0 || n*float64(u.bytes) >= math.MaxInt64 || math.IsNaN(n) {
			break
		}
		*b = Bytes(n * float64(u.bytes))
		return nil
	}
	return fmt.Errorf("%q is no size: write 1GiB, 256MiB or a number of bytes", text)
}

// String is the size in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range []struct {
		suffix string
		bytes  Bytes
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b >= u.bytes && b%u.bytes == 0 {
			return fmt.Sprintf("%d%s", b/u.bytes, u.suffix)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Rounded is the size for people: three digits.
func (b Bytes) Rounded() string {
	n := float64(b)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if n < 1024 {
			return fmt.Sprintf("%.4g %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.4g TiB", n)
}

var durationType = reflect.TypeFor[time.Duration]()

// decodeDuration takes Go's durations, and plain numbers as seconds, which the old
// service's variables hold.
func decodeDuration(k *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := k.Scan.PopValueInto("time", &text); err != nil {
		return err
	}
	d, err := parseDuration(text)
	if err != nil {
		return err
	}
	target.SetInt(int64(d))
	return nil
}

func parseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	d, err := time.ParseDuration(text)
	if seconds, numErr := strconv.ParseFloat(text, 64); numErr == nil && math.Abs(seconds) < 1e9 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err == nil && d < 0 {
		err = errors.New("negative")
	}
	if err != nil {
		return 0, fmt.Errorf("%q is no time: write 30s, 10m or 168h", text)
	}
	return d, nil
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
