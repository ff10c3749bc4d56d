package persist

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/node/config"
	"holdfast/node/dump"
	"holdfast/node/engine"
	"holdfast/node/identity"
	"holdfast/node/programs"
	"holdfast/node/rdb"
	"holdfast/node/store"
)

// LoaderConfig is what a Loader is made with.
type LoaderConfig struct {
	Settings *config.Config
	Logger   *slog.Logger
	Now      func() time.Time
	Stopped  <-chan struct{} // closed when the node is
	Features *identity.Features
}

// Loader loads snapshots into stores.
type Loader struct {
	LoaderConfig
	progress atomic.Pointer[Progress]
	last     atomic.Pointer[Brought]

	interrupted   chan struct{} // closed when a load is to end at once
	interruptOnce sync.Once
}

// Brought counts what a snapshot brought.
type Brought struct {
	Keys    int64
	Expired int64 // left out, as their time had passed
}

// NewLoader makes a Loader.
func NewLoader(c LoaderConfig) *Loader {
	return &Loader{LoaderConfig: c, interrupted: make(chan struct{})}
}

// Last is what the last snapshot brought that was loaded.
func (l *Loader) Last() Brought {
	if b := l.last.Load(); b != nil {
		return *b
	}
	return Brought{}
}

// NewStore is an empty data set.
func (l *Loader) NewStore() *store.Store {
	s := store.New(l.Settings.Databases(), rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	s.Limits = engine.Limits(l.Settings)
	s.NewAccess = engine.PolicyOf(l.Settings.MaxmemoryPolicy()).Fresh(l.Now().UnixMilli())
	return s
}

// Load loads a snapshot into an empty store and answers the database in which the log goes on. Whatever has expired is
// there until the log says that it is gone.
func (l *Loader) Load(r io.Reader, into *store.Store) (streamDB int, err error) {
	load := l.begin(into)
	err = load.read(r)
	return load.streamDB, err
}

// LoadDump loads a dump as a start does: what has expired is left out. A key that is there twice is an error.
func (l *Loader) LoadDump(r io.Reader) (*store.Store, error) {
	load := l.beginDump()
	return load.s, load.read(interruptible{l, r})
}

// LoadOptions say how data that is there is reloaded.
type LoadOptions struct {
	Merge   bool                           // a key that is there already is replaced, and no error
	Expired func(db *store.DB, key []byte) // told of keys whose time has passed, which are left out; nil: none is
}

// Reload loads a dump into a store, which need not be empty.
func (l *Loader) Reload(r io.Reader, into *store.Store, o LoadOptions) error {
	load := l.begin(into)
	load.single, load.expired = !o.Merge, o.Expired
	return load.read(interruptible{l, r})
}

// DumpReport is what a snapshot was found to be.
type DumpReport struct {
	Version int // of the format
	Bytes   int64
	Keys    int64 // with those that have expired
}

// Check loads a dump as LoadDump does, only to see whether it can be.
func (l *Loader) Check(r io.Reader) (DumpReport, error) {
	load, from := l.beginDump(), rdb.NewReader(r)
	if err := from.Read(load.callbacks()); err != nil {
		return DumpReport{}, fmt.Errorf("at byte %d: %w", from.Offset(), err)
	}
	b := load.brought
	return DumpReport{Version: from.Version(), Bytes: from.Offset(), Keys: b.Keys + b.Expired}, nil
}

// load puts the entries of one snapshot into a store.
type load struct {
	*Loader
	s  *store.Store
	db *store.DB

	now    int64         // unix milliseconds
	policy engine.Policy // says what a key carries of whose use something is said
	// is told of keys whose time has passed, which are left out; nil: nothing has passed
	expired func(db *store.DB, k []byte)
	single  bool // a key that is there already is an error

	streamDB int
	brought  Brought
	progress *Progress // of this load; nil: nobody looks
}

func (l *Loader) begin(into *store.Store) *load {
	now := l.Now().UnixMilli()
	return &load{Loader: l, s: into, db: into.DB(0), now: now, policy: engine.PolicyOf(l.Settings.MaxmemoryPolicy()),
		progress: l.progress.Load()}
}

func (l *Loader) beginDump() *load {
	load := l.begin(l.NewStore())
	load.single, load.expired = true, func(*store.DB, []byte) {}
	return load
}

// levelOfStreams is the feature level from which members know streams: a dump of another server does not say it.
const levelOfStreams = 4

// needsField is the auxiliary field of a snapshot whose data need more than the base level.
const needsField = "holdfast-needs"

// read loads all, and notes for INFO what that brought.
func (l *load) read(r io.Reader) error {
	if err := rdb.NewReader(r).Read(l.callbacks()); err != nil {
		return err
	}
	l.last.Store(&l.brought)
	return nil
}

func (l *load) callbacks() rdb.Callbacks {
	return rdb.Callbacks{Aux: l.aux, SelectDB: l.selectDB, Function: l.function, Resize: l.resize, Entry: l.entry}
}

func (l *load) aux(name, value []byte) error {
	switch string(name) {
	case "used-mem":
		if bytes, err := strconv.ParseInt(string(value), 10, 64); err == nil && l.progress != nil {
			l.progress.usedMem.Store(bytes)
		}
		return nil
	case needsField:
		level, err := strconv.Atoi(string(value))
		if err != nil {
			return fmt.Errorf("%s %q is no feature level", needsField, value)
		}
		if err := cluster.TooOld("this version", l.Features.Understood(), cluster.Level(level)); err != nil {
			return fmt.Errorf("the dump is of a newer version: %w", err)
		}
		return l.Features.Need(level)
	case scriptField:
		l.s.Programs.Keep(string(value), l.Settings.ScriptCacheBytes())
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

// function takes in a library, whose code is not run yet.
func (l *load) function(code []byte) error {
	name, err := programs.LibraryName(string(code))
	if err != nil {
		return fmt.Errorf("the dump has a library of functions: %w", err)
	}
	if _, there := l.s.Programs.Library(name); there && l.single {
		return fmt.Errorf("the dump has the library %q of functions, which was there already", name)
	}
	l.s.Programs.SetLibrary(name, string(code))
	return nil
}

func (l *load) selectDB(i int) error {
	if i >= l.s.Databases() {
		return fmt.Errorf("the dump has a database %d: raise the directive databases, now %d", i, l.s.Databases())
	}
	l.db = l.s.DB(i)
	return nil
}

func (l *load) resize(_ int, keys, _ uint64) error {
	l.db.Reserve(int(min(keys, math.MaxInt32)))
	return nil
}

func (l *load) entry(e rdb.Entry) error {
	if l.expired != nil && e.ExpireAt >= 0 && e.ExpireAt < l.now {
		l.brought.Expired++
		l.expired(l.db, e.Key)
		return nil
	}
	if e.Type == rdb.TypeStream || e.Type == rdb.TypeStream1 {
		if err := l.Features.Need(levelOfStreams); err != nil {
			return err
		}
	}
	before := l.db.Len()
	if err := dump.Load(l.s, l.db, e); err != nil {
		return err
	}
	if l.single && l.db.Len() == before {
		return fmt.Errorf("the dump has the key %q of database %d, which was there already", e.Key, l.db.Index())
	}
	l.brought.Keys++
	if err := l.Loaded(); err != nil {
		return err
	}
	if e.Idle < 0 && e.Freq < 0 {
		return nil
	}
	if it, ok := l.db.Get(e.Key); ok {
		l.db.SetAccess(&it, l.policy.Access(e.Idle, int64(e.Freq), l.now))
	}
	return nil
}
