package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"holdfast/node/dump"
	"holdfast/node/rdb"
)

// WriteTo writes the image, slice by slice, while the node goes on.
func (im *image) WriteTo(w io.Writer) (written int64, err error) {
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
		if err != nil {
			return out.n, err
		}
	}
	return out.n, out.end()
}

// slice runs f under the execution lock and notes for how long that held everybody else up.
func (im *image) slice(f func()) {
	n := im.n
	n.mu.Lock()
	defer n.mu.Unlock()
	turn := n.env.BeginTurn()
	f()
	n.saves.slice = max(n.saves.slice, time.Duration(n.env.EndTurn(turn)-turn))
}

// writeLocked is WriteTo for an image that is made under the execution lock as a whole.
func (im *image) writeLocked(w io.Writer) error {
	out := &summed{im: im, w: w}
	im.locked = true
	for done := false; !done; {
		var err error
		if done, err = im.step(); err == nil {
			_, err = im.ready.WriteTo(out)
		}
		if err != nil {
			return err
		}
	}
	return out.end()
}

// step saves some more entries; it needs the execution lock. What it leaves in ready can be put between whatever else.
func (im *image) step() (done bool, err error) {
	if im.closed {
		return false, fmt.Errorf("snapshot: %w", context.Canceled)
	}
	if im.failed != nil {
		return false, im.failed
	}
	if done, err = im.walk.Step(sliceEntries); err == nil {
		err = im.rdb.Flush()
	}
	im.db = -1
	return done, err
}

// writeFrozen writes the large values that were met, outside the lock.
func (im *image) writeFrozen(out *summed) error {
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

func (im *image) writeValue(f frozen, out *summed) error {
	w := rdb.NewWriter(out)
	w.Compress, w.Checksum = im.n.settings.RDBCompression(), false
	w.SelectDB(f.db, f.keys, f.expires)
	e := dump.FrozenEntry(f.value)
	e.Idle, e.Freq = f.idle, f.freq
	w.Entry(e)
	return w.Flush()
}

// thaw gives up the first n frozen values; it needs the execution lock.
func (im *image) thaw(n int) {
	for _, f := range im.frozen[:n] {
		f.value.Release()
	}
	im.frozen = im.frozen[n:]
}

// Close gives up what the image holds, at once, or, when a frozen value is just being written, then.
func (im *image) Close() error {
	im.n.mu.Lock()
	defer im.n.mu.Unlock()
	if im.closed {
		return nil
	}
	im.closed = true
	im.walk.Close()
	if !im.writing {
		im.giveUp()
	}
	return nil
}

// giveUp lets the next image be made.
func (im *image) giveUp() {
	im.thaw(len(im.frozen))
	im.n.imaging = nil
	im.n.snapshots <- struct{}{}
}

// summed counts and sums what is written, a slice at a time, and lets others run after each.
type summed struct {
	im  *image
	w   io.Writer
	sum uint64
	n   int64
}

func (s *summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.sum = rdb.CRC64(s.sum, p[:n])
	s.n += int64(n)
	if yield := s.im.n.yield; yield != nil && !s.im.locked {
		yield() // the scheduler would let a goroutine that always has work go on for 10 ms
	}
	return n, err
}

// end writes the end mark and the checksum.
func (s *summed) end() error {
	_, err := s.Write(rdb.AppendEnd(nil, s.sum, s.im.n.settings.RDBChecksum()))
	return err
}
