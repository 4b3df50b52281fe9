//go:build !amd64 && !arm64

package keyword

import "unsafe"

// prefetch does nothing where there is no way to ask.
func prefetch(unsafe.Pointer) {}
