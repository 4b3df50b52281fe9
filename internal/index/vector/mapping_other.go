//go:build !unix

package vector

import "os"

// mapFile reads a whole file: this system has no mappings that we use.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	data, err = os.ReadFile(path)
	return data, func() error { return nil }, err
}

// allocate returns zeros.
func allocate(size int) (data []byte, free func()) { return make([]byte, size), func() {} }
