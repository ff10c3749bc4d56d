package persist

import (
	"errors"
	"fmt"
	"io"
	"time"

	"holdfast/node/engine"
	"holdfast/node/store"
	"holdfast/replication"
	"holdfast/replication/aof"
	"holdfast/resp"
)

// ReloadLog replaces the data by what is on disk: DEBUG LOADAOF. unlink ends the link to the predecessor, so that
// nothing is appended; it is called under the execution lock, and relink, which puts it back, is not. done is told how
// that ended, under the execution lock, as the last thing of all. After an error the node has the data that it had.
func (d *Disk) ReloadLog(unlink func() (relink func()), done func(err error)) error {
	e := d.Engine
	switch {
	case d.Files == nil:
		return errNoDir
	case e.Data.Loading:
		return resp.ErrLoading
	case !d.Kept() && !(e.Master() && e.Effects.Off):
		return errNoLog // what another log says is not what others have
	}
	e.Data.Loading = true // nothing may change from here on
	d.Go(func() {
		err := d.reloadLog(unlink)
		e.Do(func(time.Time) {
			e.Data.Loading = e.Broken() != nil
			done(err)
		})
	})
	return nil
}

func (d *Disk) reloadLog(unlink func() (relink func())) error {
	d.Rebuild.Lock()
	defer d.Rebuild.Unlock()
	d.lock()
	relink := unlink()
	d.unlock()
	defer relink()
	if err := d.Engine.Broken(); err != nil {
		return err
	}
	if w := d.kept.Load(); w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if err := w.writeAll(); err != nil {
			return err
		}
		return w.reload()
	}
	files, err := d.openFiles(false)
	if err != nil {
		return err
	}
	return errors.Join(newWriter(d, files).reload(), files.Close())
}

// Rewind drops the log's end from offset on, which was never committed, and restores the data as it was there, unless
// by is no longer whom the node follows. If that fails the node is left with the data that it had, or with none.
func (d *Disk) Rewind(offset int64, by *engine.Source) error {
	w := d.kept.Load()
	if w == nil {
		return errNoLog
	}
	d.Rebuild.Lock()
	defer d.Rebuild.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	d.lock()
	err := d.Engine.Current(by)
	if err == nil && !w.isKept() {
		err = errNoLog
	}
	d.unlock()
	if err != nil {
		return err
	}
	w.endTap()
	if err := w.files.Truncate(offset); err != nil {
		return err
	}
	e := d.Engine
	d.lock()
	e.Data.Loading, e.Data.Partial = true, true // before the log ends elsewhere than the data does
	e.Log.Restore(replication.Position{ID: e.Log.ID(), Offset: offset}, e.Log.Formers())
	e.RestartChanges(offset)
	d.unlock()
	if err := w.load(); err != nil {
		d.lock()
		defer d.unlock()
		d.DropData()
		e.Spoil(fmt.Errorf("the log could not be rewound: %w", err))
		return err
	}
	w.tap = e.Log.Tap(offset)
	return w.writeAll()
}

// DropData leaves the node empty, its log under a name that nobody knows: what was loaded or executed in part must not
// pass for what the log says. Clients are told to wait, and nothing is saved or handed on, until a full copy has come.
// It needs the execution lock.
func (d *Disk) DropData() {
	e := d.Engine
	d.Engine.SetStore(d.Loader.NewStore())
	e.Log.Restore(replication.Position{ID: d.freshID()}, nil)
	d.Epochs.Log.Store(0)
	e.Data.Loading, e.Data.Partial, e.Data.StreamDB = true, true, 0
	e.RestartChanges(0)
}

// Copy is a full copy that comes from the predecessor.
type Copy struct {
	By       *engine.Source
	From     string // its address
	Bytes    int64  // 0: not known
	Position replication.Position
}

// LoadCopy builds a data set from a snapshot beside the present one and swaps them when it is whole. Meanwhile it goes
// to disk, as the base of the log from there on.
func (d *Disk) LoadCopy(r io.Reader, c Copy) error {
	w := d.kept.Load()
	p, end := d.Loader.Begin(c.From, c.Bytes)
	defer end()
	r = p.Reader(r)
	var base *aof.Base
	if w != nil {
		var err error
		if base, err = w.files.NewBase(); err != nil {
			return err
		}
		r = io.TeeReader(r, d.syncedBase(base))
	}
	fresh := d.Loader.NewStore()
	streamDB, err := d.Loader.Load(r, fresh)
	if err == nil {
		err = d.swap(fresh, c, streamDB, w, base)
	} else if base != nil {
		err = errors.Join(err, base.Abort())
	}
	return err
}

// swap puts a data set that is whole in the place of the present one. base, if there is one, is w's and has the same
// data.
func (d *Disk) swap(fresh *store.Store, c Copy, streamDB int, w *writer, base *aof.Base) error {
	if base != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
	}
	d.lock()
	if err := d.Engine.Current(c.By); err != nil {
		d.unlock()
		if base != nil {
			return errors.Join(err, base.Abort())
		}
		return err
	}
	e := d.Engine
	d.Engine.SetStore(fresh)
	e.Log.Reset(c.Position)
	e.Data.Loading, e.Data.Partial, e.Data.StreamDB = false, false, streamDB
	e.RestartChanges(c.Position.Offset)
	if epoch := d.Epochs.Adopted; epoch != 0 {
		d.Epochs.Log.Store(epoch)
	}
	e.Mended()
	now := d.kept.Load() // w, unless the log was switched off or on while the copy came
	var tap *replication.Reader
	if base != nil {
		tap = e.Log.Tap(c.Position.Offset)
	}
	d.unlock()
	if base != nil {
		w.note(w.restart(base, c.Position, streamDB, tap))
	}
	if now != nil && now != w {
		now.giveWay()
	}
	return nil
}
