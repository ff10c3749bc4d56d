package node

import (
	"errors"
	"sync/atomic"
	"time"

	"holdfast/node/command"
	"holdfast/replication/aof"
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

// Rewrite makes a new base of the present data, so that the log before it is only kept for replicas that were away. Where no log is
// kept, the base alone is written. While another snapshot is being made it is scheduled, if so wanted.
func (n *Node) Rewrite(schedule bool) (scheduled bool, err error) {
	switch {
	case n.files == nil:
		return false, errNoDir
	case n.rewrites.running:
		return false, errRewriting
	}
	select {
	case <-n.snapshots:
	default:
		n.rewrites.scheduled = n.rewrites.scheduled || schedule
		return true, nil
	}
	im := n.newImage()
	d := n.disk()
	if d != nil {
		d.roll.Store(&rollPoint{im.pos.Offset, max(n.streamDB, 0)})
	}
	n.rewrites.running, n.rewrites.scheduled, n.rewrites.began = true, false, time.Now()
	n.work.Go(func() { n.rewrite(d, im) })
	return false, nil
}

// rewrite writes the new base while the node goes on.
func (n *Node) rewrite(d *disk, im *image) {
	var err error
	if d != nil {
		err = d.writeBase(im)
	} else {
		err = n.writeBaseAlone(im)
	}
	err = errors.Join(err, im.Close())
	n.mu.Lock()
	r := &n.rewrites
	took := time.Since(r.began)
	r.running, r.ok, r.took = false, err == nil, took
	if r.count++; err != nil {
		r.failures++
	} else {
		r.failures = 0
	}
	n.mu.Unlock()
	if err != nil {
		n.logger.Error("rewriting the log failed; it goes on as it is", "err", err)
		return
	}
	n.logger.Info("rewrote the log", "took", took.Round(time.Millisecond))
}

// writeBaseAlone begins a log on disk that nobody goes on with.
func (n *Node) writeBaseAlone(im *image) error {
	files, err := n.openFiles()
	if err != nil {
		return err
	}
	base, err := files.NewBase()
	if err != nil {
		return err
	}
	if err := n.writeImage(im, base); err != nil {
		return err
	}
	return errors.Join(base.Restart(n.logIdentity(), im.pos.Offset, 0), files.Close())
}

// writeImage writes an image to a base and to disk, or gives the base up.
func (n *Node) writeImage(im *image, base *aof.Base) error {
	_, err := im.WriteTo(n.piecewise(base, "aof-rewrite-incremental-fsync"))
	if err == nil {
		err = base.Sync()
	}
	if err != nil {
		return errors.Join(err, base.Abort())
	}
	return nil
}

func (d *disk) writeBase(im *image) error {
	base, err := d.files.NewBase()
	if err != nil {
		return err
	}
	if err := d.n.writeImage(im, base); err != nil {
		return err
	}
	d.force() // the log goes on in a new file where the image was fixed, also when nobody has written since
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := base.Commit(im.pos.Offset); err != nil {
		return err
	}
	d.n.rewrites.baseSize.Store(d.files.Size())
	d.tellStored()
	return nil
}

// logFiles describes the log on disk.
func (n *Node) logFiles() command.LogFiles {
	r := &n.rewrites
	l := command.LogFiles{
		BaseSize: r.baseSize.Load(), WriteError: n.WriteError(), Rewriting: r.running, RewritingFor: time.Since(r.began),
		Scheduled: r.scheduled, RewriteOK: r.ok, RewriteTook: r.took, Rewrites: r.count, Failures: r.failures,
	}
	if d := n.disk(); d != nil {
		l.Enabled, l.Size = true, d.files.Size()
		if stored := d.stored.Load(); stored > 0 {
			l.Unwritten = n.log.End() - stored
		}
	}
	return l
}

// rewriteIfDue rewrites the log when it has grown as auto-aof-rewrite-percentage and -min-size say.
func (d *disk) rewriteIfDue() {
	percent, least := d.n.settings.Int("auto-aof-rewrite-percentage"), d.n.settings.Int("auto-aof-rewrite-min-size")
	size, base := d.files.Size(), max(d.n.rewrites.baseSize.Load(), 1)
	if percent == 0 || size < least || (size-base)*100/base < percent {
		d.splitIfDue()
		return
	}
	d.n.do(func(time.Time) {
		if r := &d.n.rewrites; r.failures == 0 || time.Since(r.began) > rewriteRetry {
			_, _ = d.n.Rewrite(false) // not while a replica is being copied to: the next second tries again
		}
	})
}

const rewriteRetry = time.Minute

// splitIfDue has the log go on in a new file when the last one is large: history is dropped, and kept, in whole files.
func (d *disk) splitIfDue() {
	if d.files.Last() < splitSize {
		return
	}
	d.n.do(func(time.Time) {
		if d.roll.Load() == nil {
			if d.n.place.master {
				d.n.env.Effects.Reselect()
			}
			d.roll.Store(&rollPoint{d.n.log.End(), max(d.n.streamDB, 0)})
		}
	})
}

const splitSize = 16 << 20
