//go:build !linux

package keyword

import "unsafe"

// hugePages does nothing where the kernel cannot be asked.
func hugePages(unsafe.Pointer, uintptr) {}
