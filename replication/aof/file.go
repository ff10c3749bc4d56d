package aof

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// osFile is a file of the operating system. Go's scheduler isn't told of calls that ought to be brief; see brief.
type osFile struct {
	*os.File
	disk          *disk
	syncs, writes brief
}

// Sync makes what was written survive a loss of power: bytes and size, not the file's times.
func (f *osFile) Sync() error {
	f.disk.working.Add(1)
	defer f.disk.working.Add(-1)
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
	f.wrote(began)
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
	f.wrote(began)
	return n, err
}

func (f *osFile) wrote(began time.Time) {
	ended := time.Now()
	f.writes.took(began, ended)
	if ended.Sub(began) >= briefCall {
		f.disk.waited.Store(ended.UnixNano())
	}
}

// untold reports whether a write that begins now ought to be brief.
func (f *osFile) untold(p []byte, now time.Time) bool {
	return len(p) <= smallCall && f.disk.working.Load() == 0 && f.writes.expected(now)
}

// disk is what is known of the disk below files that lie beside each other.
type disk struct {
	working atomic.Int32 // syncs and removals that are under way: a write may have to wait for them
	waited  atomic.Int64 // when a write last took long, in nanoseconds since 1970
	freeing sync.Mutex   // held while a removed file's blocks are given back
}

func (d *disk) busy(now time.Time) bool {
	return d.working.Load() > 0 || now.UnixNano()-d.waited.Load() < int64(callsSoon)
}

// Size is the file's size in bytes.
func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
