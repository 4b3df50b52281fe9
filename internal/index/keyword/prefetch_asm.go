//go:build amd64 || arm64

package keyword

import "unsafe"

// prefetch asks for the memory at p to be in the caches soon, and waits for nothing.
//
//go:noescape
func prefetch(p unsafe.Pointer)
