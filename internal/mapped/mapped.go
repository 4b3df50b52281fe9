// Package mapped is memory that the system maps: files that are read where they lie,
// memory that the garbage collector does not look at, and large tables on huge pages.
package mapped

import (
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Why a file cannot be used: it is not what was written, or a newer program wrote it.
var (
	ErrDamaged = errors.New("damaged")
	ErrVersion = errors.New("unknown version")
)

// Damage keeps what was found wrong with a file first.
type Damage struct{ first atomic.Pointer[error] }

// Note keeps an error, unless there is one already, and returns it.
func (d *Damage) Note(err error) error {
	d.first.CompareAndSwap(nil, &err)
	return err
}

// Err is the first that was noted, nil when none was.
func (d *Damage) Err() error {
	if err := d.first.Load(); err != nil {
		return *err
	}
	return nil
}

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
