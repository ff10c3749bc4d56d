//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const lockFile = "holdfast.lock"

var errInUse = errors.New("another process uses it; end that one, or choose another --dir")

// lockDir makes sure that no other process keeps its data in the directory. The system forgets the lock with the
// process. What is locked is the directory itself, since a disk that is full takes no file; or a file in it where the
// system locks no directories, as on NFS.
//
// Whoever has had a lock of that name before has ended: name tells this directory from a copy of it, and this start of
// the machine from others. It is empty where that can't be told.
func lockDir(dir *os.Root) (release func() error, name string, err error) {
	if release, name, err = lock(dir.Open(".")); err == nil || errors.Is(err, errInUse) {
		return release, name, err
	}
	if release, name, err = lock(dir.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o644)); err != nil &&
		!errors.Is(err, errInUse) {
		err = fmt.Errorf("locking %s: %w", lockFile, err)
	}
	return release, name, err
}

func lock(f *os.File, err error) (release func() error, name string, _ error) {
	if err != nil {
		return nil, "", err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errInUse
		}
		return nil, "", errors.Join(err, f.Close())
	}
	return f.Close, lockName(f), nil
}

// bootID names a start of the machine, on Linux.
const bootID = "/proc/sys/kernel/random/boot_id"

func lockName(f *os.File) string {
	boot, err := os.ReadFile(bootID)
	if err != nil {
		return ""
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return ""
	}
	return fmt.Sprintf("%s/%d/%d", strings.TrimSpace(string(boot)), st.Dev, st.Ino)
}
