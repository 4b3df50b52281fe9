//go:build !amd64

package token

// classify finds the classes of the 64 bytes at a position, all inside of text.
func classify(w *window, text string, at int) { classifyTable(w, text, at) }
