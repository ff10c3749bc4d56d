package persist

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"holdfast/node/dump"
	"holdfast/node/engine"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/replication"
)

// sliceEntries is how many entries a snapshot saves in one turn under the execution lock, fewer when they are large: 64
// KiB, which take a fraction of a millisecond also where they are compressed.
const sliceEntries = 128

// Image is a snapshot in the making: a point in time of the data at a position of the log. The store emits entries into
// rdb, which writes to ready; these and what follows them are guarded by the execution lock. Large values are only
// frozen under the lock, and written when it was given back.
type Image struct {
	of     *Snapshots
	pos    replication.Position
	began  int64         // unix milliseconds
	policy engine.Policy // by which keys carry what is known of their use
	locked bool          // it is made under the lock as a whole

	rdb     *rdb.Writer
	ready   bytes.Buffer
	walk    *store.Snapshot
	db      int // that rdb has selected since ready was last emptied, or -1
	frozen  []frozen
	writing bool // the first of the frozen values is being written, outside the lock
	failed  error
	closed  bool
	given   chan struct{} // closed with it
	delay   int64         // rdb-key-save-delay as it was when it began, as for a process that was forked then

	keys, saved int // in the data, and of them written or frozen
	delayed     int // keys that were waited for
}

// frozen is a large value that is to be written.
type frozen struct {
	value             *store.Frozen
	db, keys, expires int
	idle              int64
	freq              int
}

// emit saves one entry; the store calls it under the execution lock. A large one is only frozen there.
func (im *Image) emit(db int, it store.Item) error {
	im.saved++
	idle, freq := im.policy.Data(it.Access(), im.began)
	keys, expires := im.walk.Size(db)
	if !im.locked {
		if f, ok := im.of.Engine.Store.Freeze(it); ok {
			im.frozen = append(im.frozen, frozen{f, db, keys, expires, idle, freq})
			return nil
		}
	}
	if db != im.db {
		im.db = db
		if err := im.rdb.SelectDB(db, keys, expires); err != nil {
			return err
		}
	}
	e := dump.Entry(it)
	e.Idle, e.Freq = idle, freq
	return im.rdb.Entry(e)
}

// WriteTo writes the image, slice by slice, while the node goes on.
func (im *Image) WriteTo(w io.Writer) (written int64, err error) {
	out := &summed{im: im, w: w}
	var spare bytes.Buffer
	for done := false; !done; {
		im.slice(func() {
			done, err = im.step()
			spare, im.ready = im.ready, spare
		})
		if err == nil {
			_, err = spare.WriteTo(out)
		}
		if err == nil {
			err = im.writeFrozen(out)
		}
		if err == nil {
			err = im.wait()
		}
		if err != nil {
			return out.n, err
		}
	}
	return out.n, out.end()
}

// slice runs f under the execution lock and notes for how long that held everybody else up.
func (im *Image) slice(f func()) {
	s := im.of
	s.lock()
	defer s.unlock()
	f()
	s.slice = max(s.slice, s.Engine.Held())
}

// writeLocked is WriteTo for an image that is made under the execution lock as a whole.
func (im *Image) writeLocked(w io.Writer) error {
	out := &summed{im: im, w: w}
	im.locked = true
	for done := false; !done; {
		var err error
		if done, err = im.step(); err == nil {
			_, err = im.ready.WriteTo(out)
		}
		if err == nil {
			err = im.wait()
		}
		if err != nil {
			return err
		}
	}
	return out.end()
}

// step saves some more entries; it needs the execution lock. What it leaves in ready can be put between whatever else.
func (im *Image) step() (done bool, err error) {
	s := im.of
	if im.closed || s.stopped() || s.Engine.Data.Loading && s.Loader.Interruption() != nil {
		return false, errGivenUp
	}
	if im.failed != nil {
		return false, im.failed
	}
	entries := sliceEntries
	if im.delay != 0 {
		entries = 1
	}
	if done, err = im.walk.Step(entries); err == nil {
		err = im.rdb.Flush()
	}
	im.db = -1
	return done, err
}

// errGivenUp is why an image that is closed early can't be written any further.
var errGivenUp = fmt.Errorf("snapshot: %w", context.Canceled)

// wait is rdb-key-save-delay, for the keys that were saved since it was called last.
func (im *Image) wait() error {
	if im.delay == 0 {
		return nil
	}
	var pause time.Duration
	for ; im.delayed < im.saved; im.delayed++ {
		pause += delay(im.delay)
	}
	select {
	case <-time.After(pause):
		return nil
	case <-im.given:
		return errGivenUp
	case <-im.of.Stopped:
		return errGivenUp
	}
}

// writeFrozen writes the large values that were met, outside the lock.
func (im *Image) writeFrozen(out *summed) error {
	for {
		var f frozen
		im.slice(func() {
			if im.writing = len(im.frozen) > 0 && !im.closed; im.writing {
				f = im.frozen[0]
			}
		})
		if f.value == nil {
			return nil
		}
		err := im.writeValue(f, out)
		im.slice(func() {
			im.writing = false
			im.thaw(1)
			if im.closed {
				im.giveUp()
			}
		})
		if err != nil {
			return err
		}
	}
}

func (im *Image) writeValue(f frozen, out *summed) error {
	w := rdb.NewWriter(out)
	w.Compress, w.Checksum = im.of.Settings.RDBCompression(), false
	w.SelectDB(f.db, f.keys, f.expires)
	e := dump.FrozenEntry(f.value)
	e.Idle, e.Freq = f.idle, f.freq
	w.Entry(e)
	return w.Flush()
}

// thaw gives up the first n frozen values; it needs the execution lock.
func (im *Image) thaw(n int) {
	for _, f := range im.frozen[:n] {
		f.value.Release()
	}
	im.frozen = im.frozen[n:]
}

// Close gives up what the image holds: at once, or, when a frozen value is just being written, then. It does not wait
// for a command to end: a follower that has its copy needs the log that goes on meanwhile.
func (im *Image) Close() error {
	s := im.of
	if s.Engine.TryLock() {
		im.end()
		s.unlock()
		return nil
	}
	s.Go(func() {
		s.lock()
		defer s.unlock()
		im.end()
	})
	return nil
}

// end is Close for who has the execution lock.
func (im *Image) end() {
	if im.closed {
		return
	}
	im.closed = true
	close(im.given)
	im.walk.Close()
	if !im.writing {
		im.giveUp()
	}
}

// giveUp lets the next image be made.
func (im *Image) giveUp() {
	im.thaw(len(im.frozen))
	im.of.current = nil
	im.of.free <- struct{}{}
}

// summed counts and sums what is written, a slice at a time, and lets others run after each.
type summed struct {
	im  *Image
	w   io.Writer
	sum uint64
	n   int64
}

func (s *summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.sum = rdb.CRC64(s.sum, p[:n])
	s.n += int64(n)
	if yield := s.im.of.Yield; yield != nil && !s.im.locked {
		yield() // the scheduler would let a goroutine that always has work go on for 10 ms
	}
	return n, err
}

// end writes the end mark and the checksum.
func (s *summed) end() error {
	_, err := s.Write(rdb.AppendEnd(nil, s.sum, s.im.of.Settings.RDBChecksum()))
	return err
}
