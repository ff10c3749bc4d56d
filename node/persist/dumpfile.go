package persist

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"holdfast/node/store"
	"holdfast/resp"
)

// write writes dump.rdb in full beside the old one and then puts it in its place, so that there is always a whole one.
// Of the log on disk that was left before, if one was, it notes that.
func (s *Saver) write(after *left, image func(w *bufio.Writer) error) (err error) {
	name := s.Settings.DBFilename()
	temp := fmt.Sprintf("temp-%s.rdb", s.RunID[:8])
	f, err := s.Dir.Create(temp)
	if err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	placed := false
	defer func() {
		if err != nil && !placed {
			err = errors.Join(err, s.Dir.Remove(temp))
		}
	}()
	w := bufio.NewWriterSize(syncedIncrementally(f, s.Settings, "rdb-save-incremental-fsync"), 1<<20)
	if err = image(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("saving %s: %w", temp, err)
	}
	if err = s.Dir.Rename(temp, name); err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	placed = true
	if err = s.Dir.SyncDir("."); err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	s.disk.noteSaved(after)
	return nil
}

// tempDump is what files are called that are being saved.
var tempDump = regexp.MustCompile(`^temp-[0-9a-f]{8}\.rdb$`)

// removeLeftovers removes what processes have left that were killed while they saved: they have the directory no more.
func (s *Saver) removeLeftovers() {
	if s.Dir == nil {
		return
	}
	names, err := s.Dir.List(".")
	for _, name := range names {
		if tempDump.MatchString(name) {
			err = errors.Join(err, s.Dir.Remove(name))
		}
	}
	if err != nil {
		s.Logger.Warn("what a save that was cut short has left can't be removed", "err", err)
	}
}

// load reads dump.rdb, if there is one. A node of a group starts empty: it gets its data from the chain.
func (s *Saver) load() error {
	if s.Dir == nil || s.Grouped {
		return nil
	}
	name := s.Settings.DBFilename()
	f, err := s.Dir.Root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", name, err)
	}
	size, err := fileSize(f)
	if err != nil {
		return errors.Join(fmt.Errorf("loading %s: %w", name, err), f.Close())
	}
	p, end := s.Loader.Begin(name, size)
	defer end()
	data, err := s.Loader.LoadDump(p.Reader(f))
	if err := errors.Join(err, f.Close()); err != nil {
		if errors.Is(err, ErrInterrupted) {
			return ErrInterrupted
		}
		return fmt.Errorf("loading %s: %w; move the file away to start empty", f.Name(), err)
	}
	s.lock()
	s.Engine.SetStore(data)
	s.unlock()
	brought := s.Loader.Last()
	s.Logger.Info("loaded", "file", name, "keys", brought.Keys, "expired", brought.Expired)
	return nil
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Reload puts what dump.rdb has in the place of the data, or beside it, after saving the data there if so asked. What
// has expired meanwhile is gone, and the log says so.
func (s *Saver) Reload(o ReloadOptions) error {
	master := s.Engine.Master()
	switch {
	case s.Dir == nil:
		return errNoDir
	case s.Engine.Data.Loading:
		return resp.ErrLoading
	case o.NoSave && (s.Grouped || !master):
		return errNotAsLogged
	case !o.NoSave:
		if err := s.Save(); err != nil {
			return err
		}
	}
	f, err := s.Dir.Root.Open(s.Settings.DBFilename())
	if err != nil {
		return errReload
	}
	into := s.Engine.Store
	if !o.NoFlush {
		into = s.Loader.NewStore()
	}
	how := LoadOptions{Merge: o.Merge}
	switch {
	case !master:
	case o.NoFlush:
		how.Expired = func(*store.DB, []byte) {}
	default:
		how.Expired = func(db *store.DB, key []byte) { s.Engine.Effects.Add(db.Index(), []byte("DEL"), key) }
	}
	if err := errors.Join(s.Loader.Reload(f, into, how), f.Close()); err != nil {
		s.Logger.Error("DEBUG RELOAD failed", "file", f.Name(), "err", err)
		return errReload
	}
	if into != s.Engine.Store {
		s.Engine.SetStore(into)
	}
	return nil
}

const errNotAsLogged = resp.Error(
	"ERR DEBUG RELOAD NOSAVE would make this node's data differ from that of the other members")

const errReload = resp.Error("ERR Error trying to load the RDB dump")
