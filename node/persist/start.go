package persist

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"holdfast/replication"
	"holdfast/replication/aof"
)

// Open looks at what is on disk, and removes what processes have left that were killed. Nothing is loaded yet.
func (p *Persistence) Open() error {
	p.Saver.removeLeftovers()
	return p.Disk.open()
}

// Load loads what is on disk: the log, where there is one, else dump.rdb. Meanwhile clients are told to wait.
func (p *Persistence) Load() error {
	d := p.Disk
	w := d.kept.Load()
	fromDump := w == nil || !w.files.Exists()
	if !fromDump {
		var err error
		if fromDump, err = d.superseded(w); err != nil {
			return err
		}
	}
	if fromDump {
		if err := p.Saver.load(); err != nil {
			return err
		}
		d.lock()
		d.Engine.Data.Partial = false
		d.unlock()
	}
	if w != nil {
		if err := w.start(fromDump); err != nil {
			return err
		}
		d.Go(w.run)
	}
	d.lock()
	d.Engine.Data.Loading = false
	d.unlock()
	return nil
}

// start loads the log on disk, or begins one anew with the data that there is, and has the log's end stored from here
// on. A disk that can be read and takes nothing, as it is full, keeps nobody from reading: what is to be written is
// tried again.
func (w *writer) start(anew bool) error {
	if anew {
		err := w.begin()
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.bear(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.load(); err != nil {
		return err
	}
	log := w.log()
	w.lock()
	log.UseDisk(w.files)
	id, ok := w.files.Identity()
	if !ok {
		id.ID = log.ID() // Redis wrote it: nobody knows the log by another name
	}
	var formers []replication.Former
	for _, f := range id.Former {
		formers = append(formers, replication.Former{ID: f.ID, Until: f.Until})
	}
	log.Restore(replication.Position{ID: id.ID, Offset: w.files.End()}, formers)
	w.Epochs.Log.Store(id.Epoch)
	if _, _, follows := w.Settings.ReplicaOf(); !follows && !w.Grouped {
		// A loss of power may have cut off what replicas have: another history begins here.
		w.disk.NewHistory()
	}
	w.tap, w.goesOn = log.Tap(w.files.End()), true
	w.unlock()
	kept := w.files.End()
	if w.Settings.AppendFsync() == "always" {
		kept = w.files.Synced()
	}
	log.Stored(w.files.First(), kept) // what the disk has can be read, whether or not it takes more
	return w.bear(w.writeAll())
}

// bear notes an error of a disk that is full, or fails, which run goes on with; others it returns. It needs w.mu.
func (w *writer) bear(err error) error {
	for _, trouble := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS} {
		if errors.Is(err, trouble) {
			w.note(err)
			return nil
		}
	}
	return err
}

// begin makes the present data the base of a new log on disk, unless a full copy has become it meanwhile.
func (w *writer) begin() error {
	im, err := w.disk.snapshots.whole(context.Background())
	if err != nil {
		return err
	}
	pos, db, tap := im.pos, max(w.Engine.Data.StreamDB, 0), w.log().Tap(im.pos.Offset)
	w.unlock()
	base, err := w.newBase()
	if err == nil {
		err = w.disk.writeImage(im, base)
	}
	if err = errors.Join(err, im.Close()); err != nil {
		tap.Close()
		if errors.Is(err, errBegun) {
			return nil
		}
		return fmt.Errorf("beginning the log on disk: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tap != nil {
		tap.Close()
		return base.Abort()
	}
	return w.restart(base, pos, db, tap)
}

// errBegun: there is a base already.
var errBegun = errors.New("the log on disk has been begun")

func (w *writer) newBase() (*aof.Base, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.isKept():
		return nil, errNotKept
	case w.tap != nil:
		return nil, errBegun
	}
	return w.files.NewBase()
}

// restart makes base, at pos of the log, all that is on disk; tap reads what follows. After an error nothing is kept
// until another base is begun. It needs w.mu.
func (w *writer) restart(base *aof.Base, pos replication.Position, db int, tap *replication.Reader) error {
	w.endTap()
	w.roll.Store(nil)
	id := w.disk.identity()
	id.ID = pos.ID
	err := tap.Err() // another log may have taken the place of the one that this base is of
	if err == nil && !w.isKept() {
		err = errNotKept
	}
	if err != nil {
		tap.Close()
		return errors.Join(err, base.Abort())
	}
	if err := base.Restart(id, pos.Offset, db); err != nil {
		tap.Close()
		return err
	}
	w.lock()
	kept := w.isKept()
	if kept {
		w.log().UseDisk(w.files)
	}
	w.unlock()
	if !kept { // since a moment ago: this base may have taken the note of that with it
		tap.Close()
		w.disk.leftAnew()
		return errNotKept
	}
	w.saved, w.tap = id, tap
	w.disk.rewrites.baseSize.Store(base.Size())
	return w.writeAll()
}
