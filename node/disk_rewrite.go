package node

import (
	"errors"
	"sync/atomic"
	"time"

	"holdfast/node/command"
	"holdfast/resp"
)

// rewrites is what is known of rewriting the log; all but baseSize is guarded by the execution lock.
type rewrites struct {
	running  bool
	began    time.Time
	took     time.Duration
	ok       bool // the last one succeeded
	count    int64
	failures int64        // in a row
	baseSize atomic.Int64 // bytes on disk after the last rewrite, or the load
}

// The refusals of BGREWRITEAOF.
const (
	errRewriting = resp.Error("ERR Background append only file rewriting already in progress")
	errNoLog     = resp.Error("ERR the log is not kept on disk: set appendonly yes")
)

// Rewrite makes a new base of the present data, so that the log before it is only kept for replicas that were away.
func (n *Node) Rewrite() error {
	d := n.disk()
	switch {
	case d == nil:
		return errNoLog
	case d.rewrites.running:
		return errRewriting
	}
	select {
	case <-n.snapshots:
	default:
		return resp.Error("ERR another snapshot is being made, try again when that has ended")
	}
	im := n.newImage()
	d.roll.Store(&rollPoint{im.pos.Offset, max(n.streamDB, 0)})
	r := &d.rewrites
	r.running, r.began = true, time.Now()
	n.work.Go(func() { d.rewrite(im) })
	return nil
}

// rewrite writes the new base while the node goes on.
func (d *disk) rewrite(im *image) {
	err := d.writeBase(im)
	err = errors.Join(err, im.Close())
	n := d.n
	n.mu.Lock()
	r := &d.rewrites
	took := time.Since(r.began)
	r.running, r.ok, r.took = false, err == nil, took
	if r.count++; err != nil {
		r.failures++
	} else {
		r.failures = 0
		r.baseSize.Store(d.files.Size())
	}
	n.mu.Unlock()
	if err != nil {
		n.logger.Error("rewriting the log failed; it goes on as it is", "err", err)
		return
	}
	n.logger.Info("rewrote the log", "bytes", d.files.Size(), "took", took.Round(time.Millisecond))
}

func (d *disk) writeBase(im *image) error {
	d.force() // the log goes on in a new file where the image was fixed
	base, err := d.files.NewBase()
	if err != nil {
		return err
	}
	if _, err := im.WriteTo(base); err != nil {
		return errors.Join(err, base.Abort())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := base.Commit(im.pos.Offset); err != nil {
		return err
	}
	d.tellStored()
	return nil
}

// logFiles describes the log on disk.
func (n *Node) logFiles() command.LogFiles {
	d := n.disk()
	if d == nil {
		return command.LogFiles{}
	}
	r := &d.rewrites
	return command.LogFiles{
		Enabled: true, Size: d.files.Size(), BaseSize: r.baseSize.Load(), WriteError: n.WriteError(),
		Rewriting: r.running, RewritingFor: time.Since(r.began), RewriteOK: r.ok, RewriteTook: r.took, Rewrites: r.count, Failures: r.failures,
	}
}

// rewriteIfDue rewrites the log when it has grown as auto-aof-rewrite-percentage and -min-size say.
func (d *disk) rewriteIfDue() {
	percent, least := d.n.settings.Int("auto-aof-rewrite-percentage"), d.n.settings.Int("auto-aof-rewrite-min-size")
	size, base := d.files.Size(), max(d.rewrites.baseSize.Load(), 1)
	if percent == 0 || size < least || (size-base)*100/base < percent {
		return
	}
	d.n.do(func(time.Time) {
		if r := &d.rewrites; r.failures == 0 || time.Since(r.began) > rewriteRetry {
			_ = d.n.Rewrite() // refused while a replica is being copied to: the next second tries again
		}
	})
}

const rewriteRetry = time.Minute
