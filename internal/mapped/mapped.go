// Package mapped is memory that the system maps: files that are read where they lie,
// and memory that the garbage collector does not look at.
package mapped

import (
	"errors"
	"runtime"
	"unsafe"
)

// ErrDamaged says that a file is not what was written.
var ErrDamaged = errors.New("damaged")

// Holds says whether an address is in the data.
func Holds(data []byte, address uintptr) bool {
	if len(data) == 0 {
		return false
	}
	begin := uintptr(unsafe.Pointer(&data[0]))
	return address >= begin && address-begin < uintptr(len(data))
}

// Fault is the address that could not be read, of what recover returned while
// debug.SetPanicOnFault was set; ok is false for any other panic. A mapped file that
// was cut off, or that the disk cannot read, is such a fault.
func Fault(recovered any) (address uintptr, ok bool) {
	fault, ok := recovered.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		return 0, false
	}
	return fault.Addr(), true
}
