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
	brief := f.syncs.expected(began) && !f.disk.behind(began)
	err := datasync(f.File, brief)
	f.syncs.took(began, time.Now())
	return err
}

// Write writes behind what was written last.
func (f *osFile) Write(p []byte) (n int, err error) {
	began := time.Now()
	if f.expectsBrief(p, began) {
		n = rawWrite(f.File, p)
	}
	if n < len(p) {
		var rest int
		rest, err = f.File.Write(p[n:])
		n += rest
	}
	f.wrote(n, began)
	return n, err
}

// WriteAt writes from a place in the file on.
func (f *osFile) WriteAt(p []byte, at int64) (n int, err error) {
	began := time.Now()
	if f.expectsBrief(p, began) {
		n = rawWriteAt(f.File, p, at)
	}
	if n < len(p) {
		var rest int
		rest, err = f.File.WriteAt(p[n:], at+int64(n))
		n += rest
	}
	f.wrote(n, began)
	return n, err
}

func (f *osFile) wrote(n int, began time.Time) {
	ended := time.Now()
	f.disk.took(n, ended)
	f.writes.took(began, ended)
	if took := ended.Sub(began); took >= briefCall {
		f.disk.waits.Store(ended.Add(min(max(callsSoon, distrust*took), maxDistrust)).UnixNano())
	}
}

// expectsBrief reports whether a write that begins now ought to be brief.
func (f *osFile) expectsBrief(p []byte, now time.Time) bool {
	return len(p) <= smallCall && !f.disk.busy(now) && !f.disk.behind(now) && f.writes.expected(now)
}

// disk is what is known of the disk below files that lie beside each other.
type disk struct {
	working atomic.Int32 // syncs and removals that are under way: a write may have to wait for them
	waits   atomic.Int64 // until then writes may take long, as one just has; in nanoseconds since 1970
	freeing sync.Mutex   // held while a removed file's blocks are given back

	mu   sync.Mutex // guards the rest
	owed int64      // bytes that the disk may not have taken yet, at
	at   time.Time
}

const (
	// diskPace is how many bytes a second any disk takes.
	diskPace = 16 << 20
	// maxOwed is how many bytes the kernel takes at once, also where the disk is slow. Whoever writes more may be
	// made to wait for the disk, for seconds.
	maxOwed = 16 << 20
	// distrust times as long as a write took, writes may take long again.
	distrust    = 10
	maxDistrust = 10 * time.Second
)

func (d *disk) busy(now time.Time) bool {
	return d.working.Load() > 0 || now.UnixNano() < d.waits.Load()
}

// took notes that n bytes were written by now.
func (d *disk) took(n int, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle(now)
	d.owed += int64(n)
}

// behind reports whether so much was written of late that the next write, or sync, may have to wait for the disk.
func (d *disk) behind(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle(now)
	return d.owed > maxOwed
}

// settle needs mu.
func (d *disk) settle(now time.Time) {
	d.owed = max(d.owed-int64(now.Sub(d.at).Seconds()*diskPace), 0)
	d.at = now
}

// Size is the file's size in bytes.
func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
