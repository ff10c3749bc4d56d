package node

import (
	"bufio"
	"errors"
	"fmt"
	"time"

	"holdfast/node/command"
	"holdfast/resp"
)

// saves is what the node knows of its snapshots on disk; guarded by the execution lock.
type saves struct {
	running   bool
	ok        bool // the last one succeeded
	last      time.Time
	tried     time.Time
	took      time.Duration
	slice     time.Duration // the longest that the last snapshot, of whatever kind, held everybody else up at once
	scheduled bool          // a background save begins as soon as it can
	changes   int64         // since the last save
	count     int64         // that succeeded
	loaded    loaded
}

// The refusals of SAVE and BGSAVE.
const (
	errSaving = resp.Error("ERR Background save already in progress")
	errNoDir  = resp.Error("ERR this node keeps nothing on disk")
	errBusy   = resp.Error("ERR another snapshot is being made, try again when that has ended")
	errActive = resp.Error("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
)

// Save writes the data to dump.rdb. It keeps everybody waiting, as in Redis: the whole image is made under the lock.
func (n *Node) Save() error {
	im, err := n.beginSave()
	if err != nil {
		return err
	}
	changes := n.saves.changes
	err = n.writeDump(func(w *bufio.Writer) error { return im.writeLocked(w) })
	im.closed = true
	im.walk.Close()
	im.giveUp()
	n.saved(err, changes)
	return err
}

// BackgroundSave has dump.rdb written while the node goes on. While another snapshot is being made it is refused or, if so
// wanted, scheduled.
func (n *Node) BackgroundSave(schedule bool) (scheduled bool, err error) {
	im, err := n.beginSave()
	switch {
	case errors.Is(err, errBusy) && schedule:
		n.saves.scheduled = true
		return true, nil
	case errors.Is(err, errBusy):
		return false, errActive
	case err != nil:
		return false, err
	}
	changes := n.saves.changes
	n.work.Go(func() { n.finishSave(im, changes) })
	return false, nil
}

func (n *Node) beginSave() (*image, error) {
	switch {
	case n.dir == nil:
		return nil, errNoDir
	case n.saves.running:
		return nil, errSaving
	}
	select {
	case <-n.snapshots:
	default:
		return nil, errBusy
	}
	n.saves.running, n.saves.scheduled, n.saves.tried = true, false, n.now()
	return n.newImage(), nil
}

// startScheduled begins what had to wait for another snapshot. It needs the execution lock.
func (n *Node) startScheduled() {
	if n.imaging != nil {
		return
	}
	var err error
	switch {
	case n.rewrites.scheduled:
		n.rewrites.scheduled = false
		_, err = n.Rewrite(true)
	case n.saves.scheduled:
		n.saves.scheduled = false
		_, err = n.BackgroundSave(true)
	}
	if err != nil {
		n.logger.Error("what was scheduled can't be begun", "err", err)
	}
}

// SaveFailed reports that writes are to be refused since the data could not be saved: stop-writes-on-bgsave-error.
func (n *Node) SaveFailed() bool {
	return !n.saves.ok && n.settings.Bool("stop-writes-on-bgsave-error") && len(n.settings.SavePoints()) > 0
}

func (n *Node) finishSave(im *image, changes int64) {
	err := n.writeDump(func(w *bufio.Writer) error { _, err := im.WriteTo(w); return err })
	err = errors.Join(err, im.Close())
	n.mu.Lock()
	n.saved(err, changes)
	n.mu.Unlock()
	if err != nil {
		n.logger.Error("saving the data failed; it is only in memory until a save succeeds", "file", n.settings.DBFilename(), "err", err)
		return
	}
	n.logger.Info("saved", "file", n.settings.DBFilename())
}

// saved notes the end of a save; it needs the execution lock.
func (n *Node) saved(err error, changes int64) {
	now := n.now()
	n.saves.running, n.saves.ok, n.saves.took = false, err == nil, now.Sub(n.saves.tried)
	if err == nil {
		n.saves.count++
		n.saves.last = now
		n.saves.changes -= changes
	}
}

// writeDump writes dump.rdb in full beside the old one and then puts it in its place, so that there is always a whole one.
func (n *Node) writeDump(write func(w *bufio.Writer) error) (err error) {
	name := n.settings.DBFilename()
	temp := fmt.Sprintf("temp-%s.rdb", n.self.Incarnation[:8])
	f, err := n.dir.Create(temp)
	if err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.dir.Remove(temp))
		}
	}()
	w := bufio.NewWriterSize(n.piecewise(f, "rdb-save-incremental-fsync"), 1<<20)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("saving %s: %w", temp, err)
	}
	if err = n.dir.Rename(temp, name); err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	return nil
}

// SaveAtEnd saves once more before the process ends, where save points are set. A node of a group has its data in the chain.
func (n *Node) SaveAtEnd() error {
	if n.dir == nil || n.grouped() || len(n.settings.SavePoints()) == 0 {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.Save()
}

// saveIfDue starts a background save when a save point says so; it needs the execution lock.
func (n *Node) saveIfDue(now time.Time) {
	if n.dir == nil || n.saves.running || n.saves.changes == 0 || (!n.saves.ok && now.Sub(n.saves.tried) < saveRetry) {
		return
	}
	for _, p := range n.settings.SavePoints() {
		if n.saves.changes >= p.Changes && now.Sub(n.saves.last) >= time.Duration(p.Seconds)*time.Second {
			_, _ = n.BackgroundSave(false) // refused while a replica is being copied to: the next turn tries again
			return
		}
	}
}

const saveRetry = 5 * time.Second

// Persistence describes saves, for INFO and LASTSAVE.
func (n *Node) Persistence() command.PersistenceInfo {
	p := command.PersistenceInfo{
		Loading: n.loading, Load: n.loadProgress(), LastSave: n.saves.last, Saving: n.saves.running, LastStatusOK: n.saves.ok,
		LastDuration: n.saves.took, Changes: n.saves.changes, Saves: n.saves.count, SavingSince: n.saves.tried,
		KeysLoaded: n.saves.loaded.keys, KeysExpired: n.saves.loaded.expired, Log: n.logFiles(), SliceTook: n.saves.slice,
	}
	if im := n.imaging; im != nil {
		p.SnapshotKeys, p.SnapshotSaved = im.keys, im.saved
	}
	return p
}
