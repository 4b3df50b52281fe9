package faultfs

import "modernc.org/libc"

// What follows is the VFS below's own business: sizes, locks, the wal-index.

func shimFileSize(tls *libc.TLS, p, pSize uintptr) int32 {
	return function[pointerFunc](methodsBelow(p).FxFileSize)(tls, p+fileBytes, pSize)
}

func shimLock(tls *libc.TLS, p uintptr, level int32) int32 {
	return function[intFunc](methodsBelow(p).FxLock)(tls, p+fileBytes, level)
}

func shimUnlock(tls *libc.TLS, p uintptr, level int32) int32 {
	return function[intFunc](methodsBelow(p).FxUnlock)(tls, p+fileBytes, level)
}

func shimCheckReservedLock(tls *libc.TLS, p, pOut uintptr) int32 {
	return function[pointerFunc](methodsBelow(p).FxCheckReservedLock)(tls, p+fileBytes, pOut)
}

func shimSectorSize(tls *libc.TLS, p uintptr) int32 {
	return function[plainFunc](methodsBelow(p).FxSectorSize)(tls, p+fileBytes)
}

func shimDeviceCharacteristics(tls *libc.TLS, p uintptr) int32 {
	return function[plainFunc](methodsBelow(p).FxDeviceCharacteristics)(tls, p+fileBytes)
}

func shimShmMap(tls *libc.TLS, p uintptr, page, size, extend int32, pp uintptr) int32 {
	return function[shmMapFunc](methodsBelow(p).FxShmMap)(tls, p+fileBytes, page, size, extend, pp)
}

func shimShmLock(tls *libc.TLS, p uintptr, off, n, flags int32) int32 {
	return function[shmLockFunc](methodsBelow(p).FxShmLock)(tls, p+fileBytes, off, n, flags)
}

func shimShmBarrier(tls *libc.TLS, p uintptr) {
	function[barrierFunc](methodsBelow(p).FxShmBarrier)(tls, p+fileBytes)
}

func shimShmUnmap(tls *libc.TLS, p uintptr, remove int32) int32 {
	return function[intFunc](methodsBelow(p).FxShmUnmap)(tls, p+fileBytes, remove)
}
