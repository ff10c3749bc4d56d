package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Config is what Files are made with.
type Config struct {
	FS       FS
	Dir      string         // the directory below FS: appenddirname
	Name     string         // what the files' names begin with: appendfilename
	Retain   func() int64   // bytes of log before the base that are kept at least, in whole files: repl-log-retention
	Progress func(read int) // is told how many more bytes Load has read; nil ok
	// SkipSums takes files as they are although their checksums say that they were changed.
	SkipSums bool
	// Adopt takes over the one file of Redis 6, which lies beside Dir and is called Name, where there is no log yet.
	Adopt bool
	// ReadOnly leaves all files as they are, for a log that belongs to somebody else: it can be loaded, not written.
	ReadOnly bool
	// Temps counts the temporary files, for all who write in Dir at a time; nil: nobody else does.
	Temps *atomic.Int64
}

// Files are the log on disk. One goroutine at a time writes; any number read.
type Files struct {
	cfg Config

	mu    sync.Mutex // guards the rest
	m     *manifest  // as it stands on disk; without files: there is none
	cur   File       // the last incremental file; nil until it is needed
	size  int64      // of cur: what was written whole
	sum   uint32     // of these bytes
	end   int64      // the log's offset there
	dirty bool       // a write failed: bytes may stand behind size
	torn  bool       // a sync of cur failed
	doubt bool       // the manifest on disk may be one that could not be put there with certainty, and not m
	bases int64      // the highest number of a base that was given out
	incrs int64      // and of an incremental file: names are not used again, as a manifest in doubt may hold them
	old   map[string]oldFile
	sums  *sumsFile // of cur
	known sums      // of it while it is not open
	sure  int64     // of the last file, until it is open: so much was synced by the process that wrote it
	lost  int64     // the log can't be read before this offset: damage was found there

	baseSize int64 // bytes of the base

	making   map[string]bool // names of bases that are being written
	restarts int             // how often another log was begun

	total atomic.Int64 // what Size answers, which waits for nobody
}

// oldFile is a file that is read and no longer written.
type oldFile struct {
	File
	sums sums
}

// ErrUnsynced: a sync failed. Nobody can tell how much of the last file is on disk, and later syncs may succeed without
// it (as on Linux, where what a sync could not write is no longer to be written): only a new base makes the log whole.
var ErrUnsynced = errors.New("aof: the log's end can't be synced")

// ErrNone: there is no log on disk.
var ErrNone = errors.New("aof: no manifest")

// ErrNoManifest: files of a log are there, and nothing says which of them count.
var ErrNoManifest = errors.New("the manifest is missing")

// Open reads the manifest, if there is one, and removes what an interrupted rewrite has left.
func Open(cfg Config) (*Files, error) {
	if cfg.Temps == nil {
		cfg.Temps = new(atomic.Int64)
	}
	f := &Files{cfg: cfg, m: &manifest{}, old: map[string]oldFile{}, making: map[string]bool{}}
	text, err := f.readFile(f.manifestName())
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.noLog(); err != nil {
			return nil, err
		}
		return f, f.adopt()
	}
	if err != nil {
		return nil, fmt.Errorf("aof: %w", err)
	}
	if f.m, err = parseManifest(text); err != nil {
		return nil, fmt.Errorf("aof: %s: %w", path.Join(cfg.Dir, f.manifestName()), err)
	}
	f.place()
	if cfg.ReadOnly {
		return f, nil
	}
	_ = f.sweep() // what can't be removed now is removed with the next commit, and does no harm until then
	return f, f.adopt()
}

// noLog makes sure that a directory without a manifest has no log either: nothing but what is left of one that was
// begun and never was whole.
func (f *Files) noLog() error {
	names, err := f.cfg.FS.List(f.cfg.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("aof: %w", err)
	}
	if !slices.Contains(names, f.beginningName()) {
		for _, name := range names {
			if name == f.cfg.Name || strings.HasPrefix(name, f.cfg.Name+".") {
				return fmt.Errorf("aof: %s: %w, though %s is there: put it back", f.path(f.manifestName()),
					ErrNoManifest, name)
			}
		}
	}
	if !f.cfg.ReadOnly {
		_ = f.sweep() // as in Open
	}
	return nil
}

// place gives the files of a manifest without offsets theirs: the base is where the log begins.
func (f *Files) place() {
	for i := range f.m.files {
		switch e := &f.m.files[i]; {
		case e.kind == kindBase && !e.placed:
			e.start = 0
		case e.kind == kindIncr && !e.placed:
			e.start = math.MaxInt64 // until the load comes to it
		}
	}
}

// Identity is what the log is called; ok is false when nobody knows: there is no log, or Redis has written it.
func (f *Files) Identity() (id Identity, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m.identity == nil {
		return Identity{}, false
	}
	return *f.m.clone().identity, true
}

// Exists reports whether there is a log on disk.
func (f *Files) Exists() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.m.files) > 0
}

// SetIdentity writes what the log is called from now on.
func (f *Files) SetIdentity(id Identity) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.m.files) == 0 {
		return ErrNone
	}
	next := f.m.clone()
	next.identity = &id
	for i := range next.files {
		next.files[i].placed = true
	}
	if f.doubt {
		return f.commit(next)
	}
	return f.replace(next) // it names no other files than the present one
}

// End is the log's offset behind the last byte on disk.
func (f *Files) End() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// Synced is the offset up to which the log is sure to survive a loss of power, when it has been loaded.
func (f *Files) Synced() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	incr := f.m.of(kindIncr)
	if len(incr) == 0 {
		return f.end
	}
	last := incr[len(incr)-1]
	return min(f.end, max(last.start+f.sure-last.header, last.start))
}

// Busy reports whether a write may have to wait for the disk, where the FS can tell.
func (f *Files) Busy() bool {
	fs, ok := f.cfg.FS.(interface{ Busy() bool })
	return ok && fs.Busy()
}

// Size is the bytes of the base and of the log behind it. It may be asked at any time, also while the log is being
// loaded.
func (f *Files) Size() int64 {
	return f.total.Load()
}

// measure notes what Size is to answer; it needs f.mu.
func (f *Files) measure() {
	total := f.end
	if base := f.m.base(); base != nil {
		total += f.baseSize - base.start
	}
	f.total.Store(total)
}

// Last is the bytes of the file that is being written.
func (f *Files) Last() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size
}

// First is the log's offset of the oldest byte on disk that can be read.
func (f *Files) First() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.end
	for _, e := range f.log() {
		first = min(first, e.start)
	}
	return max(first, f.lost)
}

// log lists the files that hold the log's bytes, oldest first.
func (f *Files) log() []entry {
	list := slices.DeleteFunc(f.m.of(kindHistory), func(e entry) bool { return !e.placed || !e.closed })
	slices.SortFunc(list, func(a, b entry) int { return int(a.seq - b.seq) })
	return append(list, f.m.of(kindIncr)...)
}

func (f *Files) manifestName() string { return f.cfg.Name + ".manifest" }

func (f *Files) path(name string) string { return path.Join(f.cfg.Dir, name) }

func (f *Files) readFile(name string) (text []byte, err error) {
	file, err := f.cfg.FS.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	text = make([]byte, size)
	n, err := file.ReadAt(text, 0)
	if int64(n) < size {
		return nil, fmt.Errorf("reading %s: %w", f.path(name), err)
	}
	return text, nil
}

// commit puts a manifest in the place of the present one, and then removes the files that only that one named.
func (f *Files) commit(next *manifest) error {
	if err := f.cfg.FS.SyncDir(f.cfg.Dir); err != nil { // the files that it names must not be missing when it is there
		return fmt.Errorf("aof: writing the manifest: %w", err)
	}
	return f.replace(next)
}

// replace is commit where the files that next names are known to be there.
func (f *Files) replace(next *manifest) error {
	temp := tempPrefix + f.manifestName()
	file, err := f.cfg.FS.Create(f.path(temp))
	if err != nil {
		return fmt.Errorf("aof: writing the manifest: %w", err)
	}
	_, err = file.Write(next.format())
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		f.doubt = true
		err = f.cfg.FS.Rename(f.path(temp), f.path(f.manifestName()))
	}
	if err == nil {
		err = f.cfg.FS.SyncDir(f.cfg.Dir)
	}
	if err != nil {
		return fmt.Errorf("aof: writing the manifest: %w", err)
	}
	f.m, f.doubt = next, false
	return nil
}

const tempPrefix = "temp-"

// beginningName is the file that is there while the first log is begun, before there is a manifest. So what a process
// has left that died then is no log that has lost its manifest.
func (f *Files) beginningName() string { return tempPrefix + f.cfg.Name + ".beginning" }

// announce says that a first log is being begun.
func (f *Files) announce() error {
	if len(f.m.files) > 0 {
		return nil
	}
	file, err := f.cfg.FS.Create(f.path(f.beginningName()))
	if err == nil {
		err = errors.Join(file.Sync(), file.Close())
	}
	if err == nil {
		err = f.cfg.FS.SyncDir(f.cfg.Dir)
	}
	if err != nil {
		return fmt.Errorf("aof: beginning a log: %w", err)
	}
	return nil
}

// sweep removes files of ours that the manifest does not name: an interrupted rewrite has left them.
func (f *Files) sweep() error {
	names, err := f.cfg.FS.List(f.cfg.Dir)
	if err != nil {
		return fmt.Errorf("aof: %w", err)
	}
	begun := slices.Index(names, f.beginningName())
	if begun >= 0 { // it goes last: what it explains must be gone before
		names = append(slices.Delete(names, begun, begun+1), f.beginningName())
	}
	for _, name := range names {
		if name == f.beginningName() {
			if err = errors.Join(err, f.cfg.FS.SyncDir(f.cfg.Dir)); err != nil {
				break
			}
		}
		ours := strings.HasPrefix(name, f.cfg.Name+".") || strings.HasPrefix(name, tempPrefix+f.cfg.Name)
		named := slices.ContainsFunc(f.m.files, func(e entry) bool {
			return e.name == name || f.m.identity != nil && e.name+sumsSuffix == name
		})
		if !ours || named || name == f.manifestName() || f.making[name] {
			continue
		}
		if file, open := f.old[name]; open {
			delete(f.old, name)
			err = errors.Join(err, file.Close())
		}
		err = errors.Join(err, f.cfg.FS.Remove(f.path(name)))
	}
	if err != nil {
		return fmt.Errorf("aof: removing files that are no longer needed: %w", err)
	}
	return nil
}

func (f *Files) fileName(seq int64, suffix string) string {
	return f.cfg.Name + "." + strconv.FormatInt(seq, 10) + suffix
}

const (
	baseSuffix = ".base.rdb"
	incrSuffix = ".incr.aof"
)
