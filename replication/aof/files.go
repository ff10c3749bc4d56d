package aof

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Config is what Files are made with.
type Config struct {
	FS     FS
	Dir    string       // the directory below FS: appenddirname
	Name   string       // what the files' names begin with: appendfilename
	Retain func() int64 // bytes of log before the base that are kept: repl-log-retention
	// SkipSums takes files as they are although their checksums say that they were changed.
	SkipSums bool
	// ReadOnly leaves all files as they are, for a log that belongs to somebody else: it can be loaded, not written.
	ReadOnly bool
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
	old   map[string]File

	baseSize int64 // bytes of the base
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrNone: there is no log on disk.
var ErrNone = errors.New("aof: no manifest")

// Open reads the manifest, if there is one, and removes what an interrupted rewrite has left.
func Open(cfg Config) (*Files, error) {
	f := &Files{cfg: cfg, m: &manifest{}, old: map[string]File{}}
	text, err := f.readFile(f.manifestName())
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
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
	return f, f.sweep()
}

// place gives the files of a manifest without offsets theirs: the base is where the log begins.
func (f *Files) place() {
	var at int64
	for i := range f.m.files {
		switch e := &f.m.files[i]; {
		case e.kind == kindBase && !e.placed:
			e.start = 0
		case e.kind == kindIncr && !e.placed:
			e.start = at // the load counts on
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
	return f.commit(next)
}

// End is the log's offset behind the last byte on disk.
func (f *Files) End() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// Size is the bytes of the base and of the log behind it.
func (f *Files) Size() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if base := f.m.base(); base != nil {
		return f.baseSize + f.end - base.start
	}
	return f.end
}

// First is the log's offset of the oldest byte on disk.
func (f *Files) First() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.end
	for _, e := range f.log() {
		first = min(first, e.start)
	}
	return first
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
		err = f.cfg.FS.SyncDir(f.cfg.Dir) // the files that it names must not be missing when it is there
	}
	if err == nil {
		err = f.cfg.FS.Rename(f.path(temp), f.path(f.manifestName()))
	}
	if err == nil {
		err = f.cfg.FS.SyncDir(f.cfg.Dir)
	}
	if err != nil {
		return fmt.Errorf("aof: writing the manifest: %w", err)
	}
	f.m = next
	return nil
}

const tempPrefix = "temp-"

// sweep removes files of ours that the manifest does not name: an interrupted rewrite has left them.
func (f *Files) sweep() error {
	names, err := f.cfg.FS.List(f.cfg.Dir)
	if err != nil {
		return fmt.Errorf("aof: %w", err)
	}
	for _, name := range names {
		ours := strings.HasPrefix(name, f.cfg.Name+".") || strings.HasPrefix(name, tempPrefix+f.cfg.Name)
		named := slices.ContainsFunc(f.m.files, func(e entry) bool { return e.name == name })
		if !ours || named || name == f.manifestName() {
			continue
		}
		if file := f.old[name]; file != nil {
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
