//go:build !unix

package mapped

import "os"

// File reads a whole file: this system has no mappings that we use.
func File(path string) (data []byte, unmap func() error, err error) {
	data, err = os.ReadFile(path)
	return data, func() error { return nil }, err
}

// Allocate returns zeros.
func Allocate(size int) (data []byte, free func()) { return make([]byte, size), func() {} }
