//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const lockFile = "holdfast.lock"

// lockDir makes sure that no other process keeps its log in the directory. The system forgets the lock with the process.
func lockDir(dir *os.Root) (release func() error, err error) {
	f, err := dir.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", lockFile, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errors.New("another process uses it; end that one, or choose another --dir")
		}
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
