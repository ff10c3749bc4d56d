package aof

import (
	"os"
	"sync/atomic"
	"time"
)

// osFile is a file of the operating system. Go's scheduler isn't told of calls that ought to be brief; see brief.
type osFile struct {
	*os.File
	syncing       *atomic.Int32 // syncs of files beside it that are under way: a write may have to wait for them
	syncs, writes brief
}

// Sync makes what was written survive a loss of power: bytes and size, not the file's times.
func (f *osFile) Sync() error {
	f.syncing.Add(1)
	defer f.syncing.Add(-1)
	began := time.Now()
	untold := f.syncs.expected(began)
	err := datasync(f.File, untold)
	f.syncs.took(began, time.Now())
	return err
}

// Write writes behind what was written last, or at the end.
func (f *osFile) Write(p []byte) (n int, err error) {
	began := time.Now()
	if f.untold(p, began) {
		n = writeUntold(f.File, p)
	}
	if n < len(p) {
		var rest int
		rest, err = f.File.Write(p[n:])
		n += rest
	}
	f.writes.took(began, time.Now())
	return n, err
}

// WriteAt writes from a place in the file on.
func (f *osFile) WriteAt(p []byte, at int64) (n int, err error) {
	began := time.Now()
	if f.untold(p, began) {
		n = writeAtUntold(f.File, p, at)
	}
	if n < len(p) {
		var rest int
		rest, err = f.File.WriteAt(p[n:], at+int64(n))
		n += rest
	}
	f.writes.took(began, time.Now())
	return n, err
}

// untold reports whether a write that begins now ought to be brief.
func (f *osFile) untold(p []byte, now time.Time) bool {
	return len(p) <= smallCall && f.syncing.Load() == 0 && f.writes.expected(now)
}

// Size is the file's size in bytes.
func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
