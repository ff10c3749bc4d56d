package persist

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"holdfast/node/engine"
	"holdfast/replication/aof"
)

// Disk keeps the node's log on disk, where it is to be kept there: appendonly yes. It changes its mind with the
// setting.
type Disk struct {
	*Config
	snapshots *Snapshots
	kept      atomic.Pointer[writer] // nil: the log is not kept
	// the log on disk that is not kept; nil: there is none. Guarded by the execution lock
	left     *left
	rewrites rewrites
	temps    atomic.Int64 // numbers temporary files

	// Rebuild is held while the data is rebuilt from disk, and where an epoch is adopted: nobody leads, nor follows
	// anybody else, with data that is there in part. It comes before a writer's lock and the execution lock.
	Rebuild engine.Locker
}

func newDisk(c *Config, s *Snapshots) *Disk {
	return &Disk{Config: c, snapshots: s, Rebuild: c.NewLock()}
}

// Kept reports whether the log is kept on disk.
func (d *Disk) Kept() bool { return d.kept.Load() != nil }

// HasLog reports whether there is a log on disk that was kept before this start.
func (d *Disk) HasLog() bool {
	w := d.kept.Load()
	return w != nil && w.files.Exists()
}

// Write has the log's new bytes brought to disk, and reports whether they are kept there. Whoever has appended calls it
// before its replies may leave; the log's commit point, on which all replies wait, does not pass what is not stored.
func (d *Disk) Write() (kept bool) {
	w := d.kept.Load()
	if w != nil {
		w.write()
	}
	return w != nil
}

// NoteIdentity has the log's new name or epoch brought to disk now, not by the next write, which would wait for it.
func (d *Disk) NoteIdentity() {
	if w := d.kept.Load(); w != nil {
		d.Go(w.force)
	}
}

// WriteError says why nothing can be written to disk; nil while it can.
func (d *Disk) WriteError() error {
	if w := d.kept.Load(); w != nil {
		if text := w.failed.Load(); text != nil {
			return errors.New(*text)
		}
	}
	return nil
}

// Close writes what is left and ends the log on disk.
func (d *Disk) Close() error { return d.kept.Load().close() }

// open looks at what is on disk, where the log is to be kept there.
func (d *Disk) open() error {
	switch {
	case d.Files == nil:
		return nil
	case !d.Settings.AppendOnly():
		d.passLog()
		return nil
	}
	files, err := d.openFiles(true)
	if err != nil {
		return fmt.Errorf("%w; mend it with holdfast check-log, or move the directory away to start empty", err)
	}
	d.kept.Store(newWriter(d, files))
	return nil
}

func (d *Disk) openFiles(adopt bool) (*aof.Files, error) {
	return aof.Open(aof.Config{
		FS: d.Files, Dir: d.Settings.AppendDirName(), Name: d.Settings.AppendFilename(),
		Retain: d.Settings.ReplLogRetention, Adopt: adopt,
		Progress: d.Loader.Count,
		Temps:    &d.temps,
	})
}

// Keep follows the directive appendonly when it is changed. It needs the execution lock, which CONFIG SET holds.
func (d *Disk) Keep(yes bool) error {
	w := d.kept.Load()
	switch l := d.left; {
	case yes == (w != nil):
	case yes && l != nil && !l.ended():
		d.Go(func() {
			<-l.closed
			d.Engine.Do(func(time.Time) {
				if err := d.Keep(d.Settings.AppendOnly()); err != nil {
					d.Logger.Error("the log on disk can't be begun", "err", err)
				}
			})
		})
	case yes:
		if l != nil {
			l.giveUp()
			d.left = nil
		}
		if err := d.open(); err != nil {
			return err
		}
		if w := d.kept.Load(); w != nil {
			d.Go(w.run) // begins the log, as there is none to go on with
		}
	default:
		d.kept.Store(nil)
		l := d.leave(w.files, aof.Left{At: d.Now().UnixMilli()})
		d.Engine.Log.LeaveDisk()
		d.Engine.Feeder.Push()
		close(w.ended)
		d.Go(func() {
			defer close(l.closed)
			if err := w.close(); err != nil {
				d.Logger.Error("ending the log on disk", "err", err)
			}
		})
	}
	return nil
}

// NewHistory gives the log another id from here on. It needs the execution lock.
func (d *Disk) NewHistory() {
	defer d.Engine.StandStill()()
	d.Engine.Log.ContinueAs(d.freshID())
}

// ContinueAs has the log go on under a predecessor's id, unless the node has come to follow somebody else, or to lead,
// since it asked: then the log has a name of its own already. It takes the lock.
func (d *Disk) ContinueAs(id string, by *engine.Source) error {
	d.lock()
	defer d.unlock()
	if !d.Engine.Follows(by) {
		return engine.ErrSuperseded
	}
	d.Engine.Log.ContinueAs(id)
	d.NoteIdentity()
	return nil
}

// identity is what the log is called now.
func (d *Disk) identity() aof.Identity {
	log := d.Engine.Log
	id := aof.Identity{ID: log.ID(), Epoch: d.Epochs.Log.Load(), Incarnation: d.RunID}
	for _, f := range log.Formers() {
		id.Former = append(id.Former, aof.Former{ID: f.ID, Until: f.Until})
	}
	return id
}

// state describes the log on disk.
func (d *Disk) state() LogFiles {
	r := &d.rewrites
	l := LogFiles{
		BaseSize: r.baseSize.Load(), WriteError: d.WriteError(), Rewriting: r.running,
		RewritingFor: time.Since(r.began),
		Scheduled:    r.scheduled, RewriteOK: r.ok, RewriteTook: r.took, Rewrites: r.count, Failures: r.failures,
	}
	if w := d.kept.Load(); w != nil {
		l.Enabled, l.Size = true, w.files.Size()
		if stored := w.stored.Load(); stored > 0 {
			l.Unwritten = d.Engine.Log.End() - stored
		}
	}
	return l
}

// writeImage writes an image to a base and to disk, or gives the base up.
func (d *Disk) writeImage(im *Image, base *aof.Base) error {
	_, err := im.WriteTo(d.syncedBase(base))
	if err == nil {
		err = base.Sync()
	}
	if err != nil {
		return errors.Join(err, base.Abort())
	}
	return nil
}

// syncedBase is a base that is synced as it is written.
func (d *Disk) syncedBase(base *aof.Base) io.Writer {
	return syncedIncrementally(base, d.Settings, "aof-rewrite-incremental-fsync")
}
