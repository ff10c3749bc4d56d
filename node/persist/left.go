package persist

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/replication/aof"
)

// left is the log on disk of a node that keeps none: its data goes on without it. That is noted there, so that a later
// start which is to keep the log knows that it is not all that there is.
type left struct {
	written int64         // what the engine had executed when it was left
	end     int64         // of the log in memory, then
	closed  chan struct{} // closed when nobody else writes there any more
	apart   atomic.Bool   // the data did not begin with what the log says

	mu    sync.Mutex // guards the rest, and is held while a note is written; it comes after the execution lock
	files *aof.Files // nil: the log is kept again
	state aof.Left
	noted bool // state is on disk
}

// note writes down what is to be known of the log that was left, which change may add to.
func (l *left) note(change func(s *aof.Left)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files == nil {
		return nil
	}
	change(&l.state)
	err := l.files.Leave(l.state)
	l.noted = err == nil
	return err
}

// ended reports whether who kept the log has ended it.
func (l *left) ended() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// giveUp has no more notes written, as the log is kept again by somebody else.
func (l *left) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = nil
}

// restart makes an image the log, which is left at once.
func (l *left) restart(d *Disk, im *Image) error {
	l.mu.Lock()
	files := l.files
	l.mu.Unlock()
	if files == nil {
		return errKept
	}
	base, err := files.NewBase()
	if err != nil {
		return err
	}
	if err := d.writeImage(im, base); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files == nil {
		return errors.Join(errKept, base.Abort())
	}
	if err := errors.Join(base.Restart(d.identity(), im.pos.Offset, 0), files.Close()); err != nil {
		return err
	}
	l.state = aof.Left{At: im.began}
	l.apart.Store(false)
	err = files.Leave(l.state)
	l.noted = err == nil
	return err
}

var errKept = errors.New("the log is kept again, and has a base of its own")

// leave has the data go on without the log on disk. It needs the execution lock, except before anybody is served.
func (d *Disk) leave(files *aof.Files, state aof.Left) *left {
	l := &left{files: files, state: state, written: d.Engine.Executed(), end: d.Engine.Log.End(),
		closed: make(chan struct{})}
	l.apart.Store(state.Apart)
	d.left = l
	if err := l.note(func(*aof.Left) {}); err != nil {
		d.Logger.Error("it can't be noted that the log on disk is left, which is tried again: until then a start "+
			"with appendonly yes takes it for the data", "err", err)
	}
	return l
}

// passLog looks at what there is of a log on disk that is not to be kept, nor loaded.
func (d *Disk) passLog() {
	files, err := d.openFiles(false)
	if err != nil {
		d.Logger.Warn("appendonly is no, and the log that is on disk could not be loaded if it were yes", "err", err)
		return
	}
	if !files.Exists() {
		return
	}
	state, before := files.Left()
	if !before {
		state = aof.Left{At: d.Now().UnixMilli()}
	}
	if !state.Saved { // else dump.rdb goes on from it
		state.Apart = true
	}
	close(d.leave(files, state).closed)
	if state.Apart && !d.Grouped {
		d.Logger.Warn("appendonly is no: the log on disk is not loaded, and what it says is not in the data", "dir",
			d.Settings.AppendDirName())
	}
}

// movedOn reports whether the data has changed since the log was left; it needs the execution lock.
func (d *Disk) movedOn(l *left) bool {
	return d.Engine.Executed() != l.written || d.Engine.Log.End() != l.end
}

// savedSince is the log that was left of which a save that begins now is to tell that there is a snapshot of later
// data; nil if there is nothing to tell. It needs the execution lock.
func (d *Disk) savedSince() *left {
	if l := d.left; l != nil && (!l.apart.Load() || d.movedOn(l)) {
		return l
	}
	return nil
}

// noteSaved notes that there is a snapshot of later data than the log has that was left; nil: that is not to be noted.
func (d *Disk) noteSaved(l *left) {
	if l == nil {
		return
	}
	if err := l.note(func(s *aof.Left) { s.Saved = true }); err != nil {
		d.Logger.Error("it can't be noted that the data was saved since the log on disk was left, which is tried again",
			"err", err)
	}
}

// noteLeft tries again what could not be noted. It needs the execution lock.
func (d *Disk) noteLeft() {
	l := d.left
	if l == nil || !l.mu.TryLock() {
		return
	}
	again := !l.noted && l.files != nil
	l.mu.Unlock()
	if again {
		d.Go(func() { _ = l.note(func(*aof.Left) {}) }) // it was told of
	}
}

// leftAnew notes once more that the log on disk was left.
func (d *Disk) leftAnew() {
	d.lock()
	l := d.left
	d.unlock()
	if l == nil {
		return
	}
	if err := l.note(func(*aof.Left) {}); err != nil {
		d.Logger.Error("it can't be noted that the log on disk was left, which is tried again", "err", err)
	}
}

// superseded tells whether the log on disk is not what the data is to be loaded from, as it was left and dump.rdb has
// data of later. What neither has it says.
func (d *Disk) superseded(w *writer) (bool, error) {
	l, ok := w.files.Left()
	if !ok {
		return false, nil
	}
	since := time.UnixMilli(l.At).UTC()
	switch there, err := d.dumpThere(); {
	case d.Grouped:
		d.Logger.Warn("the log on disk ends where appendonly was switched to no: what was written since is here only "+
			"if another member of the group has it", "since", since)
		return false, nil
	case err != nil:
		return false, err
	case !l.Saved || !there:
		d.Logger.Warn("the log on disk ends where appendonly was switched to no: what was written since was not "+
			"saved, and is lost", "since", since)
		return false, nil
	case !l.Apart:
		d.Logger.Warn("the log on disk ends where appendonly was switched to no: the data is loaded from the dump, "+
			"which was saved later, and the log begins anew; "+
			"what was written after the last save is lost", "since", since, "dump", d.Settings.DBFilename())
		return true, nil
	}
	var err error
	dir := d.Settings.AppendDirName()
	aside := dir + ".left-" + since.Format("20060102T150405.000Z")
	if err = d.Files.Rename(dir, aside); err != nil {
		return false, fmt.Errorf("the log on disk and the dump have different data, as the node was started with "+
			"appendonly no, and the log can't be moved aside: %w", err)
	}
	d.Logger.Warn("the node was started with appendonly no, and the log on disk not loaded then: the data is loaded "+
		"from the dump, which was saved later, and the log begins anew; "+
		"what the former log says is not in the data, and is kept aside", "since", since, "dump",
		d.Settings.DBFilename(), "aside", aside)
	w.files, err = d.openFiles(false)
	return true, err
}

// dumpThere reports whether there is a dump.rdb.
func (d *Disk) dumpThere() (bool, error) {
	if d.Dir == nil {
		return false, nil
	}
	f, err := d.Dir.Open(d.Settings.DBFilename())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}
