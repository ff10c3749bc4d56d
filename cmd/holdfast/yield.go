package main

import (
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// newYield makes a function that has Go's scheduler look at the network before it goes on with the caller. The
// scheduler does so when nobody is ready to run, and otherwise every 10 ms: runtime.Gosched doesn't make it. So the
// caller waits for a byte in a pipe that it writes itself; what was ready before that byte runs first.
//
// The scheduler isn't told of the system calls, which never block: see netloop/poll/conn_linux.go. Otherwise its
// monitor would be as busy with these few as with all.
func newYield() (func(), error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, err := in.SyscallConn()
	if err != nil {
		return nil, err
	}
	to, err := out.SyscallConn()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex // one can wait at a time
	var b byte
	var written, failed bool
	write := func(fd uintptr) bool {
		_, _, e := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&b)), 1)
		failed = e != 0
		return true
	}
	// The byte is written only when the wait has been prepared, lest it be noticed too early.
	wait := func(fd uintptr) (done bool) {
		if !written {
			written = true
			return to.Write(write) != nil || failed
		}
		// nobody else reads: it is there
		_, _, _ = syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&b)), 1)
		return true
	}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		written = false
		_ = from.Read(wait)
	}, nil
}
