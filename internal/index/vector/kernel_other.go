//go:build !amd64 && !arm64

package vector

// kernels are those that this processor runs, the fastest first.
func kernels() []*kernel { return []*kernel{&portable} }
