//go:build !linux

package mapped

import "unsafe"

// HugePages does nothing where the kernel cannot be asked.
func HugePages(unsafe.Pointer, uintptr) {}
