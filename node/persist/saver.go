package persist

import (
	"bufio"
	"errors"
	"time"

	"holdfast/resp"
)

// Saver keeps dump.rdb. All but loading, and what a save does in the background, needs the execution lock.
type Saver struct {
	*Config
	snapshots *Snapshots
	disk      *Disk

	running   bool
	ok        bool // the last one succeeded
	last      time.Time
	tried     time.Time
	took      time.Duration
	scheduled bool  // a background save begins as soon as it can
	covered   int64 // changes that the last save has, of all that the engine counts
	count     int64 // that succeeded
}

func newSaver(c *Config, s *Snapshots, d *Disk) *Saver {
	return &Saver{Config: c, snapshots: s, disk: d, last: c.Now(), ok: true}
}

// The refusals of SAVE and BGSAVE.
const (
	errSaving = resp.Error("ERR Background save already in progress")
	errNoDir  = resp.Error("ERR this node keeps nothing on disk")
	errBusy   = resp.Error("ERR another snapshot is being made, try again when that has ended")
	errActive = resp.Error("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE " +
		"in order to schedule a BGSAVE whenever possible.")
	errNoCopy = resp.Error("ERR this node has not yet been given the data of its group: there is nothing to save")
)

// unsaved is how many changes there were since the last save.
func (s *Saver) unsaved() int64 { return s.Engine.Executed() - s.covered }

// Save writes the data to dump.rdb. It keeps everybody waiting, as in Redis: the whole image is made under the lock.
func (s *Saver) Save() error {
	im, err := s.begin()
	if err != nil {
		return err
	}
	changes := s.unsaved()
	err = s.write(s.disk.savedSince(), func(w *bufio.Writer) error { return im.writeLocked(w) })
	im.end()
	s.saved(err, changes)
	return err
}

// BackgroundSave has dump.rdb written while the node goes on. While another snapshot is being made it is refused or, if
// so wanted, scheduled.
func (s *Saver) BackgroundSave(schedule, later bool) (scheduled bool, err error) {
	if later && s.Dir != nil && s.unsound() == nil && !s.running {
		s.scheduled = true
		return true, nil
	}
	im, err := s.begin()
	switch {
	case errors.Is(err, errBusy) && schedule:
		s.scheduled = true
		return true, nil
	case errors.Is(err, errBusy):
		return false, errActive
	case err != nil:
		return false, err
	}
	changes, after := s.unsaved(), s.disk.savedSince()
	s.Go(func() { s.finish(im, changes, after) })
	return false, nil
}

func (s *Saver) begin() (*Image, error) {
	switch err := s.unsound(); {
	case s.Dir == nil:
		return nil, errNoDir
	case err != nil:
		return nil, err
	case s.running:
		return nil, errSaving
	}
	im, ok := s.snapshots.try()
	if !ok {
		return nil, errBusy
	}
	s.running, s.scheduled, s.tried = true, false, s.Now()
	return im, nil
}

// finish is the part of a background save that needs no lock.
func (s *Saver) finish(im *Image, changes int64, after *left) {
	err := s.write(after, func(w *bufio.Writer) error { _, err := im.WriteTo(w); return err })
	err = errors.Join(err, im.Close())
	s.lock()
	if errors.Is(err, errGivenUp) {
		s.running = false
		s.unlock()
		s.Logger.Info("gave a save up, as the node is to end", "file", s.Settings.DBFilename())
		return
	}
	s.saved(err, changes)
	s.unlock()
	if err != nil {
		s.Logger.Error("saving the data failed; it is only in memory until a save succeeds", "file",
			s.Settings.DBFilename(), "err", err)
		return
	}
	s.Logger.Info("saved", "file", s.Settings.DBFilename())
}

// saved notes the end of a save.
func (s *Saver) saved(err error, changes int64) {
	now := s.Now()
	s.running, s.ok, s.took = false, err == nil, now.Sub(s.tried)
	if err == nil {
		s.count++
		s.last = now
		s.covered += changes
	}
}

// SaveFailed reports that writes are to be refused since the data could not be saved: stop-writes-on-bgsave-error.
func (s *Saver) SaveFailed() bool {
	return !s.ok && s.Settings.Bool("stop-writes-on-bgsave-error") && len(s.Settings.SavePoints()) > 0
}

// MustSave reports whether the data is to be saved before the node ends, by save points unless it is told otherwise. A
// node of a group has its data in the chain.
func (s *Saver) MustSave(save, nosave bool) bool {
	return s.Dir != nil && (save || !nosave && !s.Grouped && len(s.Settings.SavePoints()) > 0)
}

// SaveOrWait is Save before the node ends. wait says that another image is being made: SaveLast is to be called then,
// without the lock. Data that is not whole is not saved, whatever was asked for: what is on disk is more.
func (s *Saver) SaveOrWait() (wait bool, err error) {
	if why := s.unsound(); why != nil {
		s.Logger.Warn("ending without a save: the data is not whole, and what is on disk stays as it is", "reason", why)
		return false, nil
	}
	err = s.Save()
	return waitsForImage(err), err
}

// SaveLast saves the data as it is now; from then on nothing is executed for clients, who would be told of what is not
// in the dump. An image that is being made is given up for it: what it has is older. It needs no lock.
func (s *Saver) SaveLast() error {
	for {
		s.lock()
		err := s.Save()
		if err == nil {
			s.Engine.Stop()
		}
		if im := s.snapshots.current; im != nil {
			im.end()
		}
		s.unlock()
		if !waitsForImage(err) {
			return err
		}
		select {
		case <-time.After(look):
		case <-s.Stopped:
			return err
		}
	}
}

// waitsForImage tells whether a save was refused only because another image is being made.
func waitsForImage(err error) bool { return errors.Is(err, errSaving) || errors.Is(err, errBusy) }

// saveIfDue starts a background save when a save point says so.
func (s *Saver) saveIfDue(now time.Time) {
	unsaved := s.unsaved()
	if s.Dir == nil || s.running || unsaved == 0 || (!s.ok && now.Sub(s.tried) < saveRetry) {
		return
	}
	for _, p := range s.Settings.SavePoints() {
		if unsaved >= p.Changes && now.Sub(s.last) >= time.Duration(p.Seconds)*time.Second {
			// refused while a replica is being copied to: the next turn tries again
			_, _ = s.BackgroundSave(false, false)
			return
		}
	}
}

const saveRetry = 5 * time.Second
