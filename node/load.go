package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"

	"holdfast/node/command"
	"holdfast/node/dump"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/resp"
)

// loaded counts what a dump brought.
type loaded struct {
	keys    int64
	expired int64 // left out, as their time had passed
}

// dumpLoader puts the entries of an RDB stream into a store.
type dumpLoader struct {
	s  *store.Store
	db *store.DB

	now     int64                         // unix milliseconds
	access  func(idle, freq int64) uint32 // what a key carries of whose use that is said
	expired func(db *store.DB, k []byte)  // is told of keys whose time has passed, which are left out; nil: nothing has passed
	single  bool                          // a key that is there already is an error

	streamDB int
	loaded   loaded
	progress *progress // of this load; nil: nobody looks
}

// readDump loads an RDB stream into an empty store and answers the database in which the log goes on. Whatever has expired is there
// until the log says that it is gone.
func (n *Node) readDump(r io.Reader, s *store.Store) (streamDB int, err error) {
	l := n.newDumpLoader(s)
	if err = l.read(r); err == nil {
		n.noteLoaded(l.loaded)
	}
	return l.streamDB, err
}

// noteLoaded notes for INFO what the last snapshot brought.
func (n *Node) noteLoaded(l loaded) {
	n.mu.Lock()
	n.saves.loaded = l
	n.mu.Unlock()
}

func (n *Node) newDumpLoader(s *store.Store) *dumpLoader {
	now := n.now().UnixMilli()
	return &dumpLoader{s: s, db: s.DB(0), now: now, access: command.AccessFrom(n.settings, now), progress: n.progress.Load()}
}

func (l *dumpLoader) read(r io.Reader) error {
	return rdb.NewReader(r).Read(rdb.Callbacks{Aux: l.aux, SelectDB: l.selectDB, Resize: l.resize, Entry: l.entry})
}

func (l *dumpLoader) aux(name, value []byte) error {
	switch string(name) {
	case "used-mem":
		if bytes, err := strconv.ParseInt(string(value), 10, 64); err == nil && l.progress != nil {
			l.progress.usedMem.Store(bytes)
		}
		return nil
	case "repl-stream-db":
	default:
		return nil
	}
	i, err := strconv.Atoi(string(value))
	if err != nil || i < 0 || i >= l.s.Databases() {
		return fmt.Errorf("repl-stream-db %q is no database", value)
	}
	l.streamDB = i
	return nil
}

func (l *dumpLoader) selectDB(i int) error {
	if i >= l.s.Databases() {
		return fmt.Errorf("the dump has a database %d: raise the directive databases, now %d", i, l.s.Databases())
	}
	l.db = l.s.DB(i)
	return nil
}

func (l *dumpLoader) resize(_ int, keys, _ uint64) error {
	l.db.Reserve(int(min(keys, math.MaxInt32)))
	return nil
}

func (l *dumpLoader) entry(e rdb.Entry) error {
	if l.expired != nil && e.ExpireAt >= 0 && e.ExpireAt < l.now {
		l.loaded.expired++
		l.expired(l.db, e.Key)
		return nil
	}
	before := l.db.Len()
	if err := dump.Load(l.s, l.db, e); err != nil {
		return err
	}
	if l.single && l.db.Len() == before {
		return fmt.Errorf("the dump has the key %q of database %d, which was there already", e.Key, l.db.Index())
	}
	l.loaded.keys++
	if e.Idle < 0 && e.Freq < 0 {
		return nil
	}
	if it, ok := l.db.Get(e.Key); ok {
		l.db.SetAccess(&it, l.access(e.Idle, int64(e.Freq)))
	}
	return nil
}

// loadDump reads dump.rdb, if there is one. A node of a group starts empty: it gets its data from the chain.
func (n *Node) loadDump() error {
	if n.dir == nil || n.grouped() {
		return nil
	}
	name := n.settings.DBFilename()
	f, err := n.dir.Root.Open(name)
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
	p, end := n.beginLoad(name, size)
	defer end()
	l := n.newDumpLoader(n.newStore())
	l.single, l.expired = true, func(*store.DB, []byte) {}
	if err := errors.Join(l.read(p.reader(f)), f.Close()); err != nil {
		return fmt.Errorf("loading %s: %w; move the file away to start empty", f.Name(), err)
	}
	n.noteLoaded(l.loaded)
	n.mu.Lock()
	n.env.SetStore(l.s, n.keyChanged)
	n.mu.Unlock()
	n.logger.Info("loaded", "file", name, "keys", l.loaded.keys, "expired", l.loaded.expired)
	return nil
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Reload puts what dump.rdb has in the place of the data, or beside it, after saving the data there if so asked. What has expired
// meanwhile is gone, and the log says so.
func (n *Node) Reload(o command.ReloadOptions) error {
	if n.dir == nil {
		return errNoDir
	}
	if !o.NoSave {
		if err := n.Save(); err != nil {
			return err
		}
	}
	f, err := n.dir.Root.Open(n.settings.DBFilename())
	if err != nil {
		return errReload
	}
	into := n.env.Store
	if !o.NoFlush {
		into = n.newStore()
	}
	l := n.newDumpLoader(into)
	l.single = !o.Merge
	switch {
	case !n.place.master:
	case o.NoFlush:
		l.expired = func(*store.DB, []byte) {}
	default:
		l.expired = func(db *store.DB, key []byte) { n.env.Effects.Add(db.Index(), []byte("DEL"), key) }
	}
	if err := errors.Join(l.read(f), f.Close()); err != nil {
		n.logger.Error("DEBUG RELOAD failed", "file", f.Name(), "err", err)
		return errReload
	}
	if l.s != n.env.Store {
		n.env.SetStore(l.s, n.keyChanged)
	}
	n.saves.loaded = l.loaded
	return nil
}

const errReload = resp.Error("ERR Error trying to load the RDB dump")
