package token

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// classify finds the classes of the 64 bytes at a position, all inside of text.
func classify(w *window, text string, at int) {
	if cpu.X86.HasAVX2 {
		classifyAVX2((*byte)(unsafe.Add(unsafe.Pointer(unsafe.StringData(text)), at)), w)
		return
	}
	classifyTable(w, text, at)
}

//go:noescape
func classifyAVX2(p *byte, w *window)
