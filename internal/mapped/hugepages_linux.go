package mapped

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// HugePages asks the kernel to back a large table with huge pages, so that looking up in
// it does not wait for addresses too. It is asked before the first use; if it refuses,
// only time is lost.
func HugePages(p unsafe.Pointer, size uintptr) {
	page := uintptr(unix.Getpagesize())
	skip := -uintptr(p) % page
	if size < skip+page {
		return
	}
	inside := unsafe.Slice((*byte)(unsafe.Add(p, skip)), (size-skip)/page*page)
	_ = unix.Madvise(inside, unix.MADV_HUGEPAGE)
}
