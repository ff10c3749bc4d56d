//go:build unix

package openfiles

import "syscall"

// step is by how much less Redis tries where the operating system refuses.
const step = 16

// Raise is the Limit of this process.
func Raise(want uint64) (before, after uint64, err error) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return assumed, assumed, err
	}
	before = uint64(now.Cur)
	if before >= want {
		return before, before, nil
	}
	set := func(n uint64) error {
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: max(now.Max, n)})
	}
	if err = set(want); err == nil {
		return before, want, nil
	}
	return before, best(before, want, set), err
}

// best sets the highest limit below want that is allowed, and that Redis would find.
func best(before, want uint64, set func(uint64) error) uint64 {
	least, most := uint64(0), (want-before)/step // in steps below want: refused; allowed, or no gain
	for least < most {
		middle := (least + most) / 2
		if set(want-middle*step) == nil {
			most = middle
		} else {
			least = middle + 1
		}
	}
	if found := want - most*step; found > before && set(found) == nil {
		return found
	}
	return before
}

// assumed is the limit where the operating system doesn't tell.
const assumed = 1024
