package persist

import (
	"errors"
	"sync/atomic"
	"time"

	"holdfast/resp"
)

// rewrites is what is known of rewriting the log; all but baseSize is guarded by the execution lock.
type rewrites struct {
	running   bool
	scheduled bool // one begins as soon as it can
	began     time.Time
	took      time.Duration
	ok        bool // the last one succeeded
	count     int64
	failures  int64        // in a row
	baseSize  atomic.Int64 // bytes on disk after the last rewrite, or the load
}

// The refusals of BGREWRITEAOF.
const (
	errRewriting = resp.Error("ERR Background append only file rewriting already in progress")
	errNoLog     = resp.Error("ERR the log is not kept on disk")
)

// Rewrite makes a new base of the present data, so that the log before it is only kept for replicas that were away.
// Where no log is kept, the base alone is written. While another snapshot is being made it is scheduled, if so wanted.
func (d *Disk) Rewrite(schedule, later bool) (scheduled bool, err error) {
	defer d.Engine.StandStill()()
	switch {
	case d.Files == nil:
		return false, errNoDir
	case d.Engine.Data.Partial:
		return false, resp.ErrLoading
	case d.rewrites.running:
		return false, errRewriting
	case later:
		d.rewrites.scheduled = true
		return true, nil
	}
	im, ok := d.snapshots.try()
	if !ok {
		d.rewrites.scheduled = d.rewrites.scheduled || schedule
		return true, nil
	}
	w := d.kept.Load()
	if w != nil {
		w.roll.Store(&rollPoint{im.pos.Offset, max(d.Engine.Data.StreamDB, 0)})
	}
	d.rewrites.running, d.rewrites.scheduled, d.rewrites.began = true, false, time.Now()
	d.Go(func() { d.rewrite(w, im) })
	return false, nil
}

// rewrite writes the new base while the node goes on.
func (d *Disk) rewrite(w *writer, im *Image) {
	var err error
	if w != nil {
		err = w.writeBase(im)
	} else {
		err = d.writeBaseAlone(im)
	}
	err = errors.Join(err, im.Close())
	d.lock()
	r := &d.rewrites
	took := time.Since(r.began)
	r.running, r.ok, r.took = false, err == nil, took
	givenUp := errors.Is(err, errGivenUp)
	if r.count++; err != nil && !givenUp {
		r.failures++
	} else {
		r.failures = 0
	}
	d.unlock()
	if givenUp {
		d.Logger.Info("gave a rewrite of the log up, as the node is to end; it goes on as it is")
		return
	}
	if err != nil {
		d.Logger.Error("rewriting the log failed; it goes on as it is", "err", err)
		return
	}
	d.Logger.Info("rewrote the log", "took", took.Round(time.Millisecond))
}

// writeBaseAlone begins a log on disk that nobody goes on with.
func (d *Disk) writeBaseAlone(im *Image) error {
	d.lock()
	l := d.left
	d.unlock()
	if l == nil {
		files, err := d.openFiles(false)
		if err != nil {
			return err
		}
		l = &left{files: files, closed: make(chan struct{})}
		close(l.closed)
	}
	<-l.closed
	if err := l.restart(d, im); err != nil {
		return err
	}
	d.lock()
	defer d.unlock()
	if d.left == nil && d.kept.Load() == nil {
		d.left = l
	}
	return nil
}

func (w *writer) writeBase(im *Image) error {
	base, err := w.files.NewBase()
	if err != nil {
		return err
	}
	if err := w.disk.writeImage(im, base); err != nil {
		return err
	}
	w.force() // the log goes on in a new file where the image was fixed, also when nobody has written since
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isKept() { // somebody else may be about to write there
		return errors.Join(errNotKept, base.Abort())
	}
	if err := base.Commit(im.pos.Offset); err != nil {
		return err
	}
	w.disk.rewrites.baseSize.Store(w.files.Size())
	w.tellStored()
	return nil
}

// rewriteIfDue rewrites the log when it has grown as auto-aof-rewrite-percentage and -min-size say.
func (w *writer) rewriteIfDue() {
	percent, least := w.Settings.Int("auto-aof-rewrite-percentage"), w.Settings.Int("auto-aof-rewrite-min-size")
	size, base := w.files.Size(), max(w.disk.rewrites.baseSize.Load(), 1)
	if percent == 0 || size < least || (size-base)*100/base < percent {
		w.splitIfDue()
		return
	}
	w.Engine.Do(func(time.Time) {
		if r := &w.disk.rewrites; r.failures == 0 || time.Since(r.began) > rewriteRetry {
			_, _ = w.disk.Rewrite(false, false) // not while a replica is being copied to: the next second tries again
		}
	})
}

const rewriteRetry = time.Minute

// splitIfDue has the log go on in a new file when the last one is large: history is dropped, and kept, in whole files.
func (w *writer) splitIfDue() {
	if w.files.Last() < splitSize {
		return
	}
	w.Engine.Do(func(time.Time) {
		if w.roll.Load() == nil {
			if w.Engine.Master() {
				w.Engine.Effects.Reselect()
			}
			w.roll.Store(&rollPoint{w.log().End(), max(w.Engine.Data.StreamDB, 0)})
		}
	})
}

const splitSize = 16 << 20
