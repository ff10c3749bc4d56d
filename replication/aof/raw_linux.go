//go:build amd64 || arm64

package aof

import (
	"os"
	"syscall"
	"unsafe"
)

// datasync is fdatasync(2); brief, without telling the scheduler.
func datasync(f *os.File, brief bool) error {
	call := syscall.Syscall
	if brief {
		call = syscall.RawSyscall
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) { // it can't be closed, and used again, meanwhile
		for {
			if _, _, errno = call(syscall.SYS_FDATASYNC, fd, 0, 0); errno != syscall.EINTR {
				return
			}
		}
	})
	if err == nil && errno != 0 {
		err = &os.PathError{Op: "sync", Path: f.Name(), Err: errno}
	}
	return err
}

// rawWrite writes without telling the scheduler, and answers how many bytes it has written: fewer than there are
// where something is wrong, which whoever writes the rest will find out.
func rawWrite(f *os.File, p []byte) (n int) {
	return rawCall(f, func(fd uintptr) (uintptr, syscall.Errno) {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)))
		return n, errno
	})
}

// rawWriteAt is rawWrite from a place in the file on.
func rawWriteAt(f *os.File, p []byte, at int64) (n int) {
	return rawCall(f, func(fd uintptr) (uintptr, syscall.Errno) {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_PWRITE64, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), uintptr(at), 0, 0)
		return n, errno
	})
}

func rawCall(f *os.File, write func(fd uintptr) (uintptr, syscall.Errno)) (n int) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	err = raw.Control(func(fd uintptr) {
		if written, errno := write(fd); errno == 0 {
			n = int(written)
		}
	})
	if err != nil {
		return 0
	}
	return n
}
