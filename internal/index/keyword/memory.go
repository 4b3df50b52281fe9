package keyword

import (
	"unsafe"

	"pulse/internal/mapped"
)

// hugeBytes is the size of tables from which on pages of a few kilobytes are too many to
// find an address in quickly.
const hugeBytes = 4 << 20

// spacious makes a slice that may be large and is read here and there.
func spacious[T any](n int) []T {
	s := make([]T, n)
	if size := uintptr(n) * unsafe.Sizeof(s[0]); size >= hugeBytes {
		mapped.HugePages(unsafe.Pointer(unsafe.SliceData(s)), size)
	}
	return s
}
