//go:build !failpoints

package app

// failpoint is nothing in a binary that people run.
func failpoint() func(name string) { return nil }
