package main

import (
	"os"
	"sync"
)

// newYield makes a function that has Go's scheduler look at the network before it goes on with the caller. The scheduler does so
// when nobody is ready to run, and otherwise every 10 ms: runtime.Gosched doesn't make it. So the caller waits for a
// byte in a pipe that it writes itself; what was ready before that byte runs first.
func newYield() (func(), error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	pipe, err := in.SyscallConn()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex // one can wait at a time
	b := []byte{0}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		written := false
		// The byte is written only when the wait has been prepared, lest it be noticed too early.
		err := pipe.Read(func(uintptr) (done bool) {
			if written {
				return true
			}
			written = true
			_, err := out.Write(b)
			return err != nil
		})
		if err == nil {
			_, _ = in.Read(b) // nobody else reads: it is there
		}
	}, nil
}
